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

/// How much a core holds that grows with what others send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Members of the zone.
    pub members: usize,
    /// What nodes tell.
    pub records: usize,
    /// Updates and broadcasts that wait to be sent on.
    pub backlog: usize,
    /// Calls that are under way.
    pub calls: usize,
    /// Records that are to be fetched.
    pub wanted: usize,
    /// Newcomers whose addresses are tried.
    pub joins: usize,
    /// Senders that are remembered against replay.
    pub senders: usize,
    /// Derived keys.
    pub subkeys: usize,
}

impl Held {
    /// Tells whether nothing of it is more than there.
    pub fn within(&self, bounds: &Self) -> bool {
        self.members <= bounds.members
            && self.records <= bounds.records
            && self.backlog <= bounds.backlog
            && self.calls <= bounds.calls
            && self.wanted <= bounds.wanted
            && self.joins <= bounds.joins
            && self.senders <= bounds.senders
            && self.subkeys <= bounds.subkeys
    }
}

impl Snapshot {
    /// Gives a member.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.record.id == id)
    }
}
