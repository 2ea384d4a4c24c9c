//! Keys that the nodes of a zone agree on.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

const STALE: Parameter = Parameter {
    name: "stale",
    doc: "`ok` takes what this node knows, which may be older; the answer tells its age",
};

/// Gives a key.
pub const GET: Route = Route {
    method: Method::Get,
    path: "/kv/{*key}",
    role: Role::Read,
    summary: "Gives the value of a key as it was put; 404 when it is absent",
    query: &[
        Parameter {
            name: "format",
            doc: "`json` gives the value with its revision and age instead of its bytes",
        },
        STALE,
        Parameter {
            name: "index",
            doc: "waits until the key has changed after this revision",
        },
        Parameter {
            name: "wait",
            doc: "how long to wait for that (default 30s, at most 10m)",
        },
    ],
    body: None,
    answer: Answer::Text,
};

/// Puts a key.
pub const PUT: Route = Route {
    method: Method::Put,
    path: "/kv/{*key}",
    role: Role::Operate,
    summary: "Gives a key the body as its value, at most 1 MiB",
    query: &[
        Parameter {
            name: "cas",
            doc: "only when the key is at this revision; 0: only when it is absent",
        },
        Parameter {
            name: "ttl",
            doc: "how long it stays, such as 30s",
        },
        Parameter {
            name: "lock",
            doc: "only while this lock is held with the token",
        },
        Parameter {
            name: "token",
            doc: "the fencing token of the lock",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Deletes a key.
pub const DELETE: Route = Route {
    method: Method::Delete,
    path: "/kv/{*key}",
    role: Role::Operate,
    summary: "Deletes a key, which may be absent",
    query: &[Parameter {
        name: "cas",
        doc: "only when the key is at this revision",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Written)),
};

const LIST_QUERY: &[Parameter] = &[
    Parameter {
        name: "prefix",
        doc: "only keys that begin so",
    },
    Parameter {
        name: "behind",
        doc: "the last key of the page before",
    },
    Parameter {
        name: "limit",
        doc: "most keys of the answer (default and at most 1000)",
    },
    STALE,
];

/// Lists keys.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/kv",
    role: Role::Read,
    summary: "Lists the names of keys, in their order",
    query: LIST_QUERY,
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<String>)),
};

/// Lists keys with what is known of them.
pub const KEYS: Route = Route {
    method: Method::Get,
    path: "/kv-meta/keys",
    role: Role::Read,
    summary: "Lists keys with their sizes and revisions, a page at a time",
    query: &[
        LIST_QUERY[0],
        LIST_QUERY[1],
        LIST_QUERY[2],
        LIST_QUERY[3],
        Parameter {
            name: "values",
            doc: "`yes` gives their values, too",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Page)),
};

/// Lists keys that changed.
pub const CHANGED: Route = Route {
    method: Method::Get,
    path: "/kv-meta/changed/{since}",
    role: Role::Read,
    summary: "Lists keys that were put after a time in seconds since 1970: [key, value, meta]",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<(String, String, Meta)>)),
};

/// Tells what a key was.
pub const HISTORY: Route = Route {
    method: Method::Get,
    path: "/kv-meta/history/{*key}",
    role: Role::Read,
    summary: "Tells the last values of a key, newest first",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Past>)),
};

/// Undoes a change.
pub const UNDO: Route = Route {
    method: Method::Post,
    path: "/kv-meta/undo/{*key}",
    role: Role::Operate,
    summary: "Gives a key its earlier value: that before its last change, or at a revision",
    query: &[Parameter {
        name: "to",
        doc: "the revision",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Waits for changes.
pub const EVENTS: Route = Route {
    method: Method::Get,
    path: "/kv-meta/events",
    role: Role::Read,
    summary: "Waits for changes of keys after a revision, and tells them, oldest first",
    query: &[
        Parameter {
            name: "prefix",
            doc: "only keys that begin so",
        },
        Parameter {
            name: "index",
            doc: "the last revision that is known; without it, now",
        },
        Parameter {
            name: "wait",
            doc: "how long to wait (default 30s, at most 10m)",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(Events)),
};

/// Tells how much there is.
pub const USAGE: Route = Route {
    method: Method::Get,
    path: "/kv-meta/usage",
    role: Role::Read,
    summary: "Tells how much there is, in all and below the prefixes with quotas",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Usage>)),
};

/// Bounds a prefix.
pub const QUOTA: Route = Route {
    method: Method::Put,
    path: "/kv-meta/quota/{*prefix}",
    role: Role::Admin,
    summary: "Bounds the keys below a prefix; what is there stays, and may always shrink",
    query: &[],
    body: Some(|| schema_for!(Quota)),
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Removes the bound of a prefix.
pub const UNQUOTA: Route = Route {
    method: Method::Delete,
    path: "/kv-meta/quota/{*prefix}",
    role: Role::Admin,
    summary: "Takes the bound of a prefix away",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Writes several keys at once.
pub const TRANSACT: Route = Route {
    method: Method::Post,
    path: "/kv-meta/transact",
    role: Role::Operate,
    summary: "Makes all of the writes when all of the checks hold, or nothing",
    query: &[],
    body: Some(|| schema_for!(Transaction)),
    answer: Answer::Json(|| schema_for!(Written)),
};

/// Streams changes.
pub const WATCH: Route = Route {
    method: Method::Get,
    path: "/kv-meta/watch",
    role: Role::Read,
    summary: "Streams changes of keys; the id of each event is the revision to resume from",
    query: &[
        Parameter {
            name: "prefix",
            doc: "only keys that begin so",
        },
        Parameter {
            name: "index",
            doc: "the last revision that is known; without it, now",
        },
    ],
    body: None,
    answer: Answer::Events(|| schema_for!(Event)),
};

/// Gives all keys as of one moment.
pub const BACKUP: Route = Route {
    method: Method::Get,
    path: "/kv-meta/backup",
    role: Role::Admin,
    summary: "Gives all keys as they are at one moment, one a line, with a checksum at the end",
    query: &[],
    body: None,
    answer: Answer::Text,
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &GET, &PUT, &DELETE, &LIST, &KEYS, &CHANGED, &HISTORY, &UNDO, &EVENTS, &USAGE, &QUOTA,
    &UNQUOTA, &TRANSACT, &WATCH, &BACKUP,
];

/// Writes that are made together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// What must be so.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What is written, each key once; checks and writes are 128 at most.
    pub writes: Vec<Write>,
}

/// What must be so: a key at a revision or with a value, or a lock held with a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its revision; 0: it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Its fencing token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
}

/// One write: of a text, of bytes, or a deletion when there is neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The key.
    pub key: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its bytes as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hex: Option<String>,
    /// Milliseconds after which it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// What a change made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The revision.
    pub revision: u64,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// Its name.
    pub key: String,
    /// Its value, when it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its bytes as hexadecimal digits, when it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hex: Option<String>,
    /// The revision of its last change.
    pub revision: u64,
    /// How old the answer may be, in milliseconds; 0 when it is up to date.
    pub age_ms: u64,
    /// When it was put (RFC 3339, UTC).
    pub modified: String,
    /// Milliseconds until it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// The keys.
    pub keys: Vec<Listed>,
    /// Whether more come behind them.
    pub has_more: bool,
    /// The revision of the last change of any key.
    pub revision: u64,
}

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Its name.
    pub key: String,
    /// The size of its value.
    pub bytes: u64,
    /// The revision of its last change.
    pub revision: u64,
    /// When that was (RFC 3339, UTC).
    pub modified: String,
    /// Milliseconds until it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// Its value, when values were asked for and it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its bytes as hexadecimal digits, when values were asked for and it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hex: Option<String>,
}

/// What the original tells of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// The revision of its last change.
    pub modify_index: u64,
    /// When that was, in seconds since 1970.
    pub modify_time: u64,
}

/// What a key was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// Since which revision.
    pub revision: u64,
    /// When that was (RFC 3339, UTC).
    pub at: String,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// Its value, when it was text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its bytes as hexadecimal digits, when it was no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hex: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// The changes, oldest first; none when nothing happened in time.
    pub events: Vec<Event>,
    /// Where to go on.
    pub index: u64,
    /// Whether changes before the first one are forgotten: list the keys anew.
    pub is_cut: bool,
}

/// A change of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The revision that it made.
    pub revision: u64,
    /// `put`, `deleted` or `expired`.
    pub what: String,
    /// The key.
    pub key: String,
    /// Its value, when it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its bytes as hexadecimal digits, when it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hex: Option<String>,
}

/// How much there is below a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// The prefix; empty for the whole.
    pub prefix: String,
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// The bound, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

/// A bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// Most keys.
    pub keys_max: u64,
    /// Most bytes of keys and values.
    pub bytes_max: u64,
}
