//! Detectors: which groups they give this node, and why.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::HistoryEntry;
use crate::collectors::Cost;
use crate::route::{Answer, Method, Parameter, Role, Route};

/// Lists the detectors.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/agent/detectors",
    role: Role::Read,
    summary: "Lists the detectors, and what the last run of each told",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Detector>)),
};

/// Lists the detected groups.
pub const STATE: Route = Route {
    method: Method::Get,
    path: "/agent/detectors/state",
    role: Role::Read,
    summary: "Lists the groups that detectors gave this node",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<String>)),
};

/// Tells when groups came and went.
pub const HISTORY: Route = Route {
    method: Method::Get,
    path: "/agent/detectors/history",
    role: Role::Read,
    summary: "Tells when groups of this node came and went, oldest first",
    query: &[Parameter {
        name: "last",
        doc: "how many changes at the most (default 1000)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<HistoryEntry<Change>>)),
};

/// Tries all detectors.
pub const RUN: Route = Route {
    method: Method::Get,
    path: "/agent/detectors/run",
    role: Role::Read,
    summary: "Tries all detectors and tells what they would give; nothing is changed",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Trial>)),
};

/// Tries one detector.
pub const RUN_ONE: Route = Route {
    method: Method::Get,
    path: "/agent/detectors/run/{name}",
    role: Role::Read,
    summary: "Tries the detectors of a name, `redis` or `redis/redis`; nothing is changed",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Trial>)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &STATE, &HISTORY, &RUN, &RUN_ONE];

/// A detector.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Detector {
    /// Its id, `pack/name`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its pack.
    pub pack_name: String,
    /// The level of that pack.
    pub pack_level: String,
    /// Where it is written, as `redis/detectors/redis.yml:2`.
    pub file: String,
    /// When it holds, this node has the groups.
    pub apply_if: String,
    /// The groups, as written.
    pub add_groups: Vec<String>,
    /// How often it looks when nothing that it refers to changes.
    pub interval: String,
    /// `PENDING`, `MATCHES`, `DIFFERS`, `UNKNOWN` or `ERROR`.
    pub outcome: String,
    /// Why it cannot be told; empty when it can.
    pub log: String,
    /// The groups that it gives.
    pub groups: Vec<String>,
    /// Names that it would give and that are no groups, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// When it ran last, in seconds since 1970; 0 when it never ran.
    pub last_check: u64,
    /// What the last run cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Since when a run hangs past its time box (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangs_since: Option<String>,
}

/// What a detector would give.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Whether its condition holds.
    pub matched: bool,
    /// The groups that it would give.
    pub groups: Vec<String>,
    /// Those that this node has not got.
    pub new_groups: Vec<String>,
    /// Why it cannot be told; empty when it can.
    #[serde(default)]
    pub log: String,
}

/// A group that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// `group-add` or `group-remove`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The group.
    pub group: String,
    /// The name of the node.
    pub name: String,
    /// Its name for people; empty when it is the name.
    pub display_name: String,
    /// Its identity.
    pub uuid: String,
}
