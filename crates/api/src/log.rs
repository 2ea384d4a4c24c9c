//! The agent's log: its parts, their levels, and following it.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

/// The levels, the gravest first.
pub const LEVEL_WORDS: [&str; 5] = ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"];

/// Lists the parts of the log with their levels.
pub const PARTS: Route = Route {
    method: Method::Get,
    path: "/log/parts",
    role: Role::Read,
    summary: "Lists the parts of the log, sorted",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<String>)),
};

/// Tells the level of each part.
pub const LEVELS: Route = Route {
    method: Method::Get,
    path: "/log/levels",
    role: Role::Read,
    summary: "Tells the level of each part of the log",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, String>)),
};

/// Sets the level of a part until the next restart.
pub const LEVEL_SET: Route = Route {
    method: Method::Put,
    path: "/log/levels/{part}",
    role: Role::Operate,
    summary: "Sets the level of a part (or of `all`) until the next restart",
    query: &[Parameter {
        name: "level",
        doc: "ERROR, WARNING, INFO, DEBUG or TRACE",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, String>)),
};

/// Streams the log as it is written.
pub const FOLLOW: Route = Route {
    method: Method::Get,
    path: "/log/follow",
    role: Role::Operate,
    summary: "Streams the log as it is written, one JSON document a line",
    query: &[
        Parameter {
            name: "part",
            doc: "only this part; all parts when absent",
        },
        Parameter {
            name: "level",
            doc: "from this level up (default DEBUG)",
        },
    ],
    body: None,
    answer: Answer::Lines(|| schema_for!(Line)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&PARTS, &LEVELS, &LEVEL_SET, &FOLLOW];

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// When (RFC 3339, UTC).
    pub date: String,
    /// ERROR, WARNING, INFO, DEBUG or TRACE.
    pub level: String,
    /// The part of the agent that speaks.
    pub part: String,
    /// What it says.
    pub message: String,
    /// The values it says it about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}
