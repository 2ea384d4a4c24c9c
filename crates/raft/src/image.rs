//! The agreed state as a row of items: what a snapshot is made of, whatever carries it.
//!
//! The first item is the [`Head`]. Items are separate so that neither writing nor reading a
//! snapshot holds more than one of them beside the state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::quota::Quota;
use crate::state::{Cell, Hold, Lock, Past, Session};
use crate::words::{Clock, GroupId, Key, Revision, SessionId, Value, Voter};

/// What the state has once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The revision of the last change.
    pub revision: Revision,
    /// The time of leases.
    pub clock: Clock,
    /// The term of the last entry.
    pub term: u64,
    /// The wall time of the last entry in milliseconds.
    pub wall: u64,
    /// The group, and the wall time at which it was named.
    pub group: Option<(GroupId, u64)>,
    /// The groups that this one takes the place of, the last one last.
    pub absorbed: Vec<GroupId>,
    /// The group that the nodes of this one are to join.
    pub yields_to: Option<GroupId>,
}

/// One piece of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// What there is once; first.
    Head(Head),
    /// A quota; before the keys, which are counted as they come.
    Quota {
        /// The beginning of the keys.
        prefix: String,
        /// The bound.
        quota: Quota,
    },
    /// An open session.
    Session(SessionId, SessionItem),
    /// A lock in use.
    Lock(Key, LockItem),
    /// What a key was.
    Past {
        /// The key.
        key: Key,
        /// What it was.
        past: PastItem,
        /// Whether this is the deletion for which the key is absent.
        is_gone: bool,
    },
    /// A key.
    Cell(Key, CellItem),
}

/// A [`Session`] in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionItem {
    ttl_ms: u64,
    deadline: Clock,
    node: Voter,
    name: String,
    locks: Vec<Key>,
}

/// A [`Lock`] in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockItem {
    slots: u32,
    holders: Vec<(SessionId, Revision, u64)>,
    waiters: Vec<SessionId>,
}

/// A [`Past`] in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastItem {
    revision: Revision,
    value: Option<Value>,
    wall: u64,
    previous: Revision,
}

/// A [`Cell`] in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellItem {
    value: Value,
    revision: Revision,
    previous: Revision,
    wall: u64,
    expires: Clock,
}

impl Item {
    /// Gives the bytes of the item.
    pub fn encode(&self, out: Vec<u8>) -> Vec<u8> {
        postcard::to_extend(self, out).expect("an item has only lengths that are known")
    }

    /// Reads what [`Item::encode`] gave.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes)
            .map_err(|error| format!("an item of a snapshot is damaged: {error}"))
    }

    pub(crate) fn of_cell((key, cell): (&str, Cell)) -> Self {
        let Cell {
            value,
            revision,
            previous,
            wall,
            expires,
        } = cell;
        Self::Cell(
            Key::from(key),
            CellItem {
                value,
                revision,
                previous,
                wall,
                expires,
            },
        )
    }

    pub(crate) fn of_past(key: &Key, past: &Past, is_gone: bool) -> Self {
        let Past {
            revision,
            value,
            wall,
            previous,
        } = past.clone();
        Self::Past {
            key: Key::clone(key),
            past: PastItem {
                revision,
                value,
                wall,
                previous,
            },
            is_gone,
        }
    }

    pub(crate) fn of_session((id, session): (SessionId, &Session)) -> Self {
        let session = session.clone();
        Self::Session(
            id,
            SessionItem {
                ttl_ms: session.ttl.as_millis() as u64,
                deadline: session.deadline,
                node: session.node,
                name: session.name,
                locks: session.locks,
            },
        )
    }

    pub(crate) fn of_lock((name, lock): (&Key, &Lock)) -> Self {
        let holders = lock.holders.iter();
        let item = LockItem {
            slots: lock.slots,
            holders: holders
                .map(|hold| (hold.session, hold.token, hold.since))
                .collect(),
            waiters: lock.waiters.iter().copied().collect(),
        };
        Self::Lock(Key::clone(name), item)
    }
}

impl From<SessionItem> for Session {
    fn from(item: SessionItem) -> Self {
        Self {
            ttl: Duration::from_millis(item.ttl_ms),
            deadline: item.deadline,
            node: item.node,
            name: item.name,
            locks: item.locks,
        }
    }
}

impl From<LockItem> for Lock {
    fn from(item: LockItem) -> Self {
        let hold = |(session, token, since)| Hold {
            session,
            token,
            since,
        };
        Self {
            slots: item.slots,
            holders: item.holders.into_iter().map(hold).collect(),
            waiters: item.waiters.into(),
        }
    }
}

impl From<PastItem> for Past {
    fn from(item: PastItem) -> Self {
        Self {
            revision: item.revision,
            value: item.value,
            wall: item.wall,
            previous: item.previous,
        }
    }
}

impl From<CellItem> for Cell {
    fn from(item: CellItem) -> Self {
        Self {
            value: item.value,
            revision: item.revision,
            previous: item.previous,
            wall: item.wall,
            expires: item.expires,
        }
    }
}
