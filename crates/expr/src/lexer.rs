//! From text to words: numbers, strings, names, symbols and references, each with its place.

use crate::origin::Span;
use crate::path::{self, Opened};
use crate::quoted::{self, Piece};
use crate::stop::Fault;

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) word: Word,
    pub(crate) span: Span,
}

/// A word of the language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    /// A whole number; 2^63 itself is only right behind a minus.
    Int(u64),
    /// Any other number.
    Float(f64),
    /// A string, its escapes read; more than one piece when it has holes.
    Text(Vec<Piece>),
    /// A name or keyword; its text is that of the span.
    Name,
    /// An operator or bracket.
    Symbol(&'static str),
    /// A reference, or its beginning when a default follows.
    Reference(Box<Opened>),
    /// The end of the text.
    End,
}

/// Operators and brackets, the longer ones first.
const SYMBOLS: [&str; 36] = [
    "**", "//", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||", "->", ":=", "+", "-", "*", "/",
    "%", "^", "|", "&", "~", "<", ">", "=", "!", "(", ")", "[", "]", "{", "}", ",", ".", ":", "@",
    "?",
];

/// Splits a part of a text into words; the last one is [`Word::End`].
pub(crate) fn lex(source: &str, part: Span) -> Result<Vec<Token>, Fault> {
    // Text behind the part must not be read into it.
    let source = &source[..part.end as usize];
    let mut at = part.start as usize;
    // A word has about four bytes (measured on the original's expressions).
    let mut tokens = Vec::with_capacity((source.len() - at) / 4 + 2);
    loop {
        let rest = &source[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push(Token {
                word: Word::End,
                span: Span::new(at, at),
            });
            return Ok(tokens);
        };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (word, end) = word(source, at, first)?;
        tokens.push(Token {
            word,
            span: Span::new(at, end),
        });
        at = end;
    }
}

fn word(source: &str, at: usize, first: char) -> Result<(Word, usize), Fault> {
    let rest = &source[at..];
    if first.is_ascii_digit()
        || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
    {
        return number(source, at);
    }
    if let Some(opening) = quoted::opening(rest) {
        let (pieces, end) = quoted::read(source, at, opening)?;
        return Ok((Word::Text(pieces), end));
    }
    if first.is_alphabetic() || first == '_' {
        let length = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        return Ok((Word::Name, at + length));
    }
    if rest.starts_with("{{") {
        let opened = path::read(source, at)?;
        let end = opened.end;
        return Ok((Word::Reference(Box::new(opened)), end));
    }
    match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        Some(symbol) => Ok((Word::Symbol(symbol), at + symbol.len())),
        None => Err(Fault {
            span: Some(Span::new(at, at + first.len_utf8())),
            message: format!("{first:?} means nothing here"),
            hint: None,
        }),
    }
}

fn number(source: &str, at: usize) -> Result<(Word, usize), Fault> {
    let rest = &source[at..];
    let wrong = |end: usize, message: &str| Fault {
        span: Some(Span::new(at, end)),
        message: message.to_owned(),
        hint: None,
    };
    let lower = rest.get(..2).map(str::to_ascii_lowercase);
    let radix = match lower.as_deref() {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    if radix != 10 {
        let length = 2 + rest[2..]
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len() - 2);
        let digits = rest[2..length].replace('_', "");
        return match u64::from_str_radix(&digits, radix) {
            Ok(number) => Ok((Word::Int(number), at + length)),
            Err(_) => Err(wrong(at + length, "this is no whole number of 64 bits")),
        };
    }
    let end = at + decimal_length(rest);
    let digits = source[at..end].replace('_', "");
    if source[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return Err(wrong(end + 1, "a number runs into a name"));
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0') {
            return Err(wrong(
                end,
                "a whole number does not begin with 0 (octal is 0o…)",
            ));
        }
        return match digits.parse() {
            Ok(number) => Ok((Word::Int(number), end)),
            Err(_) => Err(wrong(end, "the number does not fit in 64 bits")),
        };
    }
    match digits.parse() {
        Ok(number) => Ok((Word::Float(number), end)),
        Err(_) => Err(wrong(end, "this is no number")),
    }
}

/// Measures `123`, `1_000`, `1.5`, `.5`, `1.`, `1e9`, `1.5E-3` at the beginning of a text.
fn decimal_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(|b| b.is_ascii_digit())
            || (bytes.get(at) == Some(&b'_') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
        {
            at += 1;
        }
        at
    };
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(at + 1 + sign);
        if end > at + 1 + sign {
            at = end;
        }
    }
    at
}
