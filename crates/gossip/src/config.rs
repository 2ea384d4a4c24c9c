//! What the core is told when it is made.

use std::time::Duration;

use model::NodeId;

use crate::book::Kept;
use crate::record::Body;
use crate::seal::{Rings, Salts};
use crate::zones::Zones;

/// What the core is told when it is made.
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// How often it has started, this time included. Never the same twice.
    pub starts: u64,
    /// What it tells about itself first.
    pub body: Body,
    /// The zones.
    pub zones: Zones,
    /// The keys of this zone and those below.
    pub keys: Rings,
    /// Gives a salt out of the system's randomness, each time another one.
    pub salts: Salts,
    /// Seed of all choices that need no secrecy.
    pub seed: u64,
    /// What `Output::Keep` gave last, in the run before.
    pub kept: Option<Kept>,
    /// How fast it all goes.
    pub timing: Timing,
}

/// How fast the protocol goes. All nodes of a zone should have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a member is probed.
    pub probe_every: Duration,
    /// How long its own answer may take, before others are asked to probe it.
    pub probe_answer: Duration,
    /// How long a suspect has to refute, in a cluster of up to 10; it grows with the logarithm of
    /// the size.
    pub suspicion: Duration,
    /// How often a node compares what it knows with another node.
    pub compare_every: Duration,
    /// How often a node tries to reach one that is dead or was known once.
    pub rejoin_every: Duration,
    /// After how long a dead member is forgotten; never when there is none.
    pub reap_after: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            probe_every: Duration::from_millis(600),
            probe_answer: Duration::from_millis(250),
            suspicion: Duration::from_millis(1_600),
            compare_every: Duration::from_secs(10),
            rejoin_every: Duration::from_secs(15),
            reap_after: None,
        }
    }
}
