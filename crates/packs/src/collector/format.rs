//! What form the data of a collector has.

use std::sync::Arc;

use model::Diagnostic;

use super::Source;
use crate::fields::{Fields, UnknownKeys, unknown_word};
use crate::yaml::Node;

/// What form data has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON document.
    Json,
    /// Output of a Nagios plugin: text, `|`, performance data.
    Nagios,
    /// Lines of the Prometheus exposition format.
    Prometheus,
    /// Lines with a name and a value.
    KeyValue {
        /// What stands between both.
        separator: Arc<str>,
    },
    /// Lines of columns with a heading.
    Table {
        /// What stands between columns; `None` is white space.
        separator: Option<Arc<str>>,
        /// The column whose value names the line; `None` gives a list.
        key: Option<Arc<str>>,
    },
    /// Named groups of a regular expression.
    Regexp {
        /// The pattern.
        pattern: Arc<str>,
    },
    /// The text itself.
    Text,
    /// Values already, as `native` and `sql` give them.
    Values,
}

const FORMATS: [&str; 7] = [
    "json",
    "nagios",
    "prometheus",
    "key_value",
    "table",
    "regexp",
    "text",
];

/// `format: json`, or `format: {regexp: {pattern: …}}` for one with options.
pub(super) fn read(fields: &mut Fields<'_>, source: Option<&Source>) -> Option<Format> {
    let Some(node) = fields.node("format") else {
        let gives_values = matches!(source, Some(Source::Native { .. } | Source::Sql { .. }));
        return Some(if gives_values {
            Format::Values
        } else {
            Format::Text
        });
    };
    if let Some(word) = node.text() {
        return plain_format(word, node, fields);
    }
    let [entry] = node.entries().unwrap_or_default() else {
        let hint = format!("one of: {}", FORMATS.join(", "));
        fields
            .report
            .error(&node.place, "a format is one key: its kind", &hint);
        return None;
    };
    let mut options = Fields::of(entry, "format", fields.report)?;
    let format = match &*entry.key {
        "key_value" => Some(Format::KeyValue {
            separator: options.text("separator").unwrap_or_else(|| Arc::from(":")),
        }),
        "table" => Some(Format::Table {
            separator: options.text("separator"),
            key: options.text("key"),
        }),
        "regexp" => options
            .required_text("pattern")
            .map(|pattern| Format::Regexp { pattern }),
        other => return plain_format(other, node, fields),
    };
    options.finish(UnknownKeys::Refuse);
    format
}

fn plain_format(word: &str, node: &Node, fields: &mut Fields<'_>) -> Option<Format> {
    match word {
        "json" => Some(Format::Json),
        "nagios" => Some(Format::Nagios),
        "prometheus" => Some(Format::Prometheus),
        "key_value" => Some(Format::KeyValue {
            separator: Arc::from(":"),
        }),
        "table" => Some(Format::Table {
            separator: None,
            key: None,
        }),
        "text" => Some(Format::Text),
        "regexp" => {
            fields.report.push(
                Diagnostic::error(node.place.clone(), "the format `regexp` has no pattern")
                    .with_hint("write `format: {regexp: {pattern: '…'}}`"),
            );
            None
        }
        other => {
            fields
                .report
                .push(unknown_word(&node.place, "`format`", other, &FORMATS));
            None
        }
    }
}
