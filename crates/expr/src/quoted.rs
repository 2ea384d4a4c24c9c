//! Strings: quotes, prefixes, escapes, and the holes of f-strings.
//!
//! A reference inside a string, `'{{collector.system.hostname}} is full'`, is a hole too: the
//! original put values into any text, and a pair of braces printed to a user helps nobody.

use crate::origin::Span;
use crate::path::{self, Ending};
use crate::stop::Fault;

/// A part of a string.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Plain text.
    Text(String),
    /// An expression, in this part of the source, whose value stands here.
    Hole {
        /// Where the expression is.
        expression: Span,
        /// `r`, `s` or `a` behind a `!`.
        conversion: Option<char>,
        /// The format specification behind a `:`.
        spec: Vec<Piece>,
    },
}

/// How a string opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Bytes of prefix and quotes.
    length: usize,
    quote: &'static str,
    raw: bool,
    format: bool,
    bytes: bool,
}

/// Recognises the beginning of a string: a quote, with a prefix of letters or without.
pub(crate) fn opening(rest: &str) -> Option<Opening> {
    let prefix = rest
        .bytes()
        .take(2)
        .take_while(|byte| b"rRuUfFbB".contains(byte))
        .count();
    let behind = &rest[prefix..];
    let quote = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| behind.starts_with(quote))?;
    let has = |letter: char| rest[..prefix].to_ascii_lowercase().contains(letter);
    Some(Opening {
        length: prefix + quote.len(),
        quote,
        raw: has('r'),
        format: has('f'),
        bytes: has('b'),
    })
}

/// Reads a string that opens at a byte; gives its pieces and the byte behind it.
pub(crate) fn read(
    source: &str,
    at: usize,
    opening: Opening,
) -> Result<(Vec<Piece>, usize), Fault> {
    let start = at + opening.length;
    let fault = |message: &str, hint: &str| Fault {
        span: Some(Span::new(at, start)),
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    };
    if opening.bytes {
        return Err(fault(
            "bytes do not exist here",
            "leave the b in front of the quote away",
        ));
    }
    let Some(end) = closing(source, start, opening.quote) else {
        return Err(fault(
            "the text is not closed",
            "close it with the same quote",
        ));
    };
    let mut reader = Reader {
        source: &source[..end],
        at: start,
        opening,
        pieces: Vec::new(),
        plain: String::new(),
    };
    reader.body(0)?;
    Ok((reader.pieces, end + opening.quote.len()))
}

/// Finds the closing quote, past escaped characters.
fn closing(source: &str, start: usize, quote: &str) -> Option<usize> {
    let mut at = start;
    loop {
        let rest = source.get(at..)?;
        if rest.starts_with(quote) {
            return Some(at);
        }
        let mut characters = rest.chars();
        let first = characters.next()?;
        at += first.len_utf8();
        if first == '\\' {
            at += characters.next()?.len_utf8();
        }
    }
}

struct Reader<'a> {
    /// The source up to the closing quote.
    source: &'a str,
    at: usize,
    opening: Opening,
    pieces: Vec<Piece>,
    plain: String,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    /// Reads text and holes up to the end, or up to the `}` that ends a format specification.
    fn body(&mut self, nesting: usize) -> Result<(), Fault> {
        while let Some(first) = self.rest().chars().next() {
            if path::begins(self.source, self.at) {
                let end = self.reference_end(self.at)?;
                self.hole(Span::new(self.at, end), None, Vec::new());
                self.at = end;
            } else if first == '{' && self.opening.format {
                self.brace(nesting)?;
            } else if first == '}' && self.opening.format {
                if nesting > 0 {
                    break;
                }
                if !self.rest().starts_with("}}") {
                    return Err(self.fault("a single `}` in an f-string", "write }} for one brace"));
                }
                self.plain.push('}');
                self.at += 2;
            } else if first == '\\' && !self.opening.raw {
                self.escape()?;
            } else {
                self.plain.push(first);
                self.at += first.len_utf8();
            }
        }
        self.flush();
        Ok(())
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            let text = std::mem::take(&mut self.plain);
            self.pieces.push(Piece::Text(text));
        }
    }

    fn hole(&mut self, expression: Span, conversion: Option<char>, spec: Vec<Piece>) {
        self.flush();
        self.pieces.push(Piece::Hole {
            expression,
            conversion,
            spec,
        });
    }

    /// Finds the byte behind the `}}` of the reference that begins here.
    fn reference_end(&self, at: usize) -> Result<usize, Fault> {
        let opened = path::read(self.source, at)?;
        match opened.ending {
            Ending::Closed => Ok(opened.end),
            Ending::Default | Ending::SinglePipe => self.source[opened.end..]
                .find("}}")
                .map(|length| opened.end + length + 2)
                .ok_or_else(|| self.fault("the reference is not closed", "it ends with }}")),
        }
    }

    /// Reads `{{`, or `{expression!r:spec}`.
    fn brace(&mut self, nesting: usize) -> Result<(), Fault> {
        if self.rest().starts_with("{{") && !path::begins(self.source, self.at + 1) {
            self.plain.push('{');
            self.at += 2;
            return Ok(());
        }
        if nesting > 1 {
            return Err(self.fault("the format is nested too deep", "compute it outside"));
        }
        let start = self.at + 1;
        let end = self.expression_end(start)?;
        let expression = Span::new(start, end);
        self.at = end;
        let mut conversion = None;
        if self.rest().starts_with('!') {
            conversion = self.rest().chars().nth(1);
            if !matches!(conversion, Some('r' | 's' | 'a')) {
                return Err(self.fault("a conversion is !r, !s or !a", "leave it away"));
            }
            self.at += 2;
        }
        let mut spec = Vec::new();
        if self.rest().starts_with(':') {
            self.at += 1;
            spec = self.spec(nesting)?;
        }
        if !self.rest().starts_with('}') {
            return Err(self.fault("a hole of the f-string is not closed", "it ends with }"));
        }
        self.at += 1;
        self.hole(expression, conversion, spec);
        Ok(())
    }

    fn spec(&mut self, nesting: usize) -> Result<Vec<Piece>, Fault> {
        self.flush();
        let outer = std::mem::take(&mut self.pieces);
        let read = self.body(nesting + 1);
        let spec = std::mem::replace(&mut self.pieces, outer);
        read.map(|()| spec)
    }

    /// Finds where the expression of a hole ends: at a `}`, `:` or `!r` outside of all brackets.
    fn expression_end(&self, start: usize) -> Result<usize, Fault> {
        let mut depth = 0_usize;
        let mut at = start;
        while let Some(first) = self.source[at..].chars().next() {
            if path::begins(self.source, at) {
                at = self.reference_end(at)?;
                continue;
            }
            match first {
                '(' | '[' | '{' => depth += 1,
                '}' | ':' if depth == 0 => return Ok(at),
                '!' if depth == 0 && is_conversion(&self.source[at..]) => return Ok(at),
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '\'' | '"' => {
                    let quote = if first == '"' { "\"" } else { "'" };
                    match closing(self.source, at + 1, quote) {
                        Some(end) => at = end,
                        None => break,
                    }
                }
                _ => {}
            }
            at += first.len_utf8();
        }
        Err(self.fault("a hole of the f-string is not closed", "it ends with }"))
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let mut rest = self.source[self.at + 1..].chars();
        // The closing quote was found past this escape, so a character follows the backslash.
        let Some(kind) = rest.next() else {
            self.at += 1;
            return Ok(());
        };
        self.at += 1 + kind.len_utf8();
        let plain = match kind {
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => kind,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => return self.code(2, 2, 16),
            'u' => return self.code(4, 4, 16),
            'U' => return self.code(8, 8, 16),
            '0'..='7' => {
                self.at -= 1;
                return self.code(1, 3, 8);
            }
            // Python keeps what it does not know.
            other => {
                self.plain.push('\\');
                other
            }
        };
        self.plain.push(plain);
        Ok(())
    }

    fn code(&mut self, digits_min: usize, digits_max: usize, radix: u32) -> Result<(), Fault> {
        let digits: String = self
            .rest()
            .chars()
            .take(digits_max)
            .take_while(|c| c.is_digit(radix))
            .collect();
        let character = u32::from_str_radix(&digits, radix)
            .ok()
            .and_then(char::from_u32)
            .filter(|_| digits.len() >= digits_min);
        let Some(character) = character else {
            return Err(self.fault(
                "the escape names no character",
                "write \\\\ for a backslash",
            ));
        };
        self.at += digits.len();
        self.plain.push(character);
        Ok(())
    }

    fn fault(&self, message: &str, hint: &str) -> Fault {
        Fault {
            span: Some(Span::new(self.at, self.at + 1)),
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        }
    }
}

/// Tells a conversion, `!r}` or `!r:`, from the operator `!`.
fn is_conversion(rest: &str) -> bool {
    let mut characters = rest.chars().skip(1);
    characters.next().is_some_and(char::is_alphabetic)
        && matches!(characters.next(), Some('}' | ':'))
}
