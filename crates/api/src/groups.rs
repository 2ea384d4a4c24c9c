//! Groups of this node: which there are, where each came from, and what it switches on.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::evaluator::Explanation;
use crate::route::{Answer, Method, Role, Route};

/// Lists the groups.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/groups",
    role: Role::Read,
    summary: "Lists the groups of this node, and where each came from",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Group>)),
};

/// Explains a group.
pub const EXPLAIN: Route = Route {
    method: Method::Get,
    path: "/groups/{name}",
    role: Role::Read,
    summary: "Explains why this node has a group, or why not",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Explained)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &EXPLAIN];

/// A group of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Whether the configuration gave it.
    pub is_static: bool,
    /// The detectors that give it.
    pub detected_by: Vec<String>,
    /// Since when it is detected (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Why this node has a group, or why not; or why it is in a set of groups, as `linux & !docker`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The group.
    pub name: String,
    /// Whether this node has it.
    pub is_here: bool,
    /// Whether the configuration gave it.
    pub is_static: bool,
    /// Since when it is detected (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The detectors that give it, or could.
    pub detectors: Vec<Candidate>,
    /// What stands in packs for this group, as `check redis/redis`.
    pub switches: Vec<String>,
    /// A group that is spelled much like it, when nothing knows this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<String>,
    /// The groups that a set names, each with its reasons; empty of a plain group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
    /// Which groups keep this node out of a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// A detector that gives a group, or could.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Its id, `pack/name`.
    pub id: String,
    /// Where it is written, as `redis/detectors/redis.yml:2`.
    pub file: String,
    /// Whether it gives the group.
    pub gives: bool,
    /// What its last run told: `PENDING`, `MATCHES`, `DIFFERS`, `UNKNOWN` or `ERROR`.
    pub outcome: String,
    /// Why it cannot be told; empty when it can.
    pub log: String,
    /// Its condition.
    pub apply_if: String,
    /// The groups, as written.
    pub add_groups: Vec<String>,
    /// The condition as it is at this moment, part by part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// When it ran last (RFC 3339, UTC); nothing when it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<String>,
}
