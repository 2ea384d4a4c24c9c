//! Writes any serialisable value as YAML, in the order of its fields.
//!
//! It is a formatter for `serde_json`'s serializer: every JSON string is a valid YAML scalar, so
//! only the layout is ours. A text stands plain where every reader of YAML 1.1 and 1.2 takes it for
//! the same text, and quoted otherwise.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// Writes a value as a YAML document.
pub(crate) fn to_string(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Yaml::default()))?;
    // The formatter passes on what the serializer gives, which is UTF-8.
    let text = String::from_utf8_lossy(&bytes);
    // A name before a block is followed by the end of its line. No scalar holds such a line end:
    // a text with one in it is quoted, and its line end is written as an escape.
    Ok(format!(
        "{}\n",
        text.trim_matches('\n').replace(": \n", ":\n")
    ))
}

/// Lays out JSON events as YAML blocks.
#[derive(Default)]
struct Yaml {
    /// The collections that are open, outermost first.
    open: Vec<Collection>,
    /// The text that is being written, and whether it needs its quotes.
    text: Vec<u8>,
    escaped: bool,
}

/// An open list or map.
struct Collection {
    /// Whether something is in it already.
    filled: bool,
    is_list: bool,
    /// Whether its first entry stands right behind the dash of the list that it is in.
    follows_dash: bool,
}

impl Yaml {
    /// Opens a collection. Nothing is written before it is known whether it is empty.
    fn open(&mut self, is_list: bool) {
        let follows_dash = self.open.last().is_some_and(|around| around.is_list);
        self.open.push(Collection {
            filled: false,
            is_list,
            follows_dash,
        });
    }

    /// Closes a collection; an empty one needs a sign.
    fn close<W: ?Sized + Write>(&mut self, writer: &mut W, empty: &[u8]) -> io::Result<()> {
        match self.open.pop() {
            Some(Collection { filled: false, .. }) => writer.write_all(empty),
            Some(Collection { filled: true, .. }) | None => Ok(()),
        }
    }

    /// Begins an entry of the innermost collection on a line of its own.
    fn entry<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let depth = self.open.len().saturating_sub(1);
        let Some(collection) = self.open.last_mut() else {
            return Ok(());
        };
        let first = !std::mem::replace(&mut collection.filled, true);
        if first && collection.follows_dash {
            return Ok(());
        }
        writer.write_all(b"\n")?;
        writer.write_all("  ".repeat(depth).as_bytes())
    }
}

impl Formatter for Yaml {
    fn begin_array<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.open(true);
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"[]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, _: bool) -> io::Result<()> {
        self.entry(writer)?;
        writer.write_all(b"- ")
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.open(false);
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"{}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, _: bool) -> io::Result<()> {
        self.entry(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn begin_string<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.text.clear();
        self.escaped = false;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        _: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.text.extend_from_slice(fragment.as_bytes());
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        _: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.escaped = true;
        let mut written = Vec::new();
        serde_json::ser::CompactFormatter.write_char_escape(&mut written, escape)?;
        self.text.extend_from_slice(&written);
        Ok(())
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let plain = !self.escaped && std::str::from_utf8(&self.text).is_ok_and(is_plain);
        let quote: &[u8] = if plain { b"" } else { b"\"" };
        writer.write_all(quote)?;
        writer.write_all(&self.text)?;
        writer.write_all(quote)
    }
}

/// Words that some reader of YAML takes for something else than a text.
const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Tells whether a text reads as itself without quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let starts_as_word = first.is_alphabetic() || first == '/' || first == '_';
    let inner = |letter: char| letter.is_alphanumeric() || "/_.-+@%=()<> ,;:#".contains(letter);
    starts_as_word
        && text.chars().all(inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &serde_json::Value, expect: &str) {
        let text = to_string(value).unwrap();
        assert_eq!(text, expect);
        let (node, problems) = packs::yaml::parse("output", &text);
        assert!(problems.is_empty(), "{problems:?} in {text}");
        assert_eq!(
            daemon::json::to_json(&node.unwrap().to_value()),
            *value,
            "{text}"
        );
    }

    #[test]
    fn nested_values_are_blocks_that_read_back_the_same() {
        check(&json!({}), "{}\n");
        check(&json!([]), "[]\n");
        check(&json!("x"), "x\n");
        check(
            &json!({"a": 1, "b": {"c": [], "d": {}}}),
            "a: 1\nb:\n  c: []\n  d: {}\n",
        );
        check(
            &json!({"groups": ["linux", "zone::lan"], "list": [{"a": 1, "b": [2, 3]}, []]}),
            "groups:\n  - linux\n  - zone::lan\nlist:\n  - a: 1\n    b:\n      - 2\n      - 3\n  - []\n",
        );
    }

    #[test]
    fn texts_that_would_read_as_something_else_are_quoted() {
        for text in [
            "",
            "true",
            "No",
            "1",
            "1.5",
            "0x10",
            "2026-11-20",
            "~",
            "- a",
            "a: b",
            "a #b",
            "a:",
            "[a]",
            "{a}",
            "\"a\"",
            "'a'",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "a\nb",
            "\t",
            "\u{1}",
            "?",
            "é\u{85}",
            " a",
            "a ",
            "NULL",
            "=",
            "<<",
            "@a",
            "`a`",
            "%a",
        ] {
            let text = to_string(&json!({ "k": text })).unwrap();
            assert!(text.starts_with("k: \""), "{text}");
        }
        check(
            &json!({"k": "a\nb \"c\" \\ \u{1}"}),
            "k: \"a\\nb \\\"c\\\" \\\\ \\u0001\"\n",
        );
    }
}
