//! What the core shows to readers: cheap to share, never changed.

use std::sync::Arc;

use model::{MemberState, Moment, NodeId, WallTime, Zone};

use crate::events::Event;
use crate::record::Record;
use crate::seal;
use crate::zones::Zones;

/// The cluster as this node knows it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// This node.
    pub own: NodeId,
    /// All members that this node may see, itself too, by zone, name and id.
    pub members: Vec<Member>,
    /// The zones.
    pub zones: Arc<Zones>,
    /// The events that are known, oldest first.
    pub events: Vec<Event>,
    /// The keys of this zone and those below, and who has which.
    pub keys: Vec<seal::Status>,
    /// What was counted.
    pub figures: Figures,
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What it tells about itself.
    pub record: Arc<Record>,
    /// How it is.
    pub state: MemberState,
    /// Since when, as seen here.
    pub since: WallTime,
    /// Who said so first, as far as is known; nothing when it says so itself.
    pub accuser: Option<NodeId>,
    /// When this node last knew that it lives.
    pub heard: Moment,
    /// Through which zone's proxy it is known, when it is of another zone.
    pub through: Option<Zone>,
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Datagrams that were sent, and their bytes.
    pub sent: (u64, u64),
    /// Datagrams that were taken, and their bytes.
    pub received: (u64, u64),
    /// Datagrams that were dropped, by reason.
    pub dropped: Vec<(&'static str, u64)>,
    /// Streams: calls made, calls answered, calls that failed.
    pub calls: (u64, u64, u64),
    /// Probes that got no answer, of any kind.
    pub probes_failed: u64,
    /// Suspicions of this node that it refuted.
    pub refuted: u64,
    /// How much this node doubts itself now: 0 not at all.
    pub self_doubt: u32,
    /// Updates and broadcasts that wait to be sent on.
    pub backlog: u64,
    /// Names or addresses that two members claim, for people.
    pub conflicts: Vec<String>,
}

impl Snapshot {
    /// Gives a member.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.record.id == id)
    }
}
