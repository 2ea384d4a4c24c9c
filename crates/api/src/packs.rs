//! Packs: what is loaded, and what is wrong with it.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Role, Route};

/// Lists the packs by level.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/packs",
    role: Role::Read,
    summary: "Lists the packs by level, those that are in use and those that are overridden",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Levels)),
};

/// Tells what is wrong with the packs.
pub const PROBLEMS: Route = Route {
    method: Method::Get,
    path: "/packs/problems",
    role: Role::Read,
    summary: "Tells what is wrong with the packs, by file, line and column",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Finding>)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &PROBLEMS];

/// Packs by level (`core`, `global`, `zone`, `local`), then by name.
pub type Levels = BTreeMap<String, BTreeMap<String, Pack>>;

/// A pack.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// The level it stands at.
    pub level: String,
    /// Its folder; `(built in)` for what is inside the program.
    pub directory: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Its topics, the main one first.
    pub topics: Vec<String>,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Whether this is the one in use among those of its name.
    pub in_use: bool,
    /// How many objects of each kind it holds.
    pub objects: BTreeMap<String, u64>,
}

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `error` or `warning`.
    pub severity: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&model::Diagnostic> for Finding {
    fn from(diagnostic: &model::Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity.as_str().to_owned(),
            file: diagnostic.place.file.to_string(),
            line: diagnostic.place.line,
            column: diagnostic.place.column,
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
        }
    }
}
