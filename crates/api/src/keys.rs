//! The keys that seal gossip, by zone. A key itself is taken, and never told again.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::route::{Answer, Method, Parameter, Role, Route};

const ZONE: Parameter = Parameter {
    name: "zone",
    doc: "the zone (default: this node's)",
};
const FORCE: Parameter = Parameter {
    name: "force",
    doc: "`true` does it although members do not know it yet or still need the key",
};

/// Lists the rings of keys.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/keys",
    role: Role::Read,
    summary: "Lists the keys of this node's zone and those below, by fingerprint, and who lags",
    query: &[Parameter {
        name: "zone",
        doc: "only this zone",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Ring>)),
};

/// Adds a key.
pub const ADD: Route = Route {
    method: Method::Post,
    path: "/keys",
    role: Role::Admin,
    summary: "Makes a zone accept a key; it seals only when it is to be used, too",
    query: &[],
    body: Some(|| schema_for!(AddKey)),
    answer: Answer::Json(|| schema_for!(Ring)),
};

/// Uses a key.
pub const USE: Route = Route {
    method: Method::Put,
    path: "/keys/{fingerprint}",
    role: Role::Admin,
    summary: "Makes a zone seal with a key; waits 15 s for members that do not accept it yet",
    query: &[ZONE, FORCE],
    body: None,
    answer: Answer::Json(|| schema_for!(Ring)),
};

/// Removes a key.
pub const REMOVE: Route = Route {
    method: Method::Delete,
    path: "/keys/{fingerprint}",
    role: Role::Admin,
    summary: "Retires a key: it lets sleepers come back for 30 days, with force not even that",
    query: &[ZONE, FORCE],
    body: None,
    answer: Answer::Json(|| schema_for!(Ring)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &ADD, &USE, &REMOVE];

/// The keys of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ring {
    /// The zone.
    pub zone: String,
    /// How often the members changed the ring together; 0 when only files gave the key.
    pub version: u64,
    /// Whether gossip in the zone is open, because no key seals.
    pub is_open: bool,
    /// The keys.
    pub keys: Vec<Key>,
    /// The living members that did not acknowledge this version yet.
    pub behind: Vec<Behind>,
    /// What each known member holds, as it told last; those that left are not there.
    #[serde(default)]
    pub members: Vec<Holder>,
}

/// A member, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// Its identity.
    pub uuid: String,
    /// Its name for people.
    pub name: String,
    /// `alive`, `suspect` or `dead`.
    pub state: String,
    /// The version of the ring that it acknowledged.
    pub version: u64,
    /// The fingerprint of the key that it seals with; none when its gossip is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seals: Option<String>,
}

/// A key, by its fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// What names it.
    pub fingerprint: String,
    /// `seals`, `accepted` or `retired`.
    #[serde(rename = "use")]
    pub use_: String,
    /// When a retired key is dropped (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A member that does not hold the newest ring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// Its identity.
    pub uuid: String,
    /// Its name for people.
    pub name: String,
    /// The version that it holds.
    pub version: u64,
}

/// A key that is to be added. It cannot be printed.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddKey {
    /// The zone; none is this node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The key: base64 of 16 or 32 bytes.
    pub key: String,
    /// Whether it shall seal as soon as all members accept it.
    #[serde(default, rename = "use")]
    pub use_: bool,
    /// Whether not to wait for all members.
    #[serde(default)]
    pub force: bool,
}
