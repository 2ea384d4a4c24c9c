//! The DNS: its names, one query, and why a name has its answer.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

const NAME: Parameter = Parameter {
    name: "name",
    doc: "the name, with or without the domain, as `web.group` or `web.group.opsbro`, or an address",
};

/// Lists the names.
pub const RECORDS: Route = Route {
    method: Method::Get,
    path: "/dns/records",
    role: Role::Read,
    summary: "Lists all names of nodes, groups and services with their answers, and how it listens",
    query: &[Parameter {
        name: "zones",
        doc: "`true` also lists the names of single zones",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Records)),
};

/// Answers a query.
pub const QUERY: Route = Route {
    method: Method::Get,
    path: "/dns/query",
    role: Role::Read,
    summary: "Answers a query as the listener would, also where none listens",
    query: &[
        NAME,
        Parameter {
            name: "type",
            doc: "the type: A, AAAA, SRV, TXT, PTR, NS, SOA (default: what the name is asked for, \
                  A for most)",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Answered)),
};

/// Explains a name.
pub const EXPLAIN: Route = Route {
    method: Method::Get,
    path: "/dns/explain",
    role: Role::Read,
    summary: "Tells who is in the answer to a name, who is left out, and why",
    query: &[NAME],
    body: None,
    answer: Answer::Json(|| schema_for!(Explained)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&RECORDS, &QUERY, &EXPLAIN];

/// All names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Records {
    /// The domain that they are below.
    pub domain: String,
    /// Where it listens; nothing while it does not.
    pub listen: Option<String>,
    /// Why it does not listen.
    pub off: Option<String>,
    /// The parameters of the pack that make no sense, and why; what was in force before them stays.
    #[serde(default)]
    pub wrong: Vec<String>,
    /// The number of these names: it grows with each change.
    pub serial: u32,
    /// Which share of the other nodes died at once, when that tells that this node is cut off.
    pub cut_off: Option<String>,
    /// What was counted since it listens.
    pub counts: Counts,
    /// The names, by kind.
    pub names: Vec<Name>,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Queries that were answered.
    pub answered: u64,
    /// Of these, those for names that are not there.
    pub missing: u64,
    /// Of these, those that were refused or could not be read.
    pub refused: u64,
    /// Of these, those that were cut, so that the asker comes by TCP.
    pub cut: u64,
    /// Queries that were handed to another resolver.
    pub forwarded: u64,
    /// Packets that are no queries.
    pub junk: u64,
    /// Queries of networks that had their share.
    pub limited: u64,
}

/// A name with its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Name {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds that the answer may be kept.
    pub ttl: u32,
    /// The answers.
    pub answers: Vec<String>,
    /// How many could be in it and are left out.
    pub left_out: u64,
    /// Whether those that fail are in it, because too many do.
    pub panic: bool,
}

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// The name that was asked for.
    pub name: String,
    /// The type that was asked for.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it went: `NOERROR`, `NXDOMAIN`, `REFUSED`.
    pub status: String,
    /// The flags, as `qr aa rd`.
    pub flags: String,
    /// What was found.
    pub answers: Vec<Record>,
    /// Who knows more.
    pub authority: Vec<Record>,
    /// What the asker will need next.
    pub additional: Vec<Record>,
    /// Why it is as it is.
    pub reasons: Vec<String>,
    /// How many bytes it had.
    pub bytes: u64,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Whose it is.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says.
    pub content: String,
}

/// Why a name has its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The name.
    pub name: String,
    /// Whether somebody is in the answer.
    pub is_answered: bool,
    /// What it stands for, or why it is none.
    pub summary: String,
    /// Those who may be in the answer.
    pub members: Vec<Member>,
}

/// Somebody who may be in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The node.
    pub node: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The port, for a service.
    pub port: Option<u16>,
    /// Whether it is in the answer.
    pub is_in: bool,
    /// In a word: `well`, `warning`, `suspect`, `kept`, `panic`, `dead`, `failing`, `not-judged`,
    /// `downtime`, `left`.
    pub verdict: String,
    /// Why.
    pub reason: String,
}
