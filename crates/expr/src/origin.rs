//! Where an expression stands in its file, and the way from a byte of it to line and column.

use model::{Diagnostic, Place};

/// Where the text of an expression begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The place of its first character.
    pub place: Place,
    /// Columns in front of each further line, which the file has and the text has not (the
    /// indentation of a YAML block).
    pub indent: u32,
}

/// A part of a text: bytes from `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        // Longer texts are refused before anything is measured, so the fallback is never seen.
        let cut = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            start: cut(start),
            end: cut(end),
        }
    }

    /// Gives the span from the start of this one to the end of another.
    pub(crate) fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end,
        }
    }

    /// Gives the part of the text.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }
}

impl From<&Place> for Origin {
    fn from(place: &Place) -> Self {
        Self {
            place: place.clone(),
            indent: 0,
        }
    }
}

impl From<&Origin> for Origin {
    fn from(origin: &Origin) -> Self {
        origin.clone()
    }
}

impl Origin {
    /// Gives the place in the file of a byte of the text.
    pub(crate) fn place(&self, text: &str, byte: u32) -> Place {
        let before = text.get(..byte as usize).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        let of_line = before.rsplit('\n').next().unwrap_or("");
        let column = of_line.chars().count();
        let first = if line == 0 {
            self.place.column
        } else {
            self.indent + 1
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place {
            file: self.place.file.clone(),
            line: self.place.line.saturating_add(count(line)),
            column: first.saturating_add(count(column)),
        }
    }

    /// Makes an error about a part of the text, with its line as the file has it.
    ///
    /// The line is padded in front so that the caret stands right; whoever has the whole file may
    /// replace it by [`Diagnostic::with_source`].
    pub(crate) fn error(&self, text: &str, span: Span, message: String) -> Diagnostic {
        self.show(
            text,
            Diagnostic::error(self.place(text, span.start), message),
        )
    }

    /// Makes a warning about a part of the text, as [`Origin::error`] does.
    pub(crate) fn warning(&self, text: &str, span: Span, message: String) -> Diagnostic {
        self.show(
            text,
            Diagnostic::warning(self.place(text, span.start), message),
        )
    }

    fn show(&self, text: &str, mut diagnostic: Diagnostic) -> Diagnostic {
        let index = diagnostic.place.line.saturating_sub(self.place.line);
        let padding = if index == 0 {
            self.place.column.saturating_sub(1)
        } else {
            self.indent
        };
        let line = text.split('\n').nth(index as usize).unwrap_or("");
        diagnostic.source_line = Some(format!("{}{line}", " ".repeat(padding as usize)));
        diagnostic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &Origin, text: &str, byte: u32, expect: (u32, u32)) {
        let place = origin.place(text, byte);
        assert_eq!((place.line, place.column), expect, "{text:?} at {byte}");
    }

    #[test]
    fn places_are_those_of_the_file() {
        let origin = Origin {
            place: Place::new("cpu.yml", 7, 10),
            indent: 4,
        };
        check(&origin, "ab\ncd", 0, (7, 10));
        check(&origin, "ab\ncd", 1, (7, 11));
        check(&origin, "ab\ncd", 4, (8, 6));
        check(&origin, "é+x", 3, (7, 12));
        check(&origin, "ab", 99, (7, 12));
    }

    #[test]
    fn the_caret_stands_under_the_character() {
        let origin = Origin::from(&Place::new("cpu.yml", 1, 4));
        let error = origin.error("1 +", Span::new(2, 3), "an operand is missing".to_owned());
        assert_eq!(
            error.render(),
            "cpu.yml:1:6: error: an operand is missing\n 1 |    1 +\n   |      ^\n"
        );
    }
}
