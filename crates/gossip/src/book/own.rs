//! What this node tells about itself, and how often it may say something new.

use std::sync::Arc;
use std::time::Duration;

use model::limits::TOMBSTONE_AGE_MAX;
use model::{Moment, WallTime, Zone};

use super::{Book, News, Scope};
use crate::events::EVENT_AGE_MAX;
use crate::input::Description;
use crate::item::{Item, Kind, Stamp, Tombstone};
use crate::record::{Body, Health, Version};
use crate::zones::{Relation, Zones};

/// How often at most a node says something new in the long run, so that a check that flaps does
/// not flood.
const CHANGE_EVERY: Duration = Duration::from_secs(1);
/// What may be said before its time after a while of silence: a service that fails must not wait
/// because something else changed just before.
const CHANGES_AHEAD: u32 = 3;
/// How often it says so when only the words of its problems changed, which they may at each run of
/// a check.
const WORDS_EVERY: Duration = Duration::from_secs(60);

/// What this node will tell next.
#[derive(Debug, Default)]
pub(super) struct Draft {
    next: Option<Description>,
    only_words: bool,
    told: Option<Moment>,
    /// When all that was said would have been said at the pace of the long run.
    paced: Moment,
}

impl Draft {
    fn due(&self) -> Option<Moment> {
        self.next.as_ref()?;
        let ahead = CHANGE_EVERY * CHANGES_AHEAD;
        let due = match self.told {
            None => Moment::default(),
            Some(told) if self.only_words => told + WORDS_EVERY,
            Some(_) => Moment::from_start(self.paced.since_start().saturating_sub(ahead)),
        };
        Some(due)
    }

    fn note(&mut self, now: Moment) {
        self.told = Some(now);
        self.paced = self.paced.max(now) + CHANGE_EVERY;
    }
}

impl Book {
    /// Takes how this node is, to be told with the next [`Book::tick`] that may.
    pub fn describe(&mut self, description: Description) {
        let words = |health: &Health| {
            let problems = health.problems.iter();
            let gist = problems.map(|it| (it.check.clone(), it.state, it.handled));
            (health.counts.clone(), gist.collect::<Vec<_>>())
        };
        let mut shown = (**self.own()).clone();
        describe(&mut shown.body, &description);
        shown.fit();
        let own = self.own().body.clone();
        let same = shown.body == own;
        let same_gist = words(&shown.body.health) == words(&own.health);
        shown.body.health.clone_from(&own.health);
        shown.body.cut.clone_from(&own.cut);
        self.draft.only_words = same_gist && shown.body == own;
        self.draft.next = (!same).then_some(description);
    }

    /// Changes what this node tells about itself, and tells it at once. Another zone makes it
    /// forget what it may not see from there.
    pub fn change_own(&mut self, now: Moment, change: impl FnOnce(&mut Body)) {
        let mut record = (**self.own()).clone();
        change(&mut record.body);
        record.fit();
        if record.body == self.own().body {
            return;
        }
        let moves = record.body.zone != *self.zone();
        record.version.change = record.version.change.saturating_add(1);
        self.publish(Some(now), record);
        if moves {
            self.heard.clear();
            self.prune();
        }
    }

    /// Takes other zones than before, and forgets what may not be seen any longer.
    pub fn set_zones(&mut self, zones: Arc<Zones>) {
        self.zones = zones;
        self.prune();
    }

    /// Does what is due: tells what changed of this node, and lets go of what is too old.
    pub fn tick(&mut self, now: Moment, wall: WallTime) {
        if self.draft.due().is_some_and(|due| due <= now)
            && let Some(next) = self.draft.next.take()
        {
            self.change_own(now, |body| describe(body, &next));
        }
        let old = self
            .events
            .iter()
            .filter(|(_, told)| told.age(now) >= EVENT_AGE_MAX);
        for id in old.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.events.remove(&id);
            self.flip(Kind::Event, id.to_be_bytes(), Stamp::default());
        }
        let old = self.tombstones.values().filter(|it| is_over(wall, it.at));
        for it in old.cloned().collect::<Vec<_>>() {
            self.tombstones.remove(&it.id);
            self.flip(Kind::Tombstone, *it.id.as_bytes(), Tombstone::stamp(&it));
        }
        let old = self
            .departed
            .values()
            .filter(|it| is_over(wall, it.at) && !self.records.contains_key(&it.id));
        for id in old.map(|it| it.id).collect::<Vec<_>>() {
            self.drop_departed(id);
        }
    }

    /// Tells when [`Book::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let expiry = |told: &super::Told| told.received + EVENT_AGE_MAX.saturating_sub(told.age);
        let events = self.events.values().map(expiry).min();
        [self.draft.due(), events].into_iter().flatten().min()
    }

    /// Says something newer than what others say of this node.
    pub(super) fn outdo(&mut self, said: Version) {
        let mut record = (**self.own()).clone();
        if record.body.left || said < record.version && said.change < u64::MAX {
            return;
        }
        self.count("this node outdone by others");
        if said.starts > record.version.starts || said.change == u64::MAX {
            record.version = Version {
                starts: said.starts.saturating_add(1),
                change: 1,
            };
        } else {
            record.version.change = said.change.saturating_add(1);
        }
        let starts = record.version.starts;
        self.publish(None, record);
        self.tell(News::Outdone { starts });
    }

    fn publish(&mut self, now: Option<Moment>, record: crate::Record) {
        if let Some(now) = now {
            self.draft.note(now);
        }
        let after = Arc::new(record);
        let before = self.put_record(Arc::clone(&after));
        let spreads = self.spreads.take();
        self.spread(Item::Record(Arc::clone(&after)));
        self.spreads = spreads;
        self.tell(News::Record { before, after });
    }

    /// Forgets, here alone, what this node may not see.
    fn prune(&mut self) {
        let own_zone = self.zone().clone();
        let zones = Arc::clone(&self.zones);
        let relation = |zone: &Zone| zones.relation(&own_zone, zone);
        let hidden = |record: &crate::Record| match relation(&record.body.zone) {
            Relation::Own | Relation::Below => false,
            Relation::Parent => !record.body.is_proxy,
            Relation::Hidden => true,
        };
        let gone: Vec<_> = self.records().filter(|it| hidden(it)).cloned().collect();
        for record in gone {
            self.records.remove(&record.id);
            self.sightings.remove(&record.id);
            let forgotten = false;
            self.tell(News::Gone { record, forgotten });
        }
        let hears = |zone: &Zone| matches!(relation(zone), Relation::Own | Relation::Below);
        self.tombstones
            .retain(|_, it| relation(&it.zone) != Relation::Hidden);
        self.departed.retain(|_, it| hears(&it.zone));
        self.events.retain(|_, told| hears(&told.event.zone));
        self.heard
            .retain(|zone, _| relation(zone) != Relation::Hidden);
        self.rehash();
    }

    /// Gives the hash of what is known within a scope.
    pub fn hash_of(&self, scope: &Scope) -> u64 {
        let entries = self.entries(scope).into_iter();
        entries.fold(0, |hash, entry| hash ^ entry.hash())
    }
}

fn is_over(wall: WallTime, at: WallTime) -> bool {
    let age = wall.as_millis().saturating_sub(at.as_millis());
    u128::from(age) >= TOMBSTONE_AGE_MAX.as_millis()
}

fn describe(body: &mut Body, description: &Description) {
    body.display_name.clone_from(&description.display_name);
    body.static_groups.clone_from(&description.static_groups);
    body.detected_groups
        .clone_from(&description.detected_groups);
    body.health.clone_from(&description.health);
    body.parts.clone_from(&description.parts);
}
