//! Tells code from comments and literals, by the lexical rules of the Rust reference.
//!
//! Knows nested block comments, raw strings, byte and C strings, and that `'a` is no literal.

use std::collections::BTreeSet;

/// A comment, or one line of a block comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The line, from 1.
    pub line: usize,
    /// What kind it is.
    pub kind: CommentKind,
    /// The text after the comment sign.
    pub text: String,
}

/// The kinds of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentKind {
    /// `// …` or `/* … */`.
    Plain,
    /// `/// …` or `/** … */`.
    Item,
    /// `//! …` or `/*! … */`.
    Module,
}

/// A text told apart.
pub(super) struct Masked {
    /// The code, with comments and the insides of literals blanked.
    pub(super) code: String,
    /// The comments.
    pub(super) comments: Vec<Comment>,
    /// The lines that have some inside of a literal, from 1.
    pub(super) literal_lines: BTreeSet<usize>,
}

/// Blanks the comments and the insides of literals, and collects the comments.
pub(super) fn mask(text: &str) -> Masked {
    let mut cursor = Cursor {
        text,
        at: 0,
        line: 1,
        code: String::with_capacity(text.len()),
    };
    let mut comments = Vec::new();
    let mut literal_lines = BTreeSet::new();
    while let Some(sign) = cursor.rest().chars().next() {
        if cursor.rest().starts_with("//") {
            let length = cursor.rest().find('\n').unwrap_or(cursor.rest().len());
            comments.extend(comment_lines(&cursor.rest()[..length], cursor.line));
            cursor.blank(length);
        } else if cursor.rest().starts_with("/*") {
            let length = block_comment(cursor.rest());
            comments.extend(comment_lines(&cursor.rest()[..length], cursor.line));
            cursor.blank(length);
        } else if let Some(literal) = cursor.literal() {
            cursor.keep(literal.open);
            let first = cursor.line;
            cursor.blank(literal.inside);
            literal_lines.extend(first..=cursor.line);
            cursor.keep(literal.close);
        } else {
            cursor.keep(sign.len_utf8());
        }
    }
    Masked {
        code: cursor.code,
        comments,
        literal_lines,
    }
}

/// A place in the text, and the code that was made of what lies before it.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    code: String,
}

/// The lengths of a literal's parts in bytes.
struct Literal {
    open: usize,
    inside: usize,
    close: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn keep(&mut self, length: usize) {
        let kept = &self.rest()[..length];
        self.line += kept.matches('\n').count();
        self.code.push_str(kept);
        self.at += length;
    }

    fn blank(&mut self, length: usize) {
        for byte in self.rest()[..length].bytes() {
            self.line += usize::from(byte == b'\n');
            self.code.push(if byte == b'\n' { '\n' } else { ' ' });
        }
        self.at += length;
    }

    fn literal(&self) -> Option<Literal> {
        let rest = self.rest();
        if rest.starts_with('"') {
            return Some(quoted(rest, 1, '"'));
        }
        if rest.starts_with('\'') {
            return character(rest);
        }
        let inside_word = self
            .code
            .ends_with(|last: char| last.is_alphanumeric() || last == '_');
        if inside_word { None } else { raw_string(rest) }
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

fn comment_lines(comment: &str, first_line: usize) -> Vec<Comment> {
    let kind = match comment.as_bytes().get(2) {
        Some(b'!') => CommentKind::Module,
        Some(b'/') if comment.as_bytes().get(3) != Some(&b'/') => CommentKind::Item,
        Some(b'*') if comment.len() > 4 => CommentKind::Item,
        Some(_) | None => CommentKind::Plain,
    };
    let sign = if kind == CommentKind::Plain { 2 } else { 3 };
    let body = comment
        .get(sign..)
        .unwrap_or_default()
        .trim_end_matches("*/");
    body.lines()
        .enumerate()
        .map(|(index, text)| Comment {
            line: first_line + index,
            kind,
            text: text.to_owned(),
        })
        .collect()
}

/// Measures a literal that ends at the first quote without a backslash.
fn quoted(text: &str, open: usize, quote: char) -> Literal {
    let mut escaped = false;
    for (at, sign) in text.char_indices().skip(open) {
        if escaped {
            escaped = false;
        } else if sign == '\\' {
            escaped = true;
        } else if sign == quote {
            return Literal {
                open,
                inside: at - open,
                close: 1,
            };
        }
    }
    Literal {
        open,
        inside: text.len() - open,
        close: 0,
    }
}

/// Measures a character literal; a lifetime gives nothing.
fn character(text: &str) -> Option<Literal> {
    let mut signs = text.char_indices().skip(1);
    let (_, first) = signs.next()?;
    if first == '\\' {
        return Some(quoted(text, 1, '\''));
    }
    let (at, second) = signs.next()?;
    (second == '\'').then_some(Literal {
        open: 1,
        inside: at - 1,
        close: 1,
    })
}

/// Measures `r"…"`, `br#"…"#` and their like.
fn raw_string(text: &str) -> Option<Literal> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let hashes = text[prefix.len()..]
        .bytes()
        .take_while(|byte| *byte == b'#')
        .count();
    let open = prefix.len() + hashes + 1;
    if text.as_bytes().get(open - 1) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    match text[open..].find(&end) {
        Some(inside) => Some(Literal {
            open,
            inside,
            close: end.len(),
        }),
        None => Some(Literal {
            open,
            inside: text.len() - open,
            close: 0,
        }),
    }
}
