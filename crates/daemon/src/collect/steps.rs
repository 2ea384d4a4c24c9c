//! The steps of a run, for a pack author who looks at where it goes wrong.

use std::time::Instant;

use model::{Value, limits};
use rules::collectors::Trouble;
use rules::facts::Cost;

use crate::clock;

/// The steps of a run, noted only when somebody asked for them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    noted: Option<Vec<Step>>,
}

/// One step of a run.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What is done: `source`, `format`, `script` or `native`.
    pub name: &'static str,
    /// How: `tcp 127.0.0.1:6379`, `key_value`, `redis/collectors/redis.yml:9`.
    pub what: String,
    /// What it gave.
    pub gave: Gave,
    /// What it cost.
    pub cost: Cost,
}

/// What a step gave.
#[derive(Clone, Debug)]
pub(crate) enum Gave {
    /// The beginning of a text, and how many bytes are left out.
    Text(String, usize),
    /// A value.
    Value(Value),
    /// Nothing, and why.
    Error(String),
}

/// What can be shown of what a step gave.
pub(crate) trait Shown {
    /// Gives it for a person.
    fn shown(&self) -> Gave;
}

impl Steps {
    /// Notes nothing.
    pub(crate) fn none() -> Self {
        Self { noted: None }
    }

    /// Notes every step.
    pub(crate) fn all() -> Self {
        Self {
            noted: Some(Vec::new()),
        }
    }

    /// Tells whether anybody wants them.
    pub(crate) fn are_noted(&self) -> bool {
        self.noted.is_some()
    }

    /// Gives what was noted.
    pub(crate) fn into_noted(self) -> Vec<Step> {
        self.noted.unwrap_or_default()
    }

    /// Takes a step.
    pub(crate) fn take<T: Shown>(
        &mut self,
        name: &'static str,
        what: impl Into<String>,
        step: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Some(noted) = &mut self.noted else {
            return step();
        };
        let (began, cpu) = (Instant::now(), clock::thread_cpu());
        let result = step();
        let cost = Cost {
            wall: began.elapsed(),
            cpu: clock::thread_cpu().saturating_sub(cpu),
            bytes: 0,
        };
        let gave = match &result {
            Ok(gave) => gave.shown(),
            Err(trouble) => Gave::Error(trouble.reason.to_string()),
        };
        noted.push(Step {
            name,
            what: what.into(),
            gave,
            cost,
        });
        result
    }
}

impl Shown for Value {
    fn shown(&self) -> Gave {
        Gave::Value(self.clone())
    }
}

impl Shown for drivers::sources::Answer {
    fn shown(&self) -> Gave {
        match self {
            Self::Bytes(bytes) => text(bytes),
            Self::Files(files) => {
                let mut all = Vec::new();
                for (path, bytes) in files {
                    all.extend_from_slice(format!("==> {path}\n").as_bytes());
                    all.extend_from_slice(bytes);
                }
                text(&all)
            }
            Self::Values(value) => Gave::Value(value.clone()),
        }
    }
}

fn text(bytes: &[u8]) -> Gave {
    let kept = bytes.len().min(limits::STEP_TEXT_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes[..kept]).into_owned();
    Gave::Text(text, bytes.len() - kept)
}
