//! A Rust file, taken apart just far enough for the checks.
//!
//! A scanner that knows comments, literals, braces and names, and nothing else of the language: the
//! checks count lines and look for words, so they need no syntax tree (and no parser as a guest).
//! Start with [`Source::parse`].

use std::collections::BTreeSet;

mod mask;
#[cfg(test)]
mod tests;

pub use mask::{Comment, CommentKind};

/// A Rust file with its comments and literals told apart from its code.
#[derive(Debug)]
pub struct Source {
    /// The text as written.
    pub text: String,
    /// The text with comments and the insides of literals blanked; offsets and lines are the same.
    pub code: String,
    /// The comments, in order; a block comment gives one entry for each of its lines.
    pub comments: Vec<Comment>,
    /// The lines that have some inside of a literal, from 1.
    pub literal_lines: BTreeSet<usize>,
    /// The functions that have a body, in order of their `fn`.
    pub functions: Vec<Span>,
    /// The items under `#[cfg(test)]`, attribute included.
    pub tests: Vec<Span>,
    /// The items under `#[rustfmt::skip]`, attribute included.
    pub hand_laid: Vec<Span>,
    /// The modules that live in another file.
    pub modules: Vec<Module>,
}

/// A run of lines with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The name of the function; empty for other items.
    pub name: String,
    /// The first line, from 1.
    pub first: usize,
    /// The last line.
    pub last: usize,
}

impl Span {
    /// Counts the lines.
    pub fn lines(&self) -> usize {
        self.last - self.first + 1
    }

    /// Tells whether a line is inside.
    pub fn holds(&self, line: usize) -> bool {
        (self.first..=self.last).contains(&line)
    }
}

/// A `mod name;`, which stands for another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The name.
    pub name: String,
    /// What `#[path = "…"]` says, where it is there.
    pub path: Option<String>,
    /// The line, from 1.
    pub line: usize,
}

/// A word or a single sign of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token<'a> {
    at: usize,
    text: &'a str,
}

impl Source {
    /// Takes a file apart; text that is no Rust gives some result and never a panic.
    pub fn parse(text: &str) -> Self {
        let masked = mask::mask(text);
        let tokens = tokens(&masked.code);
        let line_of = LineIndex::new(text);
        let spans = |attribute: &[&str]| attributed(&tokens, attribute, &line_of);
        Self {
            functions: functions(&tokens, &line_of),
            tests: spans(&["#", "[", "cfg", "(", "test", ")", "]"]),
            hand_laid: spans(&["#", "[", "rustfmt", ":", ":", "skip", "]"]),
            modules: modules(&tokens, text, &line_of),
            text: text.to_owned(),
            literal_lines: masked.literal_lines,
            comments: masked.comments,
            code: masked.code,
        }
    }

    /// Tells whether a line belongs to an item under `#[cfg(test)]`.
    pub fn in_tests(&self, line: usize) -> bool {
        self.tests.iter().any(|span| span.holds(line))
    }

    /// Tells whether `// tidy: <word>, <reason>` stands on a line or in the comments and attributes
    /// right above it. A waiver without a reason is none.
    pub fn waives(&self, line: usize, word: &str) -> bool {
        let above = self.text.lines().take(line - 1).collect::<Vec<_>>();
        let attached = above.iter().rev().take_while(|text| {
            let text = text.trim_start();
            text.starts_with("//") || text.starts_with("#[")
        });
        let first = line - attached.count();
        self.comments
            .iter()
            .filter(|comment| (first..=line).contains(&comment.line))
            .filter_map(|comment| comment.text.trim().strip_prefix("tidy:"))
            .filter_map(|waiver| waiver.split_once(','))
            .any(|(what, reason)| what.trim() == word && !reason.trim().is_empty())
    }

    /// Gives the lines of the code, numbered from 1.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Gives the lines that have a given run of tokens, spacing left aside: `["todo", "!"]`.
    pub fn lines_with(&self, wanted: &[&str]) -> Vec<usize> {
        if !wanted.iter().all(|token| self.code.contains(token)) {
            return Vec::new();
        }
        let tokens = tokens(&self.code);
        let line_of = LineIndex::new(&self.text);
        (0..tokens.len())
            .filter(|&index| starts_with(&tokens[index..], wanted))
            .map(|index| line_of.line(tokens[index].at))
            .collect()
    }
}

/// Finds the line of a byte.
struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            starts: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }
}

fn functions(tokens: &[Token], line_of: &LineIndex) -> Vec<Span> {
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        if pair[0].text != "fn" || !is_name(pair[1].text) {
            continue;
        }
        let item = item_end(&tokens[index..]);
        if let Some(Item {
            end,
            has_body: true,
        }) = item
        {
            found.push(Span {
                name: pair[1].text.to_owned(),
                first: line_of.line(pair[0].at),
                last: line_of.line(tokens[index + end].at),
            });
        }
    }
    found
}

fn attributed(tokens: &[Token], attribute: &[&str], line_of: &LineIndex) -> Vec<Span> {
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        if !starts_with(&tokens[index..], attribute) {
            continue;
        }
        let after = index + attribute.len();
        if let Some(item) = item_end(&tokens[after..]) {
            found.push(Span {
                name: String::new(),
                first: line_of.line(tokens[index].at),
                last: line_of.line(tokens[after + item.end].at),
            });
        }
    }
    found
}

fn modules(tokens: &[Token], text: &str, line_of: &LineIndex) -> Vec<Module> {
    let mut found = Vec::new();
    for (index, three) in tokens.windows(3).enumerate() {
        let [keyword, name, end] = three else {
            continue;
        };
        if keyword.text == "mod" && is_name(name.text) && end.text == ";" {
            found.push(Module {
                name: name.text.to_owned(),
                path: path_attribute(&tokens[..index], text),
                line: line_of.line(keyword.at),
            });
        }
    }
    found
}

/// Reads `#[path = "…"]` when it stands in front of a `mod`, other attributes and `pub` between.
fn path_attribute(before: &[Token], text: &str) -> Option<String> {
    let item = before
        .iter()
        .rposition(|token| [";", "}"].contains(&token.text));
    let own = &before[item.map_or(0, |at| at + 1)..];
    let at = (0..own.len()).find(|&at| starts_with(&own[at..], &["#", "[", "path", "="]))?;
    let literal = &text[own[at + 3].at..];
    literal.split('"').nth(1).map(str::to_owned)
}

/// The end of an item, as an index into its tokens.
struct Item {
    end: usize,
    has_body: bool,
}

/// Finds where an item ends: at its `;`, or at the brace that closes its first block.
fn item_end(tokens: &[Token]) -> Option<Item> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                return Some(Item {
                    end: index,
                    has_body: false,
                });
            }
            "{" if depth == 0 => {
                let end = index + closing_brace(&tokens[index..])?;
                return Some(Item {
                    end,
                    has_body: true,
                });
            }
            _ => {}
        }
    }
    None
}

fn closing_brace(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" if depth == 1 => return Some(index),
            "}" => depth -= 1,
            _ => {}
        }
    }
    None
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = code.char_indices().peekable();
    while let Some((at, sign)) = rest.next() {
        if sign.is_whitespace() {
            continue;
        }
        let mut end = at + sign.len_utf8();
        if is_word(sign) {
            while let Some((next, letter)) = rest.next_if(|(_, letter)| is_word(*letter)) {
                end = next + letter.len_utf8();
            }
        }
        found.push(Token {
            at,
            text: &code[at..end],
        });
    }
    found
}

fn starts_with(tokens: &[Token], wanted: &[&str]) -> bool {
    tokens.len() >= wanted.len()
        && wanted
            .iter()
            .zip(tokens)
            .all(|(wanted, token)| *wanted == token.text)
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}
