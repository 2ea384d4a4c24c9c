//! What a parameter may be: type, default, bounds.

use std::sync::Arc;

use model::{Diagnostic, Place, Value, parse_interval};

use super::{Content, looks_secret, plain_or_secret};
use crate::fields::{Fields, UnknownKeys};
use crate::yaml::{Entry, Node};

/// What a parameter may be.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The name of the parameter.
    pub name: Arc<str>,
    /// The kind of value.
    pub kind: ParameterType,
    /// What it is when nothing is set.
    pub default: Content,
    /// The smallest number that is allowed.
    pub min: Option<f64>,
    /// The largest number that is allowed.
    pub max: Option<f64>,
    /// The texts that are allowed; empty is any.
    pub choices: Vec<Arc<str>>,
    /// True when it is never shown.
    pub secret: bool,
    /// What it is for.
    pub description: Option<Arc<str>>,
    /// Where it is declared.
    pub place: Place,
}

/// The kind of value that a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// A text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `10s`, `5m`.
    Interval,
    /// A list of texts.
    List,
    /// Values by name.
    Map,
}

/// The word, and the words of the original for the same.
const TYPES: &[(&str, ParameterType)] = &[
    ("text", ParameterType::Text),
    ("boolean", ParameterType::Boolean),
    ("integer", ParameterType::Integer),
    ("number", ParameterType::Number),
    ("interval", ParameterType::Interval),
    ("list", ParameterType::List),
    ("map", ParameterType::Map),
    ("string", ParameterType::Text),
    ("bool", ParameterType::Boolean),
    ("int", ParameterType::Integer),
    ("float", ParameterType::Number),
    ("string_list", ParameterType::List),
];

impl ParameterType {
    /// Gives the word that declares it.
    pub fn as_str(self) -> &'static str {
        TYPES
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("text", |(word, _)| word)
    }
}

impl Declaration {
    /// Tells what is wrong with a value, in words that follow the name of the parameter; the value
    /// is told only when it is no secret.
    pub fn check(&self, value: &Value) -> Option<String> {
        if !self.takes(value) {
            return Some(format!(
                "wants a value of type {}, not one {}",
                self.kind.as_str(),
                value.kind()
            ));
        }
        if let Some(number) = as_number(value) {
            if let Some(min) = self.min.filter(|min| number < *min) {
                return Some(format!("must be at least {min}"));
            }
            if let Some(max) = self.max.filter(|max| number > *max) {
                return Some(format!("must be at most {max}"));
            }
        }
        self.check_choice(value)
    }

    fn takes(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (ParameterType::Text, Value::Text(_))
            | (ParameterType::Boolean, Value::Bool(_))
            | (ParameterType::Integer | ParameterType::Number, Value::Int(_))
            | (ParameterType::Number, Value::Float(_))
            | (ParameterType::Map, Value::Map(_)) => true,
            // A number is a fine text: `channel: 5`, `password: 123456`.
            (ParameterType::Text, Value::Int(_) | Value::Float(_)) => true,
            (ParameterType::Interval, Value::Int(number)) => *number >= 0,
            (ParameterType::Interval, Value::Text(text)) => parse_interval(text).is_ok(),
            (ParameterType::List, Value::List(items)) => items.iter().all(is_scalar),
            (
                ParameterType::Text
                | ParameterType::Boolean
                | ParameterType::Integer
                | ParameterType::Number
                | ParameterType::Interval
                | ParameterType::List
                | ParameterType::Map,
                _,
            ) => false,
        }
    }

    fn check_choice(&self, value: &Value) -> Option<String> {
        if self.choices.is_empty() {
            return None;
        }
        let items = match value {
            Value::List(items) => &items[..],
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Map(_) => std::slice::from_ref(value),
        };
        let is_choice = |text: &Arc<str>| self.choices.contains(text);
        let allowed = |item: &Value| matches!(item, Value::Text(text) if is_choice(text));
        if items.iter().all(allowed) {
            return None;
        }
        let words: Vec<&str> = self.choices.iter().map(|choice| &**choice).collect();
        Some(format!("must be one of: {}", words.join(", ")))
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::None | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::None | Value::List(_) | Value::Map(_))
}

/// Reads `parameters:` of a `package.yml`.
pub(crate) fn read_declarations(fields: &mut Fields<'_>) -> Vec<Declaration> {
    fields
        .entries("parameters")
        .iter()
        .filter_map(|entry| read(entry, fields))
        .collect()
}

fn read(entry: &Entry, package: &mut Fields<'_>) -> Option<Declaration> {
    let mut fields = Fields::of(entry, "a declared parameter", package.report)?;
    let kind = fields.choice("type", TYPES);
    let default = fields.node("default").map(Node::to_value);
    let secret = fields
        .boolean("secret")
        .unwrap_or_else(|| looks_secret(&entry.key));
    let declaration = Declaration {
        name: Arc::clone(&entry.key),
        kind: kind.unwrap_or(ParameterType::Text),
        default: match &default {
            Some(value) => plain_or_secret(value, secret),
            None => Content::Missing,
        },
        min: number(&mut fields, "min"),
        max: number(&mut fields, "max"),
        choices: fields.texts("choices"),
        secret,
        description: fields.text("description"),
        place: entry.key_place.clone(),
    };
    if fields.node("type").is_none() {
        let place = fields.place().clone();
        let message = format!("the parameter `{}` has no `type`", entry.key);
        let words: Vec<&str> = TYPES.iter().take(7).map(|(word, _)| *word).collect();
        let hint = format!("one of: {}", words.join(", "));
        fields.report.error(&place, message, &hint);
    } else if let Some(problem) = default.and_then(|default| declaration.check(&default)) {
        let message = format!("the default of `{}` {problem}", entry.key);
        let place = fields.place().clone();
        fields.report.push(Diagnostic::error(place, message));
    }
    fields.finish(UnknownKeys::Refuse);
    Some(declaration)
}

fn number(fields: &mut Fields<'_>, key: &'static str) -> Option<f64> {
    let node = fields.node(key)?;
    let number = as_number(&node.to_value());
    if number.is_none() {
        fields
            .report
            .push(crate::expression::wrong_kind(node, key, "a number"));
    }
    number
}
