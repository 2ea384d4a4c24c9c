//! Which of the two languages a text is written in.
//!
//! The rule: a text is rhai's when, outside of strings and references, it holds something that
//! Python's expressions have no use for: a `;`, `=>`, `#{`, `..`, `?.`, `??`, a back-quoted string,
//! or, where a value should begin, a `|` (a closure), a comment, or one of the words that open
//! rhai's statements (`let`, `const`, `fn`, `if`, `for`, `switch`, `loop`, …). Everything else is
//! ours, mistakes included: so a mistake is told in the words of the language that was meant.

use crate::path::{self, Ending};

/// Words that open a statement of rhai. Python's expressions never begin with one of them.
const OPENING_WORDS: [&str; 15] = [
    "let", "const", "fn", "if", "for", "while", "loop", "do", "switch", "return", "throw", "try",
    "break", "continue", "this",
];

/// Words behind which a value begins.
const OPERATOR_WORDS: [&str; 8] = ["and", "or", "not", "in", "is", "if", "else", "return"];

/// Symbols that only rhai has.
const MARKS: [&str; 7] = [";", "=>", "#{", "..", "?.", "??", "`"];

/// Tells whether a text is rhai's.
pub(crate) fn is_rhai(text: &str) -> bool {
    let mut at = 0;
    let mut value_begins = true;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if matches!(first, '\'' | '"') {
            at += string_length(rest, first);
            value_begins = false;
        } else if first.is_alphabetic() || first == '_' {
            let length = word_length(rest);
            let word = &rest[..length];
            if value_begins && OPENING_WORDS.contains(&word) {
                return true;
            }
            value_begins = OPERATOR_WORDS.contains(&word);
            at += length;
        } else if first.is_ascii_digit() {
            at += number_length(rest);
            value_begins = false;
        } else if rest.starts_with("{{") {
            // A reference that is wrong is told by our own parser.
            let Ok(opened) = path::read(text, at) else {
                return false;
            };
            at = opened.end;
            value_begins = opened.ending != Ending::Closed;
        } else if MARKS.iter().any(|mark| rest.starts_with(mark))
            || (value_begins && ["|", "//", "/*"].iter().any(|mark| rest.starts_with(mark)))
        {
            return true;
        } else {
            value_begins = !matches!(first, ')' | ']' | '}');
            // Read as one, so that the second bar of `a || b` opens no closure.
            at += if rest.starts_with("||") {
                2
            } else {
                first.len_utf8()
            };
        }
    }
    false
}

/// Measures a string from its opening quote to its closing one, or to the end.
fn string_length(rest: &str, quote: char) -> usize {
    let triple: String = [quote; 3].iter().collect();
    let close = if rest.starts_with(&triple) {
        &triple[..]
    } else {
        &triple[..1]
    };
    let mut at = close.len();
    while let Some(first) = rest[at..].chars().next() {
        if rest[at..].starts_with(close) {
            return at + close.len();
        }
        at += first.len_utf8();
        if first == '\\' {
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    at
}

fn word_length(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len())
}

/// Measures digits and what may stand among them; a range `0..3` ends the number before its dots.
fn number_length(rest: &str) -> usize {
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(rest.len());
    rest[..end].find("..").unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: bool) {
        assert_eq!(is_rhai(text), expect, "{text}");
    }

    #[test]
    fn what_only_rhai_has_makes_a_text_rhai() {
        for text in [
            "let x = 1; x",
            "if {{collector.a.b}} > 5 { 'high' } else { 'low' }",
            "#{ a: 1 }",
            "[1, 2].filter(|x| x > 1)",
            "switch {{node.name}} { \"a\" => 1, _ => 2 }",
            "`load ${ {{collector.a.b}} }`",
            "// counts\n1 + 1",
            "for x in 0..3 { x }",
            "[1].some(|| true)",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn everything_else_is_ours() {
        for text in [
            "1 if x else 2",
            "[x for x in [1] if x]",
            "'a; b => c `d` let' + \"let\"",
            "{{collector.a.b||3}} | 4",
            "{{collector.let.if}} || True",
            "7 // 2",
            "a or letter",
            "'unclosed let ;",
            "{'a': 1}",
            "1.5 + .5",
            "{{nope.x}} ; 1",
        ] {
            check(text, false);
        }
    }
}
