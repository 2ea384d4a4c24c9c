//! Edits on files as people keep them: what changes, and that nothing else does.

use model::{Value, WallTime};
use proptest::prelude::*;

use super::*;

const FILE: &str = "# The agent of this node.\n\nport: 6768   # udp and tcp\ndisplay_name: \"\"\nname: 'old'\n\n# Found at start.\n# Ports may be left out.\nseeds:\n  - 10.0.0.1:6768  # first\n  - 10.0.0.2\n\ngroups: [ linux,  kv ]\nempty:\nthreshold:\n    warning: 90\n    critical: 95 # never more\nnotes: |\n  one\n  two\n\n# The end.\n";

/// Applies one edit; the difference is told as `-` and `+` lines.
fn check(text: &str, edit: impl Fn(&str) -> Result<String, EditError>, difference: &[&str]) {
    let edited = edit(text).unwrap();
    assert_eq!(lines_changed(text, &edited), difference);
    // A file from another system differs in its line ends only.
    let crlf = text.replace('\n', "\r\n");
    assert_eq!(edit(&crlf).unwrap(), edited.replace('\n', "\r\n"));
    // And one whose last line was never ended stays so.
    let unended = text.trim_end_matches('\n');
    let edited_unended = edit(unended).unwrap();
    assert_eq!(edited_unended, edited.trim_end_matches('\n'));
}

fn lines_changed(before: &str, after: &str) -> Vec<String> {
    let old: Vec<&str> = before.split('\n').collect();
    let new: Vec<&str> = after.split('\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let removed = old[head..old.len() - tail].iter().map(|l| format!("-{l}"));
    let added = new[head..new.len() - tail].iter().map(|l| format!("+{l}"));
    removed.chain(added).collect()
}

#[test]
// tidy: long, a flat table of texts
fn a_value_is_replaced_and_its_comment_and_quotes_stay() {
    for (key, value, difference) in [
        (
            "port",
            "6769",
            &["-port: 6768   # udp and tcp", "+port: 6769   # udp and tcp"][..],
        ),
        (
            "display_name",
            "node-1",
            &["-display_name: \"\"", "+display_name: \"node-1\""],
        ),
        (
            "name",
            "it's \"new\"",
            &["-name: 'old'", "+name: 'it''s \"new\"'"],
        ),
        ("name", "12", &["-name: 'old'", "+name: 12"]),
        ("name", "'12'", &["-name: 'old'", "+name: '12'"]),
        (
            "port",
            "yes",
            &[
                "-port: 6768   # udp and tcp",
                "+port: \"yes\"   # udp and tcp",
            ],
        ),
        (
            "port",
            "",
            &["-port: 6768   # udp and tcp", "+port: ''   # udp and tcp"],
        ),
        (
            "port",
            "~",
            &["-port: 6768   # udp and tcp", "+port: ~   # udp and tcp"],
        ),
        (
            "empty",
            "[a, 'b: c', 5]",
            &["-empty:", "+empty: [a, 'b: c', 5]"],
        ),
        (
            "threshold.critical",
            "96",
            &[
                "-    critical: 95 # never more",
                "+    critical: 96 # never more",
            ],
        ),
        (
            "groups",
            "[linux]",
            &["-groups: [ linux,  kv ]", "+groups: [linux]"],
        ),
        (
            "groups",
            "{a: {b: [1, ~]}}",
            &["-groups: [ linux,  kv ]", "+groups: {a: {b: [1, ~]}}"],
        ),
        (
            "seeds",
            "[]",
            &[
                "-seeds:",
                "-  - 10.0.0.1:6768  # first",
                "-  - 10.0.0.2",
                "+seeds: []",
            ],
        ),
        (
            "notes",
            "short",
            &["-notes: |", "-  one", "-  two", "+notes: short"],
        ),
        (
            "notes",
            "\"two\\nlines\"",
            &["-notes: |", "-  one", "-  two", "+notes: \"two\\nlines\""],
        ),
    ] {
        check(FILE, |text| set(text, key, value, None), difference);
    }
}

#[test]
fn an_absent_key_is_added_behind_the_others() {
    check(
        FILE,
        |t| set(t, "threshold.low", "5", None),
        &["+    low: 5"],
    );
    for (text, key, value, expected) in [
        ("", "a", "1", "a: 1\n"),
        ("# empty", "a", "1", "# empty\na: 1\n"),
        ("a: 1", "b", "x y", "a: 1\nb: x y"),
        (
            "a: 1\n# CHANGE: old\n",
            "b",
            "2",
            "a: 1\nb: 2\n# CHANGE: old\n",
        ),
        ("a: 1\n", "b.c", "2", "a: 1\nb:\n  c: 2\n"),
        ("{}", "a", "1", "{a: 1}"),
        ("{a: 1}\n", "b", "x, y", "{a: 1, b: \"x, y\"}\n"),
        ("a.b: 1\n", "a.b", "2", "a.b: 2\n"),
        ("a: 1\nb: 2\na: 3\n", "a", "4", "a: 1\nb: 2\na: 4\n"),
        (
            "base: &b\n  x: 1\nuse:\n  <<: *b\n  y: 2\n",
            "use.x",
            "3",
            "base: &b\n  x: 1\nuse:\n  <<: *b\n  y: 2\n  x: 3\n",
        ),
    ] {
        assert_eq!(set(text, key, value, None).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn items_are_added_and_removed_in_the_style_of_the_list() {
    check(
        FILE,
        |t| add(t, "seeds", "10.0.0.3", None),
        &["+  - 10.0.0.3"],
    );
    check(
        FILE,
        |t| add(t, "groups", "db", None),
        &["-groups: [ linux,  kv ]", "+groups: [ linux,  kv, db ]"],
    );
    check(FILE, |t| add(t, "groups", "kv", None), &[]);
    check(
        FILE,
        |t| add(t, "empty", "x", None),
        &["-empty:", "+empty: [x]"],
    );
    check(
        FILE,
        |t| remove(t, "seeds", "10.0.0.1:6768", None),
        &["-  - 10.0.0.1:6768  # first"],
    );
    check(
        FILE,
        |t| remove(t, "groups", "linux", None),
        &["-groups: [ linux,  kv ]", "+groups: [ kv ]"],
    );
    check(
        FILE,
        |t| remove(t, "groups", "kv", None),
        &["-groups: [ linux,  kv ]", "+groups: [ linux ]"],
    );
    for (text, expected) in [
        ("l: [a]\n", "l: []\n"),
        ("l:\n- a\nb: 1\n", "l: []\nb: 1\n"),
    ] {
        assert_eq!(remove(text, "l", "a", None).unwrap(), expected);
        assert_eq!(
            add(expected, "l", "a", None).unwrap(),
            "l: [a]\n".to_owned() + &expected[6..]
        );
    }
    assert_eq!(add("a: 1\n", "l", "x", None).unwrap(), "a: 1\nl: [x]\n");
}

#[test]
fn a_key_is_reset_by_removing_it() {
    check(
        FILE,
        |t| unset(t, "port", None),
        &["-port: 6768   # udp and tcp"],
    );
    check(
        FILE,
        |t| unset(t, "threshold.warning", None),
        &["-    warning: 90"],
    );
    for (text, key, expected) in [
        ("a: 1\nb: 2\na: 3\n", "a", "b: 2\n"),
        ("a:\n  b: 1\n", "a.b", "a: {}\n"),
        ("{a: 1, b: 2}", "a", "{b: 2}"),
        ("{a: 1, b: 2}", "b", "{a: 1}"),
    ] {
        assert_eq!(unset(text, key, None).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn a_key_is_shown_with_what_people_wrote_about_it() {
    let seeds = get(FILE, "seeds").unwrap();
    assert_eq!(
        seeds.comments,
        ["# Found at start.", "# Ports may be left out."]
    );
    assert_eq!(seeds.line, 9);
    let port = get(FILE, "port").unwrap();
    assert_eq!(port.comments, ["# udp and tcp"]);
    assert_eq!(
        (port.value, port.written.as_str()),
        (Value::Int(6768), "6768")
    );
    let critical = get(FILE, "threshold.critical").unwrap();
    assert_eq!(critical.comments, ["# never more"]);
}

#[test]
fn a_trail_tells_what_was_done_and_never_a_secret() {
    let trail = |hide_value| {
        Some(Trail {
            at: WallTime::from_millis(1_795_214_445_123),
            hide_value,
        })
    };
    for (text, expected) in [
        (
            "a: 1\n",
            "a: 2\n# CHANGE: (2026-11-20 22:40:45) SET a -> 2\n",
        ),
        ("a: 1", "a: 2\n# CHANGE: (2026-11-20 22:40:45) SET a -> 2\n"),
        (
            "a: 1\r\n",
            "a: 2\r\n# CHANGE: (2026-11-20 22:40:45) SET a -> 2\r\n",
        ),
    ] {
        assert_eq!(set(text, "a", "2", trail(false)).unwrap(), expected);
    }
    assert_eq!(
        set("a: 1\n", "a", "hunter2", trail(true)).unwrap(),
        "a: hunter2\n# CHANGE: (2026-11-20 22:40:45) SET a -> ***\n"
    );
    assert_eq!(
        add("a: [1]\n", "a", "2", trail(false)).unwrap(),
        "a: [1, 2]\n# CHANGE: (2026-11-20 22:40:45) ADD a -> 2\n"
    );
    assert_eq!(
        unset("a: 1\n", "a", trail(false)).unwrap(),
        "# CHANGE: (2026-11-20 22:40:45) RESET a\n"
    );
    let both = add("a: [1]\n", "a", "1", trail(false)).unwrap();
    assert_eq!(both, "a: [1]\n", "nothing was changed, so nothing is told");
}

#[test]
fn what_cannot_be_edited_is_refused_with_a_reason() {
    for (result, message) in [
        (
            set("a: [1", "a", "2", None),
            "the file cannot be read: text:2:1: error: a list `[` is not closed (close it with `]`, and separate its items by `,`)",
        ),
        (
            set("a: 1", "a", "[1", None),
            "the value is not valid YAML: value:2:1: error: a list `[` is not closed (close it with `]`, and separate its items by `,`)",
        ),
        (
            set("- a\n", "a", "2", None),
            "the file does not hold `key: value` lines",
        ),
        (
            unset("port: 1\n", "prot", None),
            "there is no key `prot`; did you mean `port`?",
        ),
        (unset("port: 1\n", "zebra", None), "there is no key `zebra`"),
        (
            add("a: 1\n", "a", "2", None),
            "`a` holds one integer, not a list",
        ),
        (
            remove("a: [1]\n", "a", "2", None),
            "the list `a` does not hold this item",
        ),
        (
            set("x: &x {b: 1}\na: *x\n", "a.b", "2", None),
            "`a.b` is written in a way that cannot be edited safely; edit the file by hand",
        ),
        (
            set("x: &x 1\na: *x\n", "x", "{{", None),
            "the value is not valid YAML: value:2:1: error: a value is missing here (write a value, or put quotes around the text that begins with a bracket)",
        ),
        (
            set("x: &x 1\na: *x\n", "x", "2", None),
            "`x` is written in a way that cannot be edited safely; edit the file by hand",
        ),
        (
            set("? a\n: 1\n", "a", "2", None),
            "`a` is written in a way that cannot be edited safely; edit the file by hand",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}

/// A value as a person could type it, in YAML.
fn a_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,5}",
        "[a-z]{1,8}",
        "'[a-z #:,]{0,8}'",
        "\"[a-z #:,']{0,8}\"",
        "\\[[a-z]{1,3}, [0-9]{1,3}\\]",
        Just("true".to_owned()),
        Just("~".to_owned()),
        Just("\"line\\nline\"".to_owned()),
        Just("{a: 1, b: [x]}".to_owned()),
    ]
}

/// A line of a file: a comment, a blank, or `kN: value` in one of many layouts.
fn a_line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => a_value().prop_map(|value| format!("KEY: {value}")),
        1 => a_value().prop_map(|value| format!("KEY:   {value}  # why")),
        1 => Just("KEY:".to_owned()),
        1 => Just("KEY: # nothing yet".to_owned()),
        1 => Just("KEY:\n  - a # one\n  # two\n  - b: 1\n    c: 2\n\n".to_owned()),
        1 => Just("KEY:\n- a\n- b\n".to_owned()),
        1 => Just("KEY: |\n  text\n\n  more # not a comment\n".to_owned()),
        1 => Just("KEY: >-\n  text\n  more\n".to_owned()),
        1 => Just("KEY:\n  x: 1\n  y: [1,\n    2]\n".to_owned()),
        1 => Just("KEY: \"a\n  b\"".to_owned()),
        1 => Just("KEY: [a,\n  b, # c\n  ]".to_owned()),
        1 => Just("# a comment: with [things".to_owned()),
        1 => Just(String::new()),
    ]
}

fn a_file() -> impl Strategy<Value = String> {
    (
        proptest::collection::vec(a_line(), 1..8),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(lines, crlf, ended)| {
            let named: Vec<String> = lines
                .iter()
                .enumerate()
                .map(|(at, line)| line.replace("KEY", &format!("k{at}")))
                .collect();
            let mut text = named.join("\n");
            if ended {
                text.push('\n');
            }
            if crlf {
                text.replace('\n', "\r\n")
            } else {
                text
            }
        })
}

proptest! {
    /// The edit itself refuses when another value changed; here: it does not refuse, it keeps all
    /// comments outside of the value, and a second edit back to the old value is possible.
    #[test]
    fn any_key_of_any_file_can_be_set_and_only_it_changes(
        text in a_file(), at in 0..9_usize, value in a_value(),
    ) {
        let key = format!("k{at}");
        let edited = set(&text, &key, &value, None)
            .map_err(|error| TestCaseError::fail(format!("{error} in {text:?}")))?;
        let (root, diagnostics) = parse("f", &edited);
        prop_assert!(!diagnostics.iter().any(Diagnostic::is_error), "{edited}");
        let root = root.unwrap();
        prop_assert_eq!(
            &root.get(&key).unwrap().to_value(),
            &readable_value(&value).unwrap().to_value()
        );
        let (before, _) = parse("f", &text);
        let span = before.as_ref().and_then(|root| root.entry(&key)).map(|entry| {
            (entry.key_span.end, write::entry_end(entry))
        });
        match span {
            Some((from, to)) => {
                prop_assert!(edited.starts_with(&text[..from]), "{text:?} {edited:?}");
                let behind = text[to..].trim_start_matches([':', ' ', '\n', '\r']);
                prop_assert!(edited.ends_with(behind), "{text:?} {edited:?}");
            }
            None => {
                // Everything that stood there still stands there, in order.
                let mut lines = edited.lines();
                for line in text.lines() {
                    prop_assert!(lines.any(|found| found == line), "{text:?} {edited:?}");
                }
            }
        }
    }

    #[test]
    fn a_key_that_was_added_can_be_removed_without_a_trace(text in a_file(), value in a_value()) {
        let text = if text.ends_with('\n') { text } else { text + "\n" };
        let added = set(&text, "brand_new", &value, None)
            .map_err(|error| TestCaseError::fail(format!("{error} in {text:?}")))?;
        // A block text at the end owns the blank lines behind it.
        prop_assert_eq!(unset(&added, "brand_new", None).unwrap(), text);
    }

    #[test]
    fn an_item_that_was_added_can_be_removed_without_a_trace(
        items in proptest::collection::vec("[a-z]{1,4}", 1..5), flow: bool,
    ) {
        let list = if flow {
            format!("l: [{}]\nz: 1\n", items.join(", "))
        } else {
            format!("l:\n  - {}\n\nz: 1\n", items.join("\n  - "))
        };
        let added = add(&list, "l", "NEW", None).unwrap();
        prop_assert_eq!(remove(&added, "l", "NEW", None).unwrap(), list);
    }

    #[test]
    fn no_text_and_no_value_panics(
        text in "[-a: \t\n\r\\[\\]{}&*|>'\"#,?é]{0,40}", value in "[-a: \n\\[\\]{}&*|>'\"#,é]{0,10}",
    ) {
        let _ = set(&text, "a", &value, None);
        let _ = add(&text, "a", &value, None);
        let _ = remove(&text, "a", &value, None);
        let _ = unset(&text, "a", None);
        let _ = get(&text, "a.a");
    }
}
