//! The inventory: what this machine is made of, and what changed in it.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

/// Gives the inventory.
pub const SHOW: Route = Route {
    method: Method::Get,
    path: "/inventory",
    role: Role::Read,
    summary: "Gives what this machine is made of, from hardware to certificates",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Inventory)),
};

/// Tells what changed.
pub const DIFF: Route = Route {
    method: Method::Get,
    path: "/inventory/diff",
    role: Role::Read,
    summary: "Tells what changed on this machine since a time",
    query: &[
        Parameter {
            name: "since",
            doc: "how long ago (1h, 2d); default 1h",
        },
        Parameter {
            name: "steps",
            doc: "true gives each change, also those that were undone; default false",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Difference)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&SHOW, &DIFF];

/// What is known of one thing: `version` → `3.0.11`.
pub type Item = BTreeMap<String, String>;

/// What this machine is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// When it was taken (RFC 3339, UTC).
    pub taken_at: String,
    /// The things of each section, by name: `packages` → `openssl` → `version`.
    pub sections: BTreeMap<String, BTreeMap<String, Item>>,
    /// The sections that are not known, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
}

/// What changed between two times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The beginning (RFC 3339, UTC).
    pub since: String,
    /// The end.
    pub until: String,
    /// What is known of changes begins here, when that is later than `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_since: Option<String>,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
}

/// A thing that came, went or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// When that was seen (RFC 3339, UTC).
    pub at: String,
    /// The section: `packages`.
    pub section: String,
    /// The thing: `openssl`.
    pub name: String,
    /// How it was; nothing when it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Item>,
    /// How it is; nothing when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Item>,
    /// The change in words: `package openssl upgraded 3.0.11 → 3.0.13`.
    pub text: String,
}
