//! From a character of a scalar's text back to its place in the file.
//!
//! YAML folds lines, doubles quotes and escapes characters, so a column inside an expression is not
//! a column of the file. [`Layout`] remembers where both run apart.

use std::sync::Arc;

use model::{Diagnostic, Place};

use super::{Node, Style};

/// How the text of a scalar lies in its file.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    /// Each line of the text is a line of the file, indented by so many columns.
    Lines {
        /// Place of the first character.
        place: Place,
        /// Columns in front of each further line.
        indent: u32,
    },
    /// Text and file run apart at these points.
    Folded {
        /// The file.
        file: Arc<str>,
        /// Points in the order of the text; the first is at character 0.
        points: Arc<[Point]>,
        /// Number of characters in front of each line of the text.
        line_starts: Arc<[u32]>,
    },
}

/// From this character of the text on, columns of the file count up from here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    character: u32,
    line: u32,
    column: u32,
}

impl Layout {
    /// Finds how a scalar lies in the text of its file.
    pub(crate) fn of(node: &Node, file_text: &str) -> Self {
        let text = node.text().map(|text| &**text).unwrap_or_default();
        let source = file_text.get(node.span.clone()).unwrap_or_default();
        let lines = |lead: u32| Self::Lines {
            place: Place {
                column: node.place.column + lead,
                ..node.place.clone()
            },
            indent: node.place.column - 1,
        };
        match node.style {
            _ if node.aliased => lines(0),
            Style::Literal | Style::Block | Style::Flow => lines(0),
            Style::Plain if !source.contains('\n') => lines(0),
            Style::SingleQuoted if !source.contains('\n') && !text.contains('\'') => lines(1),
            Style::DoubleQuoted if !source.contains(['\n', '\\']) => lines(1),
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted | Style::Folded => {
                Self::Folded {
                    file: Arc::clone(&node.place.file),
                    points: points(node, text, file_text).into(),
                    line_starts: line_starts(text).into(),
                }
            }
        }
    }

    /// Gives what the compiler of expressions should take as the start of the text.
    pub(crate) fn origin(&self) -> expr::Origin {
        match self {
            Self::Lines { place, indent } => expr::Origin {
                place: place.clone(),
                indent: *indent,
            },
            Self::Folded { file, .. } => expr::Origin {
                place: Place::new(Arc::clone(file), 1, 1),
                indent: 0,
            },
        }
    }

    /// Gives the place of a character of the text, counted from 0.
    pub(crate) fn character(&self, text: &str, at: usize) -> Place {
        let mut place = self.origin().place;
        let indent = self.origin().indent;
        for letter in text.chars().take(at) {
            if letter == '\n' {
                place.line += 1;
                place.column = indent + 1;
            } else {
                place.column += 1;
            }
        }
        self.place(&place)
    }

    /// Turns a place that counts from [`Layout::origin`] into one of the file.
    pub(crate) fn place(&self, place: &Place) -> Place {
        match self {
            Self::Lines { .. } => place.clone(),
            Self::Folded {
                file,
                points,
                line_starts,
            } => {
                let line_start = line_starts
                    .get(place.line.saturating_sub(1) as usize)
                    .copied()
                    .unwrap_or(0);
                let character = line_start + place.column.saturating_sub(1);
                let at = points.partition_point(|point| point.character <= character);
                match points.get(at.saturating_sub(1)) {
                    Some(point) => Place::new(
                        Arc::clone(file),
                        point.line,
                        point.column + (character - point.character),
                    ),
                    None => place.clone(),
                }
            }
        }
    }

    /// Moves a diagnostic about the text to its place in the file.
    pub(crate) fn settle(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if let Self::Folded { .. } = self {
            diagnostic.place = self.place(&diagnostic.place);
            diagnostic.source_line = None;
        }
        diagnostic
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    let ends = text.chars().enumerate().filter(|(_, c)| *c == '\n');
    std::iter::once(0)
        .chain(ends.map(|(at, _)| at as u32 + 1))
        .collect()
}

/// Walks text and source side by side. White space may differ by folding; everything else stands
/// in both in the same order, escaped or not.
fn points(node: &Node, text: &str, file_text: &str) -> Vec<Point> {
    let mut walk = Walk {
        rest: content(node, file_text),
        line: node.place.line,
        column: node.place.column,
    };
    if node.style.is_quoted() {
        walk.skip(1);
    }
    let mut points: Vec<Point> = Vec::new();
    let mut expected = None;
    for (at, wanted) in text.chars().enumerate() {
        let is_blank = wanted.is_whitespace();
        if !is_blank {
            walk.skip_blanks();
        }
        let here = (walk.line, walk.column);
        if expected != Some(here) {
            points.push(Point {
                character: at as u32,
                line: here.0,
                column: here.1,
            });
        }
        match node.style {
            Style::DoubleQuoted if walk.rest.starts_with('\\') => walk.skip_escape(),
            Style::SingleQuoted if wanted == '\'' => walk.skip(2),
            _ if !is_blank || walk.rest.starts_with(wanted) => walk.skip(1),
            _ => {}
        }
        expected = Some((here.0, here.1 + 1));
    }
    points
}

/// The source of a scalar from its place on: without the header of a block text.
fn content<'text>(node: &Node, file_text: &'text str) -> &'text str {
    let source = file_text.get(node.span.clone()).unwrap_or_default();
    match node.style {
        Style::Folded | Style::Literal => source
            .split_once('\n')
            .map_or("", |(_, below)| below.trim_start()),
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted | Style::Block | Style::Flow => {
            source
        }
    }
}

struct Walk<'text> {
    rest: &'text str,
    line: u32,
    column: u32,
}

impl Walk<'_> {
    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            let mut characters = self.rest.chars();
            match characters.next() {
                Some('\n') => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => return,
            }
            self.rest = characters.as_str();
        }
    }

    fn skip_blanks(&mut self) {
        while self.rest.starts_with(char::is_whitespace) || self.rest.starts_with("\\\n") {
            self.skip(1);
        }
    }

    fn skip_escape(&mut self) {
        let len = match self.rest.chars().nth(1) {
            Some('x') => 4,
            Some('u') => 6,
            Some('U') => 10,
            Some(_) | None => 2,
        };
        self.skip(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each letter of the text must be found where it stands in the file.
    fn check(file_text: &str) {
        let (root, _) = super::super::parse("f", file_text);
        let root = root.unwrap();
        let node = root.get("k").unwrap();
        let layout = Layout::of(node, file_text);
        let text = node.text().unwrap();
        let origin = layout.origin();
        let (mut line, mut column) = (origin.place.line, origin.place.column);
        for wanted in text.chars() {
            let place = layout.place(&Place::new("f", line, column));
            let found = file_text
                .lines()
                .nth(place.line as usize - 1)
                .and_then(|text| text.chars().nth(place.column as usize - 1));
            if wanted.is_ascii_alphabetic() {
                assert_eq!(found, Some(wanted), "{file_text:?} at {place}");
            }
            if wanted == '\n' {
                (line, column) = (line + 1, 1 + origin.indent);
            } else {
                column += 1;
            }
        }
    }

    #[test]
    fn every_letter_is_found_in_its_file() {
        for text in [
            "k: abc def",
            "k: 'abc def'",
            "k: 'it''s e'",
            "k: \"abc def\"",
            "k: \"ab\\\"c \\u00e9 def\\nghi\"",
            "k: \"abc\n  def\n\n  ghi\"",
            "k: |\n  abc\n    def\n\n  ghi\n",
            "k: >-\n  abc\n  def\n\n  ghi\n    jkl\n  mno\n",
            "k: abc\n  def\n  ghi\n",
            "k: 'abc\n  def'",
        ] {
            check(text);
        }
    }
}
