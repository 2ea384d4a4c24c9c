//! What a source gave, read into values.
//!
//! One file a form. Each takes bytes that anybody may have sent, is bounded by
//! [`model::limits::FORMAT_VALUES_MAX`], and never panics: an answer that is not of its form is an
//! [`Error`] that shows how it begins. What is no number (`NaN`, infinity, `U`) becomes
//! [`Value::None`], which no expression takes for a number. Start with [`Parser`].

mod json;
mod key_value;
pub mod nagios;
mod prometheus;
mod regexp;
mod scalar;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::Value;
use model::limits::FORMAT_VALUES_MAX;
use packs::collector::Format;

/// A form, made ready once and used for each answer.
#[derive(Clone, Debug)]
pub struct Parser {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Json,
    Nagios,
    Prometheus,
    KeyValue { separator: Arc<str> },
    Table(table::Table),
    Regexp(regexp::Regexp),
    Text,
}

/// Why an answer was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not of the form that was promised.
    #[error("the answer is not {form}: {problem}; it begins with {start}")]
    Malformed {
        /// The form.
        form: &'static str,
        /// What is wrong, and where.
        problem: String,
        /// How the answer begins, quoted.
        start: String,
    },
    /// It is of its form, and holds more than an agent keeps.
    #[error("the answer holds more than {FORMAT_VALUES_MAX} values: ask the source for fewer")]
    TooMany,
    /// The pattern of the pack cannot be used.
    #[error("the pattern cannot be used: {0}")]
    BadPattern(String),
}

impl Parser {
    /// Makes a form ready. Only a pattern can be refused.
    pub fn new(format: &Format) -> Result<Self, Error> {
        let kind = match format {
            Format::Json => Kind::Json,
            Format::Nagios => Kind::Nagios,
            Format::Prometheus => Kind::Prometheus,
            Format::KeyValue { separator } => Kind::KeyValue {
                separator: Arc::clone(separator),
            },
            Format::Table {
                separator,
                columns,
                key,
                only,
            } => Kind::Table(table::Table {
                separator: separator.clone(),
                columns: columns.clone(),
                key: key.clone(),
                only: only.clone(),
            }),
            Format::Regexp {
                pattern,
                lines,
                key,
            } => Kind::Regexp(regexp::Regexp::new(pattern, *lines, key.clone())?),
            // Values come without a form; whatever comes as bytes all the same stays text.
            Format::Text | Format::Values => Kind::Text,
        };
        Ok(Self { kind })
    }

    /// Reads an answer.
    pub fn parse(&self, bytes: &[u8]) -> Result<Value, Error> {
        let mut room = Room::new();
        if let Kind::Json = self.kind {
            return json::parse(bytes, &mut room);
        }
        // A wrong byte becomes a mark, so that one name in Latin-1 does not cost the whole answer.
        let text = String::from_utf8_lossy(bytes);
        match &self.kind {
            Kind::Json | Kind::Text => Ok(Value::from(&*text)),
            Kind::Nagios => Ok(nagios::parse(&text).to_value()),
            Kind::Prometheus => prometheus::parse(&text, &mut room),
            Kind::KeyValue { separator } => key_value::parse(&text, separator, &mut room),
            Kind::Table(table) => table.parse(&text, &mut room),
            Kind::Regexp(regexp) => regexp.parse(&text, &mut room),
        }
    }
}

/// How many values may still be made of an answer.
#[derive(Debug)]
struct Room {
    left: usize,
}

impl Room {
    fn new() -> Self {
        Self {
            left: FORMAT_VALUES_MAX,
        }
    }

    fn take(&mut self) -> Result<(), Error> {
        self.left = self.left.checked_sub(1).ok_or(Error::TooMany)?;
        Ok(())
    }
}

/// Makes the error of an answer that is not of its form.
fn malformed(form: &'static str, problem: impl Into<String>, text: &str) -> Error {
    let mut start: String = text.chars().take(START_CHARS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    Error::Malformed {
        form,
        problem: problem.into(),
        start: format!("{start:?}"),
    }
}

/// Enough to know an HTML page, a greeting or an error when one sees it.
const START_CHARS_MAX: usize = 60;
