//! What a scalar means: the YAML 1.2 core schema.

use std::sync::Arc;

use model::Value;

/// Types an unquoted scalar. Integers beyond 64 bits become floating-point numbers.
pub(crate) fn type_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::None,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    type_integer(text)
        .or_else(|| type_float(text))
        .unwrap_or_else(|| Value::Text(Arc::from(text)))
}

/// Tells whether a text may stand unquoted in block and flow context and is still that text.
pub(crate) fn is_plain_safe(text: &str) -> bool {
    let first_is_safe = text
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() || "_/.$(".contains(c));
    first_is_safe
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text
            .chars()
            .all(|c| !c.is_control() && c != '\u{feff}' && !",[]{}&*!|>'\"%@`".contains(c))
        && matches!(type_plain(text), Value::Text(_))
        && !means_something_in_yaml_1_1(text)
}

/// A writer quotes these, so that other programs read the same text.
fn means_something_in_yaml_1_1(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off", "<<", "="]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
        || text.starts_with("---")
        || text.starts_with("...")
        || is_date_or_base_60(text)
}

/// Digits with colons or dashes are dates or numbers to the base of 60; an address has more dots.
fn is_date_or_base_60(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_digit() || "_:.-".contains(c))
        && text.matches('.').count() < 2
}

fn type_integer(text: &str) -> Option<Value> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(unsigned(digits)?, 16)
            .ok()
            .map(Value::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(unsigned(digits)?, 8)
            .ok()
            .map(Value::Int);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(Value::Int)
}

/// Rust reads a sign where YAML allows none.
fn unsigned(digits: &str) -> Option<&str> {
    (!digits.starts_with(['+', '-'])).then_some(digits)
}

fn type_float(text: &str) -> Option<Value> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Float(sign * f64::INFINITY));
    }
    let starts_as_number = body.starts_with(|c: char| c.is_ascii_digit())
        || body
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let holds_only = body
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if !starts_as_number || !holds_only {
        return None;
    }
    body.parse::<f64>()
        .ok()
        .map(|number| Value::Float(sign * number))
}
