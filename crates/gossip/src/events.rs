//! Events: small, told once to everybody, and forgotten soon.

use std::sync::Arc;
use std::time::Duration;

use model::{NodeId, WallTime, Zone};

/// How long an event is known.
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(300);

/// Something that happened, told to all nodes that see its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, random.
    pub id: u128,
    /// What, in a word.
    pub kind: String,
    /// More of it.
    pub payload: Arc<[u8]>,
    /// Who told it.
    pub from: NodeId,
    /// The zone of who told it: events go upward only.
    pub zone: Zone,
    /// When, by the clock of who told it.
    pub at: WallTime,
}
