//! What the core wants done.

use std::net::SocketAddr;
use std::time::Duration;

use model::{MemberState, NodeId, WallTime, Zone};

use crate::events::Event;
use crate::input::{Call, CallError, OrderId};
use crate::seal::Ring;

/// One thing to do.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Send {
        /// Where to.
        to: SocketAddr,
        /// Its bytes, sealed.
        packet: Vec<u8>,
    },
    /// Ask another node on a stream; `Input::Answered` brings what came of it.
    Ask {
        /// Which call it is.
        call: Call,
        /// Whom.
        to: SocketAddr,
        /// The zones whose keys to offer, the likeliest first.
        zones: Vec<Zone>,
        /// What to ask.
        request: Vec<u8>,
    },
    /// Answer what another node asked.
    Reply {
        /// Which call it is.
        call: Call,
        /// The answer.
        answer: Vec<u8>,
    },
    /// An order ended.
    Done(OrderId, Result<Done, Refusal>),
    /// A member changed.
    Changed(Change),
    /// What a node tells of itself is news: how its checks are, what it offers.
    Told,
    /// An event reached this node, or was made here.
    Happened(Event),
    /// Keep this on disk for the next start, instead of what was kept before.
    Keep(Vec<u8>),
    /// Keep the keys of a zone on disk, and use them for streams from now on.
    KeepKeys(Zone, Ring),
    /// This node was told to leave by an operator elsewhere: the agent shall stop.
    Stop {
        /// Who told it.
        by: NodeId,
    },
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The node is in the cluster of this member now.
    Joined(NodeId),
    /// The node left, or is said to have left.
    Left,
    /// The node is forgotten.
    Forgotten,
    /// The node answered.
    Pong {
        /// After how long.
        took: Duration,
        /// Through whom, when not by itself.
        relay: Option<NodeId>,
    },
    /// These answered.
    Detected(Vec<Found>),
    /// The event of this id is on its way.
    EventAdded(u128),
    /// The zone is this now.
    ZoneChanged(Zone),
    /// The key ring has this version now.
    KeysChanged(u64),
}

/// A node that answered a detection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who it is.
    pub id: NodeId,
    /// Its name for people.
    pub name: String,
    /// Its zone.
    pub zone: Zone,
    /// Where it takes streams.
    pub address: SocketAddr,
    /// Whether it is a proxy.
    pub is_proxy: bool,
    /// Its groups, as many as fit.
    pub groups: Vec<String>,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The other node could not be asked.
    #[error("{address}: {error}")]
    NotAsked {
        /// Where it was tried.
        address: SocketAddr,
        /// Why.
        error: CallError,
    },
    /// Its zone does not see this node's zone.
    #[error("{address} is in the zone {zone}, which {own} does not see")]
    OtherZone {
        /// Where it was tried.
        address: SocketAddr,
        /// Its zone.
        zone: String,
        /// This node's zone.
        own: Zone,
    },
    /// It is in the zone above, and no proxy of that.
    #[error("{address} is no proxy of the zone {zone} above: only proxies let nodes of {own} in")]
    NoProxyThere {
        /// Where it was tried.
        address: SocketAddr,
        /// Its zone.
        zone: Zone,
        /// This node's zone.
        own: Zone,
    },
    /// It is in a zone below, and this node is no proxy.
    #[error("{address} is in the zone {zone} below: it lets only proxies of {own} in")]
    NoProxyHere {
        /// Where it was tried.
        address: SocketAddr,
        /// Its zone.
        zone: Zone,
        /// This node's zone.
        own: Zone,
    },
    /// This node showed no key of the zone that the other one is in.
    #[error("{address} is in the zone {zone}, whose key this node does not have")]
    NoKeyOfZone {
        /// Where it was tried.
        address: SocketAddr,
        /// Its zone.
        zone: Zone,
    },
    /// The other node cannot reach this one at the address that it tells.
    #[error("{address} gets no answer from {advertised}, where this node says to be")]
    NotReached {
        /// Who tried.
        address: SocketAddr,
        /// What this node advertises.
        advertised: SocketAddr,
    },
    /// The other node speaks a protocol too old or new.
    #[error("{address} speaks protocol {theirs}, this node {ours}")]
    Protocol {
        /// Where it was tried.
        address: SocketAddr,
        /// Its protocol.
        theirs: u8,
        /// This node's.
        ours: u8,
    },
    /// It is this node itself.
    #[error("{0} is this node itself")]
    Myself(SocketAddr),
    /// Nobody of this id is known.
    #[error("no member has the id {0}")]
    UnknownNode(NodeId),
    /// The node lives.
    #[error("{0} lives: let it leave first")]
    Lives(NodeId),
    /// Nobody answered in time.
    #[error("{0} does not answer, nor does anybody reach it")]
    NoAnswer(NodeId),
    /// There is no such zone.
    #[error("there is no zone {0}")]
    UnknownZone(Zone),
    /// There is no such key.
    #[error("the zone {0} has no key {1}")]
    UnknownKey(Zone, String),
    /// Members still need the key.
    #[error("members still need this key: {}", names(.0))]
    KeyNeeded(Vec<String>),
    /// The key is retired.
    #[error("the zone {0} has retired its key {1}: add it again first")]
    KeyRetired(Zone, String),
    /// The key seals.
    #[error("the zone {0} seals with its key {1}: use another one first")]
    KeySeals(Zone, String),
    /// Members do not hold the newest ring.
    #[error("members do not hold the newest keys yet: {}", names(.0))]
    KeysBehind(Vec<String>),
    /// Too much of it at one time.
    #[error("{0}")]
    TooMuch(&'static str),
}

fn names(names: &[String]) -> String {
    names.join(", ")
}

/// A change of a member, for the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who changed.
    pub id: NodeId,
    /// Its host name.
    pub name: String,
    /// Its name for people; empty when it is the host name.
    pub display_name: String,
    /// When it was seen here.
    pub at: WallTime,
    /// What changed.
    pub what: What,
}

/// What changed of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Its state.
    State {
        /// What it was; nothing when it was not known.
        from: Option<MemberState>,
        /// What it is.
        to: MemberState,
        /// Who said so first, as far as is known.
        accuser: Option<NodeId>,
    },
    /// Its zone.
    Zone {
        /// What it was.
        from: Zone,
        /// What it is.
        to: Zone,
    },
    /// Its groups.
    Groups {
        /// What came.
        added: Vec<String>,
        /// What went.
        removed: Vec<String>,
    },
    /// It was forgotten.
    Forgotten,
}
