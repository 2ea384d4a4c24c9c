//! The agent itself: its state, its facts, its life.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

/// Says that the agent is there.
pub const ROOT: Route = Route {
    method: Method::Get,
    path: "/",
    role: Role::Read,
    summary: "Says that the agent is there",
    query: &[],
    body: None,
    answer: Answer::Text,
};

/// Tells where the agent is in its life.
pub const STATE: Route = Route {
    method: Method::Get,
    path: "/agent/state",
    role: Role::Read,
    summary: "Tells where the agent is in its life: initializing, ok or stopped",
    query: &[Parameter {
        name: "wait",
        doc: "answer as soon as the state is not initializing, or after this long (10s, 1m)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(String)),
};

/// Tells everything about the agent.
pub const INFO: Route = Route {
    method: Method::Get,
    path: "/agent/info",
    role: Role::Read,
    summary: "Tells everything about the agent, by topic",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Info)),
};

/// Tells the name of the node.
pub const NAME: Route = Route {
    method: Method::Get,
    path: "/agent/name",
    role: Role::Read,
    summary: "Tells the name of the node",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(String)),
};

/// Tells the identity of the node.
pub const UUID: Route = Route {
    method: Method::Get,
    path: "/agent/uuid",
    role: Role::Read,
    summary: "Tells the identity of the node",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(String)),
};

/// Reads the configuration and the packs again.
pub const RELOAD: Route = Route {
    method: Method::Post,
    path: "/agent/reload",
    role: Role::Operate,
    summary: "Reads the configuration and the packs again, and reports what came of it",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(ReloadReport)),
};

/// Adds a static group to the running node. The file is the caller's to edit.
pub const GROUP_ADD: Route = Route {
    method: Method::Get,
    path: "/agent/parameters/add/groups/{group}",
    role: Role::Admin,
    summary: "Adds a static group to the running node; answers whether that changed anything",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(bool)),
};

/// Removes a static group from the running node. The file is the caller's to edit.
pub const GROUP_REMOVE: Route = Route {
    method: Method::Get,
    path: "/agent/parameters/remove/groups/{group}",
    role: Role::Admin,
    summary: "Removes a static group from the running node; answers whether that changed anything",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(bool)),
};

/// Tells the life of the agent: starts, stops, reloads, changes.
pub const HISTORY: Route = Route {
    method: Method::Get,
    path: "/agent/history",
    role: Role::Read,
    summary: "Tells the life of the agent: starts, stops, reloads and changes, oldest first",
    query: &[Parameter {
        name: "last",
        doc: "how many entries at the most (default 100)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<HistoryEntry>)),
};

/// Stops the agent.
pub const STOP: Route = Route {
    method: Method::Get,
    path: "/stop",
    role: Role::Admin,
    summary: "Stops the agent politely",
    query: &[],
    body: None,
    answer: Answer::Text,
};

/// The same as [`STOP`], for callers that mind their methods.
pub const STOP_POST: Route = Route {
    method: Method::Post,
    ..STOP
};

/// The agent's own figures, for a Prometheus server.
pub const METRICS: Route = Route {
    method: Method::Get,
    path: "/metrics",
    role: Role::Read,
    summary: "Gives the agent's own figures in the Prometheus text format",
    query: &[],
    body: None,
    answer: Answer::Text,
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &ROOT,
    &STATE,
    &INFO,
    &NAME,
    &UUID,
    &RELOAD,
    &GROUP_ADD,
    &GROUP_REMOVE,
    &HISTORY,
    &STOP,
    &STOP_POST,
    &METRICS,
];

/// Everything about an agent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    /// Where it is in its life: `initializing`, `ok` or `stopped`.
    pub agent_state: String,
    /// Its process.
    pub pid: u32,
    /// The identity of the node, made once.
    pub uuid: String,
    /// The name of the node: the host name.
    pub name: String,
    /// The name shown to people; empty when it is the name.
    pub display_name: String,
    /// The version of the program.
    pub version: String,
    /// The system below, as `debian 12`.
    pub system: String,
    /// The zone of the node.
    pub zone: String,
    /// Whether the zone has a gossip key; without one, gossip is open to everybody.
    pub is_zone_protected: bool,
    /// The cluster as this node knows it.
    #[serde(default)]
    pub cluster: crate::gossip::Cluster,
    /// The groups of the node, sorted.
    pub groups: Vec<String>,
    /// The groups that the configuration gave, sorted.
    pub static_groups: Vec<String>,
    /// Where the machine is hosted, as `ec2` or `on-premise`; empty until that was looked at.
    #[serde(default)]
    pub hosting_driver: String,
    /// The address that this node uses inside its network.
    pub local_addr: String,
    /// The address that other nodes are told.
    pub public_addr: String,
    /// The unix socket.
    pub socket: String,
    /// The folder of the configuration.
    pub config_dir: String,
    /// The folder of the data.
    pub data_dir: String,
    /// The folder of the logs.
    pub log_dir: String,
    /// Each listener with the address and port it is bound to.
    pub listen: BTreeMap<String, String>,
    /// The topics by number (1, 2, 4 … as ever), and whether they are on.
    pub topics: BTreeMap<String, bool>,
    /// When it started (RFC 3339, UTC).
    pub started_at: String,
    /// How long it has run.
    pub uptime_seconds: u64,
    /// How many times this node has started, and more.
    pub incarnation: u64,
    /// How the run before this one ended, where there was one.
    pub previous_run: Option<PreviousRun>,
    /// Memory of the process (PSS: shared pages counted by share).
    pub memory_bytes: u64,
    /// Share of one core over the last minute, in percent.
    pub cpu_percent: f64,
    /// Threads of the process.
    pub threads: u64,
    /// Everything that the agent counts about itself.
    pub counters: BTreeMap<String, u64>,
    /// The worker pool.
    pub workers: Workers,
    /// The state of the disk below the data folder.
    pub disk: Disk,
    /// The packs that are loaded.
    pub packs: PacksSummary,
    /// The checks: how many in which state, and whether they are judged in time.
    #[serde(default)]
    pub checks: ChecksSummary,
    /// How many checks are `ok`, `warning`, `critical`, `unknown` and `pending`.
    #[serde(default)]
    pub monitoring: BTreeMap<String, u64>,
    /// How each collector does, by name.
    #[serde(default)]
    pub collectors: BTreeMap<String, CollectorState>,
    /// What is wrong with configuration and packs: the last good version keeps running.
    pub problems: Vec<String>,
    /// The last warnings and errors, by level.
    pub logs: BTreeMap<String, Vec<String>>,
}

/// How the run before this one ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousRun {
    /// `stopped` when it was asked to, `killed` when it could not say good-bye.
    pub ended: String,
    /// When it was last known alive (RFC 3339, UTC).
    pub last_alive: String,
}

/// The worker pool, which runs what may block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Workers {
    /// Threads that work or wait for work.
    pub threads: u64,
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that ended well.
    pub done: u64,
    /// Jobs that panicked; the panic was contained.
    pub panicked: u64,
    /// Jobs that were refused because the queue was full.
    pub refused: u64,
    /// Jobs that ran past their time box, by name, and still hold a thread.
    pub stuck: Vec<String>,
}

/// The state of the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Whether everything that should be on disk is.
    pub healthy: bool,
    /// What is wrong, and what is needed.
    pub problem: Option<String>,
    /// Bytes that wait in memory for the disk.
    pub buffered_bytes: u64,
    /// Records that were given up because the memory for them was full.
    pub dropped: u64,
    /// What was found and repaired when the files were opened.
    pub repairs: Vec<String>,
}

/// The packs that are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacksSummary {
    /// Packs that are in use.
    pub packs: u64,
    /// Objects in them.
    pub objects: u64,
    /// Errors found in them.
    pub errors: u64,
    /// Warnings about them.
    pub warnings: u64,
}

/// How a collector does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectorState {
    /// Its name.
    pub name: String,
    /// Its state, as `OK` or `NOT-ELIGIBLE`.
    pub state: String,
    /// Why it is so.
    pub log: String,
}

/// The checks in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChecksSummary {
    /// Checks that are watched; one with `for_each` is one.
    pub checks: u64,
    /// How many of their things are in each state that counts.
    pub states: BTreeMap<String, u64>,
    /// Runs that are under way.
    pub running: u64,
    /// Runs of the last minute.
    pub runs: u64,
    /// Those that began more than 200 ms after they were due.
    pub late: u64,
    /// What 99 of 100 of them were not later than, in milliseconds.
    pub late_p99_ms: u64,
    /// The latest of them, in milliseconds.
    pub late_longest_ms: u64,
}

/// What came of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadReport {
    /// What changed and is in force.
    pub applied: Vec<String>,
    /// What is wrong, and so keeps its last good version.
    pub refused: Vec<String>,
    /// What changed and needs a restart to be in force.
    pub needs_restart: Vec<String>,
}

/// One entry of the agent's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// When (RFC 3339, UTC).
    pub date: String,
    /// What kind of thing happened: `start`, `stop`, `reload`, `parameter`, `token` …
    pub kind: String,
    /// What happened.
    pub text: String,
}
