//! Adds and removes items of lists, as lines of dashes or inside brackets.

use super::super::{Entry, Node, Style};
use super::EditError;
use super::write::{line_end, replace_value, spliced, with_comma};

/// Gives the items of a list that may be edited.
pub(super) fn items<'tree>(value: &'tree Node, key: &str) -> Result<&'tree [Node], EditError> {
    if value.aliased {
        return Err(super::layout(key));
    }
    value.items().ok_or_else(|| EditError::NotAList {
        key: key.to_owned(),
        kind: value.kind_name(),
    })
}

/// Writes an item behind the last one.
pub(super) fn insert(text: &str, list: &Node, written: &str) -> Option<String> {
    let last = list.items()?.last();
    if list.style == Style::Flow {
        return Some(match last {
            Some(last) => spliced(text, last.span.end, last.span.end, &format!(", {written}")),
            None => {
                let open_end = list.span.start + 1;
                spliced(text, open_end, open_end, written)
            }
        });
    }
    let last = last?;
    let dash = dash_before(text, last)?;
    let line_start = text[..dash].rfind('\n').map_or(0, |at| at + 1);
    let indent: String = text[line_start..dash]
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let line_end = line_end(text);
    let end = last.span.end.max(dash + 1);
    Some(match text[end..].find('\n') {
        Some(at) => {
            let at = end + at + 1;
            spliced(text, at, at, &format!("{indent}- {written}{line_end}"))
        }
        None => format!("{text}{line_end}{indent}- {written}"),
    })
}

/// Removes one item; an emptied list is written `[]`.
pub(super) fn remove(text: &str, entry: &Entry, at: usize) -> Option<String> {
    let items = entry.value.items()?;
    let item = items.get(at)?;
    if entry.value.style == Style::Flow {
        let (from, to) = with_comma(text, item.span.start, item.span.end);
        return Some(spliced(text, from, to, ""));
    }
    if items.len() == 1 {
        return replace_value(text, entry, "[]");
    }
    let dash = dash_before(text, item)?;
    let line_start = text[..dash].rfind('\n').map_or(0, |at| at + 1);
    if !text[line_start..dash].trim().is_empty() {
        return None;
    }
    let end = item.span.end.max(dash + 1);
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    Some(spliced(text, line_start, line_end, ""))
}

/// Finds the dash in front of an item.
fn dash_before(text: &str, item: &Node) -> Option<usize> {
    let before = text[..item.span.start].trim_end_matches([' ', '\t']);
    before.ends_with('-').then(|| before.len() - 1)
}
