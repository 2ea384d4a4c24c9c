//! What the YAML scanner does not like, in the words of the person who wrote the file.

use model::{Diagnostic, Place};

/// Turns an error of the scanner into a message with a hint.
pub(super) fn explain(place: Place, info: &str, text: &str) -> Diagnostic {
    let line = text
        .lines()
        .nth(place.line.saturating_sub(1) as usize)
        .unwrap_or("");
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') || info.contains("tab") {
        let place = tab_at_or_below(place, text);
        return Diagnostic::error(place, "a tab is used to indent")
            .with_hint("YAML indents with spaces: replace each tab by spaces");
    }
    if let Some(at) = find_unquoted_expression(line) {
        let place = Place {
            column: u32::try_from(line[..at].chars().count() + 1).unwrap_or(u32::MAX),
            ..place
        };
        return unquoted_expression(place);
    }
    if info.contains("mapping values are not allowed") {
        return explain_second_colon(place, line);
    }
    for (part, message, hint) in KNOWN {
        if info.contains(part) {
            return Diagnostic::error(place, *message).with_hint(*hint);
        }
    }
    Diagnostic::error(place, format!("not valid YAML: {info}"))
}

/// Finds the line that begins with a tab: the scanner may name the value before it.
fn tab_at_or_below(place: Place, text: &str) -> Place {
    let first = place.line.saturating_sub(1) as usize;
    let mut lines = text.lines().zip(1_u32..).skip(first);
    match lines.find(|(line, _)| line.starts_with('\t')) {
        Some((_, line)) if line > place.line => Place {
            line,
            column: 1,
            ..place
        },
        Some(_) | None => place,
    }
}

/// Explains an expression that YAML takes for a map, the most frequent slip in packs.
pub(super) fn unquoted_expression(place: Place) -> Diagnostic {
    Diagnostic::error(place, "an unquoted value begins with {{")
        .with_hint("put quotes around the whole expression: \"{{…}} > 3\"")
}

/// Part of the scanner's message, what is wrong, what would be right.
#[rustfmt::skip]
const KNOWN: &[(&str, &str, &str)] = &[
    ("quoted scalar, found unexpected end", "a quote is opened here and never closed", "close it at the end of the value"),
    ("invalid trailing content after", "something follows the closing quote", "double a single quote inside single quotes ('it''s'), or use double quotes outside"),
    ("unknown escape character", "an unknown escape stands behind a backslash", "write \\\\ for a backslash, or use single quotes"),
    ("parsing a quoted scalar", "a quoted text is not well formed", "check the escapes behind each backslash, or use single quotes"),
    ("unexpected character", "an unquoted value cannot begin with this character", "put quotes around the whole value"),
    ("block sequence entries are not allowed", "a list item `- ` cannot stand here", "start the list on the next line, indented under its key"),
    ("did not find expected '-' indicator", "a key follows list items at the same indentation", "indent the list under its own key, or remove one of both"),
    ("did not find expected key", "this line fits neither the block above nor its parent", "indent it exactly like the keys it belongs to"),
    ("simple key expect", "a line above is neither `key: value` nor part of a value", "write `key: value`, with a space behind the colon"),
    ("flow sequence, expected", "a list `[` is not closed", "close it with `]`, and separate its items by `,`"),
    ("flow mapping, did not find", "a map `{` is not closed", "close it with `}`, and separate its entries by `,`"),
    ("illegal placement of ':'", "a `key:` stands inside an open list `[`", "close the list with `]` on the line above"),
    ("misplaced bracket", "a closing bracket has no opening one", "remove it, or put quotes around the value"),
    ("did not find expected node content", "a value is missing here", "write a value, or put quotes around the text that begins with a bracket"),
    ("recursion limit", "the document is nested too deeply", "at most 64 levels"),
    ("expected <document start>", "this stands behind the end of the document", "remove it, or put quotes around the value above"),
    ("unknown anchor", "this alias names nothing", "write `&name` in front of the value it should repeat, or quotes around a text that begins with `*`"),
    ("scanning an anchor or alias", "`&` or `*` begins the value and no name follows", "put quotes around the value"),
    ("scanning a block scalar", "something follows `|` or `>` on the same line", "start the text on the next line, or put quotes around the value"),
];

fn explain_second_colon(place: Place, line: &str) -> Diagnostic {
    let before: String = line
        .chars()
        .take(place.column.saturating_sub(1) as usize)
        .collect();
    if before.contains(": ") {
        Diagnostic::error(place, "a second `: ` stands in an unquoted value")
            .with_hint("put quotes around the value")
    } else {
        Diagnostic::error(
            place,
            "this key is indented under a line that already has a value",
        )
        .with_hint("indent it like the key above, or remove that key's value")
    }
}

/// Finds `{{` at the start of a value.
fn find_unquoted_expression(line: &str) -> Option<usize> {
    [": ", "- "].iter().find_map(|lead| {
        line.match_indices(lead)
            .map(|(at, _)| at + lead.len())
            .find(|at| line[*at..].trim_start().starts_with("{{"))
            .map(|at| at + line[at..].len() - line[at..].trim_start().len())
    })
}
