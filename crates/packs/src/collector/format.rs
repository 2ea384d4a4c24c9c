//! What form the data of a collector has.

use std::sync::Arc;

use model::Diagnostic;
use model::limits::REGEXP_BYTES_MAX;
use regex::RegexBuilder;

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
        /// The names of the columns; when there are none the first line has them.
        columns: Vec<Arc<str>>,
        /// The columns whose values name the line, from the outside in; none gives a list.
        key: Vec<Arc<str>>,
        /// The columns that are kept; none means all.
        only: Vec<Arc<str>>,
    },
    /// Named groups of a regular expression.
    Regexp {
        /// The pattern.
        pattern: Arc<str>,
        /// Whether each line is tried by itself; else the text as a whole.
        lines: bool,
        /// The group whose value names the line; `None` gives a list.
        key: Option<Arc<str>>,
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
            columns: options.texts("columns"),
            key: options.texts("key"),
            only: options.texts("only"),
        }),
        "regexp" => regexp(&mut options),
        other => return plain_format(other, node, fields),
    };
    options.finish(UnknownKeys::Refuse);
    format
}

/// `regexp: {pattern: …}`; what cannot be compiled is told here, not at the first run.
fn regexp(options: &mut Fields<'_>) -> Option<Format> {
    let pattern = options.required_text("pattern");
    let lines = options.boolean("lines").unwrap_or(false);
    let key = options.text("key");
    let pattern = pattern?;
    let place = options.node("pattern")?.place.clone();
    let compiled = RegexBuilder::new(&pattern)
        .size_limit(REGEXP_BYTES_MAX)
        .build();
    let (problem, hint) = match compiled {
        Err(error) => (format!("the pattern is no regular expression: {error}"), ""),
        Ok(compiled) if compiled.capture_names().flatten().next().is_none() => (
            "the pattern names no group, so nothing would be read".to_owned(),
            "write `(?<name>…)` around what is wanted",
        ),
        Ok(compiled) => match &key {
            Some(key) if !compiled.capture_names().flatten().any(|it| it == &**key) => (
                format!("the pattern has no group `{key}`"),
                "`key` names one of its groups",
            ),
            Some(_) | None => {
                return Some(Format::Regexp {
                    pattern,
                    lines: lines || key.is_some(),
                    key,
                });
            }
        },
    };
    options.report.error(&place, &problem, hint);
    None
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
            columns: Vec::new(),
            key: Vec::new(),
            only: Vec::new(),
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
