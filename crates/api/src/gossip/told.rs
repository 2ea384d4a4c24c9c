//! What travels about the cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A node of the cluster, as this one knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Its identity.
    pub uuid: String,
    /// Its host name.
    pub name: String,
    /// Its name for people; empty when it is the host name.
    pub display_name: String,
    /// Its address.
    pub addr: String,
    /// Its port, for datagrams and streams.
    pub port: u16,
    /// Its zone.
    pub zone: String,
    /// `alive`, `suspect`, `dead` or `leave`.
    pub state: String,
    /// How often it has started.
    pub incarnation: u64,
    /// Whether it relays between its zone and those above and below.
    pub is_proxy: bool,
    /// Its groups.
    pub groups: Vec<String>,
    /// The version of its program.
    pub version: String,
    /// How it does.
    pub health: Health,
    /// Since when it is in its state, as seen here (RFC 3339, UTC).
    pub since: String,
    /// Who said its state first, where somebody else did and that is known (only in detail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuser: Option<String>,
    /// How long ago this node last knew that it lives, in milliseconds (only in detail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// The zone by whose proxy it is known, when it is of another zone (only in detail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// The groups that its configuration gave (only in detail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_groups: Option<Vec<String>>,
    /// The fingerprint of the key that it seals with (only in detail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it told and did not fit (only in detail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Vec<String>>,
}

/// How a node does, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The worst state of its checks: `critical`, `warning`, `unknown`, `ok`, or `pending` when
    /// nothing is known.
    pub state: String,
    /// How many of its checks are in each state.
    pub counts: BTreeMap<String, u32>,
    /// Its problems, the worst first, as many as fit.
    pub problems: Vec<Problem>,
}

/// A check of a node that has a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The check: `linux/disks[/srv]`.
    pub check: String,
    /// Its state.
    pub state: String,
    /// Since when (RFC 3339, UTC).
    pub since: String,
    /// Whether somebody acknowledged it, or it is in a downtime.
    pub handled: bool,
    /// What it says, cut.
    pub output: String,
}

/// Something that changed of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeChange {
    /// `node-state-change`, `node-zone-change`, `node-forgotten`, `group-add` or `group-remove`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the node.
    pub name: String,
    /// Its name for people; empty when it is the name.
    pub display_name: String,
    /// Its identity.
    pub uuid: String,
    /// What its state was; `unknown` when it was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_state: Option<String>,
    /// What its state is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The name of who said so first, where somebody else did and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuser: Option<String>,
    /// The identity of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuser_uuid: Option<String>,
    /// What its zone was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_zone: Option<String>,
    /// What its zone is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The group that came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// A join that came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// Where it was asked for.
    pub address: String,
    /// The identity of who let this node in.
    pub uuid: String,
    /// The name of that one, when it is known already.
    pub name: String,
    /// How many nodes are known now, this one counted.
    pub members: u64,
}

/// A node that left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Its identity.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Whether it is this node itself, whose agent stops now.
    pub is_this: bool,
}

/// Something that was done to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Its identity.
    pub uuid: String,
    /// Its name.
    pub name: String,
}

/// A node that answered a detection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Its identity.
    pub uuid: String,
    /// Its name for people.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its address.
    pub addr: String,
    /// Its port.
    pub port: u16,
    /// Whether it is a proxy.
    pub is_proxy: bool,
    /// Its groups, as many as fit.
    pub groups: Vec<String>,
}

/// Gives nodes that were detected by zone, and in each in the order in which they are to be joined
/// until one lets this node in: proxies see all that others see, and more. `of` gives the zone of
/// one, and whether it is a proxy.
pub fn in_turn<'a, T>(found: &'a [T], of: impl Fn(&'a T) -> (&'a str, bool)) -> Vec<Vec<&'a T>> {
    let mut zones: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for node in found {
        zones.entry(of(node).0).or_default().push(node);
    }
    let mut zones: Vec<_> = zones.into_values().collect();
    for of_zone in &mut zones {
        of_zone.sort_by_key(|node| !of(node).1);
    }
    zones
}

/// What came of a ping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pong {
    /// The identity of the node.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its state, as it is known here now.
    pub state: String,
    /// Whether it answered.
    pub answered: bool,
    /// After how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_us: Option<u64>,
    /// The name of who relayed, when it did not answer by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How all nodes are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterState {
    /// The nodes, those with problems first.
    pub nodes: Vec<NodeState>,
    /// How many nodes are in each state.
    pub states: BTreeMap<String, u64>,
    /// How many checks of all nodes are in each state.
    pub checks: BTreeMap<String, u64>,
}

/// How a node is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeState {
    /// Its identity.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its name for people; empty when it is the name.
    pub display_name: String,
    /// Its zone.
    pub zone: String,
    /// `alive`, `suspect`, `dead` or `leave`.
    pub state: String,
    /// Since when it is in its state, as seen here (RFC 3339, UTC).
    pub since: String,
    /// How long ago this node last knew that it lives, in seconds.
    pub age: u64,
    /// How it does, as it said itself.
    pub health: Health,
}

/// A zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// The zones right below.
    #[serde(rename = "sub-zones", default, skip_serializing_if = "Vec::is_empty")]
    pub sub_zones: Vec<String>,
    /// Whether it is the zone of this node.
    pub is_our_zone: bool,
    /// Whether a gossip key of it is here.
    pub have_gossip_key: bool,
    /// How it lies to this node's zone: `own`, `lower`, `higher` or `other`.
    pub relation: String,
    /// How many nodes of it are known here.
    pub members: u64,
}

/// A zone that was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ZoneChanged {
    /// The zone of this node now.
    pub zone: String,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its id.
    pub eventid: String,
    /// What, in a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// More of it, as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payload: String,
    /// The identity of who told it.
    pub from: String,
    /// The name of who told it; empty when it is not known.
    pub from_name: String,
    /// The zone of who told it.
    pub zone: String,
    /// When, by the clock of who told it (RFC 3339, UTC).
    pub at: String,
    /// The same in seconds since 1970.
    pub ctime: u64,
}

/// An event that is to be told.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddEvent {
    /// What, in a word.
    #[serde(rename = "type", alias = "event_type")]
    pub kind: String,
    /// More of it.
    #[serde(default)]
    pub payload: String,
}

/// The cluster in `agent info`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// Where other nodes reach this one.
    pub address: String,
    /// Whether this node relays between its zone and those above and below.
    pub is_proxy: bool,
    /// How many nodes are known in each state, this one counted.
    pub members: BTreeMap<String, u64>,
    /// The keys of this zone and those below.
    pub keys: Vec<KeyInfo>,
    /// Names or addresses that two nodes claim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// What was counted.
    pub figures: Figures,
}

/// The key of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyInfo {
    /// The zone.
    pub zone: String,
    /// The fingerprint of the key that seals; nothing when gossip is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seals: Option<String>,
    /// How many keys are accepted.
    pub accepted: u64,
    /// The version of the ring.
    pub version: u64,
    /// How many members do not hold this version yet.
    pub behind: u64,
}

/// What the cluster loop counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Datagrams that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Datagrams that were taken.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Datagrams that were dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Calls to other nodes.
    pub calls_made: u64,
    /// Calls of other nodes.
    pub calls_answered: u64,
    /// Calls that failed.
    pub calls_failed: u64,
    /// Probes that got no answer.
    pub probes_failed: u64,
    /// Suspicions of this node that it refuted.
    pub refuted: u64,
    /// How much this node doubts itself now; 0 is not at all.
    pub self_doubt: u32,
    /// What waits to be sent on.
    pub backlog: u64,
}
