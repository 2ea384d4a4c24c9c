//! Comes to a verdict: variables, then `critical_if`, then `warning_if`, then what is said.
//!
//! A value that is missing makes the check UNKNOWN with the reason, and so does an expression that
//! fails: a check never alerts on what it cannot see, and never stays silent about it.

use std::sync::Arc;

use expr::{Env, Failure};
use model::{CheckState, Value};

use super::{Check, Conditions, Method};
use crate::expression::Expression;
use crate::scope::Scope;

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it is.
    pub state: CheckState,
    /// What is said about it.
    pub output: String,
}

/// One of the things that a check with `for_each` looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// The name of the thing.
    pub name: Arc<str>,
    /// What `{{item}}` is.
    pub item: Value,
}

/// Judges a check without `for_each`.
pub fn judge(check: &Check, env: &dyn Env) -> Verdict {
    judge_in(check, Scope::new(env, Arc::clone(&check.home.parameters)))
}

/// Judges one of the things of a check with `for_each`.
pub fn judge_item(check: &Check, instance: &Instance, env: &dyn Env) -> Verdict {
    let scope = Scope::new(env, Arc::clone(&check.home.parameters));
    judge_in(check, scope.with_item(instance.item.clone()))
}

/// Lists the things that a check with `for_each` looks at; or why they are not known. A list
/// gives its items; a map gives `{{item.key}}` and `{{item.value}}` of each entry.
pub fn instances(check: &Check, env: &dyn Env) -> Result<Vec<Instance>, Verdict> {
    let Some(for_each) = &check.for_each else {
        return Ok(Vec::new());
    };
    let scope = Scope::new(env, Arc::clone(&check.home.parameters));
    let items = for_each
        .evaluate(&scope)
        .map_err(|failure| unknown("for_each", &failure))?;
    match items {
        Value::List(items) => Ok(items
            .iter()
            .enumerate()
            .map(|(at, item)| Instance {
                name: item_name(item, at),
                item: item.clone(),
            })
            .collect()),
        Value::Map(entries) => Ok(entries
            .iter()
            .map(|(key, value)| Instance {
                name: Arc::clone(key),
                item: Value::map([
                    ("key", Value::Text(Arc::clone(key))),
                    ("value", value.clone()),
                ]),
            })
            .collect()),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {
            Err(Verdict {
                state: CheckState::Unknown,
                output: format!(
                    "UNKNOWN: for_each gives one {}, and a list or map is wanted",
                    items.kind()
                ),
            })
        }
    }
}

fn item_name(item: &Value, at: usize) -> Arc<str> {
    match item {
        Value::Text(text) => Arc::clone(text),
        Value::Int(number) => Arc::from(number.to_string()),
        Value::Map(_) => match item.get("name") {
            Some(Value::Text(name)) => Arc::clone(name),
            Some(_) | None => Arc::from(at.to_string()),
        },
        Value::None | Value::Bool(_) | Value::Float(_) | Value::List(_) => {
            Arc::from(at.to_string())
        }
    }
}

fn judge_in(check: &Check, scope: Scope<'_>) -> Verdict {
    let elsewhere = |from: &str| Verdict {
        state: CheckState::Unknown,
        output: format!("UNKNOWN: the state of this check comes from {from}"),
    };
    let conditions = match &check.method {
        Method::Conditions(conditions) => conditions,
        Method::Aggregate(aggregate) => return aggregate.judge(&scope),
        Method::Script(_) => return elsewhere("its script"),
        Method::Probe(_) => return elsewhere("its probe"),
        Method::Push(_) => return elsewhere("whoever reports it"),
    };
    let scope = match scope.with_variables(&check.variables) {
        Ok(scope) => scope,
        Err((name, failure)) => return unknown(&format!("variables.{name}"), &failure),
    };
    let state = match state(conditions, &scope) {
        Ok(state) => state,
        Err((key, failure)) => return unknown(key, &failure),
    };
    Verdict {
        state,
        output: output(check, conditions, state, &scope),
    }
}

fn state(conditions: &Conditions, env: &dyn Env) -> Result<CheckState, (&'static str, Failure)> {
    let holds = |condition: &Option<Box<Expression>>, key| match condition {
        Some(condition) => condition.holds(env).map_err(|failure| (key, failure)),
        None => Ok(false),
    };
    if holds(&conditions.critical_if, "critical_if")? {
        return Ok(CheckState::Critical);
    }
    if holds(&conditions.warning_if, "warning_if")? {
        return Ok(CheckState::Warning);
    }
    Ok(CheckState::Ok)
}

fn output(check: &Check, conditions: &Conditions, state: CheckState, env: &dyn Env) -> String {
    let (key, expression) = match state {
        CheckState::Ok => ("ok_output", &conditions.ok_output),
        CheckState::Warning => ("warning_output", &conditions.warning_output),
        CheckState::Critical => ("critical_output", &conditions.critical_output),
        CheckState::Unknown | CheckState::Pending => ("ok_output", &None),
    };
    match expression.as_ref().map(|output| output.answer(env)) {
        None => format!("{state}: {}", check.display_name),
        Some(Ok(answer)) => answer.text,
        // The state is known and stays: only the words for it are missing.
        Some(Err(failure)) => format!(
            "{state}: {} ({key}: {})",
            check.display_name,
            reason(&failure)
        ),
    }
}

fn unknown(key: &str, failure: &Failure) -> Verdict {
    Verdict {
        state: CheckState::Unknown,
        output: format!("UNKNOWN: {key}: {}", reason(failure)),
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Unknown(unknown) => unknown.reason.clone(),
        Failure::Error(diagnostic) => diagnostic.to_string(),
    }
}
