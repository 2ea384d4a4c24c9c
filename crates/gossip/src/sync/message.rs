//! Requests and answers as bytes. Each begins with the newest and the oldest protocol that its
//! sender speaks, and what a refusal looks like never changes.

use std::net::SocketAddr;
use std::sync::Arc;

use foca::Member;
use model::limits::{CALL_BYTES_MAX, MEMBERS_MAX, RECORD_BYTES_MAX};
use model::{NodeId, Zone};

use crate::book::Scope;
use crate::item::{Entry, Item, Key, read_key, write_key};
use crate::record::Record;
use crate::swim::Identity;
use crate::swim::packet::{read_member, write_member};
use crate::wire::{Malformed, Reader, Writer};

/// The newest protocol that this node speaks.
pub const NEWEST: u8 = 1;
/// The oldest protocol that this node speaks.
pub const OLDEST: u8 = 1;

/// Zones whose rings one call may speak of.
const RINGS_MAX: usize = 256;
/// Largest ring that a call may carry.
const RING_BYTES_MAX: usize = 16 << 10;
/// Entries that one call may list: of each node a few kinds.
const ENTRIES_MAX: usize = 4 * MEMBERS_MAX;
/// Buckets of a comparison.
pub(super) const BUCKETS_MAX: usize = 256;

/// What a node asks, and who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Who asks.
    pub from: NodeId,
    /// Its zone.
    pub zone: Zone,
    /// What it asks.
    pub ask: Ask,
}

/// What a node asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// To be in one cluster with the other.
    Join(Arc<Record>),
    /// What is different.
    Compare(Compare),
    /// To take these things and give those.
    Exchange {
        /// Within which scope.
        scope: Scope,
        /// What to take.
        give: Vec<Item>,
        /// What to give, by order of wish.
        want: Vec<Key>,
    },
    /// That the other leaves, when it has these starts.
    Leave {
        /// The starts.
        starts: u64,
    },
    /// To take these rings, as `seal` writes them, and give those that are newer.
    Rings(Vec<(Zone, Vec<u8>)>),
}

/// What a node knows, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// Within which scope.
    pub scope: Scope,
    /// The hash of each bucket of it.
    pub buckets: Vec<u64>,
    /// What it knows of the proxies of the other's zone, when that lies above.
    pub above: Vec<Entry>,
    /// The rings that it has.
    pub rings: Vec<RingMark>,
}

/// Which ring of a zone a node has, without a word of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RingMark {
    /// The zone.
    pub zone: Zone,
    /// The version of the ring.
    pub version: u64,
    /// The hash of its bytes.
    pub hash: u64,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was refused.
    Refused(Reason),
    /// Both are in one cluster.
    Joined {
        /// Who was asked.
        record: Arc<Record>,
        /// The proxies of its zone, for a node of a zone below.
        above: Vec<Item>,
        /// How the members of the zone are, for a node of it.
        members: Vec<Member<Identity>>,
    },
    /// What differs.
    Differs {
        /// The buckets that differ, by number, and what the answerer has in them.
        buckets: Vec<(u8, Vec<Entry>)>,
        /// What is new of the proxies of the answerer's zone.
        above: Vec<Item>,
        /// Whether rings differ: they are exchanged by a call of their own.
        rings: bool,
    },
    /// What was wanted: the answers to so many of the first wishes.
    Items {
        /// What is there.
        items: Vec<Item>,
        /// How many wishes were looked at; the others are for the next call.
        handled: usize,
    },
    /// It leaves.
    Left,
    /// Rings that are newer than those given.
    Rings(Vec<(Zone, Vec<u8>)>),
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Both speak no common protocol.
    Protocol {
        /// The newest of who refuses.
        newest: u8,
        /// The oldest of who refuses.
        oldest: u8,
    },
    /// The zone of who refuses does not see that of who asks.
    OtherZone(Zone),
    /// Who asks is not reached where it says to be.
    NotReached(SocketAddr),
    /// Who asks is who is asked.
    Myself,
    /// The request makes no sense.
    Malformed,
    /// Another node was meant, or another life of it.
    NotMe,
    /// It has been forgotten, and must start again.
    Forgotten,
}

/// Why a request or answer could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The other speaks no common protocol.
    Protocol {
        /// Its newest.
        newest: u8,
        /// Its oldest.
        oldest: u8,
    },
    /// It is no request or answer.
    Malformed(Malformed),
}

impl From<Malformed> for Unread {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Begins to read what is not too long, and of a protocol that both speak.
fn begin(bytes: &[u8]) -> Result<Reader<'_>, Unread> {
    if bytes.len() > CALL_BYTES_MAX {
        return Err(Malformed::TooLong.into());
    }
    let mut reader = Reader::new(bytes);
    let (newest, oldest) = (reader.byte()?, reader.byte()?);
    if newest.min(NEWEST) < oldest.max(OLDEST) {
        return Err(Unread::Protocol { newest, oldest });
    }
    Ok(reader)
}

impl Request {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.byte(NEWEST);
        writer.byte(OLDEST);
        writer.node(self.from);
        writer.text(self.zone.as_str());
        let out = &mut writer;
        match &self.ask {
            Ask::Join(record) => {
                out.byte(1);
                out.bytes(&record.encode());
            }
            Ask::Compare(compare) => {
                out.byte(2);
                write_compare(out, compare);
            }
            Ask::Exchange { scope, give, want } => {
                out.byte(3);
                write_scope(out, scope);
                write_items(out, give);
                out.count(want.len());
                want.iter().for_each(|key| write_key(out, *key));
            }
            Ask::Leave { starts } => {
                out.byte(4);
                out.number(*starts);
            }
            Ask::Rings(rings) => {
                out.byte(5);
                write_rings(out, rings);
            }
        }
        writer.into_bytes()
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unread> {
        let reader = &mut begin(bytes)?;
        let from = reader.node()?;
        let zone = reader.zone()?;
        let ask = match reader.byte()? {
            1 => Ask::Join(read_record(reader)?),
            2 => Ask::Compare(read_compare(reader)?),
            3 => Ask::Exchange {
                scope: read_scope(reader)?,
                give: read_items(reader)?,
                want: read_list(reader, ENTRIES_MAX, read_key)?,
            },
            4 => Ask::Leave {
                starts: reader.number()?,
            },
            5 => Ask::Rings(read_rings(reader)?),
            _ => return Err(Malformed::Value.into()),
        };
        reader.finish()?;
        Ok(Self { from, zone, ask })
    }
}

impl Answer {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.byte(NEWEST);
        writer.byte(OLDEST);
        match self {
            Self::Refused(reason) => {
                writer.byte(0);
                write_reason(&mut writer, reason);
            }
            Self::Joined {
                record,
                above,
                members,
            } => {
                writer.byte(1);
                writer.bytes(&record.encode());
                write_items(&mut writer, above);
                writer.count(members.len());
                members.iter().for_each(|it| write_member(&mut writer, it));
            }
            Self::Differs {
                buckets,
                above,
                rings,
            } => {
                writer.byte(2);
                writer.count(buckets.len());
                for (number, entries) in buckets {
                    writer.byte(*number);
                    write_entries(&mut writer, entries);
                }
                write_items(&mut writer, above);
                writer.flag(*rings);
            }
            Self::Items { items, handled } => {
                writer.byte(3);
                write_items(&mut writer, items);
                writer.count(*handled);
            }
            Self::Left => writer.byte(4),
            Self::Rings(rings) => {
                writer.byte(5);
                write_rings(&mut writer, rings);
            }
        }
        writer.into_bytes()
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unread> {
        let reader = &mut begin(bytes)?;
        let answer = match reader.byte()? {
            0 => Self::Refused(read_reason(reader)?),
            1 => Self::Joined {
                record: read_record(reader)?,
                above: read_items(reader)?,
                members: read_list(reader, MEMBERS_MAX, read_member)?,
            },
            2 => Self::Differs {
                buckets: read_list(reader, BUCKETS_MAX, |reader| {
                    Ok((reader.byte()?, read_list(reader, ENTRIES_MAX, Entry::read)?))
                })?,
                above: read_items(reader)?,
                rings: reader.flag()?,
            },
            3 => Self::Items {
                items: read_items(reader)?,
                // It counts wishes of the request, not things in here.
                handled: usize::try_from(reader.number()?).map_err(|_| Malformed::Number)?,
            },
            4 => Self::Left,
            5 => Self::Rings(read_rings(reader)?),
            _ => return Err(Malformed::Value.into()),
        };
        reader.finish()?;
        Ok(answer)
    }
}

fn write_compare(writer: &mut Writer, compare: &Compare) {
    write_scope(writer, &compare.scope);
    writer.count(compare.buckets.len());
    for bucket in &compare.buckets {
        writer.raw(&bucket.to_be_bytes());
    }
    write_entries(writer, &compare.above);
    writer.count(compare.rings.len());
    for ring in &compare.rings {
        writer.text(ring.zone.as_str());
        writer.number(ring.version);
        writer.raw(&ring.hash.to_be_bytes());
    }
}

fn read_compare(reader: &mut Reader) -> Result<Compare, Malformed> {
    Ok(Compare {
        scope: read_scope(reader)?,
        buckets: read_list(reader, BUCKETS_MAX, |reader| {
            Ok(u64::from_be_bytes(reader.array()?))
        })?,
        above: read_list(reader, ENTRIES_MAX, Entry::read)?,
        rings: read_list(reader, RINGS_MAX, |reader| {
            Ok(RingMark {
                zone: reader.zone()?,
                version: reader.number()?,
                hash: u64::from_be_bytes(reader.array()?),
            })
        })?,
    })
}

fn write_scope(writer: &mut Writer, scope: &Scope) {
    match scope {
        Scope::Zone => writer.byte(0),
        Scope::Below(zone) => {
            writer.byte(1);
            writer.text(zone.as_str());
        }
    }
}

fn read_scope(reader: &mut Reader) -> Result<Scope, Malformed> {
    match reader.byte()? {
        0 => Ok(Scope::Zone),
        1 => Ok(Scope::Below(reader.zone()?)),
        _ => Err(Malformed::Value),
    }
}

fn write_entries(writer: &mut Writer, entries: &[Entry]) {
    writer.count(entries.len());
    entries.iter().for_each(|entry| entry.write(writer));
}

fn write_items(writer: &mut Writer, items: &[Item]) {
    writer.count(items.len());
    items.iter().for_each(|item| item.write(writer));
}

fn read_items(reader: &mut Reader) -> Result<Vec<Item>, Malformed> {
    read_list(reader, ENTRIES_MAX, Item::read)
}

fn read_record(reader: &mut Reader) -> Result<Arc<Record>, Malformed> {
    Record::decode(reader.bytes(RECORD_BYTES_MAX)?).map(Arc::new)
}

fn write_rings(writer: &mut Writer, rings: &[(Zone, Vec<u8>)]) {
    writer.count(rings.len());
    for (zone, bytes) in rings {
        writer.text(zone.as_str());
        writer.bytes(bytes);
    }
}

fn read_rings(reader: &mut Reader) -> Result<Vec<(Zone, Vec<u8>)>, Malformed> {
    read_list(reader, RINGS_MAX, |reader| {
        Ok((reader.zone()?, reader.bytes(RING_BYTES_MAX)?.to_owned()))
    })
}

/// Reads a list. It grows with what was read, not with what its head promises.
fn read_list<'a, T>(
    reader: &mut Reader<'a>,
    max: usize,
    one: impl Fn(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = reader.count(max)?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(one(reader)?);
    }
    Ok(list)
}

fn write_reason(writer: &mut Writer, reason: &Reason) {
    match reason {
        Reason::Protocol { newest, oldest } => writer.raw(&[0, *newest, *oldest]),
        Reason::OtherZone(zone) => {
            writer.byte(1);
            writer.text(zone.as_str());
        }
        Reason::NotReached(address) => {
            writer.byte(2);
            writer.address(*address);
        }
        Reason::Myself => writer.byte(3),
        Reason::Malformed => writer.byte(4),
        Reason::NotMe => writer.byte(5),
        Reason::Forgotten => writer.byte(6),
    }
}

fn read_reason(reader: &mut Reader) -> Result<Reason, Malformed> {
    Ok(match reader.byte()? {
        0 => Reason::Protocol {
            newest: reader.byte()?,
            oldest: reader.byte()?,
        },
        1 => Reason::OtherZone(reader.zone()?),
        2 => Reason::NotReached(reader.address()?),
        3 => Reason::Myself,
        4 => Reason::Malformed,
        5 => Reason::NotMe,
        6 => Reason::Forgotten,
        _ => return Err(Malformed::Value),
    })
}
