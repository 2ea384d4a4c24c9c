//! Checks: how each is, since when, what happened to it, and results that others report.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::HistoryEntry;
use crate::evaluator::Explanation;
use crate::route::{Answer, Method, Parameter, Role, Route};

/// Tells how everything is.
pub const STATE: Route = Route {
    method: Method::Get,
    path: "/monitoring/state",
    role: Role::Read,
    summary: "Tells how every check and service of this node is",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(State)),
};

/// Tells how everything on a node is.
pub const STATE_OF: Route = Route {
    method: Method::Get,
    path: "/monitoring/state/{node}",
    role: Role::Read,
    summary: "Tells how every check and service of a node is, by its UUID or name",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(State)),
};

/// Tells of every check.
pub const CHECKS: Route = Route {
    method: Method::Get,
    path: "/monitoring/checks",
    role: Role::Read,
    summary: "Tells how every check is; one with for_each has an entry for each of its things",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Check>)),
};

/// Tells of one check.
pub const CHECK: Route = Route {
    method: Method::Get,
    path: "/monitoring/checks/{*check}",
    role: Role::Read,
    summary: "Tells how a check is, and each of its things",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Check>)),
};

/// Tells of every service.
pub const SERVICES: Route = Route {
    method: Method::Get,
    path: "/monitoring/services",
    role: Role::Read,
    summary: "Tells how every service of this node is",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Check>)),
};

/// Tells how a service of this node is.
pub const SERVICE: Route = Route {
    method: Method::Get,
    path: "/monitoring/services/{*service}",
    role: Role::Read,
    summary: "Tells how a service of this node is",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Check)),
};

/// Tells what happened to checks.
pub const HISTORY: Route = Route {
    method: Method::Get,
    path: "/monitoring/history/checks",
    role: Role::Read,
    summary: "Tells what happened to checks, oldest first, one entry a second",
    query: &[
        Parameter {
            name: "last",
            doc: "how many changes at the most (default 1000)",
        },
        Parameter {
            name: "check",
            doc: "only those of this check, as `linux/disks` or `linux/disks[/srv]`",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<HistoryEntry<Transition>>)),
};

/// Makes a check run at once.
pub const RUN: Route = Route {
    method: Method::Post,
    path: "/monitoring/run/{*check}",
    role: Role::Operate,
    summary: "Makes a check run at once, and gives how it is when it has",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Check>)),
};

/// Takes a result that somebody reports.
pub const PUSH: Route = Route {
    method: Method::Post,
    path: "/monitoring/push/{*check}",
    role: Role::Operate,
    summary: "Takes the result of a check that is told its state",
    query: &[],
    body: Some(|| schema_for!(Push)),
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Check>)),
};

/// Explains a check.
pub const EXPLAIN: Route = Route {
    method: Method::Get,
    path: "/monitoring/explain/{*check}",
    role: Role::Read,
    summary: "Explains why a check is as it is: expressions, values, thresholds, what happened",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Explained)),
};

/// Tells of services over all nodes that are known.
pub const SERVICES_STATE: Route = Route {
    method: Method::Get,
    path: "/state/services",
    role: Role::Read,
    summary: "Tells of each service on which nodes it is well and on which it is not",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Service>)),
};

/// Tells of one service over all nodes that are known.
pub const SERVICE_STATE: Route = Route {
    method: Method::Get,
    path: "/state/services/{name}",
    role: Role::Read,
    summary: "Tells on which nodes a service is well and on which it is not",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Service)),
};

/// Tells machines whether all is well.
pub const STATUS: Route = Route {
    method: Method::Get,
    path: "/status",
    role: Role::Read,
    summary: "Answers 200 while nothing is CRITICAL, and 503 otherwise",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Status)),
};

/// Tells every change as it happens.
pub const EVENTS: Route = Route {
    method: Method::Get,
    path: "/events/stream",
    role: Role::Read,
    summary: "Tells every change of a check as it happens, as server-sent events",
    query: &[],
    body: None,
    answer: Answer::Events(|| schema_for!(Transition)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &STATE,
    &STATE_OF,
    &CHECKS,
    &CHECK,
    &SERVICES,
    &SERVICE,
    &HISTORY,
    &RUN,
    &PUSH,
    &EXPLAIN,
    &SERVICES_STATE,
    &SERVICE_STATE,
    &STATUS,
    &EVENTS,
];

/// How everything on a node is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// The name of the node.
    pub node: String,
    /// The checks, by their name: `linux/cpu`, `linux/disks[/srv]`.
    pub checks: BTreeMap<String, Check>,
    /// The services, likewise.
    pub services: BTreeMap<String, Check>,
    /// How many errors the packs have: checks may be missing, or be those from before the error.
    #[serde(default)]
    pub pack_errors: usize,
}

/// How a check, or one of its things, is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Its full name: `linux/cpu`, `linux/disks[/srv]`.
    pub id: String,
    /// The check: `linux/disks`.
    pub check: String,
    /// Which of its things: `/srv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Its name for people.
    pub display_name: String,
    /// The pack.
    pub pack_name: String,
    /// The level that the file in force comes from.
    pub pack_level: String,
    /// Where it is written: `linux/monitoring/cpu.yml:1`.
    pub from: String,
    /// Which nodes it is for.
    pub if_group: String,
    /// `expression`, `plugin`, `probe`, `aggregate` or `push`.
    pub kind: String,
    /// How often it runs.
    pub interval: String,
    /// `ok`, `warning`, `critical`, `unknown` or `pending`.
    pub state: String,
    /// The number of the state, as the exit code of a plugin.
    pub state_id: u8,
    /// Whether the state was said often enough to count.
    pub is_hard: bool,
    /// The last state that counted.
    pub hard_state: String,
    /// Which run in a row says it.
    pub attempt: u32,
    /// How many runs in a row make it count.
    pub attempts: u32,
    /// The first line of what it says.
    pub output: String,
    /// The further lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub long_output: String,
    /// Performance data, as plugins print it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub perfdata: String,
    /// The same as numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// Since when it is not OK, or, when it is, since when it is (RFC 3339, UTC).
    pub since: String,
    /// For how many seconds that is so.
    #[serde(default)]
    pub since_seconds: u64,
    /// When the state changed last (RFC 3339, UTC).
    pub last_change: String,
    /// When it was first seen (RFC 3339, UTC).
    pub first_seen: String,
    /// When it was OK last (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ok: Option<String>,
    /// When it ran last, in seconds since 1970; 0 when it never did.
    pub last_check: u64,
    /// What the last run took, in microseconds.
    pub took_us: u64,
    /// Whether it changes too often to be told each time.
    pub is_flapping: bool,
    /// How much of its recent runs were changes, in percent.
    pub flapping_pct: f64,
    /// Whether somebody said that it is known.
    #[serde(default)]
    pub is_acknowledged: bool,
    /// Whether it may be bad now.
    #[serde(default)]
    pub is_in_downtime: bool,
    /// The service whose state it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What makes it pointless while it is bad.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// A remark for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// One change of a check, or of one of its things.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transition {
    /// Its number on its node, which grows over restarts.
    pub number: u64,
    /// The UUID of the node.
    pub node: String,
    /// The name of the node.
    pub node_name: String,
    /// The full name: `linux/cpu`, `linux/disks[/srv]`.
    pub name: String,
    /// The check: `linux/disks`.
    pub check: String,
    /// Which of its things: `/srv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Its name for people.
    pub display_name: String,
    /// The pack.
    pub pack_name: String,
    /// The level that the file in force comes from.
    pub pack_level: String,
    /// `state`, `hardened`, `flapping-began`, `flapping-ended`, or `gone-…` with why.
    pub change: String,
    /// How it was.
    pub old_state: String,
    /// The number of that.
    pub old_state_id: u8,
    /// Whether that counted.
    pub old_is_hard: bool,
    /// How it is.
    pub state: String,
    /// The number of that.
    pub state_id: u8,
    /// Whether that counts.
    pub is_hard: bool,
    /// The state that counted before.
    pub old_hard_state: String,
    /// The state that counts from here on.
    pub hard_state: String,
    /// Which run in a row says it.
    pub attempt: u32,
    /// How many runs in a row make it count.
    pub attempts: u32,
    /// Whether it changes too often.
    pub is_flapping: bool,
    /// Whether those who are told of hard states have something new to hear.
    pub is_news: bool,
    /// The first line of what it says.
    pub output: String,
    /// The further lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub long_output: String,
    /// Performance data, as plugins print it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub perfdata: String,
    /// When it happened (RFC 3339, UTC).
    pub at: String,
    /// The same in milliseconds since 1970.
    pub at_ms: u64,
    /// Since when it is not OK, or is, in milliseconds since 1970.
    pub since_ms: u64,
    /// The service whose state it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The parents that are down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
}

/// A result that somebody reports.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// `ok`, `warning`, `critical` or `unknown`, in any case of letters; or 0 to 3 as the exit code
    /// of a plugin.
    pub state: String,
    /// What is said about it; performance data stands behind `|`.
    #[serde(default)]
    pub output: String,
}

/// A service over all nodes that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Nodes that offer it.
    pub members: Vec<String>,
    /// How many of them are well.
    pub passing: u64,
    /// Those.
    #[serde(rename = "passing-members")]
    pub passing_members: Vec<String>,
    /// How many of them are not.
    pub failing: u64,
    /// Those.
    #[serde(rename = "failing-members")]
    pub failing_members: Vec<String>,
    /// Each of them: where it is reached, and how it is.
    #[serde(default)]
    pub instances: Vec<Instance>,
}

/// A service on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// The name of the node, for people.
    pub node: String,
    /// The UUID of the node.
    pub uuid: String,
    /// The zone of the node.
    pub zone: String,
    /// How the node is: `alive`, `suspect` or `dead`.
    pub node_state: String,
    /// Where the node is reached.
    pub addresses: Vec<String>,
    /// The port there; 0 when that is not told.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// What tells its kinds apart.
    pub tags: Vec<String>,
    /// Its share of the questions.
    pub weight: u16,
    /// Who asks takes the lowest number that answers.
    pub priority: u16,
    /// What its node said last: `ok`, `warning`, `critical`, `unknown` or `pending`.
    pub state: String,
    /// Since when that is so or, when the node is dead, since when that is (RFC 3339, UTC).
    pub since: String,
    /// For how many seconds.
    pub since_seconds: u64,
    /// Why; other nodes do not tell that while it is `ok`.
    pub output: String,
    /// Whether it is left out of the answers for a downtime.
    pub in_downtime: bool,
}

/// Whether all is well, for machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The worst state that counts, or `initializing` or `stopped`.
    pub status: String,
    /// How many checks are in each state that counts.
    pub counts: BTreeMap<String, u64>,
    /// The full names of those that are critical.
    pub critical: Vec<String>,
    /// The handlers of alerts that do not deliver, and why: who should hear of it may not.
    #[serde(default)]
    pub failing_handlers: BTreeMap<String, String>,
}

/// Why a check is as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// Its name.
    pub id: String,
    /// Its things, or itself; empty when it does not run here.
    pub things: Vec<Check>,
    /// Why it does not run here; empty when it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why_not: String,
    /// Where it is written.
    pub from: String,
    /// The level that the file in force comes from.
    pub level: String,
    /// When it runs and what counts, as `attempts: 3`.
    pub timing: Vec<String>,
    /// What it runs or probes, as written; empty for expressions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub runs: String,
    /// What a probe is told, filled in, and whom a plugin runs as; without secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// Its expressions, evaluated for this answer.
    pub expressions: Vec<Evaluated>,
    /// The parameters that it uses, and where each is set.
    pub parameters: Vec<Threshold>,
    /// What it depends on, and how that is.
    pub parents: Vec<Parent>,
    /// What happened last, oldest first.
    pub history: Vec<Transition>,
    /// Why an alert was or was not sent, and to whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
}

/// Something that a probe or plugin is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Detail {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A figure of performance data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// What was measured.
    pub label: String,
    /// The figure; none when the plugin could not tell.
    pub value: Option<f64>,
    /// Its unit; often empty.
    pub unit: String,
    /// The range that is no warning, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The range that is not critical, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<String>,
    /// The smallest that it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest that it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// An expression of a check with the values of its parts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Evaluated {
    /// The key it stands under.
    pub key: String,
    /// The thing that it was evaluated for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Its parts.
    pub tree: Explanation,
}

/// A parameter that a check uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// Its name.
    pub name: String,
    /// Its value; a secret is `***`.
    pub value: String,
    /// Where it is set; `default` when it is not.
    pub from: String,
}

/// Something that a check depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// As it is written.
    pub name: String,
    /// How it is; `not known here` when it is no check of this node.
    pub state: String,
}
