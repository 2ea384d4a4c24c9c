//! Locks and sessions that the nodes of a zone agree on.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::kv::Written;
use crate::route::{Answer, Method, Parameter, Role, Route};

/// Lists locks.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/locks",
    role: Role::Read,
    summary: "Lists the locks in use: who holds them, who waits",
    query: &[Parameter {
        name: "prefix",
        doc: "only locks whose names begin so",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Lock>)),
};

/// Opens or renews a session.
pub const OPEN: Route = Route {
    method: Method::Put,
    path: "/sessions/{id}",
    role: Role::Operate,
    summary: "Opens a session with an id that the client made up (a UUID), or renews it",
    query: &[],
    body: Some(|| schema_for!(NewSession)),
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Renews a session.
pub const RENEW: Route = Route {
    method: Method::Post,
    path: "/sessions/{id}/renew",
    role: Role::Operate,
    summary: "Renews a session; 404 when it has ended",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Renewed)),
};

/// Ends a session.
pub const CLOSE: Route = Route {
    method: Method::Delete,
    path: "/sessions/{id}",
    role: Role::Operate,
    summary: "Ends a session and gives back its locks",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Lists sessions.
pub const SESSIONS: Route = Route {
    method: Method::Get,
    path: "/sessions",
    role: Role::Read,
    summary: "Lists the open sessions",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Session>)),
};

/// Acquires a lock.
pub const ACQUIRE: Route = Route {
    method: Method::Post,
    path: "/locks/acquire",
    role: Role::Operate,
    summary: "Takes a slot of a lock for a session, or gets in line and waits a while",
    query: &[],
    body: Some(|| schema_for!(Acquire)),
    answer: Answer::Json(|| schema_for!(Acquired)),
};

/// Releases a lock.
pub const RELEASE: Route = Route {
    method: Method::Post,
    path: "/locks/release",
    role: Role::Operate,
    summary: "Gives a slot of a lock back, or leaves the line",
    query: &[],
    body: Some(|| schema_for!(Release)),
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Takes a lock away.
pub const FORCE: Route = Route {
    method: Method::Post,
    path: "/locks/force-release",
    role: Role::Admin,
    summary: "Takes a lock away from one holder, or from all",
    query: &[],
    body: Some(|| schema_for!(Force)),
    answer: Answer::Json(|| schema_for!(Written)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &LIST, &OPEN, &RENEW, &CLOSE, &SESSIONS, &ACQUIRE, &RELEASE, &FORCE,
];

/// What a session begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewSession {
    /// Time without renewal after which it ends, such as `15s`: 2 s to a day.
    pub ttl: String,
    /// What it is for, for people.
    pub name: String,
    /// Whether the agent renews it until it is closed or the agent ends.
    #[serde(default)]
    pub is_kept: bool,
}

/// A session that was renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renewed {
    /// Its id.
    pub id: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The UUID of the node that keeps it.
    pub node: String,
    /// What it is for.
    pub name: String,
    /// Its time to live in milliseconds.
    pub ttl_ms: u64,
    /// What is left of that.
    pub left_ms: u64,
    /// The locks that it holds or waits for.
    pub locks: Vec<String>,
}

/// Which lock, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acquire {
    /// The name of the lock.
    pub name: String,
    /// The id of the session.
    pub session: String,
    /// How many may hold it at one time; all who use it must say the same.
    #[serde(default = "one")]
    pub slots: u32,
    /// How long to wait for it, such as `30s`, at most 30s a request: the place in line is kept
    /// for the next one. Without it the answer comes at once, and nobody stands in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
}

fn one() -> u32 {
    1
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acquired {
    /// The fencing token, when the session holds the lock: larger for each later holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
    /// How many stand in line before it, when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u32>,
}

/// Which lock is given back, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// The name of the lock.
    pub name: String,
    /// The id of the session.
    pub session: String,
}

/// Which lock is taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Force {
    /// The name of the lock.
    pub name: String,
    /// The token of the holder that loses it; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
}

/// A lock in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lock {
    /// Its name.
    pub name: String,
    /// How many may hold it.
    pub slots: u32,
    /// Who does, oldest first.
    pub holders: Vec<Holder>,
    /// The sessions that wait, the next one first.
    pub waiters: Vec<String>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// The id of the session.
    pub session: String,
    /// The UUID of the node that keeps it.
    pub node: String,
    /// What the session is for.
    pub name: String,
    /// The fencing token.
    pub token: u64,
    /// Since when (RFC 3339, UTC).
    pub since: String,
}
