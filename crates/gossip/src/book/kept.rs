//! What survives a restart: everything ever known, how it was, who is forgotten, and events.
//!
//! The form has a version. Bytes that cannot be read are refused as a whole: the node begins with
//! its seeds, as at its first start.

use std::sync::Arc;
use std::time::Duration;

use model::limits::{
    CLUSTER_EVENTS_MAX, CLUSTER_KEPT_BYTES_MAX, MEMBERS_MAX, RECORD_BYTES_MAX, TOMBSTONES_MAX,
};
use model::{MemberState, Moment, NodeId, WallTime};

use super::{Book, From};
use crate::item::{Item, read_state, state_number};
use crate::packed::pack;
use crate::record::{Health, Record};
use crate::wire::{Malformed, Reader, Writer};

/// The form of the bytes.
const FORM: u8 = 1;
/// Sightings, tombstones, departures and events together.
const ITEMS_MAX: usize = 2 * MEMBERS_MAX + TOMBSTONES_MAX + CLUSTER_EVENTS_MAX;

/// A node as it was before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What it told.
    pub record: Arc<Record>,
    /// How it was, as far as this node knew by itself; nothing of nodes of other zones.
    pub state: Option<(MemberState, WallTime)>,
}

/// What a run before this one kept. Clones share the records.
#[derive(Clone, Debug)]
pub struct Kept {
    at: WallTime,
    records: Vec<Remembered>,
    items: Vec<Item>,
}

impl Book {
    /// Writes all that is known, for the next start; `state` tells how the nodes of this zone are.
    pub fn keep(
        &self,
        now: Moment,
        wall: WallTime,
        state: impl Fn(NodeId) -> Option<(MemberState, WallTime)>,
    ) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256 * (1 + self.records.len()));
        writer.byte(FORM);
        writer.wall(wall);
        let tombstones = self.tombstones.values().cloned().map(Item::Tombstone);
        let departed = self.departed.values().cloned().map(Item::Departed);
        let sightings = self.sightings.values().cloned().map(Item::Sighting);
        let events = self.events.values();
        let events = events.map(|told| Item::Event(told.event.clone(), told.age(now)));
        let items: Vec<_> = tombstones
            .chain(sightings)
            .chain(departed)
            .chain(events)
            .collect();
        let kept = items.len().min(ITEMS_MAX);
        writer.count(kept);
        items[..kept]
            .iter()
            .for_each(|item| item.write(&mut writer));
        writer.count(self.records.len());
        for record in self.records() {
            let mut bytes = record.encode();
            if writer.len() + bytes.len() > CLUSTER_KEPT_BYTES_MAX {
                bytes = in_short(record).encode();
            }
            writer.bytes(&bytes);
            let state = state(record.id);
            writer.flag(state.is_some());
            if let Some((state, since)) = state {
                writer.byte(state_number(state));
                writer.wall(since);
            }
        }
        writer.into_bytes()
    }

    /// Takes what was kept before the start, as far as this node may still see it; gives the nodes
    /// of it. They are to be expected, and tried, until they are forgotten.
    pub fn restore(&mut self, now: Moment, wall: WallTime, kept: Kept) -> Vec<Remembered> {
        let away = wall.as_millis().saturating_sub(kept.at.as_millis());
        let away = Duration::from_millis(away);
        let (first, later): (Vec<_>, Vec<_>) = kept
            .items
            .into_iter()
            .partition(|item| matches!(item, Item::Tombstone(_)));
        // What is not taken any longer is counted, and no reason not to start.
        let take = |book: &mut Self, item| {
            let _ = book.take(now, wall, &From::Zone, item);
        };
        first.into_iter().for_each(|item| take(self, item));
        for remembered in &kept.records {
            take(self, Item::Record(Arc::clone(&remembered.record)));
        }
        for item in later {
            take(
                self,
                match item {
                    Item::Event(event, age) => Item::Event(event, age.saturating_add(away)),
                    other => other,
                },
            );
        }
        self.news.clear();
        self.spread.clear();
        pack(&mut self.records);
        let mut nodes = kept.records;
        nodes.retain(|it| it.record.id != self.own && self.record(it.record.id).is_some());
        nodes
    }
}

/// Gives what is needed to find a node again. Whoever lives tells the rest anew, for any version
/// is newer.
fn in_short(record: &Record) -> Record {
    let mut short = record.clone();
    short.version.change = 0;
    short.body.health = Health::default();
    short.body.parts.clear();
    short.body.detected_groups.clear();
    short.body.static_groups.clear();
    short.unknown.clear();
    short
}

impl Kept {
    /// Reads what [`Book::keep`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != FORM {
            return Err(Malformed::Value);
        }
        let at = reader.wall()?;
        let mut items = Vec::new();
        for _ in 0..reader.count(ITEMS_MAX)? {
            items.push(Item::read(&mut reader)?);
        }
        let mut records = Vec::new();
        for _ in 0..reader.count(MEMBERS_MAX)? {
            let record = Record::decode(reader.bytes(RECORD_BYTES_MAX)?)?;
            let state = match reader.flag()? {
                true => Some((read_state(&mut reader)?, reader.wall()?)),
                false => None,
            };
            records.push(Remembered {
                record: Arc::new(record),
                state,
            });
        }
        reader.finish()?;
        Ok(Self { at, records, items })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::book::tests::{at, book, proxy, wall, zone};
    use crate::record::tests::{id, record};
    use crate::{Event, Problem};

    fn full() -> Book {
        let mut book = book(1, "lan");
        let records = [
            record(2, "lan"),
            record(3, "lan"),
            record(4, "lan"),
            proxy(5, "internet"),
        ];
        for record in records {
            let item = Item::Record(Arc::new(record));
            book.take(at(1), wall(1), &From::Zone, item).unwrap();
        }
        book.forget(wall(1), id(3));
        book.depart(wall(1), id(4));
        let event = Event {
            id: 7,
            kind: "restart".to_owned(),
            payload: Arc::from([]),
            from: id(1),
            zone: zone("lan"),
            at: wall(1),
        };
        book.add_event(at(1), event).unwrap();
        book
    }

    fn kept() -> Vec<u8> {
        let dead = Some((MemberState::Dead, wall(1)));
        full().keep(at(11), wall(11), |node| dead.filter(|_| node == id(2)))
    }

    #[test]
    fn a_restart_keeps_the_expected_and_the_forgotten() {
        let mut again = book(1, "lan");
        let nodes = again.restore(at(0), wall(111), Kept::decode(&kept()).unwrap());
        let states: Vec<_> = nodes.iter().map(|it| (it.record.id, it.state)).collect();
        let dead = Some((MemberState::Dead, wall(1)));
        assert_eq!(states, [(id(2), dead), (id(4), None), (id(5), None)]);
        assert!(again.is_forgotten(id(3), 1) && again.has_left(id(4)));
        let late = Item::Record(Arc::new(record(3, "lan")));
        assert_eq!(again.take(at(0), wall(111), &From::Zone, late), Ok(false));
        assert_eq!(again.hash(), again.hash_of(&crate::book::Scope::Zone));
        // It was 10 s old, and the restart took 100.
        assert_eq!(again.events(at(189)).len(), 1);
        again.tick(at(190), wall(301));
        assert_eq!(again.events(at(190)), []);
        assert!(again.poll_news().is_none() && again.poll_spread().is_none());
    }

    #[test]
    fn a_node_that_lost_count_of_its_starts_says_more_than_before() {
        let mut long = record(1, "lan");
        long.version.starts = 40;
        let kept = Book::new(long, crate::book::tests::tree()).keep(at(1), wall(1), |_| None);
        let mut again = book(1, "lan");
        again.restore(at(0), wall(2), Kept::decode(&kept).unwrap());
        assert_eq!(again.own().version.starts, 41);
    }

    #[test]
    fn of_too_much_the_rest_is_kept_in_short() {
        let mut book = book(1, "lan");
        for number in 0..2_200_u32 {
            let mut record = record(2, "lan");
            let mut bytes = [9; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            record.id = NodeId::from_bytes(bytes);
            record.body.health.problems = vec![
                Problem {
                    check: "disk".to_owned(),
                    state: model::CheckState::Critical,
                    since: wall(1),
                    handled: false,
                    output: "x".repeat(190),
                };
                35
            ];
            record.fit();
            let item = Item::Record(Arc::new(record));
            book.take(at(1), wall(1), &From::Zone, item).unwrap();
        }
        let kept = book.keep(at(1), wall(1), |_| None);
        assert!(
            kept.len() < CLUSTER_KEPT_BYTES_MAX + (1 << 20),
            "{}",
            kept.len()
        );
        let mut again = crate::book::tests::book(1, "lan");
        let nodes = again.restore(at(1), wall(1), Kept::decode(&kept).unwrap());
        assert_eq!(nodes.len(), 2_200);
    }

    #[test]
    fn what_was_cut_is_refused_as_a_whole() {
        let kept = kept();
        for end in 0..kept.len() {
            assert!(Kept::decode(&kept[..end]).is_err());
        }
    }

    proptest! {
        #[test]
        fn flipped_bits_never_panic(at_: prop::sample::Index, bit in 0_u8..8) {
            let mut kept = kept();
            let place = at_.index(kept.len());
            kept[place] ^= 1 << bit;
            let mut book = book(1, "lan");
            if let Ok(kept) = Kept::decode(&kept) {
                book.restore(at(0), wall(2), kept);
            }
            prop_assert_eq!(book.hash(), book.hash_of(&crate::book::Scope::Zone));
        }
    }
}
