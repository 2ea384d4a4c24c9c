//! Collectors: what each gives, how it does and why, and one run of it taken apart.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::HistoryEntry;
use crate::route::{Answer, Method, Parameter, Role, Route};

/// Tells of every collector.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/collectors",
    role: Role::Read,
    summary: "Tells of every collector: its state, why, and what it gave last",
    query: &[Parameter {
        name: "results",
        doc: "false leaves out what they gave, which is most of the answer",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Collector>)),
};

/// Tells of one collector.
pub const SHOW: Route = Route {
    method: Method::Get,
    path: "/collectors/{name}",
    role: Role::Read,
    summary: "Tells of one collector, with units and the last minutes of numbers that move",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Collector)),
};

/// Runs a collector once.
pub const RUN: Route = Route {
    method: Method::Post,
    path: "/collectors/{name}/run",
    role: Role::Operate,
    summary: "Runs a collector once, apart from its schedule, and gives what came of it",
    query: &[Parameter {
        name: "explain",
        doc: "true also gives each step, raw input included (needs the role admin)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Run)),
};

/// Tells when collectors changed their state.
pub const HISTORY: Route = Route {
    method: Method::Get,
    path: "/agent/collectors/history",
    role: Role::Read,
    summary: "Tells when collectors changed their state, oldest first",
    query: &[Parameter {
        name: "last",
        doc: "how many changes at the most (default 1000)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<HistoryEntry<Change>>)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &SHOW, &RUN, &HISTORY];

/// How a collector does, and what it gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Collector {
    /// Its name, as in `{{collector.name…}}`.
    pub name: String,
    /// `PENDING`, `OK`, `NOT-ELIGIBLE`, `MISSING-CONFIGURATION` or `ERROR`.
    pub state: String,
    /// Whether it runs on this node.
    pub active: bool,
    /// Why it is in this state; empty when all is well.
    pub log: String,
    /// What to do about it; empty when there is nothing to do.
    #[serde(default)]
    pub todo: String,
    /// Since when it is in this state (RFC 3339, UTC).
    #[serde(default)]
    pub since: String,
    /// When it ran last, in seconds since 1970; 0 when it never ran.
    pub last_check: u64,
    /// When it runs next, in seconds since 1970; 0 when it does not run here.
    pub next_check: u64,
    /// What its last good run gave.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub results: Value,
    /// How old that is; nothing when there was no good run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Whether expressions still believe it.
    #[serde(default)]
    pub is_current: bool,
    /// The numbers among the results, by their path in lower case.
    #[serde(default)]
    pub metrics: Vec<(String, f64)>,
    /// How often it runs.
    #[serde(default)]
    pub interval_seconds: f64,
    /// Time that one run may take.
    #[serde(default)]
    pub timeout_seconds: f64,
    /// What the last run cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Since when a run hangs past its time box (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangs_since: Option<String>,
    /// The file of the pack that defines it; nothing when it is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defined_at: Option<String>,
    /// What it tells, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// What is known of its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// The last values of numbers that move, oldest first, by their path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recent: BTreeMap<String, Vec<f64>>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// The path; a part that differs between machines is `*`.
    pub path: String,
    /// The unit, as people write it; empty when there is none.
    pub unit: String,
    /// What it is.
    pub doc: String,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Time that passed, in microseconds.
    pub wall_us: u64,
    /// Time of the processor, in microseconds.
    pub cpu_us: u64,
    /// Bytes that the source gave; 0 when nobody counts them.
    pub bytes: u64,
}

/// One run, taken by hand, with a memory of its own. What comes of it stays out of what expressions
/// read; when it is another state than known, the next run by the schedule comes at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The collector.
    pub name: String,
    /// The state that the run would lead to.
    pub state: String,
    /// Why; empty when all is well.
    pub log: String,
    /// What to do about it; empty when there is nothing to do.
    #[serde(default)]
    pub todo: String,
    /// What it gave.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub results: Value,
    /// What is known of its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// What it cost.
    pub cost: Cost,
    /// The steps, in order, when they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// One step of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What is done: `source`, `format`, `script` or `native`.
    pub name: String,
    /// How: `tcp 127.0.0.1:6379`, `key_value`, `redis/collectors/redis.yml:9`.
    pub what: String,
    /// What it gave, when that is a text: the beginning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it gave, when that is a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Bytes that are not shown.
    #[serde(default)]
    pub cut_bytes: u64,
    /// What went wrong in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it cost.
    pub cost: Cost,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The collector.
    pub name: String,
    /// Its state before.
    pub old_state: String,
    /// Its state from then on.
    pub state: String,
    /// Why; empty when all is well.
    pub log: String,
}
