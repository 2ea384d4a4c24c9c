//! When a check runs, and how often it must say something before that counts.
//!
//! Each number may be a parameter of the pack, `"{{parameters.attempts}}"`, which is looked up when
//! the pack is read.

use std::sync::Arc;
use std::time::Duration;

use expr::{Env, Failure, Reference, Unknown};
use model::{Diagnostic, Value, parse_interval};

use super::{INTERVAL_DEFAULT, TIMEOUT_DEFAULT};
use crate::expression::{RawText, wrong_kind};
use crate::fields::{Fields, UnknownKeys, as_boolean};
use crate::object::Home;
use crate::scope::Scope;
use crate::yaml::Node;

/// When a check runs, and how often it must say something before that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// How often it runs.
    pub interval: Duration,
    /// How often it runs while its state is soft.
    pub retry_interval: Duration,
    /// Time that one run may take.
    pub timeout: Duration,
    /// Runs in a row that must be bad before the state counts as hard.
    pub attempts: u32,
    /// Runs in a row that must be good before a recovery counts.
    pub recovery_attempts: u32,
    /// When it changes too often; `None` when it may.
    pub flapping: Option<Flapping>,
    /// Whether a bad state counts only after the first time that it was OK: what is installed and
    /// was never started is no problem.
    pub needs_first_ok: bool,
}

/// How much of the last twenty runs may be changes, newer ones weighing more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flapping {
    /// From this share on, in percent, it is flapping.
    pub begin_pct: f64,
    /// Below this share it no longer is.
    pub end_pct: f64,
}

impl Default for Flapping {
    /// Six changes in twenty runs begin it, fewer than four end it: once around a hiccup (two
    /// changes) is far away, and the gap keeps flapping itself from flapping.
    fn default() -> Self {
        Self {
            begin_pct: 30.0,
            end_pct: 20.0,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            interval: INTERVAL_DEFAULT,
            retry_interval: INTERVAL_DEFAULT,
            timeout: TIMEOUT_DEFAULT,
            attempts: 1,
            recovery_attempts: 1,
            flapping: Some(Flapping::default()),
            needs_first_ok: false,
        }
    }
}

/// Reads the keys of the timing.
pub(super) fn read(fields: &mut Fields<'_>, home: &Arc<Home>) -> Timing {
    let default = Timing::default();
    let interval = interval(fields, "interval", home).unwrap_or(default.interval);
    Timing {
        interval,
        retry_interval: self::interval(fields, "retry_interval", home).unwrap_or(interval),
        timeout: self::interval(fields, "timeout", home).unwrap_or(default.timeout),
        attempts: count(fields, "attempts", home).unwrap_or(default.attempts),
        recovery_attempts: count(fields, "recovery_attempts", home)
            .unwrap_or(default.recovery_attempts),
        flapping: flapping(fields, home),
        needs_first_ok: fields.boolean("needs_first_ok").unwrap_or_default(),
    }
}

fn flapping(fields: &mut Fields<'_>, home: &Arc<Home>) -> Option<Flapping> {
    let Some(node) = fields.node("flapping") else {
        return Some(Flapping::default());
    };
    match as_boolean(node) {
        Some(true) => return Some(Flapping::default()),
        Some(false) => return None,
        None => {}
    }
    let mut inner = Fields::new(node, "flapping", fields.report)?;
    let begin = percent(&mut inner, "begin", home);
    let end = percent(&mut inner, "end", home);
    inner.finish(UnknownKeys::Refuse);
    let begin_pct = begin.unwrap_or(Flapping::default().begin_pct);
    let end_pct = end.unwrap_or(begin_pct * 2.0 / 3.0);
    if end_pct > begin_pct {
        fields.report.error(
            &node.place,
            format!("flapping ends at {end_pct} % and begins at {begin_pct} %"),
            "`end` is below `begin`: `flapping: {begin: 30, end: 20}`",
        );
    }
    Some(Flapping { begin_pct, end_pct })
}

/// Reads an interval of at least one second.
pub(super) fn interval(
    fields: &mut Fields<'_>,
    key: &'static str,
    home: &Arc<Home>,
) -> Option<Duration> {
    let node = fields.node(key)?;
    let text = resolved(node, key, "an interval", home, fields)?;
    let problem = match parse_interval(&text) {
        Ok(interval) if interval >= Duration::from_secs(1) => return Some(interval),
        Ok(_) => format!("`{key}` is shorter than one second"),
        Err(error) => error.to_string(),
    };
    fields
        .report
        .push(Diagnostic::error(node.place.clone(), problem));
    None
}

fn count(fields: &mut Fields<'_>, key: &'static str, home: &Arc<Home>) -> Option<u32> {
    // A hundred thousand runs are a day at one a second: more is a slip.
    const COUNT_MAX: u32 = 100_000;
    let node = fields.node(key)?;
    let text = resolved(node, key, "a whole number from 1 on", home, fields)?;
    let found = text.parse().ok().filter(|it| (1..=COUNT_MAX).contains(it));
    if found.is_none() {
        refuse(fields, node, key, "a whole number from 1 on", &text);
    }
    found
}

fn percent(fields: &mut Fields<'_>, key: &'static str, home: &Arc<Home>) -> Option<f64> {
    let node = fields.node(key)?;
    let text = resolved(node, key, "a percentage", home, fields)?;
    let found = as_percent(&text);
    if found.is_none() {
        refuse(fields, node, key, "a percentage from 0 to 100", &text);
    }
    found
}

/// Reads `30`, `30 %` or `30%`.
pub(super) fn as_percent(text: &str) -> Option<f64> {
    let number: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

pub(super) fn refuse(fields: &mut Fields<'_>, node: &Node, key: &str, wanted: &str, found: &str) {
    let diagnostic = if node.text().is_some_and(|text| text.contains("{{")) {
        let message = format!("`{key}` wants {wanted}, and the parameter is `{found}`");
        Diagnostic::error(node.place.clone(), message)
    } else {
        wrong_kind(node, key, wanted)
    };
    fields.report.push(diagnostic);
}

/// Gives a text with its parameters filled in.
pub(super) fn resolved(
    node: &Node,
    key: &str,
    wanted: &str,
    home: &Arc<Home>,
    fields: &mut Fields<'_>,
) -> Option<String> {
    let Some(text) = node.text() else {
        fields.report.push(wrong_kind(node, key, wanted));
        return None;
    };
    if !text.contains("{{") {
        return Some(text.to_string());
    }
    let raw = RawText::compile(node, fields.report)?;
    match raw.fill(&Scope::new(&ParametersOnly, Arc::clone(&home.parameters))) {
        Ok(filled) => Some(filled),
        Err(Failure::Error(diagnostic)) => {
            fields.report.push(diagnostic);
            None
        }
        Err(Failure::Unknown(unknown)) => {
            let hint = "it is read with the pack: only a parameter that is set can stand here";
            let message = format!("`{key}`: {unknown}");
            fields.report.error(&node.place, message, hint);
            None
        }
    }
}

/// The world while packs are read.
struct ParametersOnly;

impl Env for ParametersOnly {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        Err(Unknown::new(format!(
            "{reference} is not known while packs are read"
        )))
    }
}
