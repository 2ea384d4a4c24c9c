//! The text exposition of Prometheus: `name{label="value"} 12 1700000000`.
//!
//! A metric without labels is a number under its name. One with labels is a map whose keys are the
//! labels as `code=200,method=get`, ordered by name, so that the same series has the same key in
//! each run.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;

use super::{Error, Room, malformed};

#[derive(Default)]
struct Metric {
    plain: Option<Value>,
    series: BTreeMap<Arc<str>, Value>,
}

/// Reads samples; remarks (`# HELP`, `# TYPE`) are passed over. A broken line breaks the answer, as
/// nobody knows what else is missing from it.
pub(super) fn parse(text: &str, room: &mut Room) -> Result<Value, Error> {
    let mut metrics: BTreeMap<Arc<str>, Metric> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, labels, value)) = sample(line) else {
            let problem = format!("line {} is no sample", index + 1);
            return Err(malformed("Prometheus metrics", problem, line));
        };
        room.take()?;
        let metric = metrics.entry(Arc::from(name)).or_default();
        if labels.is_empty() {
            metric.plain = Some(value);
        } else {
            metric.series.insert(Arc::from(key(labels)), value);
        }
    }
    if metrics.is_empty() {
        return Err(malformed("Prometheus metrics", "it has no sample", text));
    }
    Ok(Value::map(metrics.into_iter().map(|(name, metric)| {
        let value = match (metric.plain, metric.series) {
            (Some(plain), series) if series.is_empty() => plain,
            (plain, series) => {
                let plain = plain.map(|value| (Arc::from(""), value));
                Value::map(plain.into_iter().chain(series))
            }
        };
        (name, value)
    })))
}

type Labels<'a> = BTreeMap<&'a str, String>;

/// Takes a line apart.
fn sample(line: &str) -> Option<(&str, Labels<'_>, Value)> {
    let end =
        line.find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':')))?;
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Labels::new(), rest),
    };
    // Behind the value may stand a time and an exemplar.
    let value = number(rest.split_ascii_whitespace().next()?)?;
    Some((name, labels, value))
}

/// Reads `a="1",b="2"}` and gives what follows.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.insert(name.trim(), value);
        rest = after;
    }
}

/// Reads up to the closing quote, and gives what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn key(labels: Labels<'_>) -> String {
    let pairs: Vec<String> = labels
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(",")
}

/// Reads a number; what is none by name (`NaN`, `+Inf`) is known not to be known.
fn number(word: &str) -> Option<Value> {
    if let Ok(whole) = word.parse() {
        return Some(Value::Int(whole));
    }
    let number: f64 = word.parse().ok()?;
    Some(if number.is_finite() {
        Value::Float(number)
    } else {
        Value::None
    })
}
