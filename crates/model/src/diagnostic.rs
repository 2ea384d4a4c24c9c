//! One shape for everything that is wrong in a text that people wrote.
//!
//! Configuration, packs and expressions report problems as a list of [`Diagnostic`], never as the
//! first failure: a person wants to mend a file once, not once per error.

use std::fmt;
use std::sync::Arc;

/// A place in a text file. Line and column count from 1; column counts characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user would name it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// Names a place in a file.
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self {
            file: file.into(),
            line,
            column,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The thing is not usable.
    Error,
    /// The thing works, and probably not as its author thinks.
    Warning,
}

impl Severity {
    /// Gives the word printed before the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something wrong at a place, what would be right, and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong: lower case, no full stop, names the thing.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    /// The text of the line, for the caret.
    pub source_line: Option<String>,
}

impl Diagnostic {
    /// Makes an error.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, place, message.into())
    }

    /// Makes a warning.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, message.into())
    }

    fn new(severity: Severity, place: Place, message: String) -> Self {
        Self {
            severity,
            place,
            message,
            hint: None,
            source_line: None,
        }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the line the place points into, taken out of the whole text.
    #[must_use]
    pub fn with_source(mut self, text: &str) -> Self {
        let index = self.place.line.saturating_sub(1) as usize;
        self.source_line = text.lines().nth(index).map(str::to_owned);
        self
    }

    /// Tells whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Renders it for people: the place, the message, the line with a caret, the hint.
    pub fn render(&self) -> String {
        let mut text = format!(
            "{}: {}: {}\n",
            self.place,
            self.severity.as_str(),
            self.message
        );
        if let Some(line) = &self.source_line {
            let number = self.place.line.to_string();
            let margin = " ".repeat(number.len());
            let (line, column) = window(line, self.place.column.saturating_sub(1) as usize);
            // Tabs are kept so that the caret stands under the same column in any terminal.
            let lead: String = line
                .chars()
                .take(column)
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            text.push_str(&format!(" {number} | {line}\n {margin} | {lead}^\n"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("   hint: {hint}\n"));
        }
        text
    }
}

/// Longest part of a line that is shown: a line without end must not flood the terminal.
const SHOWN_CHARS_MAX: usize = 160;

/// Cuts a long line around a column, and gives the column inside of what is left.
fn window(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().count();
    if length <= SHOWN_CHARS_MAX {
        return (line.to_owned(), column);
    }
    let first = column
        .saturating_sub(SHOWN_CHARS_MAX / 2)
        .min(length - SHOWN_CHARS_MAX);
    let part = line.chars().skip(first).take(SHOWN_CHARS_MAX);
    let before = if first > 0 { "…" } else { "" };
    let behind = if first + SHOWN_CHARS_MAX < length {
        "…"
    } else {
        ""
    };
    let shown = format!("{before}{}{behind}", part.collect::<String>());
    (shown, column - first + before.chars().count())
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.place,
            self.severity.as_str(),
            self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_line_with_a_caret_under_the_column() {
        let diagnostic = Diagnostic::error(Place::new("agent.yml", 2, 3), "unknown key `prot`")
            .with_source("a: 1\n\tprot: 2\n")
            .with_hint("did you mean `port`?");
        assert_eq!(
            diagnostic.render(),
            "agent.yml:2:3: error: unknown key `prot`\n 2 | \tprot: 2\n   | \t ^\n   hint: did you mean `port`?\n"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let check = |column: u32, shown: &str, caret_at: usize| {
            let line = "é".repeat(999) + "x";
            let text = Diagnostic::error(Place::new("f", 1, column), "bad")
                .with_source(&line)
                .render();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[1], format!(" 1 | {shown}"));
            assert_eq!(lines[2], format!("   | {}^", " ".repeat(caret_at)));
        };
        check(1, &format!("{}…", "é".repeat(160)), 0);
        check(500, &format!("…{}…", "é".repeat(160)), 81);
        check(1000, &format!("…{}x", "é".repeat(159)), 160);
        check(1001, &format!("…{}x", "é".repeat(159)), 161);
    }

    #[test]
    fn a_place_beyond_the_text_renders_without_a_line() {
        let diagnostic = Diagnostic::warning(Place::new("x", 9, 1), "gone").with_source("one\n");
        assert_eq!(diagnostic.render(), "x:9:1: warning: gone\n");
    }
}
