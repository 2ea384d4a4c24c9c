//! Puts new text where an old value stood.

use model::Value;

use super::super::{Entry, Kind, Node, Style, is_plain_safe};

/// Gives the line end that the text uses.
pub(super) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Writes a value on one line, so that it reads back as the same value in any place. A text keeps
/// the quotes of the value it replaces.
pub(super) fn written_value(source: &str, value: &Node, replaced: Option<Style>) -> String {
    match &value.kind {
        Kind::Scalar {
            value: Value::Text(text),
            ..
        } => match replaced.filter(|style| style.is_quoted()) {
            Some(style) => quoted(text, style),
            None if value.style.is_quoted() && !text.contains(char::is_control) => {
                quoted(text, value.style)
            }
            None => written_text(text),
        },
        Kind::Scalar { .. } => match source.get(value.span.clone()).map(str::trim) {
            Some(written) if !written.is_empty() && !value.aliased => written.to_owned(),
            Some(_) | None => "null".to_owned(),
        },
        Kind::List(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| written_value(source, item, None))
                .collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| {
                    let value = written_value(source, &entry.value, None);
                    format!("{}: {value}", written_key(&entry.key))
                })
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Writes a key.
pub(super) fn written_key(key: &str) -> String {
    written_text(key)
}

fn written_text(text: &str) -> String {
    if is_plain_safe(text) {
        return text.to_owned();
    }
    let single_is_plainer = text.contains(['"', '\\']) && !text.contains('\'');
    quoted(
        text,
        if single_is_plainer {
            Style::SingleQuoted
        } else {
            Style::DoubleQuoted
        },
    )
}

fn quoted(text: &str, style: Style) -> String {
    if style == Style::SingleQuoted && !text.contains(is_escaped) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if is_escaped(c) => written.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

/// Characters that only an escape carries safely: controls, line separators, the byte order mark.
fn is_escaped(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Replaces the value of an entry; `None` when its layout is not one that is understood.
pub(super) fn replace_value(text: &str, entry: &Entry, written: &str) -> Option<String> {
    let colon_end = colon_end(text, entry)?;
    let value = entry.value.span.clone();
    let is_empty = value.is_empty() || value.start < colon_end;
    if is_empty {
        return Some(spliced(text, colon_end, colon_end, &format!(" {written}")));
    }
    let starts_on_key_line = !text[colon_end..value.start].contains('\n');
    if starts_on_key_line && entry.value.style != Style::Block {
        return Some(spliced(text, value.start, value.end, written));
    }
    // The value stands on lines of its own: it goes, with what is left of its last line when that
    // is only blank, and the new one stands behind the colon.
    let (from, to) = whole_lines(text, value.start, value.end);
    let head = &text[..colon_end];
    Some(format!(
        "{head} {written}{}{}",
        &text[colon_end..from],
        &text[to..]
    ))
}

/// Adds a key that is not there.
pub(super) fn insert_key(
    text: &str,
    root: Option<&Node>,
    map: Option<&Node>,
    key: &str,
    written: &str,
) -> Option<String> {
    let line_end = line_end(text);
    let Some(map) = map else {
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            line_end
        };
        let line = nested_lines(key, written, "", line_end);
        return Some(format!("{text}{gap}{line}{line_end}"));
    };
    if map.style == Style::Flow {
        return insert_into_flow(text, map, key, written);
    }
    let own = || map.entries().into_iter().flatten().filter(|e| !e.merged);
    let first = own().next()?;
    let is_root = root.is_some_and(|root| std::ptr::eq(root, map));
    let indent = if is_root {
        String::new()
    } else {
        " ".repeat(first.key_place.column.saturating_sub(1) as usize)
    };
    let last_end = own().map(entry_end).max()?;
    let lines = nested_lines(key, written, &indent, line_end);
    Some(match text[last_end..].find('\n') {
        Some(at) => {
            let at = last_end + at + 1;
            spliced(text, at, at, &format!("{lines}{line_end}"))
        }
        None => format!("{text}{line_end}{lines}"),
    })
}

/// Writes `a.b` as a map in a map.
fn nested_lines(key: &str, written: &str, indent: &str, line_end: &str) -> String {
    match key.split_once('.') {
        Some((outer, inner)) if !outer.is_empty() && !inner.is_empty() => {
            let inner = nested_lines(inner, written, &format!("{indent}  "), line_end);
            format!("{indent}{}:{line_end}{inner}", written_key(outer))
        }
        Some(_) | None => format!("{indent}{}: {written}", written_key(key)),
    }
}

fn insert_into_flow(text: &str, map: &Node, key: &str, written: &str) -> Option<String> {
    let entry = match key.split_once('.') {
        Some((outer, inner)) => {
            format!(
                "{}: {{{}: {written}}}",
                written_key(outer),
                written_key(inner)
            )
        }
        None => format!("{}: {written}", written_key(key)),
    };
    let last_end = map.entries()?.iter().map(entry_end).max();
    Some(match last_end {
        Some(at) => spliced(text, at, at, &format!(", {entry}")),
        None => {
            let open_end = map.span.start + 1;
            spliced(text, open_end, open_end, &entry)
        }
    })
}

/// Removes an entry; a nested map that would be left empty is written `{}`.
pub(super) fn remove_entry(
    text: &str,
    map: &Node,
    parent: Option<&Entry>,
    entry: &Entry,
) -> Option<String> {
    let end = entry_end(entry);
    if map.style == Style::Flow {
        let (from, to) = with_comma(text, entry.key_span.start, end);
        return Some(spliced(text, from, to, ""));
    }
    let is_last = map.entries()?.len() == 1;
    if let (true, Some(parent)) = (is_last, parent) {
        return replace_value(text, parent, "{}");
    }
    let line_start = line_start(text, entry.key_span.start);
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    Some(spliced(text, line_start, line_end, ""))
}

/// Widens a range inside brackets so that one comma goes with it.
pub(super) fn with_comma(text: &str, from: usize, to: usize) -> (usize, usize) {
    let behind = text[to..].trim_start();
    if let Some(rest) = behind.strip_prefix(',') {
        return (
            from,
            text.len() - rest.trim_start_matches([' ', '\t']).len(),
        );
    }
    let before = text[..from].trim_end();
    match before.strip_suffix(',') {
        Some(rest) => (rest.len(), to),
        None => (from, to),
    }
}

/// Widens a range to the lines it stands on, as far as nothing else stands there.
pub(super) fn whole_lines(text: &str, from: usize, to: usize) -> (usize, usize) {
    let start = line_start(text, from);
    let rest_end = text[to..].find('\n').map_or(text.len(), |at| to + at + 1);
    if text[to..rest_end].trim().is_empty() {
        (start, rest_end)
    } else {
        (start, to)
    }
}

/// Finds the end of what is written for an entry.
pub(super) fn entry_end(entry: &Entry) -> usize {
    entry.value.span.end.max(entry.key_span.end)
}

/// Replaces a range of the text.
pub(super) fn spliced(text: &str, from: usize, to: usize, with: &str) -> String {
    format!("{}{with}{}", &text[..from], &text[to..])
}

fn colon_end(text: &str, entry: &Entry) -> Option<usize> {
    let behind = &text[entry.key_span.end..];
    let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    behind[blanks..]
        .starts_with(':')
        .then_some(entry.key_span.end + blanks + 1)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}
