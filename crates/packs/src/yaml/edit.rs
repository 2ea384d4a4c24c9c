//! Changes one value of a YAML text and leaves every other byte as it is.
//!
//! Comments, order, blank lines, line ends, quotes: people keep these files under version control
//! and in their heads, so an edit is a diff of the lines it is about. Each edit is read back and
//! compared before it is given out: when the text is written in a way that cannot be edited safely
//! (an alias, an unusual layout), the edit is refused and nothing changes.
//!
//! Keys are those of the file, or paths with dots into nested maps (`threshold.warning`).
//! Start with [`set`].

mod find;
mod list;
mod write;

use std::fmt;

use model::{Diagnostic, Value, WallTime};

pub(crate) use self::find::comments;
use self::find::{Found, find};
use self::write::written_value;
use super::{Node, parse};

/// A comment that an edit leaves at the end of the file.
#[derive(Clone, Copy, Debug)]
pub struct Trail {
    /// When the edit is made.
    pub at: WallTime,
    /// True when the value is a secret and must not stand in the comment.
    pub hide_value: bool,
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The typed value.
    pub value: Value,
    /// The value as it is written in the file.
    pub written: String,
    /// The comments above the key and on its line, `#` included.
    pub comments: Vec<String>,
    /// The line of the key.
    pub line: u32,
}

/// Tells why a text was not edited; the text is as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum EditError {
    /// The text is not YAML.
    Unreadable(Vec<Diagnostic>),
    /// The new value is not YAML.
    BadValue(Vec<Diagnostic>),
    /// The text is no map of keys.
    NotAMap,
    /// The key is not there.
    NoSuchKey {
        /// The key that was asked for.
        key: String,
        /// A key that is there and looks like it.
        nearest: Option<String>,
    },
    /// The key holds no list, and a list was needed.
    NotAList {
        /// The key.
        key: String,
        /// What it holds.
        kind: &'static str,
    },
    /// The list does not hold the item that should be removed.
    NoSuchItem {
        /// The key.
        key: String,
    },
    /// The value comes from an alias, a merge key or a layout that an edit could damage.
    Layout {
        /// The key.
        key: String,
    },
}

/// Gives what stands under a key, with its comments.
pub fn get(text: &str, key: &str) -> Result<Shown, EditError> {
    let root = readable(text)?;
    match find(root.as_ref(), key)? {
        Found::Entry { entry, .. } => Ok(Shown {
            value: entry.value.to_value(),
            written: text[entry.value.span.clone()].to_owned(),
            comments: comments(text, entry),
            line: entry.key_place.line,
        }),
        Found::Absent { map, key: rest } => Err(no_such_key(map, key, &rest)),
    }
}

/// Sets a key to a value given as YAML; a key that is absent is added behind the others.
pub fn set(
    text: &str,
    key: &str,
    value_yaml: &str,
    trail: Option<Trail>,
) -> Result<String, EditError> {
    let value = readable_value(value_yaml)?;
    let root = readable(text)?;
    let edited = match find(root.as_ref(), key)? {
        Found::Entry { entry, .. } => {
            let written = written_value(value_yaml, &value, Some(entry.value.style));
            write::replace_value(text, entry, &written).ok_or_else(|| layout(key))?
        }
        Found::Absent { map, key: rest } => {
            let written = written_value(value_yaml, &value, None);
            write::insert_key(text, root.as_ref(), map, &rest, &written)
                .ok_or_else(|| layout(key))?
        }
    };
    let expected = Expected {
        key,
        value: Some(value.to_value()),
    };
    verify(root.as_ref(), &edited, &expected)?;
    Ok(with_trail(edited, trail, "SET", key, value_yaml))
}

/// Removes a key and its value, everywhere it stands.
pub fn unset(text: &str, key: &str, trail: Option<Trail>) -> Result<String, EditError> {
    let root = readable(text)?;
    let mut edited = match find(root.as_ref(), key)? {
        Found::Entry { entry, map, parent } => {
            write::remove_entry(text, map, parent, entry).ok_or_else(|| layout(key))?
        }
        Found::Absent { map, key: rest } => return Err(no_such_key(map, key, &rest)),
    };
    // A repeated key comes to light when its last occurrence is gone.
    while let Ok(Found::Entry { entry, map, parent }) = find(readable(&edited)?.as_ref(), key) {
        let shorter =
            write::remove_entry(&edited, map, parent, entry).ok_or_else(|| layout(key))?;
        if shorter.len() >= edited.len() {
            return Err(layout(key));
        }
        edited = shorter;
    }
    verify(root.as_ref(), &edited, &Expected { key, value: None })?;
    Ok(with_trail(edited, trail, "RESET", key, ""))
}

/// Adds an item to a list; the text stays as it is when the list holds the item already. A key
/// that is absent or empty becomes a list of this item.
pub fn add(
    text: &str,
    key: &str,
    item_yaml: &str,
    trail: Option<Trail>,
) -> Result<String, EditError> {
    let item = readable_value(item_yaml)?;
    let root = readable(text)?;
    let wanted = item.to_value();
    let Found::Entry { entry, .. } = find(root.as_ref(), key)? else {
        return set_single(text, key, item_yaml, &item, trail);
    };
    if entry.value.is_null() {
        return set_single(text, key, item_yaml, &item, trail);
    }
    let items = list::items(&entry.value, key)?;
    if items.iter().any(|present| present.to_value() == wanted) {
        return Ok(text.to_owned());
    }
    let edited = list::insert(text, &entry.value, &written_value(item_yaml, &item, None))
        .ok_or_else(|| layout(key))?;
    let all = items.iter().map(Node::to_value).chain([wanted]);
    let expected = Expected {
        key,
        value: Some(Value::list(all)),
    };
    verify(root.as_ref(), &edited, &expected)?;
    Ok(with_trail(edited, trail, "ADD", key, item_yaml))
}

/// Removes an item from a list.
pub fn remove(
    text: &str,
    key: &str,
    item_yaml: &str,
    trail: Option<Trail>,
) -> Result<String, EditError> {
    let unwanted = readable_value(item_yaml)?.to_value();
    let root = readable(text)?;
    let entry = match find(root.as_ref(), key)? {
        Found::Entry { entry, .. } => entry,
        Found::Absent { map, key: rest } => return Err(no_such_key(map, key, &rest)),
    };
    let items = list::items(&entry.value, key)?;
    let at = items
        .iter()
        .position(|item| item.to_value() == unwanted)
        .ok_or_else(|| EditError::NoSuchItem {
            key: key.to_owned(),
        })?;
    let edited = list::remove(text, entry, at).ok_or_else(|| layout(key))?;
    let rest = items.iter().enumerate().filter(|(index, _)| *index != at);
    let expected = Expected {
        key,
        value: Some(Value::list(rest.map(|(_, item)| item.to_value()))),
    };
    verify(root.as_ref(), &edited, &expected)?;
    Ok(with_trail(edited, trail, "REMOVE", key, item_yaml))
}

fn set_single(
    text: &str,
    key: &str,
    item_yaml: &str,
    item: &Node,
    trail: Option<Trail>,
) -> Result<String, EditError> {
    let single = format!("[{}]", written_value(item_yaml, item, None));
    let edited = set(text, key, &single, None)?;
    Ok(with_trail(edited, trail, "ADD", key, item_yaml))
}

fn readable(text: &str) -> Result<Option<Node>, EditError> {
    let (root, diagnostics) = parse("text", text);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(EditError::Unreadable(diagnostics));
    }
    Ok(root)
}

/// Reads a value as typed on a command line: nothing at all is the empty text.
fn readable_value(value_yaml: &str) -> Result<Node, EditError> {
    let (value, diagnostics) = parse("value", value_yaml);
    match value {
        Some(value) if !diagnostics.iter().any(Diagnostic::is_error) => Ok(value),
        None if diagnostics.is_empty() => readable_value("''"),
        Some(_) | None => Err(EditError::BadValue(diagnostics)),
    }
}

struct Expected<'key> {
    key: &'key str,
    /// `None` when the key must be gone.
    value: Option<Value>,
}

/// Reads the edited text back: the key has the new value, and nothing else changed.
fn verify(before: Option<&Node>, edited: &str, expected: &Expected<'_>) -> Result<(), EditError> {
    let refused = || layout(expected.key);
    let after = readable(edited).map_err(|_| refused())?;
    let now = match find(after.as_ref(), expected.key) {
        Ok(Found::Entry { entry, .. }) => Some(entry.value.to_value()),
        Ok(Found::Absent { .. }) => None,
        Err(_) => return Err(refused()),
    };
    // Debug text, because NaN does not equal itself.
    let is_new = format!("{now:?}") == format!("{:?}", expected.value);
    let rest_before = find::leaves_without(before, expected.key);
    let rest_after = find::leaves_without(after.as_ref(), expected.key);
    if is_new && rest_before == rest_after {
        return Ok(());
    }
    Err(refused())
}

fn with_trail(
    mut text: String,
    trail: Option<Trail>,
    verb: &str,
    key: &str,
    value: &str,
) -> String {
    let Some(trail) = trail else {
        return text;
    };
    let line_end = write::line_end(&text);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(line_end);
    }
    let (year, month, day, hour, minute, second, _) = trail.at.to_civil();
    let shown = if trail.hide_value {
        "***".to_owned()
    } else {
        // A comment ends with its line.
        value.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let arrow = if verb == "RESET" { "" } else { " -> " };
    let shown = if verb == "RESET" { "" } else { &shown };
    text.push_str(&format!(
        "# CHANGE: ({year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}) {verb} {key}{arrow}{shown}{line_end}"
    ));
    text
}

fn layout(key: &str) -> EditError {
    EditError::Layout {
        key: key.to_owned(),
    }
}

fn no_such_key(map: Option<&Node>, key: &str, rest: &str) -> EditError {
    let known = map.and_then(Node::entries).unwrap_or_default();
    EditError::NoSuchKey {
        key: key.to_owned(),
        nearest: model::nearest(rest, known.iter().map(|entry| &*entry.key)).map(str::to_owned),
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(diagnostics) => {
                write!(f, "the file cannot be read: {}", first(diagnostics))
            }
            Self::BadValue(diagnostics) => {
                write!(f, "the value is not valid YAML: {}", first(diagnostics))
            }
            Self::NotAMap => write!(f, "the file does not hold `key: value` lines"),
            Self::NoSuchKey { key, nearest: None } => write!(f, "there is no key `{key}`"),
            Self::NoSuchKey {
                key,
                nearest: Some(nearest),
            } => write!(f, "there is no key `{key}`; did you mean `{nearest}`?"),
            Self::NotAList { key, kind } => write!(f, "`{key}` holds one {kind}, not a list"),
            Self::NoSuchItem { key } => write!(f, "the list `{key}` does not hold this item"),
            Self::Layout { key } => write!(
                f,
                "`{key}` is written in a way that cannot be edited safely; edit the file by hand"
            ),
        }
    }
}

impl std::error::Error for EditError {}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .find(|diagnostic| diagnostic.is_error())
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
