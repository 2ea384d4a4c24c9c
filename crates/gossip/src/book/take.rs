//! What is taken in, from whom, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use model::limits::{
    CLUSTER_EVENTS_MAX, CLUSTER_EVENTS_PER_NODE_MAX, MEMBERS_MAX, TOMBSTONE_AGE_MAX, TOMBSTONES_MAX,
};
use model::{Moment, NodeId, WallTime, Zone};

use super::{Book, Heard, News, Told};
use crate::events::{EVENT_AGE_MAX, Event};
use crate::item::{Departed, Item, Kind, Report, Sighting, Stamp, Tombstone, is_plausible};
use crate::record::{Record, Version};
use crate::zones::Relation;

/// Who told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A node of this zone, or a proxy of the zone above: all that this node may see.
    Zone,
    /// A node of this zone below: what concerns that zone and those below it.
    Below(Zone),
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It concerns a zone that this node does not see.
    #[error("of a hidden zone")]
    Hidden,
    /// It concerns a zone that is no business of who told it.
    #[error("of a zone that the teller does not speak for")]
    NotItsOwn,
    /// As many nodes are known as may be.
    #[error("too many nodes")]
    Full,
    /// It is too old.
    #[error("too old")]
    TooOld,
    /// Its node told too many events.
    #[error("too many events of one node")]
    TooManyEvents,
    /// It concerns a node that is not known.
    #[error("of an unknown node")]
    Unknown,
    /// It says to be far newer than anything that could have happened.
    #[error("of a count that cannot be")]
    Implausible,
}

impl Refused {
    const fn word(self) -> &'static str {
        match self {
            Self::Hidden => "of a hidden zone",
            Self::NotItsOwn => "of a zone that the teller does not speak for",
            Self::Full => "too many nodes",
            Self::TooOld => "too old",
            Self::TooManyEvents => "too many events of one node",
            Self::Unknown => "of an unknown node",
            Self::Implausible => "of a count that cannot be",
        }
    }
}

impl Book {
    /// Takes what another node told; tells whether it was new.
    pub fn take(
        &mut self,
        now: Moment,
        wall: WallTime,
        from: &From,
        item: Item,
    ) -> Result<bool, Refused> {
        let taken = self.permit(from, &item).and_then(|()| match item {
            Item::Record(record) => self.take_record(now, wall, record),
            Item::Notice(id, stamp) => Ok(self.take_notice(id, stamp)),
            Item::Sighting(sighting) => self.take_sighting(sighting),
            Item::Tombstone(tombstone) => self.take_tombstone(wall, tombstone),
            Item::Departed(departed) => self.take_departed(departed),
            Item::Event(event, age) => self.take_event(now, event, age),
            Item::Report(report) => self.take_report(now, report),
        });
        if let Err(refused) = taken {
            self.count(refused.word());
        }
        taken
    }

    /// Tells whether this node may know it, and who told it may say it.
    fn permit(&self, from: &From, item: &Item) -> Result<(), Refused> {
        let zone_of = |id: &NodeId| match self.record(*id) {
            Some(record) => Ok(&record.body.zone),
            None => Err(Refused::Unknown),
        };
        let mut from_above = true;
        let zone = match item {
            Item::Record(record) => &record.body.zone,
            Item::Notice(..) => return Ok(()),
            Item::Sighting(sighting) => zone_of(&sighting.id)?,
            Item::Tombstone(it) => &it.zone,
            Item::Departed(it) => {
                from_above = false;
                &it.zone
            }
            Item::Event(event, _) => {
                from_above = false;
                &event.zone
            }
            Item::Report(it) => &it.zone,
        };
        match self.relation(zone) {
            // A record may tell that its node went out of sight.
            Relation::Hidden => match item {
                Item::Record(record) if self.record(record.id).is_some() => {}
                _ => return Err(Refused::Hidden),
            },
            Relation::Parent if !from_above => return Err(Refused::Hidden),
            Relation::Parent | Relation::Own | Relation::Below => {}
        }
        match from {
            From::Zone => Ok(()),
            From::Below(top) if self.lies_within(top, zone) => Ok(()),
            From::Below(_) => Err(Refused::NotItsOwn),
        }
    }

    fn take_record(
        &mut self,
        now: Moment,
        wall: WallTime,
        record: Arc<Record>,
    ) -> Result<bool, Refused> {
        let id = record.id;
        let stamp = record.stamp();
        if id == self.own {
            if stamp > self.own().stamp() {
                self.outdo(record.version);
            }
            return Ok(false);
        }
        if self
            .tombstones
            .get(&id)
            .is_some_and(|it| it.upto >= record.version)
        {
            return Ok(false);
        }
        let known = self.records.get(&id);
        if let Some(known) = known
            && known.stamp >= stamp
        {
            if known.record.version == record.version && known.stamp != stamp {
                self.count("two records of one version");
            }
            return Ok(false);
        }
        let hidden = match self.relation(&record.body.zone) {
            Relation::Own | Relation::Below => false,
            Relation::Parent => !record.body.is_proxy,
            Relation::Hidden => true,
        };
        if hidden {
            let Some(known) = known else {
                return Err(Refused::Hidden);
            };
            let zone = known.record.body.zone.clone();
            let (upto, at) = (record.version, wall);
            self.bury(Tombstone { id, upto, at, zone });
            return Ok(true);
        }
        if known.is_none() && self.records.len() >= MEMBERS_MAX {
            return Err(Refused::Full);
        }
        if known.is_some_and(|known| known.record.version == record.version) {
            self.count("two records of one version");
        }
        if let Some(through) = self.through(&record.body.zone) {
            self.heard.entry(through).or_insert(Heard {
                count: 0,
                at: now,
                told: None,
            });
        }
        let before = self.put_record(Arc::clone(&record));
        self.spread(Item::Record(Arc::clone(&record)));
        self.tell(News::Record {
            before,
            after: record,
        });
        Ok(true)
    }

    /// Wants a record when it is newer than what is known.
    fn take_notice(&mut self, id: NodeId, stamp: Stamp) -> bool {
        let version = Version {
            starts: stamp.0,
            change: stamp.1,
        };
        let forgotten = self
            .tombstones
            .get(&id)
            .is_some_and(|it| it.upto >= version);
        let known = self
            .records
            .get(&id)
            .is_some_and(|known| known.stamp >= stamp);
        let wanted = !forgotten && !known;
        if wanted {
            self.tell(News::Wanted(id));
        }
        wanted
    }

    fn take_sighting(&mut self, sighting: Sighting) -> Result<bool, Refused> {
        let record = self.record(sighting.id).ok_or(Refused::Unknown)?;
        if sighting.starts < record.version.starts {
            return Ok(false);
        }
        let known = self.sightings.get(&sighting.id);
        if known.is_some_and(|known| known.stamp() >= sighting.stamp()) {
            return Ok(false);
        }
        let count = known.filter(|known| known.starts == sighting.starts);
        if !is_plausible(count.map(|known| known.count), sighting.count) {
            return Err(Refused::Implausible);
        }
        self.put_sighting(sighting);
        Ok(true)
    }

    pub(super) fn put_sighting(&mut self, after: Sighting) {
        let id = after.id;
        let before = self.sightings.get(&id).cloned();
        let elsewhere = self
            .record(id)
            .is_some_and(|it| it.body.zone != *self.zone());
        self.drop_sighting(id);
        self.sightings.insert(id, after.clone());
        if elsewhere {
            self.flip(Kind::Sighting, *id.as_bytes(), after.stamp());
            self.spread(Item::Sighting(after.clone()));
            self.tell(News::Sighting { before, after });
        }
    }

    fn take_tombstone(&mut self, wall: WallTime, it: Tombstone) -> Result<bool, Refused> {
        let age = wall.as_millis().saturating_sub(it.at.as_millis());
        if u128::from(age) >= TOMBSTONE_AGE_MAX.as_millis() {
            return Err(Refused::TooOld);
        }
        if it.id == self.own {
            if it.upto >= self.own().version {
                self.outdo(it.upto);
            }
            return Ok(false);
        }
        let obsolete = self
            .record(it.id)
            .is_some_and(|record| record.version > it.upto);
        let known = self
            .tombstones
            .get(&it.id)
            .is_some_and(|known| known.upto >= it.upto);
        if obsolete || known {
            return Ok(false);
        }
        let at = it.at.min(wall);
        self.bury(Tombstone { at, ..it });
        Ok(true)
    }

    /// Puts a tombstone in the place of all that is known of a node.
    pub(super) fn bury(&mut self, tombstone: Tombstone) {
        let id = tombstone.id;
        self.drop_sighting(id);
        self.drop_departed(id);
        if let Some(known) = self.records.remove(&id) {
            self.flip(Kind::Record, *id.as_bytes(), known.stamp);
            self.tell(News::Gone {
                record: known.record,
                forgotten: tombstone.upto.change == u64::MAX,
            });
        }
        if self.tombstones.len() >= TOMBSTONES_MAX && !self.tombstones.contains_key(&id) {
            let oldest = self.tombstones.values().min_by_key(|it| it.at).cloned();
            if let Some(oldest) = oldest {
                self.tombstones.remove(&oldest.id);
                self.flip(Kind::Tombstone, *oldest.id.as_bytes(), oldest.stamp());
                self.count("tombstones dropped");
            }
        }
        self.flip(Kind::Tombstone, *id.as_bytes(), tombstone.stamp());
        self.spread(Item::Tombstone(tombstone.clone()));
        if let Some(old) = self.tombstones.insert(id, tombstone) {
            self.flip(Kind::Tombstone, *id.as_bytes(), old.stamp());
        }
    }

    fn take_departed(&mut self, it: Departed) -> Result<bool, Refused> {
        if it.id == self.own {
            let own = self.own();
            if it.starts >= own.version.starts && !own.body.left {
                let change = u64::MAX;
                let starts = it.starts;
                self.outdo(Version { starts, change });
            }
            return Ok(false);
        }
        let record = self.record(it.id).ok_or(Refused::Unknown)?;
        let obsolete = record.version.starts > it.starts;
        let known = self
            .departed
            .get(&it.id)
            .is_some_and(|known| known.starts >= it.starts);
        if obsolete || known {
            return Ok(false);
        }
        self.put_departed(it);
        Ok(true)
    }

    pub(super) fn put_departed(&mut self, it: Departed) {
        self.drop_departed(it.id);
        self.flip(Kind::Departed, *it.id.as_bytes(), Stamp(it.starts, 0, 0));
        self.departed.insert(it.id, it.clone());
        self.spread(Item::Departed(it.clone()));
        self.tell(News::Departed(it));
    }

    pub(super) fn take_event(
        &mut self,
        now: Moment,
        event: Event,
        age: Duration,
    ) -> Result<bool, Refused> {
        if self.events.contains_key(&event.id) {
            return Ok(false);
        }
        if age >= EVENT_AGE_MAX {
            return Err(Refused::TooOld);
        }
        let of_node = self
            .events
            .values()
            .filter(|told| told.event.from == event.from);
        if of_node.count() >= CLUSTER_EVENTS_PER_NODE_MAX {
            return Err(Refused::TooManyEvents);
        }
        if self.events.len() >= CLUSTER_EVENTS_MAX {
            let oldest = self
                .events
                .values()
                .max_by_key(|told| (told.age(now), told.event.id));
            let Some((oldest_age, id)) = oldest.map(|told| (told.age(now), told.event.id)) else {
                return Err(Refused::TooManyEvents);
            };
            if oldest_age <= age {
                return Err(Refused::TooOld);
            }
            self.events.remove(&id);
            self.flip(Kind::Event, id.to_be_bytes(), Stamp::default());
            self.count("events dropped");
        }
        self.flip(Kind::Event, event.id.to_be_bytes(), Stamp::default());
        let told = Told {
            event: event.clone(),
            age,
            received: now,
        };
        self.events.insert(event.id, told);
        self.spread(Item::Event(event.clone(), age));
        self.tell(News::Event(event));
        Ok(true)
    }

    fn take_report(&mut self, now: Moment, report: Report) -> Result<bool, Refused> {
        let heard = self.heard.get(&report.zone).map(|heard| heard.count);
        if heard.is_some_and(|heard| heard >= report.count) {
            return Ok(false);
        }
        if !is_plausible(heard, report.count) {
            return Err(Refused::Implausible);
        }
        // It is only believed for zones that are near.
        if self.through(&report.zone).as_ref() != Some(&report.zone) {
            return Ok(false);
        }
        let heard = Heard {
            count: report.count,
            at: now,
            told: Some(now),
        };
        self.heard.insert(report.zone.clone(), heard);
        self.spread(Item::Report(report));
        Ok(true)
    }
}
