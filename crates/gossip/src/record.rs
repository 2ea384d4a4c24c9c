//! What a node tells about itself: its record. Only its owner changes it; the newest version wins.

mod codec;
mod fit;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use model::{CheckState, Group, NodeId, WallTime, Zone};

/// The version of a record: starts of its owner first, then its changes since that start. So an
/// owner that lost its disk wins again after one start more, and never has to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// How often the owner has started.
    pub starts: u64,
    /// How often the record has changed since.
    pub change: u64,
}

/// What a node tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub id: NodeId,
    /// Its version.
    pub version: Version,
    /// What it says.
    pub body: Body,
    /// What later protocols say and this one does not know, by tag. Kept, and passed on.
    pub unknown: Vec<(u64, Arc<[u8]>)>,
}

/// What the owner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its host name.
    pub name: String,
    /// Its name for people; empty when it is the host name.
    pub display_name: String,
    /// Where it takes datagrams and streams.
    pub address: SocketAddr,
    /// Its zone.
    pub zone: Zone,
    /// Whether it relays between its zone and those above and below.
    pub is_proxy: bool,
    /// Whether it left, or was said to have left.
    pub left: bool,
    /// The groups that its configuration gave.
    pub static_groups: Vec<Group>,
    /// The groups that its detectors gave.
    pub detected_groups: Vec<Group>,
    /// The version of its program.
    pub program: String,
    /// How it does.
    pub health: Health,
    /// The version of its zone's key ring, and the fingerprint of the key that it seals with; no
    /// key when its gossip is open.
    pub keys: (u64, Option<[u8; 4]>),
    /// What other parts of the agent tell by way of the record (services, agreement), by name.
    pub parts: BTreeMap<String, Arc<[u8]>>,
    /// What did not fit and was left out, for people.
    pub cut: Vec<String>,
}

/// How a node does, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// How many checks are in each state.
    pub counts: Vec<(CheckState, u32)>,
    /// The checks that have a problem, worst first, as many as fit.
    pub problems: Vec<Problem>,
}

/// A check that has a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The check.
    pub check: String,
    /// Its state.
    pub state: CheckState,
    /// Since when.
    pub since: WallTime,
    /// Whether somebody acknowledged it, or it is in a downtime.
    pub handled: bool,
    /// Its output, cut.
    pub output: String,
}

impl Record {
    /// Gives all groups, each once and in order.
    pub fn groups(&self) -> Vec<&Group> {
        let both = self.body.static_groups.iter();
        let mut groups: Vec<_> = both.chain(&self.body.detected_groups).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Gives the name for people.
    pub fn shown_name(&self) -> &str {
        match self.body.display_name.as_str() {
            "" => &self.body.name,
            shown => shown,
        }
    }
}
