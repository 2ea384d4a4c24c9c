//! What a client is told of its command.

use serde::{Deserialize, Serialize};

use crate::words::{Key, Revision, SessionId, Voter};

/// The outcome of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It was made, and this is the revision of what it made.
    Done(Revision),
    /// The lock is held by the session, with this fencing token.
    Held(Revision),
    /// The session stands in line, behind so many others.
    Waiting(u32),
    /// Sessions were renewed, but these have ended.
    Renewed(Vec<SessionId>),
    /// Nothing was changed.
    Refused(Refusal),
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The session.
    pub session: SessionId,
    /// The node that keeps the session.
    pub node: Voter,
    /// What the session is for.
    pub name: String,
    /// The fencing token.
    pub token: Revision,
    /// When it got the lock, in milliseconds of wall time.
    pub since: u64,
}

/// Why a command was refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// A key is not what the client took it for.
    #[error("{}", changed(key, *revision))]
    Changed {
        /// The key.
        key: Key,
        /// Its revision now; none when it is absent.
        revision: Revision,
    },
    /// The client does not hold the lock that its write names.
    #[error("lock {lock} is not held with token {token}: it was lost or taken away")]
    Fenced {
        /// The lock.
        lock: Key,
        /// The token that does not count.
        token: Revision,
    },
    /// Too many keys below a prefix.
    #[error(
        "the keys below {prefix:?} would be {keys}, at most {keys_max} are allowed: \
         delete some or raise the quota"
    )]
    Keys {
        /// The prefix of the quota.
        prefix: String,
        /// How many there would be.
        keys: u64,
        /// The bound.
        keys_max: u64,
    },
    /// Too many bytes below a prefix.
    #[error(
        "the keys below {prefix:?} would take {bytes} bytes, at most {bytes_max} are allowed: \
         delete some or raise the quota"
    )]
    Bytes {
        /// The prefix of the quota.
        prefix: String,
        /// How many there would be.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// The session has ended or never was.
    #[error("session {0} has ended: open a new one")]
    NoSession(SessionId),
    /// All slots of a lock are taken.
    #[error("lock {lock} is held by {}", holder.name)]
    Taken {
        /// The lock.
        lock: Key,
        /// One of those who hold it.
        holder: Holder,
    },
    /// The session neither holds the lock nor waits for it.
    #[error("lock {lock} is not held by this session")]
    NotHeld {
        /// The lock.
        lock: Key,
    },
    /// Others use the lock with another number of slots.
    #[error("lock {lock} has {slots} slots as long as it is in use, ask for as many")]
    Slots {
        /// The lock.
        lock: Key,
        /// What the others say.
        slots: u32,
    },
    /// What a key was is not known any more.
    #[error("{}", forgotten(key, *known))]
    Forgotten {
        /// The key.
        key: Key,
        /// How many are known.
        known: usize,
    },
    /// A key is written twice by one transaction.
    #[error("key {0} is written twice in one transaction")]
    Twice(Key),
    /// A key or name that cannot be one.
    #[error(
        "{0:?} cannot be a key or name: use 1 to 1024 bytes of text without control characters"
    )]
    Name(String),
    /// Something is more than may be.
    #[error("{what}: {count}, at most {count_max} allowed")]
    TooMany {
        /// What it is.
        what: String,
        /// How much of it there would be.
        count: u64,
        /// The bound.
        count_max: u64,
    },
}

fn forgotten(key: &Key, known: usize) -> String {
    match known {
        0 => format!("key {key} does not exist, and nothing is known of what it was"),
        known => format!("what key {key} was then is forgotten: {known} values of it are known"),
    }
}

fn changed(key: &Key, revision: Revision) -> String {
    match revision {
        Revision::NONE => format!("key {key} does not exist"),
        revision => format!("key {key} is at revision {revision}"),
    }
}
