//! What one run of a text may see: values of references, answers, and counters of a collector.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;
use rhai::NativeCallContext;

use crate::Unknown;
use crate::datum::Datum;
use crate::function::Function;
use crate::stop::{Step, Stop, fault};

/// What one run may see. It never changes while the text runs.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) references: Vec<Result<Value, Unknown>>,
    /// Answers by question.
    pub(crate) answers: BTreeMap<String, Step<Datum>>,
    pub(crate) rates: Option<Rates>,
}

/// What `rate(…)` computes with.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    pub(crate) raw: Value,
    pub(crate) previous: Option<Value>,
    pub(crate) seconds: f64,
}

/// Why a run was ended from inside a function; the text cannot catch it.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    /// The answer must be found outside.
    Question(Question),
    /// Something is wrong or not known.
    Stop(Stop),
}

/// A call that the session has no answer to.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The call as text: the same call is the same question.
    pub(crate) key: String,
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Datum>,
}

impl Session {
    /// Gives the session of the run that calls.
    pub(super) fn of(context: &NativeCallContext<'_>) -> Step<Arc<Self>> {
        match context.tag().and_then(|tag| tag.clone().try_cast()) {
            Some(session) => Ok(session),
            None => fault("the text runs outside of a session"),
        }
    }
}

impl Rates {
    /// Gives how much a counter grew in a second; `None` when there is nothing to compare with, or
    /// when the counter began anew.
    pub(super) fn rate(&self, name: &str) -> Step<Datum> {
        let Some(now) = find(&self.raw, name) else {
            return Err(Unknown::new(format!("the raw data has no `{name}`")).into());
        };
        let before = self
            .previous
            .as_ref()
            .and_then(|previous| find(previous, name));
        let (Some(now), Some(before)) = (number(now), before.and_then(number)) else {
            return Ok(Datum::None);
        };
        let grown = now - before;
        if grown < 0.0 || self.seconds <= 0.0 {
            return Ok(Datum::None);
        }
        Ok(Datum::Float(grown / self.seconds))
    }
}

/// Finds a member by its name, or by a path of names with dots between them.
fn find<'a>(tree: &'a Value, name: &str) -> Option<&'a Value> {
    tree.get(name)
        .or_else(|| name.split('.').try_fold(tree, |at, part| at.get(part)))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::None | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}
