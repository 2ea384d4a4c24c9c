//! What works inside the agent: its loops and tasks.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Role, Route};

/// Tells what works inside the agent.
pub const THREADS: Route = Route {
    method: Method::Get,
    path: "/threads",
    role: Role::Operate,
    summary: "Tells the loops and tasks inside the agent, what they did and how long it took",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Threads)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&THREADS];

/// What works inside the agent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Threads {
    /// How long the process has run, in seconds.
    pub age: u64,
    /// CPU seconds of the process in user code.
    pub user_seconds: f64,
    /// CPU seconds of the process in the kernel.
    pub system_seconds: f64,
    /// The loops, each the only owner of its state.
    pub loops: Vec<LoopFigures>,
    /// The named tasks that are running.
    pub tasks: Vec<String>,
    /// The threads of the process.
    pub threads: Vec<Thread>,
}

/// What one loop did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoopFigures {
    /// The name of the loop.
    pub name: String,
    /// Events that it has taken, by kind.
    pub events: BTreeMap<String, u64>,
    /// Time that all its turns took together, in microseconds.
    pub busy_us: u64,
    /// The longest turn, in microseconds.
    pub longest_turn_us: u64,
}

/// A thread of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thread {
    /// Its name.
    pub name: String,
    /// Its number in the system.
    pub tid: u64,
    /// CPU seconds in user code.
    pub user_seconds: f64,
    /// CPU seconds in the kernel.
    pub system_seconds: f64,
}
