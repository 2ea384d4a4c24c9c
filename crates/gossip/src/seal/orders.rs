//! What an operator orders of the keys of a zone, and when it is refused.

use model::limits::{KEY_GRACE, RING_KEYS_MAX};
use model::{MemberState, WallTime, Zone};

use super::{Fingerprint, Key, Ring, Use, shown};
use crate::input::KeyOrder;
use crate::output::Refusal;

/// A member of the zone, as its record tells of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name for people.
    pub name: String,
    /// How it is.
    pub state: MemberState,
    /// The version of its ring, and the key that it seals with.
    pub keys: (u64, Option<Fingerprint>),
}

impl Holder {
    /// Tells whether it takes part now; a suspect does until the contrary is known.
    fn lives(&self) -> bool {
        match self.state {
            MemberState::Alive | MemberState::Suspect => true,
            MemberState::Dead | MemberState::Leave => false,
        }
    }
}

impl Ring {
    /// Carries an order out: gives the changed ring with the next version, or the same ring when
    /// there was nothing to do. `holders` are all known members of the zone, this node too.
    ///
    /// - Add: the key is accepted, and seals nothing yet.
    /// - Use: an accepted key seals. Refused while a living member does not hold this version, as
    ///   it might not know the key; `force` cuts such members off until they learn it by a stream.
    /// - Remove: the key retires: it opens nothing but streams, on which a sleeper learns the new
    ///   ring, and is gone after [`KEY_GRACE`]. Refused while it seals here or at a living member,
    ///   or while a living member is behind. Removing a retired key ends its grace; refused while
    ///   a known member, dead too, was seen to seal with it. `force` is for keys that fell into
    ///   wrong hands: the key is gone at once, without grace.
    pub fn ordered(
        &self,
        zone: &Zone,
        order: &KeyOrder,
        holders: &[Holder],
        wall: WallTime,
    ) -> Result<Self, Refusal> {
        let mut ring = self.clone();
        ring.keys.retain(|(_, use_)| !use_.is_over(wall));
        let changed = match order {
            KeyOrder::Add(key) => ring.add(key)?,
            KeyOrder::Use { key, force } => ring.use_key(zone, *key, *force, holders)?,
            KeyOrder::Remove { key, force } => ring.remove(zone, *key, *force, holders, wall)?,
        };
        if !changed {
            return Ok(self.clone());
        }
        ring.version += 1;
        Ok(ring)
    }

    fn add(&mut self, key: &Key) -> Result<bool, Refusal> {
        let print = key.fingerprint();
        if let Some(at) = self.place(print) {
            if self.keys[at].0 != *key {
                return Err(Refusal::TooMuch("another key has the same fingerprint"));
            }
            return Ok(match self.keys[at].1 {
                Use::Seals | Use::Accepted => false,
                Use::Retired { .. } => {
                    self.keys[at].1 = Use::Accepted;
                    true
                }
            });
        }
        if self.keys.len() >= RING_KEYS_MAX {
            return Err(Refusal::TooMuch("the zone has 16 keys: remove one first"));
        }
        self.keys.push((key.clone(), Use::Accepted));
        Ok(true)
    }

    fn use_key(
        &mut self,
        zone: &Zone,
        print: Fingerprint,
        force: bool,
        holders: &[Holder],
    ) -> Result<bool, Refusal> {
        let unknown = || Refusal::UnknownKey(zone.clone(), shown(print));
        let at = self.place(print).ok_or_else(unknown)?;
        match self.keys[at].1 {
            Use::Seals => return Ok(false),
            Use::Accepted => {}
            Use::Retired { .. } => return Err(Refusal::KeyRetired(zone.clone(), shown(print))),
        }
        let behind = self.behind(holders);
        if !force && !behind.is_empty() {
            return Err(Refusal::KeysBehind(behind));
        }
        for (_, use_) in &mut self.keys {
            if *use_ == Use::Seals {
                *use_ = Use::Accepted;
            }
        }
        self.keys[at].1 = Use::Seals;
        Ok(true)
    }

    fn remove(
        &mut self,
        zone: &Zone,
        print: Fingerprint,
        force: bool,
        holders: &[Holder],
        wall: WallTime,
    ) -> Result<bool, Refusal> {
        let unknown = || Refusal::UnknownKey(zone.clone(), shown(print));
        let at = self.place(print).ok_or_else(unknown)?;
        let uses = |holder: &&Holder| holder.keys.1 == Some(print);
        let needed: Vec<_> = match self.keys[at].1 {
            Use::Seals => return Err(Refusal::KeySeals(zone.clone(), shown(print))),
            Use::Accepted => {
                let behind = |holder: &&Holder| holder.keys.0 < self.version;
                let living = holders.iter().filter(|holder| holder.lives());
                living
                    .filter(|holder| uses(holder) || behind(holder))
                    .collect()
            }
            Use::Retired { .. } => {
                let known = |holder: &&Holder| holder.state != MemberState::Leave;
                holders.iter().filter(known).filter(uses).collect()
            }
        };
        if !force && !needed.is_empty() {
            let names = needed.iter().map(|holder| holder.name.clone());
            return Err(Refusal::KeyNeeded(names.collect()));
        }
        let grace = KEY_GRACE.as_millis() as u64;
        match self.keys[at].1 {
            Use::Accepted if !force => {
                self.keys[at].1 = Use::Retired {
                    until: WallTime::from_millis(wall.as_millis().saturating_add(grace)),
                };
            }
            Use::Seals | Use::Accepted | Use::Retired { .. } => drop(self.keys.remove(at)),
        }
        Ok(true)
    }

    fn place(&self, print: Fingerprint) -> Option<usize> {
        let mut keys = self.keys.iter();
        keys.position(|(key, _)| key.fingerprint() == print)
    }

    fn behind(&self, holders: &[Holder]) -> Vec<String> {
        holders
            .iter()
            .filter(|holder| holder.lives() && holder.keys.0 < self.version)
            .map(|holder| holder.name.clone())
            .collect()
    }
}

impl Use {
    /// Tells whether it is a retired key whose grace is over.
    pub(crate) fn is_over(self, wall: WallTime) -> bool {
        match self {
            Self::Seals | Self::Accepted => false,
            Self::Retired { until } => until <= wall,
        }
    }
}
