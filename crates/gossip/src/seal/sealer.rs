//! Seals and opens datagrams.
//!
//! A datagram is 25 clear bytes (up to the counter), the sealed text, and the tag over both:
//!
//! ```text
//! version 1 | fingerprint 4 | salt 12 | counter 8 | sender 16, starts, what it says | tag 16
//! ```
//!
//! The key of a zone seals nothing itself: a subkey is derived from it, the salt and the zone. A
//! salt is one sender's, and its counter never comes twice under it, so no nonce does. The first
//! four bytes of a salt are the time of its making in seconds, always later than that of the salt
//! before: so a receiver that forgot an old salt does not take its packets for new ones.

use std::collections::BTreeMap;
use std::time::Duration;

use model::limits::{
    GOSSIP_DATAGRAM_BYTES_MAX, GOSSIP_SUBKEYS_MAX, SALT_AGE_MAX, SALT_DATAGRAMS_MAX,
};
use model::{Moment, NodeId, WallTime, Zone};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::senders::Senders;
use super::{Fingerprint, Key, OPEN, Ring, Rings, Use, derive};
use crate::wire::{Reader, Writer};

/// The version of this form.
const VERSION: u8 = 1;
/// The clear bytes.
const HEAD_BYTES: usize = 25;
/// The tag of AES-GCM.
const TAG_BYTES: usize = 16;

/// How long a plain text may be, so that its datagram fits every path.
pub const PLAIN_BYTES_MAX: usize =
    GOSSIP_DATAGRAM_BYTES_MAX - HEAD_BYTES - TAG_BYTES - size_of::<NodeId>() - 10;

/// How far wall time and the monotonic clock may part between two looks before the salt is
/// renewed: a machine that was restored from a snapshot would go on with a salt that was used.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);
/// The last second that a clock is believed: behind it is room for renewals.
const SECONDS_MAX: u64 = 0xf000_0000;

/// Gives a salt out of the system's randomness, each time another one.
pub type Salts = Box<dyn FnMut() -> [u8; 12] + Send>;

/// What names a salt, and orders those of one sender.
pub(super) type Salt = [u8; 12];

/// Seals what this node says, and opens what others say.
pub struct Sealer {
    own: NodeId,
    starts: u64,
    salts: Salts,
    salt: Salt,
    counter: u64,
    made: Moment,
    clocks: (Moment, WallTime),
    sealing: Vec<(Fingerprint, Zone, LessSafeKey)>,
    subkeys: BTreeMap<(Fingerprint, Salt), Subkey>,
    senders: Senders,
    turn: u64,
    scratch: Vec<u8>,
}

/// A subkey of another node's salt.
struct Subkey {
    zone: Option<Zone>,
    sender: NodeId,
    key: LessSafeKey,
    used: u64,
}

/// What a datagram says, and who has proved what by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The zone whose key the sender has; nothing when gossip is open, and nothing is proved.
    pub zone: Option<Zone>,
    /// Who sent it.
    pub sender: NodeId,
    /// How often the sender has started.
    pub starts: u64,
    /// What it says.
    pub plain: Vec<u8>,
}

/// Why a datagram was dropped. Nothing changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// No datagram of this protocol is as short or long.
    Size,
    /// It is of another version, or of something else.
    Version,
    /// No ring has its key.
    UnknownKey,
    /// Its key is retired: it opens streams only.
    RetiredKey,
    /// It is not sealed by a key, and this zone has one.
    Open,
    /// It was not sealed with the key that it names, or changed on its way.
    Forged,
    /// It was sealed well, and does not tell who sent it.
    Content,
    /// It is one of this node's own.
    Own,
    /// Its salt is another sender's.
    WrongSender,
    /// Its sender has started again since.
    OldStart,
    /// It was taken before, or is of a salt that its sender no longer uses.
    Replayed,
    /// It is so late that nobody can tell whether it was taken before.
    Late,
    /// Two nodes have the same id: a machine was cloned with its data.
    Twin,
}

impl Dropped {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::Size,
        Self::Version,
        Self::UnknownKey,
        Self::RetiredKey,
        Self::Open,
        Self::Forged,
        Self::Content,
        Self::Own,
        Self::WrongSender,
        Self::OldStart,
        Self::Replayed,
        Self::Late,
        Self::Twin,
    ];

    /// Gives the name under which it is counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "too short or too long",
            Self::Version => "of another version",
            Self::UnknownKey => "unknown key",
            Self::RetiredKey => "retired key",
            Self::Open => "not sealed",
            Self::Forged => "forged",
            Self::Content => "without a sender",
            Self::Own => "this node's own",
            Self::WrongSender => "salt of another sender",
            Self::OldStart => "of an earlier start",
            Self::Replayed => "replayed",
            Self::Late => "too late",
            Self::Twin => "of a twin",
        }
    }
}

impl Sealer {
    /// Begins with a new salt. `starts` must never have been used before by this node.
    pub fn new(own: NodeId, starts: u64, salts: Salts, now: Moment, wall: WallTime) -> Self {
        let mut sealer = Self {
            own,
            starts,
            salts,
            salt: [0; 12],
            counter: 0,
            made: now,
            clocks: (now, wall),
            sealing: Vec::new(),
            subkeys: BTreeMap::new(),
            senders: Senders::default(),
            turn: 0,
            scratch: Vec::new(),
        };
        sealer.renew(now, wall);
        sealer
    }

    /// Renews the salt when its hour is over, or when the clocks moved apart, as they do on a
    /// machine that slept or was restored. Costs nothing otherwise: call it with each input.
    pub fn tick(&mut self, now: Moment, wall: WallTime) {
        let (then, wall_then) = self.clocks;
        let passed = now.since(then).as_millis();
        let wall_passed = wall.as_millis().saturating_sub(wall_then.as_millis());
        let back = wall_then.as_millis().saturating_sub(wall.as_millis());
        let apart = passed.abs_diff(u128::from(wall_passed)) + u128::from(back);
        if apart > CLOCKS_APART_MAX.as_millis() || now.since(self.made) >= SALT_AGE_MAX {
            self.renew(now, wall);
        }
        self.clocks = (now, wall);
    }

    /// Goes on as after so many starts, with a new salt.
    pub fn begin(&mut self, starts: u64, now: Moment, wall: WallTime) {
        self.starts = starts;
        self.renew(now, wall);
    }

    /// Takes a new salt.
    pub fn renew(&mut self, now: Moment, wall: WallTime) {
        self.made = now;
        let seconds = wall.as_secs().min(SECONDS_MAX) as u32;
        self.take_salt(seconds);
    }

    fn take_salt(&mut self, seconds: u32) {
        let before = generation(&self.salt);
        let generation = seconds.max(before.saturating_add(1));
        self.salt = (self.salts)();
        self.salt[..4].copy_from_slice(&generation.to_be_bytes());
        self.counter = 0;
        self.sealing.clear();
    }

    /// Remembers how often a node has started, as its record tells: what it sent before that start
    /// is dropped, also when nothing was received from it yet.
    pub fn learn(&mut self, id: NodeId, starts: u64) {
        if id != self.own {
            self.turn += 1;
            self.senders.learn(id, starts, self.turn);
        }
    }

    /// Gives back the room that many who were learned in order do not need.
    pub fn pack(&mut self) {
        self.senders.pack();
    }

    /// Gives how many senders are remembered, and how many subkeys: both are bounded.
    pub fn held(&self) -> (usize, usize) {
        (self.senders.len(), self.subkeys.len())
    }

    /// Seals a plain text of at most [`PLAIN_BYTES_MAX`] bytes for a zone with its ring; with the
    /// open key when no key of the ring seals.
    pub fn seal(&mut self, ring: &Ring, zone: &Zone, plain: &[u8]) -> Vec<u8> {
        assert!(plain.len() <= PLAIN_BYTES_MAX, "a datagram has a limit");
        if self.counter >= SALT_DATAGRAMS_MAX {
            self.take_salt(0);
        }
        let key = ring.sealing();
        let fingerprint = key.map_or(OPEN, Key::fingerprint);
        let mut writer = Writer::with_capacity(GOSSIP_DATAGRAM_BYTES_MAX);
        writer.byte(VERSION);
        writer.raw(&fingerprint);
        writer.raw(&self.salt);
        writer.raw(&self.counter.to_be_bytes());
        writer.node(self.own);
        writer.number(self.starts);
        writer.raw(plain);
        let mut packet = writer.into_bytes();
        let nonce = nonce(self.counter);
        self.counter += 1;
        let subkey = self.sealing_key(key, zone);
        let (head, body) = packet.split_at_mut(HEAD_BYTES);
        let tag = subkey
            .seal_in_place_separate_tag(nonce, Aad::from(&*head), body)
            .expect("a datagram is far below the 64 GiB that AES-GCM seals");
        packet.extend_from_slice(tag.as_ref());
        packet
    }

    fn sealing_key(&mut self, key: Option<&Key>, zone: &Zone) -> &LessSafeKey {
        let fingerprint = key.map_or(OPEN, Key::fingerprint);
        let known = |(print, of, _): &(Fingerprint, Zone, LessSafeKey)| {
            *print == fingerprint && (fingerprint == OPEN || of == zone)
        };
        let at = self.sealing.iter().position(known).unwrap_or_else(|| {
            // A proxy of many zones seals for each; deriving again costs two microseconds.
            if self.sealing.len() >= GOSSIP_SUBKEYS_MAX {
                self.sealing.clear();
            }
            let subkey = subkey(key, key.map(|_| zone), &self.salt);
            self.sealing.push((fingerprint, zone.clone(), subkey));
            self.sealing.len() - 1
        });
        &self.sealing[at].2
    }

    /// Opens a datagram. `own` is this node's zone: only when its gossip is open, the open key is
    /// accepted.
    pub fn open(&mut self, own: &Zone, rings: &Rings, packet: &[u8]) -> Result<Opened, Dropped> {
        let head = Head::read(packet)?;
        let (zone, fresh) = self.unseal(own, rings, &head, packet)?;
        let mut reader = Reader::new(&self.scratch);
        let (Ok(sender), Ok(starts)) = (reader.node(), reader.number()) else {
            return Err(Dropped::Content);
        };
        if sender == self.own {
            return Err(match starts.cmp(&self.starts) {
                _ if head.salt == self.salt => Dropped::Own,
                std::cmp::Ordering::Less => Dropped::OldStart,
                std::cmp::Ordering::Equal if generation(&head.salt) < generation(&self.salt) => {
                    Dropped::Own
                }
                std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Dropped::Twin,
            });
        }
        let name = (head.fingerprint, head.salt);
        let bound = self.subkeys.get(&name);
        if bound.is_some_and(|subkey| subkey.sender != sender) {
            return Err(Dropped::WrongSender);
        }
        let turn = self.turn + 1;
        self.senders
            .take(sender, starts, head.salt, head.counter, turn)?;
        self.turn = turn;
        let plain = reader.rest().to_vec();
        if let Some(key) = fresh {
            self.remember(name, zone.clone(), sender, key);
        } else if let Some(subkey) = self.subkeys.get_mut(&name) {
            subkey.used = turn;
        }
        Ok(Opened {
            zone,
            sender,
            starts,
            plain,
        })
    }

    /// Opens the sealed part into the scratch; gives the zone that the key proves, and the subkey
    /// when it was derived just now.
    fn unseal(
        &mut self,
        own: &Zone,
        rings: &Rings,
        head: &Head,
        packet: &[u8],
    ) -> Result<(Option<Zone>, Option<LessSafeKey>), Dropped> {
        let known = self.subkeys.get(&(head.fingerprint, head.salt));
        let keys = accepted(own, rings, head.fingerprint)?;
        for (zone, key) in keys {
            if let Some(known) = known
                && known.zone.as_ref() == zone
            {
                if head.open(&known.key, packet, &mut self.scratch) {
                    return Ok((zone.cloned(), None));
                }
                continue;
            }
            let subkey = subkey(key, zone, &head.salt);
            if head.open(&subkey, packet, &mut self.scratch) {
                return Ok((zone.cloned(), Some(subkey)));
            }
        }
        Err(Dropped::Forged)
    }

    /// Remembers a subkey that opened something; strangers cannot fill this room.
    fn remember(
        &mut self,
        name: (Fingerprint, Salt),
        zone: Option<Zone>,
        sender: NodeId,
        key: LessSafeKey,
    ) {
        if self.subkeys.len() >= GOSSIP_SUBKEYS_MAX {
            let mut used: Vec<_> = self.subkeys.values().map(|subkey| subkey.used).collect();
            used.sort_unstable();
            let old = used[used.len() / 8];
            self.subkeys.retain(|_, subkey| subkey.used > old);
        }
        let subkey = Subkey {
            zone,
            sender,
            key,
            used: self.turn,
        };
        self.subkeys.insert(name, subkey);
    }
}

/// The clear bytes of a datagram.
struct Head {
    fingerprint: Fingerprint,
    salt: Salt,
    counter: u64,
}

impl Head {
    fn read(packet: &[u8]) -> Result<Self, Dropped> {
        let least = HEAD_BYTES + size_of::<NodeId>() + 1 + TAG_BYTES;
        if !(least..=GOSSIP_DATAGRAM_BYTES_MAX).contains(&packet.len()) {
            return Err(Dropped::Size);
        }
        let mut reader = Reader::new(packet);
        if reader.byte() != Ok(VERSION) {
            return Err(Dropped::Version);
        }
        let (Ok(fingerprint), Ok(salt), Ok(counter)) =
            (reader.array(), reader.array(), reader.array())
        else {
            return Err(Dropped::Size);
        };
        Ok(Self {
            fingerprint,
            salt,
            counter: u64::from_be_bytes(counter),
        })
    }

    fn open(&self, key: &LessSafeKey, packet: &[u8], scratch: &mut Vec<u8>) -> bool {
        let (head, body) = packet.split_at(HEAD_BYTES);
        scratch.clear();
        scratch.extend_from_slice(body);
        let opened = key.open_in_place(nonce(self.counter), Aad::from(head), scratch);
        let length = opened.map(|plain| plain.len());
        scratch.truncate(length.unwrap_or(0));
        length.is_ok()
    }
}

/// A key that may have sealed, and its zone; neither when it is the open key.
type Candidate<'a> = (Option<&'a Zone>, Option<&'a Key>);

/// Gives the keys of a fingerprint that open datagrams, with their zones, the own first.
fn accepted<'a>(
    own: &Zone,
    rings: &'a Rings,
    fingerprint: Fingerprint,
) -> Result<Vec<Candidate<'a>>, Dropped> {
    if fingerprint == OPEN {
        return match rings.get(own) {
            Some(ring) if !ring.is_open() => Err(Dropped::Open),
            Some(_) | None => Ok(vec![(None, None)]),
        };
    }
    let mut keys = Vec::new();
    let mut retired = false;
    for (zone, ring) in rings {
        match ring.find(fingerprint) {
            Some((key, Use::Seals | Use::Accepted)) => keys.push((Some(zone), Some(key))),
            Some((_, Use::Retired { .. })) => retired = true,
            None => {}
        }
    }
    keys.sort_by_key(|(zone, _)| *zone != Some(own));
    match keys.is_empty() {
        true if retired => Err(Dropped::RetiredKey),
        true => Err(Dropped::UnknownKey),
        false => Ok(keys),
    }
}

/// Derives the key that seals under a salt.
fn subkey(key: Option<&Key>, zone: Option<&Zone>, salt: &Salt) -> LessSafeKey {
    let zone = zone.map_or("", Zone::as_str).as_bytes();
    let info: [&[u8]; 2] = [b"opsbro datagram 1", zone];
    LessSafeKey::new(derive(key, salt, &info, &AES_256_GCM, |okm| {
        UnboundKey::from(okm)
    }))
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Gives the time of its making out of a salt.
pub(super) fn generation(salt: &Salt) -> u32 {
    u32::from_be_bytes([salt[0], salt[1], salt[2], salt[3]])
}

#[cfg(test)]
mod tests;
