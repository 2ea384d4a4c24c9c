//! The types that openraft is asked to work with, and its timing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::SnapshotPolicy;
use openraft::impls::{EmptyNode, OneshotResponder};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::disk::{Arriving, Image};
use crate::runtime::Runtime;
use crate::words::{Value, Voter};

/// What openraft is made of here. A voter has no address: its id is looked up when it is called,
/// so nodes may move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Types;

impl openraft::RaftTypeConfig for Types {
    type D = Proposal;
    type R = Answers;
    type NodeId = Voter;
    type Node = EmptyNode;
    type Entry = openraft::Entry<Self>;
    type SnapshotData = Parcel;
    type AsyncRuntime = Runtime;
    type Responder = OneshotResponder<Self>;
}

/// A [`crate::Batch`] as bytes: it is encoded once and decoded once on each node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Proposal {
    pub(crate) batch: Value,
    /// Tells who proposes it whether it went into the log; nobody else has one.
    #[serde(skip)]
    written: Option<Arc<AtomicBool>>,
}

impl Proposal {
    /// Gives a proposal, and what tells whether it was written.
    pub(crate) fn new(batch: &[u8]) -> (Self, Arc<AtomicBool>) {
        let written = Arc::new(AtomicBool::new(false));
        let proposal = Self {
            batch: Value::new(batch),
            written: Some(Arc::clone(&written)),
        };
        (proposal, written)
    }

    /// Takes note that it goes into the log of this node.
    pub(crate) fn is_being_written(&mut self) {
        if let Some(written) = self.written.take() {
            written.store(true, Ordering::Release);
        }
    }
}

impl PartialEq for Proposal {
    fn eq(&self, other: &Self) -> bool {
        self.batch == other.batch
    }
}

impl Eq for Proposal {}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.batch.len())
    }
}

/// The answers to the commands of one entry; none for entries of openraft's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

/// A snapshot on its way through openraft.
#[derive(Debug)]
pub(crate) struct Parcel(pub(crate) Content);

/// What a snapshot is at the moment.
#[derive(Debug)]
pub(crate) enum Content {
    /// What this node has on disk.
    Image(Arc<dyn Image>),
    /// What came from another one, and takes the place of that when openraft wants it.
    Arrived(Box<dyn Arriving>),
    /// What openraft begins with; it is not used.
    Nothing,
}

/// How fast a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a leader says that it lives.
    pub heartbeat: Duration,
    /// Silence of the leader after which a voter stands for election: each takes a time of its
    /// own out of this range. A voter that heard of a leader helps no other for the longer one.
    pub election_min: Duration,
    /// The end of that range, exclusive.
    pub election_max: Duration,
}

impl Timing {
    /// Timing for one site: a dead leader is replaced within a second.
    pub const LOCAL: Self = Self {
        heartbeat: Duration::from_millis(100),
        election_min: Duration::from_millis(250),
        election_max: Duration::from_millis(400),
    };

    pub(crate) fn to_openraft(self) -> openraft::Config {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        openraft::Config {
            cluster_name: "opsbro".to_owned(),
            heartbeat_interval: millis(self.heartbeat),
            election_timeout_min: millis(self.election_min),
            election_timeout_max: millis(self.election_max),
            max_payload_entries: 256,
            // When to write one depends on bytes, which openraft does not count: see `keeper`.
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: 64,
            ..openraft::Config::default()
        }
    }
}
