//! Finds a key, by its name or by a path with dots, and what people wrote about it.

use super::super::{Entry, Kind, Node};
use super::EditError;

/// Where a key is, or where it would be.
pub(super) enum Found<'tree> {
    /// It is there.
    Entry {
        entry: &'tree Entry,
        /// The map that holds it.
        map: &'tree Node,
        /// The entry whose value that map is; `None` at the top.
        parent: Option<&'tree Entry>,
    },
    /// It is not there. The rest of the key belongs into this map (`None`: an empty document).
    Absent {
        map: Option<&'tree Node>,
        key: String,
    },
}

/// Finds a key below the root of a document.
pub(super) fn find<'tree>(root: Option<&'tree Node>, key: &str) -> Result<Found<'tree>, EditError> {
    let absent = |map, key: &str| Found::Absent {
        map,
        key: key.to_owned(),
    };
    let Some(root) = root.filter(|root| !root.is_null()) else {
        return Ok(absent(None, key));
    };
    let mut map = root;
    let mut parent = None;
    let mut rest = key;
    loop {
        let Some(entries) = map.entries() else {
            return Err(EditError::NotAMap);
        };
        if let Some(entry) = entries.iter().find(|entry| &*entry.key == rest) {
            if entry.merged {
                return Ok(absent(Some(map), rest));
            }
            return Ok(Found::Entry { entry, map, parent });
        }
        let Some((entry, behind)) = step(entries, rest) else {
            return Ok(absent(Some(map), rest));
        };
        if entry.merged || entry.value.aliased {
            return Err(super::layout(key));
        }
        (map, parent, rest) = (&entry.value, Some(entry), behind);
    }
}

/// Takes the first name of the path that is a key with a map; a key may hold dots itself.
fn step<'tree, 'key>(
    entries: &'tree [Entry],
    rest: &'key str,
) -> Option<(&'tree Entry, &'key str)> {
    rest.match_indices('.').find_map(|(at, _)| {
        let entry = entries
            .iter()
            .find(|entry| *entry.key == rest[..at] && entry.value.entries().is_some())?;
        Some((entry, &rest[at + 1..]))
    })
}

/// Lists every value outside of a key as `(path, value)`, in the order of the file.
pub(super) fn leaves_without(root: Option<&Node>, key: &str) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    if let Some(root) = root.filter(|root| !root.is_null()) {
        collect(root, String::new(), &mut leaves);
    }
    let under = format!("{key}.");
    leaves.retain(|(path, _)| path != key && !path.starts_with(&under));
    leaves
}

fn collect(node: &Node, path: String, leaves: &mut Vec<(String, String)>) {
    match &node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                let separator = if path.is_empty() { "" } else { "." };
                collect(
                    &entry.value,
                    format!("{path}{separator}{}", entry.key),
                    leaves,
                );
            }
        }
        Kind::List(_) | Kind::Scalar { .. } => {
            leaves.push((path, format!("{:?}", node.to_value())));
        }
    }
}

/// Gives the comment lines right above a key and the comment on its own line.
pub(crate) fn comments(text: &str, entry: &Entry) -> Vec<String> {
    let line_start = text[..entry.key_span.start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let mut above: Vec<String> = text[..line_start]
        .lines()
        .rev()
        .map(str::trim)
        .take_while(|line| line.starts_with('#'))
        .filter(|line| !line.starts_with("# CHANGE:"))
        .map(str::to_owned)
        .collect();
    above.reverse();
    above.extend(comment_on_line(text, entry));
    above
}

fn comment_on_line(text: &str, entry: &Entry) -> Option<String> {
    let key_line_end = text[entry.key_span.end..]
        .find('\n')
        .map_or(text.len(), |at| entry.key_span.end + at);
    let behind = if entry.value.span.end <= key_line_end {
        entry.value.span.end
    } else {
        entry.key_span.end
    };
    let rest = text[behind..key_line_end].trim_start_matches([':', ' ', '\t']);
    rest.starts_with('#').then(|| rest.trim_end().to_owned())
}
