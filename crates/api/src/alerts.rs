//! Alerts: problems, who was told, acknowledgements, downtimes, silences, deliveries.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Role, Route};

/// Lists open problems, handlers and the latest deliveries.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/alerts",
    role: Role::Read,
    summary: "Lists the open problems, the handlers and the latest notices",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Alerts)),
};

/// Shows one problem or notice.
pub const SHOW: Route = Route {
    method: Method::Get,
    path: "/alerts/{id}",
    role: Role::Read,
    summary: "Shows a problem by its number or its check, with who was told and why others were \
              not, or a notice (n17) with all tries to deliver it",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Shown)),
};

/// Sends a test notice.
pub const TEST: Route = Route {
    method: Method::Post,
    path: "/alerts/test",
    role: Role::Operate,
    summary: "Sends a notice by a handler that says nothing but that notices arrive",
    query: &[],
    body: Some(|| schema_for!(Test)),
    answer: Answer::Json(|| schema_for!(Notice)),
};

/// Acknowledges problems.
pub const ACKNOWLEDGE: Route = Route {
    method: Method::Post,
    path: "/alerts/acknowledge",
    role: Role::Operate,
    summary: "Notes that somebody takes care of problems: no reminder and no escalation until they \
              are over, worse, or the time has passed",
    query: &[],
    body: Some(|| schema_for!(NewAcknowledgement)),
    answer: Answer::Json(|| schema_for!(Acknowledged)),
};

/// Takes acknowledgements back.
pub const UNACKNOWLEDGE: Route = Route {
    method: Method::Post,
    path: "/alerts/unacknowledge",
    role: Role::Operate,
    summary: "Takes acknowledgements back",
    query: &[],
    body: Some(|| schema_for!(NewAcknowledgement)),
    answer: Answer::Json(|| schema_for!(Acknowledged)),
};

/// Lists downtimes and silences.
pub const MUTES: Route = Route {
    method: Method::Get,
    path: "/alerts/mutes",
    role: Role::Read,
    summary: "Lists the downtimes and silences",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Mute>)),
};

/// Makes a downtime or silence.
pub const MUTE: Route = Route {
    method: Method::Post,
    path: "/alerts/mutes",
    role: Role::Operate,
    summary: "Makes a downtime or silence: nobody is told of what it is about",
    query: &[],
    body: Some(|| schema_for!(NewMute)),
    answer: Answer::Json(|| schema_for!(Mute)),
};

/// Ends a downtime or silence.
pub const UNMUTE: Route = Route {
    method: Method::Delete,
    path: "/alerts/mutes/{id}",
    role: Role::Operate,
    summary: "Ends a downtime or silence",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Mute)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &LIST,
    &SHOW,
    &TEST,
    &ACKNOWLEDGE,
    &UNACKNOWLEDGE,
    &MUTES,
    &MUTE,
    &UNMUTE,
];

/// What the alerts know.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Alerts {
    /// The problems that are open, or whose end was not told to all yet.
    pub problems: Vec<Problem>,
    /// The handlers, and how they fare.
    pub handlers: Vec<Handler>,
    /// The latest notices, the newest first.
    pub notices: Vec<Notice>,
    /// Problems and events that were not taken, because there were too many.
    pub refused: u64,
}

/// Something that is not well.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Its number.
    pub id: u64,
    /// The node.
    pub node: String,
    /// The check: `linux/disks[/srv]`.
    pub check: String,
    /// The name of the check for people.
    pub display_name: String,
    /// The state.
    pub state: String,
    /// What is said about it.
    pub output: String,
    /// Since when it is not well (RFC 3339, UTC).
    pub since: String,
    /// Whether it changes too often to be told each time.
    pub is_flapping: bool,
    /// Who takes care of it.
    pub acknowledged: Option<Acknowledgement>,
    /// The downtime that it is in.
    pub downtime: Option<String>,
    /// The problem that it is a consequence of.
    pub caused_by: Option<String>,
    /// The handlers that were told, or are about to be.
    pub told: Vec<Told>,
    /// What changed just before.
    pub just_before: Vec<String>,
}

/// What became of the last notice that a handler got of a problem.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// The handler.
    pub handler: String,
    /// `waiting` on its way, `told` when it arrived, `failed` when it was given up.
    pub stage: String,
    /// The notice: `n17`; absent of what was told before notices were noted.
    pub notice: Option<String>,
}

/// That somebody takes care of a problem.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// What was said.
    pub comment: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Until when (RFC 3339, UTC).
    pub until: Option<String>,
}

/// A handler, and how it fares.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Handler {
    /// Its name: `mail/mail`.
    pub id: String,
    /// What it tells by.
    pub notifier: String,
    /// Whether it sends from this node.
    pub is_on: bool,
    /// Why it does not.
    pub off: Option<String>,
    /// Notices that wait.
    pub waiting: u64,
    /// Notices that were given up since it delivered last.
    pub failed: u64,
    /// Whether somebody must look at it.
    pub is_failing: bool,
    /// What it answered, or why it failed, the last time.
    pub last: Option<Attempt>,
}

/// One try of a delivery.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it ended (RFC 3339, UTC).
    pub at: String,
    /// By which handler.
    pub via: String,
    /// Whether it arrived.
    pub is_success: bool,
    /// What the other side answered, or why it failed.
    pub text: String,
}

/// A notice, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Its name: `n17`.
    pub id: String,
    /// The identity that travels with it.
    pub key: String,
    /// The handler that it is for.
    pub handler: String,
    /// Why it is sent: `problem`, `recovery`, `reminder` …
    pub occasion: String,
    /// What it is about, in one line.
    pub summary: String,
    /// `waiting`, `sending`, `delivered` or `failed`.
    pub stage: String,
    /// When it was decided (RFC 3339, UTC).
    pub made: String,
    /// When it is tried next, while it waits (RFC 3339, UTC).
    pub next_try: Option<String>,
    /// All tries, the oldest first.
    pub tries: Vec<Attempt>,
}

/// A problem or a notice, with all that is known of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// A problem.
    Problem {
        /// The problem.
        problem: Problem,
        /// For each handler what it was told, and what would be told now or why nothing is.
        handlers: Vec<Explained>,
        /// What was decided, the oldest first.
        decisions: Vec<Decision>,
    },
    /// A notice.
    Notice {
        /// The notice.
        notice: Notice,
        /// What it is about.
        items: Vec<String>,
        /// What stays silent because of that.
        affected: Vec<String>,
    },
}

/// What a handler was told, and why it is told nothing else.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The handler.
    pub handler: String,
    /// Whether it sends from this node.
    pub is_on: bool,
    /// What it was told last.
    pub told: Option<String>,
    /// What would be right now, and why.
    pub verdict: String,
}

/// What was decided about a problem.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// The handler; empty for what people did.
    pub handler: String,
    /// What.
    pub text: String,
}

/// Which handler to test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The handler: `mail/mail`.
    pub handler: String,
}

/// Which problems somebody takes care of.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAcknowledgement {
    /// Patterns of checks, or numbers of problems.
    pub checks: Vec<String>,
    /// Patterns of nodes; any when empty.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// For how long: `4h`. Without it and `until` it holds until the problem is over.
    #[serde(default, rename = "for")]
    pub lasts: Option<String>,
    /// Until when: RFC 3339, or `2026-11-30 08:00` of the node's own clock.
    #[serde(default)]
    pub until: Option<String>,
    /// What is said.
    #[serde(default)]
    pub comment: String,
}

/// The problems that were meant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledged {
    /// Their numbers.
    pub problems: Vec<u64>,
}

/// A downtime or silence.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Mute {
    /// Its name: `d3` or `s4`.
    pub id: String,
    /// `downtime` or `silence`.
    pub kind: String,
    /// Whether it holds now.
    pub is_active: bool,
    /// Patterns of nodes.
    pub nodes: Vec<String>,
    /// Patterns of groups of nodes.
    pub groups: Vec<String>,
    /// Patterns of checks.
    pub checks: Vec<String>,
    /// Patterns of handlers, of a silence.
    pub handlers: Vec<String>,
    /// When it begins (RFC 3339, UTC).
    pub from: String,
    /// When it ends (RFC 3339, UTC).
    pub until: Option<String>,
    /// The hours in which it holds.
    pub every: Vec<String>,
    /// Who made it.
    pub by: String,
    /// What for.
    pub comment: String,
}

/// A downtime or silence to be made.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMute {
    /// `downtime` or `silence`.
    pub kind: String,
    /// Patterns of nodes.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Patterns of groups of nodes.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Patterns of checks.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Patterns of handlers, of a silence.
    #[serde(default)]
    pub handlers: Vec<String>,
    /// When it begins: RFC 3339, or `2026-11-30 08:00` of the node's own clock; at once without.
    #[serde(default)]
    pub from: Option<String>,
    /// For how long: `2h`.
    #[serde(default, rename = "for")]
    pub lasts: Option<String>,
    /// Until when.
    #[serde(default)]
    pub until: Option<String>,
    /// The hours in which it holds, again and again: `sun 02:00-04:00`.
    #[serde(default)]
    pub every: Vec<String>,
    /// The time zone of those hours; that of the node without.
    #[serde(default)]
    pub timezone: String,
    /// What for.
    #[serde(default)]
    pub comment: String,
}
