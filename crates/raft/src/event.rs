//! What happened to the agreed state, for those who watch it.

use crate::words::{Key, Revision, SessionId, Value};

/// One change. Those of one transaction have the same revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The revision that it made.
    pub revision: Revision,
    /// When, in milliseconds of wall time.
    pub wall: u64,
    /// The key or the lock.
    pub name: Key,
    /// What became of it.
    pub what: What,
}

/// What became of a key or a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The key has this value.
    Put(Value),
    /// The key was deleted.
    Deleted,
    /// The time of the key was over.
    Expired,
    /// The session holds the lock; the revision is its token.
    Acquired(SessionId),
    /// The session gave the lock back.
    Released(SessionId),
    /// The lock was taken away from the session, or the session ended.
    Lost(SessionId),
}

impl What {
    /// Tells whether it is about a key, and not about a lock.
    pub fn is_of_key(&self) -> bool {
        match self {
            Self::Put(_) | Self::Deleted | Self::Expired => true,
            Self::Acquired(_) | Self::Released(_) | Self::Lost(_) => false,
        }
    }
}
