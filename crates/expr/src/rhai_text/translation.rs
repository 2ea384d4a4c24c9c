//! From a text as it is written to a text that the engine compiles, with the way back.
//!
//! References become calls, single-quoted strings double-quoted ones, Python's words the symbols
//! that mean the same. The whole stands in one function, so that a session can be given to it;
//! functions of the text itself are taken out and stand before it.

use std::collections::BTreeSet;

use model::limits;
use rhai::Position;

use crate::origin::Span;
use crate::path::{self, Ending, Path};
use crate::stop::Fault;

/// The function that the text stands in.
pub(super) const MAIN: &str = "main__";
/// Looks at the value of a reference, by its index.
pub(super) const REFERENCE: &str = "reference__";
/// The name of the function `match`, a word that the engine keeps for itself.
pub(super) const MATCH: &str = "match__";
/// Tells whether a reference has a value.
pub(super) const KNOWN: &str = "known__";

/// A translated text.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) text: String,
    /// Paths of the references, and whether each has a default.
    pub(super) paths: Vec<(Path, bool)>,
    /// Names that are called.
    pub(super) calls: BTreeSet<String>,
    /// Bytes of the translation and of the source that belong together, both rising.
    marks: Vec<(usize, usize)>,
    source_bytes: usize,
}

/// Translates a text whose body may use these variables.
pub(super) fn translate(source: &str, variables: &[&str]) -> Result<Translation, Fault> {
    let mut translator = Translator {
        source,
        at: 0,
        items: Output::default(),
        body: Output::default(),
        in_item: false,
        paths: Vec::new(),
        calls: BTreeSet::new(),
        depth: 0,
    };
    translator.all()?;
    let head = format!("fn {MAIN}({}) {{", variables.join(", "));
    let mut text = translator.items.text;
    let mut marks = translator.items.marks;
    text.push_str(&head);
    let start = text.len();
    marks.extend(
        translator
            .body
            .marks
            .iter()
            .map(|(to, from)| (to + start, *from)),
    );
    text.push_str(&translator.body.text);
    // A comment at the end must not swallow the brace.
    text.push_str("\n}");
    Ok(Translation {
        text,
        paths: translator.paths,
        calls: translator.calls,
        marks,
        source_bytes: source.len(),
    })
}

impl Translation {
    /// Finds the part of the source that a position in the translation came from.
    pub(super) fn span(&self, position: Position) -> Span {
        let (Some(line), Some(column)) = (position.line(), position.position()) else {
            return Span::new(0, self.source_bytes.min(1));
        };
        let of_line = self.text.split_inclusive('\n').take(line - 1);
        let start: usize = of_line.map(str::len).sum();
        let before = self.text[start..].chars().take(column.saturating_sub(1));
        let byte = start + before.map(char::len_utf8).sum::<usize>();
        let index = self.marks.partition_point(|(to, _)| *to <= byte);
        let source = match index.checked_sub(1).and_then(|index| self.marks.get(index)) {
            Some((to, from)) => from + (byte - to),
            None => 0,
        };
        let at = source.min(self.source_bytes.saturating_sub(1));
        Span::new(at, at + 1)
    }
}

#[derive(Default)]
struct Output {
    text: String,
    marks: Vec<(usize, usize)>,
}

struct Translator<'a> {
    source: &'a str,
    at: usize,
    items: Output,
    body: Output,
    in_item: bool,
    paths: Vec<(Path, bool)>,
    calls: BTreeSet<String>,
    /// How many defaults and back-quoted strings are around.
    depth: usize,
}

impl Translator<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    /// Writes text that stands for the source from here on.
    fn write(&mut self, text: &str) {
        let at = self.at;
        let output = if self.in_item {
            &mut self.items
        } else {
            &mut self.body
        };
        output.marks.push((output.text.len(), at));
        output.text.push_str(text);
    }

    /// Copies bytes of the source as they are.
    fn copy(&mut self, bytes: usize) {
        let text = self.source[self.at..self.at + bytes].to_owned();
        self.write(&text);
        self.at += bytes;
    }

    fn all(&mut self) -> Result<(), Fault> {
        let mut depth = 0_usize;
        while let Some(first) = self.rest().chars().next() {
            match first {
                '{' if !path::begins(self.source, self.at) => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !self.in_item && self.word() == Some("fn") {
                self.in_item = true;
            }
            let ends_item = self.in_item && depth == 0 && first == '}';
            self.one(first)?;
            if ends_item {
                self.write("\n");
                self.in_item = false;
            }
        }
        Ok(())
    }

    /// Translates what begins here.
    fn one(&mut self, first: char) -> Result<(), Fault> {
        self.depth += 1;
        let translated = if self.depth > limits::EXPRESSION_DEPTH_MAX {
            Err(Fault {
                span: Some(Span::new(self.at, self.at + 1)),
                message: format!(
                    "the text is nested deeper than {} levels",
                    limits::EXPRESSION_DEPTH_MAX
                ),
                hint: None,
            })
        } else {
            self.shallow(first)
        };
        self.depth -= 1;
        translated
    }

    fn shallow(&mut self, first: char) -> Result<(), Fault> {
        if path::begins(self.source, self.at) {
            return self.reference();
        }
        if self.rest().starts_with("//") {
            let length = self.rest().find('\n').unwrap_or(self.rest().len());
            self.copy(length);
        } else if self.rest().starts_with("/*") {
            let length = self
                .rest()
                .find("*/")
                .map_or(self.rest().len(), |end| end + 2);
            self.copy(length);
        } else if first == '\'' {
            self.single_quoted()?;
        } else if first == '"' {
            let length = self.string_length('"')?;
            self.copy(length);
        } else if first == '`' {
            self.back_quoted()?;
        } else if let Some(word) = self.word() {
            let word = word.to_owned();
            self.translate_word(&word);
        } else {
            self.copy(first.len_utf8());
        }
        Ok(())
    }

    /// Gives the word that begins here.
    fn word(&self) -> Option<&str> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let rest = self.rest();
        let begins = rest.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !self.source[..self.at].ends_with(is_part);
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        begins.then(|| &rest[..length])
    }

    fn translate_word(&mut self, word: &str) {
        let behind = self.rest()[word.len()..].trim_start();
        let is_key = behind.starts_with(':') || self.source[..self.at].ends_with('.');
        if behind.starts_with('(') {
            self.calls.insert(word.to_owned());
        }
        let symbol = match word {
            "True" => "true",
            "False" => "false",
            "None" => "()",
            "and" => "&&",
            "or" => "||",
            "not" => "!",
            "match" => MATCH,
            _ => word,
        };
        self.write(if is_key { word } else { symbol });
        self.at += word.len();
    }

    /// Turns `{{path}}` into a call, and `{{path||default}}` into a choice.
    fn reference(&mut self) -> Result<(), Fault> {
        let opened = path::read(self.source, self.at)?;
        let has_default = opened.ending != Ending::Closed || opened.alternative.is_some();
        let index = self.paths.len();
        self.paths.push((opened.path, has_default));
        if let Some(other) = opened.alternative {
            self.paths.push((other, false));
            let next = index + 1;
            self.write(&format!(
                "(if {KNOWN}({index}) {{ {REFERENCE}({index}) }} else {{ {REFERENCE}({next}) }})"
            ));
            self.at = opened.end;
            return Ok(());
        }
        if opened.ending == Ending::Closed {
            self.write(&format!("{REFERENCE}({index})"));
            self.at = opened.end;
            return Ok(());
        }
        self.write(&format!(
            "(if {KNOWN}({index}) {{ {REFERENCE}({index}) }} else {{ "
        ));
        let start = self.at;
        self.at = opened.end;
        let mut depth = 0_usize;
        while let Some(first) = self.rest().chars().next() {
            match first {
                '}' if depth == 0 && self.rest().starts_with("}}") => {
                    self.write(" })");
                    self.at += 2;
                    return Ok(());
                }
                '{' if !path::begins(self.source, self.at) => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.one(first)?;
        }
        Err(Fault {
            span: Some(Span::new(start, start + 2)),
            message: "the reference is not closed".to_owned(),
            hint: Some("a default ends with }}".to_owned()),
        })
    }

    fn string_length(&self, quote: char) -> Result<usize, Fault> {
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            if character == '\\' {
                characters.next();
            } else if character == quote {
                return Ok(at + 1);
            }
        }
        Err(Fault {
            span: Some(Span::new(self.at, self.at + 1)),
            message: "the text is not closed".to_owned(),
            hint: Some("close it with the same quote".to_owned()),
        })
    }

    /// A string in single quotes, which the engine would take for one character.
    fn single_quoted(&mut self) -> Result<(), Fault> {
        let length = self.string_length('\'')?;
        let inside = &self.source[self.at + 1..self.at + length - 1];
        let escaped = inside.replace("\\'", "'").replace('"', "\\\"");
        self.write(&format!("\"{escaped}\""));
        self.at += length;
        Ok(())
    }

    /// A string in back quotes: the parts in `${ … }` are code.
    fn back_quoted(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.copy(1);
        while let Some(first) = self.rest().chars().next() {
            if first == '`' {
                self.copy(1);
                return Ok(());
            }
            if !self.rest().starts_with("${") {
                self.copy(first.len_utf8());
                continue;
            }
            self.copy(2);
            let mut depth = 1_usize;
            while let Some(first) = self.rest().chars().next() {
                match first {
                    '{' if !path::begins(self.source, self.at) => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                self.one(first)?;
                if depth == 0 {
                    break;
                }
            }
        }
        Err(Fault {
            span: Some(Span::new(start, start + 1)),
            message: "the text is not closed".to_owned(),
            hint: Some("close it with a back quote".to_owned()),
        })
    }
}
