//! What the collectors want done and tell, and what comes back to them.

use std::sync::Arc;
use std::time::Duration;

use model::{Value, WallTime};

use crate::facts::{Cost, State};

/// What shall be done, or told.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Run a collector, and give what came of it to [`super::Collectors::ended`].
    Collect(Job),
    /// Drop what a collector remembers from run to run: it is gone, or another one.
    Forget(Arc<str>),
    /// A collector changed its state: for the history.
    Changed(Change),
    /// A collector gave another value than before, or its value is no longer believed.
    Moved(Moved),
}

/// A run that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The collector.
    pub name: Arc<str>,
    /// The number of the run.
    pub run: u64,
    /// Time that it may take.
    pub timeout: Duration,
    /// Whether it ended at once when it ran last: it need not run beside others.
    pub is_quick: bool,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The collector.
    pub name: Arc<str>,
    /// What it was.
    pub old: State,
    /// What it is.
    pub new: State,
    /// Why.
    pub reason: Arc<str>,
    /// What to do about it.
    pub todo: Arc<str>,
    /// When.
    pub wall: WallTime,
}

/// The value of a collector before and after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The collector.
    pub name: Arc<str>,
    /// What it gave before.
    pub old: Option<Value>,
    /// What it gives.
    pub new: Option<Value>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The collector.
    pub name: Arc<str>,
    /// The number of the run.
    pub run: u64,
    /// What it gave, or why nothing.
    pub result: Result<Value, Trouble>,
    /// What it cost.
    pub cost: Cost,
}

/// Why a run gave no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The state that it leads to.
    pub state: State,
    /// What is the matter.
    pub reason: Arc<str>,
    /// What to do; empty when there is nothing to do.
    pub todo: Arc<str>,
}

impl Trouble {
    /// Makes the trouble of something that should have worked.
    pub fn failed(reason: impl Into<Arc<str>>) -> Self {
        Self {
            state: State::Error,
            reason: reason.into(),
            todo: Arc::from(""),
        }
    }
}
