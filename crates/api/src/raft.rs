//! How the nodes of a zone agree: who leads, who votes, how far each is.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

/// Tells how this node stands.
pub const STATE: Route = Route {
    method: Method::Get,
    path: "/raft/state",
    role: Role::Read,
    summary: "Tells who leads, who votes, and how far this node is",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(State)),
};

/// Writes a snapshot.
pub const SNAPSHOT: Route = Route {
    method: Method::Post,
    path: "/raft/snapshot",
    role: Role::Admin,
    summary: "Lets this node write a snapshot of the agreed state, and drop the log before it",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(State)),
};

/// Begins anew.
pub const REJOIN: Route = Route {
    method: Method::Post,
    path: "/raft/rejoin",
    role: Role::Admin,
    summary: "Lets this node forget what it agreed on, and wait to be taken in by others",
    query: &[Parameter {
        name: "drop",
        doc: "`yes` does so though this node may be the only one that has its keys",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Rejoined)),
};

/// Hands the lead over.
pub const TRANSFER: Route = Route {
    method: Method::Post,
    path: "/raft/transfer",
    role: Role::Admin,
    summary: "Lets another voter lead",
    query: &[Parameter {
        name: "to",
        doc: "the UUID or name of that voter; without it, the one of those that answer that has most \
              of the log",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Transferred)),
};

/// Tells what a recovery would do.
pub const SURVEY: Route = Route {
    method: Method::Get,
    path: "/raft/recover",
    role: Role::Read,
    summary: "Tells who of the voters answers and how far each is: what a recovery keeps or loses",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Survey)),
};

/// Recovers without a majority.
pub const RECOVER: Route = Route {
    method: Method::Post,
    path: "/raft/recover",
    role: Role::Admin,
    summary: "Makes a new group of what this node has, as the majority of the old one is gone",
    query: &[Parameter {
        name: "any",
        doc: "`yes` does so though another node that answers has more of the log",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Recovered)),
};

/// Settles which of two groups stays.
pub const ADOPT: Route = Route {
    method: Method::Post,
    path: "/raft/adopt",
    role: Role::Admin,
    summary: "Lets one of two groups with data give way; its nodes write their keys to files first",
    query: &[
        Parameter {
            name: "group",
            doc: "the other group; may be left out when there is only one",
        },
        Parameter {
            name: "keep",
            doc: "`ours` or `theirs`: the group that stays; without it, the older one",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Adopted)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &STATE, &SNAPSHOT, &REJOIN, &TRANSFER, &SURVEY, &RECOVER, &ADOPT,
];

/// Who leads by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transferred {
    /// The UUID of who leads.
    pub leader: String,
}

/// What is left of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// The UUID of who leads: then nothing is to be recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Keys that this node has.
    pub keys: u64,
    /// The UUID of a node that answers and has more of the log than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<String>,
    /// The voters, then those that copy.
    pub survivors: Vec<Survivor>,
}

/// A member of a group that has no leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survivor {
    /// Its UUID.
    pub uuid: String,
    /// Its name, when gossip knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it votes.
    pub votes: bool,
    /// Whether it answers.
    pub answers: bool,
    /// The term of its last entry.
    pub term: u64,
    /// Its last entry.
    pub last_log: u64,
    /// The last change that it knows to be agreed.
    pub revision: u64,
}

/// What was recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovered {
    /// The new group.
    pub group: String,
    /// Its keys.
    pub keys: u64,
    /// Its last change.
    pub revision: u64,
    /// The UUIDs of those who voted before.
    pub voters_before: Vec<String>,
}

/// Which of two groups gives way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopted {
    /// The group that stays.
    pub stays: String,
    /// The group whose nodes join that one.
    pub goes: String,
}

/// What a node did to begin anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejoined {
    /// Keys that were here and are forgotten here.
    pub keys: u64,
}

/// How a node stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// `leader`, `follower`, `candidate`, `learner`, `stopped`, or `guest` for a node that is told
    /// to take no part.
    pub state: String,
    /// The group that this node is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The UUID of who leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The term.
    pub term: u64,
    /// The UUIDs of those whose majority decides.
    pub voters: Vec<String>,
    /// The UUID of the voter that told who leads and who votes, when this node holds no copy of
    /// its own and asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<String>,
    /// The UUIDs of those that copy.
    pub learners: Vec<String>,
    /// The last entry that is part of the state of this node.
    pub last_applied: u64,
    /// The last entry that this node knows to be agreed.
    pub commit: u64,
    /// The last entry in the log of this node.
    pub last_log: u64,
    /// The last entry in the snapshot of this node.
    pub snapshot: u64,
    /// The last change of keys and locks.
    pub revision: u64,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
    /// Bytes of the snapshot on disk.
    pub snapshot_bytes: u64,
    /// Whether this node may vote: its disk has had all that was agreed.
    pub may_vote: bool,
    /// Other groups with data of their own that live in the zone: an operator settles who stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meets: Vec<String>,
}
