//! What the reader makes of texts that people write.

use model::Value;
use proptest::prelude::*;

use model::limits;

use super::*;

/// Reads a text and gives its value and its diagnostics, rendered in one line each.
fn check(text: &str, value: Option<&str>, diagnostics: &[&str]) {
    let (node, found) = parse("f.yml", text);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, diagnostics, "{text}");
    let shown = node.map(|node| show(&node.to_value()));
    assert_eq!(shown.as_deref(), value, "{text}");
}

fn show(value: &Value) -> String {
    match value {
        Value::None => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(","))
        }
        Value::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key}={}", show(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

#[test]
fn scalars_are_typed_by_the_core_schema() {
    for (text, value) in [
        ("true", "true"),
        ("False", "false"),
        ("~", "null"),
        ("yes", "\"yes\""),
        ("off", "\"off\""),
        ("0644", "644"),
        ("0o644", "420"),
        ("0x1F", "31"),
        ("0x-1", "\"0x-1\""),
        ("-12", "-12"),
        ("1_000", "\"1_000\""),
        ("1.5", "1.5"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        ("-.inf", "-inf"),
        (".nan", "NaN"),
        ("infinity", "\"infinity\""),
        ("1.0.0", "\"1.0.0\""),
        ("10s", "\"10s\""),
        ("12:30", "\"12:30\""),
        ("'5'", "\"5\""),
        ("!!str 5", "\"5\""),
        ("99999999999999999999", "1e20"),
    ] {
        check(text, Some(value), &[]);
    }
}

#[test]
fn nothing_is_nothing_and_no_error() {
    check("", None, &[]);
    check("# only a comment\n", None, &[]);
    check("a:\n", Some("{a=null}"), &[]);
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    check(
        "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b\n",
        Some("{again={x=1,y=2},base={x=1,y=2},use={x=1,y=3}}"),
        &[],
    );
    check(
        "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\n",
        Some("{a={x=1},b={x=2,z=3},c={x=1,z=3}}"),
        &[],
    );
    check(
        "a: {<<: 5}\n",
        None,
        &[
            "f.yml:1:9: error: `<<` takes a map, or a list of maps (write `<<: *name`, where `&name` stands before a map)",
        ],
    );
}

#[test]
fn the_last_of_a_repeated_key_counts_and_is_a_warning() {
    check(
        "a: 1\nb: 2\na: 3\n",
        Some("{a=3,b=2}"),
        &[
            "f.yml:3:1: warning: the key `a` stands twice (line 1 has it too; this one counts, remove the other)",
        ],
    );
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(10);
        laughs.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            &previous[..previous.len() - 2]
        ));
    }
    let (node, diagnostics) = parse("f.yml", &laughs);
    assert!(node.is_none());
    assert_eq!(diagnostics[0].message, "the document holds too many values");
    check(
        &"[".repeat(10_000),
        None,
        &["f.yml:1:256: error: the document is nested too deeply (at most 64 levels)"],
    );
    check(
        &"[".repeat(100),
        None,
        &["f.yml:1:65: error: the document is nested too deeply (at most 64 levels)"],
    );
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..100 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let (_, diagnostics) = parse("f.yml", &chain);
    assert_eq!(diagnostics[0].message, "the document is nested too deeply");
    check(
        "a: &a [*a]\n",
        None,
        &[
            "f.yml:1:8: error: an alias stands inside the very thing it names (an alias may only name something that is complete)",
        ],
    );
    let (_, diagnostics) = parse("f.yml", &"#".repeat(limits::YAML_FILE_BYTES_MAX + 1));
    assert_eq!(diagnostics[0].message, "the file is too large");
}

#[test]
fn spans_cover_what_is_written_and_nothing_else() {
    let text = "\u{feff}é: &a 'it''s'  # c\nl:\n- \"a\\\"b\" # x\n- 2\nb: | # header\n  one\n\n  two\n\n# end\nf: {k: [1, 2]}\nn:\n";
    let (node, diagnostics) = parse("f.yml", text);
    assert_eq!(diagnostics, []);
    let node = node.unwrap();
    let written = |key: &str| &text[node.get(key).unwrap().span.clone()];
    assert_eq!(written("é"), "'it''s'");
    assert_eq!(written("l"), "\"a\\\"b\" # x\n- 2");
    assert_eq!(written("b"), "| # header\n  one\n\n  two");
    assert_eq!(written("f"), "{k: [1, 2]}");
    assert_eq!(written("n"), "");
    let first = &node.get("l").unwrap().items().unwrap()[0];
    assert_eq!((first.place.line, first.place.column), (3, 3));
    assert_eq!(&text[first.span.clone()], "\"a\\\"b\"");
}

/// Every message that the scanner's errors turn into, from a text that people write.
#[test]
// tidy: long, a flat table of texts
fn errors_say_what_is_wrong_and_what_would_be_right() {
    for (text, message) in [
        (
            "a: x\n\tb: 1",
            "2:1: error: a tab is used to indent (YAML indents with spaces: replace each tab by spaces)",
        ),
        (
            "a:\n\t- b",
            "2:2: error: a tab is used to indent (YAML indents with spaces: replace each tab by spaces)",
        ),
        (
            "a: {{x}} > 3",
            "1:4: error: an unquoted value begins with {{ (put quotes around the whole expression: \"{{…}} > 3\")",
        ),
        (
            "- {{x}}",
            "1:3: error: an unquoted value begins with {{ (put quotes around the whole expression: \"{{…}} > 3\")",
        ),
        (
            "a: b: c",
            "1:5: error: a second `: ` stands in an unquoted value (put quotes around the value)",
        ),
        (
            "a: 1\n  b: 2",
            "2:4: error: this key is indented under a line that already has a value (indent it like the key above, or remove that key's value)",
        ),
        (
            "a: \"x",
            "1:4: error: a quote is opened here and never closed (close it at the end of the value)",
        ),
        (
            "a: 'it's'",
            "1:8: error: something follows the closing quote (double a single quote inside single quotes ('it''s'), or use double quotes outside)",
        ),
        (
            "a: \"\\q\"",
            "1:4: error: an unknown escape stands behind a backslash (write \\\\ for a backslash, or use single quotes)",
        ),
        (
            "a: \"\\xzz\"",
            "1:4: error: a quoted text is not well formed (check the escapes behind each backslash, or use single quotes)",
        ),
        (
            "a: @x",
            "1:4: error: an unquoted value cannot begin with this character (put quotes around the whole value)",
        ),
        (
            "a: - b",
            "1:4: error: a list item `- ` cannot stand here (start the list on the next line, indented under its key)",
        ),
        (
            "- a\nb: 1",
            "2:1: error: a key follows list items at the same indentation (indent the list under its own key, or remove one of both)",
        ),
        (
            "a:\n  - b\n c: 1",
            "3:2: error: this line fits neither the block above nor its parent (indent it exactly like the keys it belongs to)",
        ),
        (
            "a: b\nfoo\nc: d",
            "3:1: error: a line above is neither `key: value` nor part of a value (write `key: value`, with a space behind the colon)",
        ),
        (
            "a: [1",
            "2:1: error: a list `[` is not closed (close it with `]`, and separate its items by `,`)",
        ),
        (
            "a: {b: 1",
            "2:1: error: a map `{` is not closed (close it with `}`, and separate its entries by `,`)",
        ),
        (
            "a: [1, 2\nb: 3",
            "2:2: error: a `key:` stands inside an open list `[` (close the list with `]` on the line above)",
        ),
        (
            "a: ]",
            "1:4: error: a closing bracket has no opening one (remove it, or put quotes around the value)",
        ),
        (
            "a: *nope",
            "1:4: error: this alias names nothing (write `&name` in front of the value it should repeat, or quotes around a text that begins with `*`)",
        ),
        (
            "a: &",
            "1:4: error: `&` or `*` begins the value and no name follows (put quotes around the value)",
        ),
        (
            "a: >x\n  y",
            "1:4: error: something follows `|` or `>` on the same line (start the text on the next line, or put quotes around the value)",
        ),
        (
            "a: 1\n---\nb: 2",
            "2:1: error: a second document starts here (one file holds one document: remove the line `---`)",
        ),
        (
            "a: !!python/object:x y",
            "1:4: error: the tag `!!python/object:x` is not known here (remove it; quotes make a text of anything)",
        ),
        (
            "[a]: b",
            "1:1: error: a list stands where a key is wanted (a key is a plain text)",
        ),
    ] {
        check(text, None, &[&format!("f.yml:{message}")]);
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_spans_stay_inside_it(text in "[-a: \t\n\r\\[\\]{}&*!|>'\"%@`#,?~0é<\u{feff}\\\\]{0,60}") {
        if let (Some(node), _) = parse("f.yml", &text) {
            inside(&node, &text);
        }
    }

    #[test]
    fn typing_a_plain_text_never_panics(text in "[-+.0-9eExo_:a-f]{0,12}") {
        let _ = scalar::type_plain(&text);
    }
}

fn inside(node: &Node, text: &str) {
    assert!(text.get(node.span.clone()).is_some(), "{text:?} {node:?}");
    for item in node.items().unwrap_or_default() {
        inside(item, text);
    }
    for entry in node.entries().unwrap_or_default() {
        assert!(text.get(entry.key_span.clone()).is_some(), "{text:?}");
        inside(&entry.value, text);
    }
}
