//! What reaches the core.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Group, NodeId, Zone};

use crate::record::Health;
use crate::seal::Rings;
use crate::zones::Zones;

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// A datagram came.
    Datagram {
        /// From where.
        from: SocketAddr,
        /// Its bytes, sealed.
        packet: Vec<u8>,
    },
    /// The deadline was reached; nothing else happened.
    Deadline,
    /// Another node asks something on a stream. The answer is an `Output::Reply` with this call.
    Asked {
        /// Which call it is.
        call: Call,
        /// Who asks.
        peer: Peer,
        /// What it asks.
        request: Vec<u8>,
    },
    /// A call that this core made (`Output::Ask`) ended.
    Answered {
        /// Which call it was.
        call: Call,
        /// What came of it.
        answer: Result<(Peer, Vec<u8>), CallError>,
    },
    /// Somebody wants something done. `Output::Done` tells what came of it.
    Order(OrderId, Order),
    /// The rest of the agent tells how this node is now.
    Describe(Box<Description>),
    /// The files give other keys: these are in force from now on.
    Keys(Rings),
    /// The files declare other zones.
    Zones(Zones),
    /// The addresses to join at, for ever, until somebody of them is a member. Resolved anew by
    /// the shell from time to time.
    Seeds(Vec<SocketAddr>),
    /// Who is dead, or has left, is forgotten after so long; nothing: never.
    ReapAfter(Option<Duration>),
}

/// A request and its answer on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub u64);

/// An order and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// The other end of a stream, as the handshake proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address on this stream.
    pub address: SocketAddr,
    /// The zone whose key both ends have; nothing when gossip is open, and nothing is proved.
    pub zone: Option<Zone>,
    /// Whether that key is retired on this end: then nothing but keys is exchanged.
    pub retired: bool,
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers there.
    #[error("{0}")]
    Unreachable(String),
    /// It took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Both ends have no key in common.
    #[error("it has none of this node's zone keys")]
    NoCommonKey,
    /// The other end has a key for its zone, and this one has none.
    #[error("its gossip is sealed, and this node has no zone key")]
    NoKeyHere,
    /// The other end has no key for its zone, and this one has.
    #[error("its gossip is open, and this node's is sealed with a zone key")]
    NoKeyThere,
    /// The only key that both ends have is retired here.
    #[error("it has no key but one that is retired: it has to learn the new one first")]
    RetiredKey,
    /// What listens there does not speak this protocol.
    #[error("what listens there is no OpsBro agent: {0}")]
    NotOurs(String),
    /// The other end ended it.
    #[error("it ended the stream: {0}")]
    Closed(String),
}

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Join the cluster of whoever listens there.
    Join(SocketAddr),
    /// Leave: this node, or another that is to be told or, when it is dead, said to have left.
    Leave(NodeId),
    /// Forget a dead node for good.
    Forget(NodeId),
    /// See whether a node answers now.
    Ping(NodeId),
    /// Ask who is there, by datagrams to these broadcast and multicast addresses.
    Detect {
        /// Where to send it.
        to: Vec<SocketAddr>,
        /// How long to wait for answers.
        wait: Duration,
    },
    /// Tell the cluster that something happened.
    AddEvent {
        /// What, in a word.
        kind: String,
        /// More of it.
        payload: Vec<u8>,
    },
    /// Go to another zone.
    ChangeZone(Zone),
    /// Change the keys of a zone.
    Keys(Zone, KeyOrder),
}

/// What to do with the keys of a zone. It reaches all nodes of the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// Accept this key too.
    Add(crate::seal::Key),
    /// Seal with the key of this fingerprint.
    Use {
        /// Its fingerprint.
        key: [u8; 4],
        /// Use it although members may not know it yet.
        force: bool,
    },
    /// Accept the key of this fingerprint no longer.
    Remove {
        /// Its fingerprint.
        key: [u8; 4],
        /// Remove it although members still need it.
        force: bool,
    },
}

/// What the rest of the agent tells about this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its name for people; empty when it is the host name.
    pub display_name: String,
    /// The groups that its configuration gave.
    pub static_groups: Vec<Group>,
    /// The groups that its detectors gave.
    pub detected_groups: Vec<Group>,
    /// How it does.
    pub health: Health,
    /// What other parts of the agent tell, by name.
    pub parts: BTreeMap<String, Arc<[u8]>>,
}
