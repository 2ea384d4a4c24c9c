//! Keys of zones: who holds which, and what is sealed with them.
//!
//! [`Ring`] is the document of a zone's keys, [`Sealer`] seals and opens datagrams with it. Streams
//! are in [`crate::stream`].

mod base64;
mod document;
mod key;
mod orders;
mod sealer;
mod senders;
mod window;

use std::collections::BTreeMap;

use model::{NodeId, WallTime, Zone};

pub use document::RING_BYTES_MAX;
pub use key::{Fingerprint, Key, KeyError, OPEN, shown};
pub(crate) use key::{derive, hash};
pub use orders::Holder;
pub use sealer::{Dropped, Opened, PLAIN_BYTES_MAX, Salts, Sealer};

/// What a key of a ring is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It seals, and is accepted. At most one key of a ring.
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
    /// The version; 0 is a ring that only a file gave, and that no other node is told.
    pub version: u64,
    /// The keys and what each is good for. When none of them seals, gossip in this zone is open.
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

impl Ring {
    /// Makes the ring that a file with one key gives.
    pub fn of_file(key: Key) -> Self {
        Self {
            version: 0,
            keys: vec![(key, Use::Seals)],
        }
    }

    /// Makes the ring that a node starts with, of the key in its file and of the ring that it kept.
    /// A key that the kept ring does not know is the will of who put it there: it stands alone.
    /// A file that is gone does not open the zone.
    pub fn from_disk(file: Option<Key>, kept: Option<Self>) -> Self {
        match (file, kept) {
            (None, kept) => kept.unwrap_or_default(),
            (Some(key), Some(kept)) if kept.find(key.fingerprint()).is_some() => kept,
            (Some(key), Some(_) | None) => Self::of_file(key),
        }
    }

    /// Gives the key that seals; nothing when gossip in this zone is open.
    pub fn sealing(&self) -> Option<&Key> {
        let mut keys = self.keys.iter();
        keys.find_map(|(key, use_)| (*use_ == Use::Seals).then_some(key))
    }

    /// Tells whether gossip in this zone is open.
    pub fn is_open(&self) -> bool {
        self.sealing().is_none()
    }

    /// Gives what a node's record tells of its ring: the version, and the key that seals.
    pub fn told(&self) -> (u64, Option<Fingerprint>) {
        (self.version, self.sealing().map(Key::fingerprint))
    }

    /// Gives a key and what it is good for.
    pub fn find(&self, fingerprint: Fingerprint) -> Option<(&Key, Use)> {
        let mut keys = self.keys.iter();
        let (key, use_) = keys.find(|(key, _)| key.fingerprint() == fingerprint)?;
        Some((key, *use_))
    }

    /// Takes another node's ring of the same zone when it is newer; tells whether it was taken.
    /// Of two changes that were made at the same time one wins, the same one everywhere; the other
    /// is to be ordered again.
    pub fn merge(&mut self, other: Self) -> bool {
        let newer = match other.version.cmp(&self.version) {
            _ if other.version == 0 => false,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => other.rank() > self.rank(),
        };
        if newer {
            *self = other;
        }
        newer
    }

    fn rank(&self) -> [u8; 32] {
        hash(&[b"opsbro ring 1", &self.encode()])
    }

    /// Tells people how the ring is; `members` are the nodes of the zone and the versions of the
    /// ring that their records tell.
    pub fn status(&self, zone: &Zone, members: impl IntoIterator<Item = (NodeId, u64)>) -> Status {
        let keys = self.keys.iter();
        Status {
            zone: zone.clone(),
            version: self.version,
            keys: keys.map(|(key, use_)| (key.fingerprint(), *use_)).collect(),
            behind: members
                .into_iter()
                .filter(|(_, version)| *version < self.version)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
