//! Keys of zones: who holds which, and what is sealed with them.

use std::collections::BTreeMap;
use std::fmt;

use model::{NodeId, WallTime, Zone};

/// A key of a zone: 16 bytes (as the original's) or 32, out of the system's randomness. Everything
/// that seals is derived from it; it seals nothing itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// Takes the bytes of a key; nothing when they are not 16 or 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 16 | 32).then(|| Self(bytes.to_owned()))
    }

    /// Gives its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// What a key of a ring is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It seals, and is accepted. One key of a ring.
    Seals,
    /// It is accepted.
    Accepted,
    /// It opens streams only, so that a sleeper can come back and learn the new key, until then.
    Retired {
        /// When it is dropped.
        until: WallTime,
    },
}

/// The keys of one zone. All nodes of the zone come to hold the newest version; who changes it
/// raises the version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// The version; 0 is a ring that only a file gave.
    pub version: u64,
    /// The keys and what each is good for. Empty: gossip in this zone is open.
    pub keys: Vec<(Key, Use)>,
}

/// The rings of this node's zone and of those below.
pub type Rings = BTreeMap<Zone, Ring>;

/// The keys of a zone as people see them: no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The zone.
    pub zone: Zone,
    /// The version of the ring.
    pub version: u64,
    /// The keys, by fingerprint, and what each is good for.
    pub keys: Vec<([u8; 4], Use)>,
    /// The members that do not hold this version yet, and the version that they hold.
    pub behind: Vec<(NodeId, u64)>,
}
