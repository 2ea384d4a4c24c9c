//! Services: what this node offers, and what applications say that they offer.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Role, Route};

/// Lists what this node offers.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/agent/services",
    role: Role::Read,
    summary: "Lists what this node offers: by its packs, and as applications registered it",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Offered>)),
};

/// Registers a service.
pub const REGISTER: Route = Route {
    method: Method::Put,
    path: "/agent/services/{name}",
    role: Role::Operate,
    summary: "Registers what an application offers, or renews that before its time is over",
    query: &[],
    body: Some(|| schema_for!(Register)),
    answer: Answer::Json(|| schema_for!(Done)),
};

/// Forgets a service.
pub const DEREGISTER: Route = Route {
    method: Method::Delete,
    path: "/agent/services/{name}",
    role: Role::Operate,
    summary: "Forgets what an application registered",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Done)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &REGISTER, &DEREGISTER];

/// Something that a node offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// Where it is reached; 0 when that is not told.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// What tells its kinds apart.
    pub tags: Vec<String>,
    /// Its share of the questions.
    pub weight: u16,
    /// Who asks takes the lowest number that answers.
    pub priority: u16,
    /// Its state: `ok`, `warning`, `critical`, `unknown`, `pending`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// Why.
    pub output: String,
    /// Whether it is left out of the answers for a downtime.
    pub in_downtime: bool,
}

/// What an application offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Where it is reached; 0 tells no port.
    #[serde(default)]
    pub port: u16,
    /// `tcp` (default) or `udp`.
    #[serde(default)]
    pub protocol: Option<String>,
    /// What tells its kinds apart.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its share of the questions (default 1).
    #[serde(default)]
    pub weight: Option<u16>,
    /// Who asks takes the lowest number that answers.
    #[serde(default)]
    pub priority: u16,
    /// Seconds after which it fails when nobody registers it again (default 0: never).
    #[serde(default)]
    pub ttl: u32,
    /// How it is: `ok` (default), `warning`, `critical` or `unknown`.
    #[serde(default)]
    pub state: Option<String>,
    /// Why.
    #[serde(default)]
    pub output: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// The service.
    pub name: String,
    /// Whether that changed anything.
    pub changed: bool,
    /// The name that the DNS answers for it, when it is offered.
    #[serde(default)]
    pub dns: Option<String>,
}
