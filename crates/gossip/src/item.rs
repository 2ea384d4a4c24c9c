//! What nodes tell each other, one thing each: on datagrams, and in bulk on streams.

use std::sync::Arc;
use std::time::Duration;

use model::limits::{
    CLUSTER_EVENT_BYTES_MAX, CLUSTER_EVENT_KIND_BYTES_MAX, RECORD_BYTES_MAX, RECORD_WHOLE_BYTES_MAX,
};
use model::{MemberState, NodeId, WallTime, Zone};

use crate::events::Event;
use crate::record::{Record, Version};
use crate::wire::{Malformed, Reader, Writer};

/// What kind of thing is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A record, or that there is a newer one.
    Record,
    /// How a node of another zone is.
    Sighting,
    /// That a node is forgotten.
    Tombstone,
    /// That a dead node is said to have left.
    Departed,
    /// An event.
    Event,
    /// That a zone was heard of.
    Report,
}

/// Which thing: its kind, and the id of its node or event.
pub type Key = (Kind, [u8; 16]);

/// How new a thing is: the greater one wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub u64, pub u64, pub u32);

/// A thing and how new it is, to compare what two nodes know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Which thing.
    pub key: Key,
    /// How new.
    pub stamp: Stamp,
}

/// How a node is, as the proxies of its zone tell it to other zones. Who sees that it is otherwise
/// raises the count, so that all come to show the same without clocks that agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The node.
    pub id: NodeId,
    /// The starts of the node that it is about.
    pub starts: u64,
    /// How often it was changed.
    pub count: u64,
    /// How the node is.
    pub state: MemberState,
    /// Since when.
    pub since: WallTime,
    /// Who said so first.
    pub accuser: Option<NodeId>,
}

/// That a node is forgotten: it wins over all that is said of it up to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The node.
    pub id: NodeId,
    /// The last version that is forgotten.
    pub upto: Version,
    /// When.
    pub at: WallTime,
    /// The zone of the node.
    pub zone: Zone,
}

/// That a dead node is said to have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// The node.
    pub id: NodeId,
    /// Its starts then: another start brings it back.
    pub starts: u64,
    /// When.
    pub at: WallTime,
    /// Who said so.
    pub by: NodeId,
    /// The zone of the node.
    pub zone: Zone,
}

/// That somebody of this zone spoke with a proxy of another one, so that all know the other is
/// there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The other zone.
    pub zone: Zone,
    /// How often it was told.
    pub count: u64,
}

/// By how much a count may jump. Counts rise by one at a time, every few seconds at most, so this
/// is a month without a word.
const COUNT_JUMP_MAX: u64 = 1 << 20;
/// The first count that is believed of something unknown: room is left above for those to come.
const COUNT_FIRST_MAX: u64 = 1 << 62;

/// Tells whether a count may be what it says to be, when so much was known. One member that tells
/// the largest there is must not keep all others from telling anything newer, ever.
pub(crate) fn is_plausible(known: Option<u64>, said: u64) -> bool {
    match known {
        Some(known) => said <= known.saturating_add(COUNT_JUMP_MAX),
        None => said <= COUNT_FIRST_MAX,
    }
}

/// One thing that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// What a node tells about itself.
    Record(Arc<Record>),
    /// That there is this version of a record: whoever lacks it asks.
    Notice(NodeId, Stamp),
    /// How a node of another zone is.
    Sighting(Sighting),
    /// That a node is forgotten.
    Tombstone(Tombstone),
    /// That a dead node is said to have left.
    Departed(Departed),
    /// An event, and how old it is.
    Event(Event, Duration),
    /// That a zone was heard of.
    Report(Report),
}

const RECORD: u8 = 1;
const NOTICE: u8 = 2;
const SIGHTING: u8 = 3;
const TOMBSTONE: u8 = 4;
const DEPARTED: u8 = 5;
const EVENT: u8 = 6;
const REPORT: u8 = 7;

impl Kind {
    /// Gives its number on the wire; a record and a notice of it have the same.
    pub const fn number(self) -> u8 {
        match self {
            Self::Record => RECORD,
            Self::Sighting => SIGHTING,
            Self::Tombstone => TOMBSTONE,
            Self::Departed => DEPARTED,
            Self::Event => EVENT,
            Self::Report => REPORT,
        }
    }

    fn from_number(number: u8) -> Result<Self, Malformed> {
        Ok(match number {
            RECORD => Self::Record,
            SIGHTING => Self::Sighting,
            TOMBSTONE => Self::Tombstone,
            DEPARTED => Self::Departed,
            EVENT => Self::Event,
            REPORT => Self::Report,
            _ => return Err(Malformed::Value),
        })
    }
}

/// Writes which thing.
pub fn write_key(writer: &mut Writer, (kind, id): Key) {
    writer.byte(kind.number());
    writer.raw(&id);
}

/// Reads which thing.
pub fn read_key(reader: &mut Reader) -> Result<Key, Malformed> {
    Ok((Kind::from_number(reader.byte()?)?, reader.array()?))
}

impl Stamp {
    fn write(self, writer: &mut Writer) {
        writer.number(self.0);
        writer.number(self.1);
        writer.number(u64::from(self.2));
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        let (one, two) = (reader.number()?, reader.number()?);
        let three = u32::try_from(reader.number()?);
        Ok(Self(one, two, three.map_err(|_| Malformed::Number)?))
    }
}

impl Entry {
    /// Writes it.
    pub fn write(self, writer: &mut Writer) {
        write_key(writer, self.key);
        self.stamp.write(writer);
    }

    /// Reads it.
    pub fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        Ok(Self {
            key: read_key(reader)?,
            stamp: Stamp::read(reader)?,
        })
    }

    /// Gives its hash. What a node knows is the XOR of them all.
    pub fn hash(self) -> u64 {
        let mut writer = Writer::new();
        self.write(&mut writer);
        hash(writer.as_bytes())
    }
}

/// Hashes bytes: FNV-1a, and the last steps of MurmurHash3 to spread it over all bits. It keeps no
/// secret and stands against chance, not against members of the cluster.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl Record {
    /// Gives how new it is. Two of one version that differ (a node that was cloned) are told apart
    /// by what they say, so that one wins everywhere.
    pub fn stamp(&self) -> Stamp {
        let said = hash(&self.encode()) as u32;
        Stamp(self.version.starts, self.version.change, said)
    }
}

impl Sighting {
    /// Gives how new it is.
    pub const fn stamp(&self) -> Stamp {
        Stamp(self.starts, self.count, state_number(self.state) as u32)
    }
}

impl Tombstone {
    /// Gives how new it is.
    pub const fn stamp(&self) -> Stamp {
        Stamp(self.upto.starts, self.upto.change, 0)
    }
}

impl Report {
    /// Gives what stands for its zone.
    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&hash(self.zone.as_str().as_bytes()).to_be_bytes());
        id
    }
}

/// Gives the number of a state on the wire.
pub const fn state_number(state: MemberState) -> u8 {
    match state {
        MemberState::Alive => 0,
        MemberState::Suspect => 1,
        MemberState::Dead => 2,
        MemberState::Leave => 3,
    }
}

/// Reads a state.
pub fn read_state(reader: &mut Reader) -> Result<MemberState, Malformed> {
    let state = MemberState::ALL.get(usize::from(reader.byte()?));
    state.copied().ok_or(Malformed::Value)
}

impl Item {
    /// Gives which thing it is about: of two of one key the later told takes the place of the
    /// other.
    pub fn key(&self) -> Key {
        match self {
            Self::Record(record) => (Kind::Record, *record.id.as_bytes()),
            Self::Notice(id, _) => (Kind::Record, *id.as_bytes()),
            Self::Sighting(sighting) => (Kind::Sighting, *sighting.id.as_bytes()),
            Self::Tombstone(tombstone) => (Kind::Tombstone, *tombstone.id.as_bytes()),
            Self::Departed(departed) => (Kind::Departed, *departed.id.as_bytes()),
            Self::Event(event, _) => (Kind::Event, event.id.to_be_bytes()),
            Self::Report(report) => (Kind::Report, report.id()),
        }
    }

    /// Gives what goes on a datagram: of a large record, that there is one.
    pub fn for_datagram(self) -> Self {
        match self {
            Self::Record(record) if record.encode().len() > RECORD_WHOLE_BYTES_MAX => {
                Self::Notice(record.id, record.stamp())
            }
            small => small,
        }
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Record(record) => {
                writer.byte(RECORD);
                writer.raw(&record.encode());
            }
            Self::Notice(id, stamp) => {
                writer.byte(NOTICE);
                writer.node(*id);
                stamp.write(&mut writer);
            }
            Self::Sighting(it) => write_sighting(&mut writer, it),
            Self::Tombstone(it) => {
                writer.byte(TOMBSTONE);
                writer.node(it.id);
                writer.number(it.upto.starts);
                writer.number(it.upto.change);
                writer.wall(it.at);
                writer.text(it.zone.as_str());
            }
            Self::Departed(it) => {
                writer.byte(DEPARTED);
                writer.node(it.id);
                writer.number(it.starts);
                writer.wall(it.at);
                writer.node(it.by);
                writer.text(it.zone.as_str());
            }
            Self::Event(event, age) => {
                writer.byte(EVENT);
                writer.raw(&event.id.to_be_bytes());
                writer.number(age.as_millis() as u64);
                writer.wall(event.at);
                writer.node(event.from);
                writer.text(event.zone.as_str());
                writer.text(&event.kind);
                writer.bytes(&event.payload);
            }
            Self::Report(it) => {
                writer.byte(REPORT);
                writer.text(it.zone.as_str());
                writer.number(it.count);
            }
        }
        writer.into_bytes()
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let item = match reader.byte()? {
            RECORD => {
                let record = Record::decode(reader.rest())?;
                return Ok(Self::Record(Arc::new(record)));
            }
            NOTICE => Self::Notice(reader.node()?, Stamp::read(&mut reader)?),
            SIGHTING => Self::Sighting(read_sighting(&mut reader)?),
            TOMBSTONE => Self::Tombstone(Tombstone {
                id: reader.node()?,
                upto: Version {
                    starts: reader.number()?,
                    change: reader.number()?,
                },
                at: reader.wall()?,
                zone: reader.zone()?,
            }),
            DEPARTED => Self::Departed(Departed {
                id: reader.node()?,
                starts: reader.number()?,
                at: reader.wall()?,
                by: reader.node()?,
                zone: reader.zone()?,
            }),
            EVENT => read_event(&mut reader)?,
            REPORT => Self::Report(Report {
                zone: reader.zone()?,
                count: reader.number()?,
            }),
            _ => return Err(Malformed::Value),
        };
        reader.finish()?;
        Ok(item)
    }

    /// Writes it with its length in front.
    pub fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.encode());
    }

    /// Reads one with its length in front.
    pub fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        Self::decode(reader.bytes(RECORD_BYTES_MAX + 1)?)
    }
}

fn write_sighting(writer: &mut Writer, it: &Sighting) {
    writer.byte(SIGHTING);
    writer.node(it.id);
    writer.number(it.starts);
    writer.number(it.count);
    writer.byte(state_number(it.state));
    writer.wall(it.since);
    writer.flag(it.accuser.is_some());
    if let Some(accuser) = it.accuser {
        writer.node(accuser);
    }
}

fn read_sighting(reader: &mut Reader) -> Result<Sighting, Malformed> {
    Ok(Sighting {
        id: reader.node()?,
        starts: reader.number()?,
        count: reader.number()?,
        state: read_state(reader)?,
        since: reader.wall()?,
        accuser: match reader.flag()? {
            true => Some(reader.node()?),
            false => None,
        },
    })
}

fn read_event(reader: &mut Reader) -> Result<Item, Malformed> {
    let id = u128::from_be_bytes(reader.array()?);
    let age = Duration::from_millis(reader.number()?);
    let at = reader.wall()?;
    let from = reader.node()?;
    let zone = reader.zone()?;
    let kind = reader.line(CLUSTER_EVENT_KIND_BYTES_MAX)?.to_owned();
    if kind.is_empty() {
        return Err(Malformed::Missing);
    }
    let event = Event {
        id,
        kind,
        payload: Arc::from(reader.bytes(CLUSTER_EVENT_BYTES_MAX)?),
        from,
        zone,
        at,
    };
    Ok(Item::Event(event, age))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::tests::{id, record};

    fn items() -> Vec<Item> {
        let zone = || Zone::parse("lan").unwrap();
        let at = WallTime::from_millis(1_795_214_445_123);
        vec![
            Item::Record(Arc::new(record(1, "lan"))),
            Item::Notice(id(1), Stamp(1, 300, 7)),
            Item::Sighting(Sighting {
                id: id(2),
                starts: 3,
                count: 9,
                state: MemberState::Dead,
                since: at,
                accuser: Some(id(4)),
            }),
            Item::Tombstone(Tombstone {
                id: id(5),
                upto: Version {
                    starts: 7,
                    change: u64::MAX,
                },
                at,
                zone: zone(),
            }),
            Item::Departed(Departed {
                id: id(6),
                starts: 2,
                at,
                by: id(1),
                zone: zone(),
            }),
            Item::Event(
                Event {
                    id: 99,
                    kind: "NODE1-END".to_owned(),
                    payload: Arc::from(*b"more"),
                    from: id(1),
                    zone: zone(),
                    at,
                },
                Duration::from_millis(1_500),
            ),
            Item::Report(Report {
                zone: zone(),
                count: 3,
            }),
        ]
    }

    #[test]
    fn each_is_read_back_as_written_and_refused_when_cut() {
        for item in items() {
            let bytes = item.encode();
            assert_eq!(Item::decode(&bytes), Ok(item.clone()));
            for end in 0..bytes.len() {
                assert_ne!(Item::decode(&bytes[..end]), Ok(item.clone()), "{item:?}");
            }
        }
    }

    #[test]
    fn of_a_large_record_only_its_version_rides_on_a_datagram() {
        let mut large = record(1, "lan");
        large.body.health.problems = vec![
            crate::Problem {
                check: "disk".repeat(50),
                state: model::CheckState::Critical,
                since: WallTime::default(),
                handled: false,
                output: "full ".repeat(30),
            };
            2
        ];
        let stamp = large.stamp();
        let told = Item::Record(Arc::new(large)).for_datagram();
        assert_eq!(told, Item::Notice(id(1), stamp));
        assert!(told.encode().len() < 32);
    }

    proptest! {
        #[test]
        fn flipped_bits_never_panic(which in 0..7_usize, at: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = items()[which].encode();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let _ = Item::decode(&bytes);
        }
    }
}
