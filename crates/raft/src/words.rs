//! The words of agreement: who, when, and what was written.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use model::NodeId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a key; shared, as history and events name it too.
pub type Key = Arc<str>;

/// Counts the changes of the agreed state: each command that changes something takes the next one.
///
/// It is also the fencing token of a lock: later holders have larger ones. (The index of the log
/// would not do, as one entry carries many commands.)
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of what never was; of a key: absent.
    pub const NONE: Self = Self(0);

    /// Gives the next one.
    #[must_use]
    pub fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds for which the group had a leader: the time of leases.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Clock(pub u64);

impl Clock {
    /// Gives the time that is so much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Gives the time from an earlier one to this.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// What is written under a key: bytes, shared by the state, its history and its events.
#[derive(Clone)]
pub struct Value {
    block: Arc<[u8]>,
    /// Where it begins in the block, which ends with it.
    begin: usize,
}

impl Value {
    /// Takes a copy of bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            block: Arc::from(bytes),
            begin: 0,
        }
    }

    /// Shares the end of a block.
    pub(crate) fn tail(block: &Arc<[u8]>, begin: usize) -> Self {
        assert!(begin <= block.len(), "it begins within the block");
        Self {
            block: Arc::clone(block),
            begin,
        }
    }
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.block[self.begin..]
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self) {
            Ok(text) if text.len() <= 40 => write!(f, "{text:?}"),
            Ok(_) | Err(_) => write!(f, "[{} bytes]", self.len()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
                Ok(Value::new(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// A node that takes part in agreement.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Voter(pub [u8; 16]);

impl From<NodeId> for Voter {
    fn from(id: NodeId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<Voter> for NodeId {
    fn from(voter: Voter) -> Self {
        Self::from_bytes(voter.0)
    }
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NodeId::from(*self).fmt(f)
    }
}

impl fmt::Debug for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A group of nodes that agree: made up at random by who founded it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub [u8; 16]);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NodeId::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A session: made up at random by who opens it, so that opening may be tried again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 16]);

impl SessionId {
    /// Reads the text that [`SessionId`] is shown as.
    pub fn parse(text: &str) -> Option<Self> {
        NodeId::parse(text).ok().map(|id| Self(*id.as_bytes()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NodeId::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
