//! All that this node knows of nodes: records, how those of other zones are, who is forgotten or
//! gone, and events.
//!
//! Start at [`Book::take`], where everything comes in, whoever told it. What is new is told to the
//! rest of the agent ([`Book::poll_news`]) and to other nodes ([`Book::poll_spread`]). The book
//! does not know how nodes of its own zone live: that is the business of `swim`.

mod kept;
mod own;
mod states;
mod take;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::limits::{CLUSTER_EVENTS_PER_NODE_MAX, MEMBERS_MAX, SPREAD_QUEUE_MAX};
use model::{Moment, NodeId, WallTime, Zone};

use crate::events::Event;
use crate::item::{Departed, Entry, Item, Key, Kind, Sighting, Stamp, Tombstone};
use crate::record::Record;
use crate::zones::{Relation, Zones};

pub use kept::{Kept, Remembered};
pub use states::Seen;
pub use take::{From, Refused};

/// News that may wait for the core, which takes them after each step. Beyond it the oldest is lost.
const NEWS_MAX: usize = 4 * MEMBERS_MAX;

/// Things that are told on by datagram of all that one comparison brings.
const SPREADS_MAX: usize = 32;
/// Conflicts that are named; there may be more.
const CONFLICTS_MAX: usize = 20;

/// All that this node knows of nodes.
#[derive(Debug)]
pub struct Book {
    own: NodeId,
    zones: Arc<Zones>,
    records: BTreeMap<NodeId, Known>,
    sightings: BTreeMap<NodeId, Sighting>,
    tombstones: BTreeMap<NodeId, Tombstone>,
    departed: BTreeMap<NodeId, Departed>,
    events: BTreeMap<u128, Told>,
    heard: BTreeMap<Zone, Heard>,
    hash: u64,
    draft: own::Draft,
    news: VecDeque<News>,
    spread: VecDeque<Item>,
    /// How much may still be spread of what a comparison brings; all when nothing is said.
    spreads: Option<usize>,
    counts: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Known {
    record: Arc<Record>,
    stamp: Stamp,
}

#[derive(Debug)]
struct Told {
    event: Event,
    age: Duration,
    received: Moment,
}

impl Told {
    fn age(&self, now: Moment) -> Duration {
        self.age.saturating_add(now.since(self.received))
    }
}

/// When another zone was heard of last.
#[derive(Debug)]
struct Heard {
    count: u64,
    at: Moment,
    /// When it was told last, by this node or another one of its zone.
    told: Option<Moment>,
}

/// What part of it all is compared with another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What all nodes of the own zone know.
    Zone,
    /// What concerns this zone and those below it: between its proxies and those of the zone above.
    Below(Zone),
}

/// What changed in the book.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A node tells something else, or is new.
    Record {
        /// What it told before.
        before: Option<Arc<Record>>,
        /// What it tells.
        after: Arc<Record>,
    },
    /// A node of another zone is otherwise.
    Sighting {
        /// How it was.
        before: Option<Sighting>,
        /// How it is.
        after: Sighting,
    },
    /// A node is not known any longer.
    Gone {
        /// What it told last.
        record: Arc<Record>,
        /// Whether somebody had it forgotten; else it went where it cannot be seen.
        forgotten: bool,
    },
    /// A dead node is said to have left.
    Departed(Departed),
    /// Something happened.
    Event(Event),
    /// There is a newer record: it is to be asked of who told it.
    Wanted(NodeId),
    /// Others knew more of this node than it did itself; its record has these starts from now on,
    /// and so must its identity.
    Outdone {
        /// The starts.
        starts: u64,
    },
}

impl Book {
    /// Begins with what this node tells about itself, and nobody else.
    pub fn new(own: Record, zones: Arc<Zones>) -> Self {
        let mut book = Self {
            own: own.id,
            zones,
            records: BTreeMap::new(),
            sightings: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            departed: BTreeMap::new(),
            events: BTreeMap::new(),
            heard: BTreeMap::new(),
            hash: 0,
            draft: own::Draft::default(),
            news: VecDeque::new(),
            spread: VecDeque::new(),
            spreads: None,
            counts: BTreeMap::new(),
        };
        let mut own = own;
        own.fit();
        book.put_record(Arc::new(own));
        book
    }

    /// Gives what this node tells about itself.
    pub fn own(&self) -> &Arc<Record> {
        &self
            .records
            .get(&self.own)
            .expect("the own record never goes")
            .record
    }

    /// Gives the zone of this node.
    pub fn zone(&self) -> &Zone {
        &self.own().body.zone
    }

    /// Gives the tree of zones.
    pub fn zones(&self) -> &Arc<Zones> {
        &self.zones
    }

    /// Gives what a node tells.
    pub fn record(&self, id: NodeId) -> Option<&Arc<Record>> {
        self.records.get(&id).map(|known| &known.record)
    }

    /// Gives what all nodes tell, this one too, by id.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values().map(|known| &known.record)
    }

    /// Gives how a zone lies to that of this node.
    pub fn relation(&self, zone: &Zone) -> Relation {
        self.zones.relation(self.zone(), zone)
    }

    /// Tells whether a node left, or is said to have left.
    pub fn has_left(&self, id: NodeId) -> bool {
        let Some(record) = self.record(id) else {
            return false;
        };
        let departed = self.departed.get(&id);
        record.body.left || departed.is_some_and(|it| it.starts >= record.version.starts)
    }

    /// Tells whether a node of these starts is forgotten.
    pub fn is_forgotten(&self, id: NodeId, starts: u64) -> bool {
        let tombstone = self.tombstones.get(&id);
        tombstone.is_some_and(|it| it.upto.change == u64::MAX && it.upto.starts >= starts)
    }

    /// Gives the events, oldest first.
    pub fn events(&self, now: Moment) -> Vec<Event> {
        let mut told: Vec<_> = self.events.values().collect();
        told.sort_by_key(|told| (std::cmp::Reverse(told.age(now)), told.event.id));
        told.into_iter().map(|told| told.event.clone()).collect()
    }

    /// Gives the next thing that changed.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Gives the next thing to tell to other nodes of the zone by datagram. Nothing is lost when
    /// it is not: nodes compare what they know from time to time.
    pub fn poll_spread(&mut self) -> Option<Item> {
        self.spread.pop_front().map(Item::for_datagram)
    }

    /// Gives what was refused or could not be kept, by reason.
    pub const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Names the addresses and names that two nodes claim that did not leave, and the two.
    pub fn conflicts(&self) -> Vec<(String, [NodeId; 2])> {
        let mut addresses = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut conflicts = Vec::new();
        for record in self.records().filter(|record| !self.has_left(record.id)) {
            let (id, address, name) = (record.id, record.body.address, record.shown_name());
            let other = *addresses.entry(address).or_insert(id);
            if other != id {
                conflicts.push((format!("the address {address}"), [other, id]));
            }
            let other = *names.entry(name).or_insert(id);
            if other != id {
                conflicts.push((format!("the name {name}"), [other, id]));
            }
            if conflicts.len() >= CONFLICTS_MAX {
                break;
            }
        }
        conflicts.truncate(CONFLICTS_MAX);
        conflicts
    }

    /// Adds an event of this node. It is refused when this node told too many already.
    pub fn add_event(&mut self, now: Moment, event: Event) -> Result<(), Refused> {
        let own = self
            .events
            .values()
            .filter(|told| told.event.from == self.own);
        if own.count() >= CLUSTER_EVENTS_PER_NODE_MAX {
            return Err(Refused::TooManyEvents);
        }
        self.take_event(now, event, Duration::ZERO).map(|_| ())
    }

    /// Forgets a node for good. That it does not live is for the caller to see.
    pub fn forget(&mut self, wall: WallTime, id: NodeId) -> bool {
        let Some(record) = self.record(id).filter(|_| id != self.own) else {
            return false;
        };
        let upto = crate::Version {
            starts: record.version.starts,
            change: u64::MAX,
        };
        let zone = record.body.zone.clone();
        self.bury(Tombstone {
            id,
            upto,
            at: wall,
            zone,
        });
        true
    }

    /// Says that a dead node has left.
    pub fn depart(&mut self, wall: WallTime, id: NodeId) -> bool {
        let Some(record) = self.record(id).filter(|_| id != self.own) else {
            return false;
        };
        let departed = Departed {
            id,
            starts: record.version.starts,
            at: wall,
            by: self.own,
            zone: record.body.zone.clone(),
        };
        self.put_departed(departed);
        true
    }

    /// Gives the hash of all that the nodes of this zone should know alike.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Gives what is known within a scope, in order.
    pub fn entries(&self, scope: &Scope) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut add = |kind, id: [u8; 16], stamp, zone: &Zone| {
            if self.is_within(scope, kind, zone) {
                let key = (kind, id);
                entries.push(Entry { key, stamp });
            }
        };
        for known in self.records.values() {
            let (id, zone) = (known.record.id, &known.record.body.zone);
            add(Kind::Record, *id.as_bytes(), known.stamp, zone);
            if let Some(sighting) = self.sightings.get(&id) {
                add(Kind::Sighting, *id.as_bytes(), sighting.stamp(), zone);
            }
        }
        for (id, it) in &self.tombstones {
            add(Kind::Tombstone, *id.as_bytes(), it.stamp(), &it.zone);
        }
        for (id, it) in &self.departed {
            let stamp = Stamp(it.starts, 0, 0);
            add(Kind::Departed, *id.as_bytes(), stamp, &it.zone);
        }
        for (id, told) in &self.events {
            add(
                Kind::Event,
                id.to_be_bytes(),
                Stamp::default(),
                &told.event.zone,
            );
        }
        entries
    }

    /// Gives a thing that is known within a scope.
    pub fn get(&self, now: Moment, scope: &Scope, (kind, id): Key) -> Option<Item> {
        let node = NodeId::from_bytes(id);
        let (item, zone) = match kind {
            Kind::Record => {
                let record = self.record(node)?;
                (Item::Record(Arc::clone(record)), &record.body.zone)
            }
            Kind::Sighting => {
                let zone = &self.record(node)?.body.zone;
                (Item::Sighting(self.sightings.get(&node)?.clone()), zone)
            }
            Kind::Tombstone => {
                let it = self.tombstones.get(&node)?;
                (Item::Tombstone(it.clone()), &it.zone)
            }
            Kind::Departed => {
                let it = self.departed.get(&node)?;
                (Item::Departed(it.clone()), &it.zone)
            }
            Kind::Event => {
                let told = self.events.get(&u128::from_be_bytes(id))?;
                let item = Item::Event(told.event.clone(), told.age(now));
                (item, &told.event.zone)
            }
            Kind::Report => return None,
        };
        self.is_within(scope, kind, zone).then_some(item)
    }

    fn is_within(&self, scope: &Scope, kind: Kind, zone: &Zone) -> bool {
        match scope {
            Scope::Zone => kind != Kind::Sighting || zone != self.zone(),
            Scope::Below(top) => self.lies_within(top, zone),
        }
    }

    fn lies_within(&self, top: &Zone, zone: &Zone) -> bool {
        matches!(
            self.zones.relation(top, zone),
            Relation::Own | Relation::Below
        )
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn tell(&mut self, news: News) {
        if self.news.len() == NEWS_MAX {
            self.news.pop_front();
            self.count("news lost");
        }
        self.news.push_back(news);
    }

    fn spread(&mut self, item: Item) {
        if self.spread.len() == SPREAD_QUEUE_MAX || self.spreads == Some(0) {
            self.count("left to comparison");
            return;
        }
        self.spreads = self.spreads.map(|left| left - 1);
        self.spread.push_back(item);
    }

    /// Begins or ends to take what a comparison within a scope brings. Within the zone others have
    /// it already, and when it is much they find it in the same way.
    pub(crate) fn comparing(&mut self, scope: Option<&Scope>) {
        self.spreads = match scope {
            Some(Scope::Zone) => Some(SPREADS_MAX),
            Some(Scope::Below(_)) | None => None,
        };
    }

    fn flip(&mut self, kind: Kind, id: [u8; 16], stamp: Stamp) {
        let key = (kind, id);
        self.hash ^= Entry { key, stamp }.hash();
    }

    /// Computes the hash anew, after changes that touch much.
    fn rehash(&mut self) {
        let entries = self.entries(&Scope::Zone);
        self.hash = entries
            .into_iter()
            .fold(0, |hash, entry| hash ^ entry.hash());
    }

    fn put_record(&mut self, record: Arc<Record>) -> Option<Arc<Record>> {
        let id = record.id;
        let before = self
            .records
            .get(&id)
            .map(|known| (known.stamp, Arc::clone(&known.record)));
        if let Some((stamp, old)) = &before {
            self.flip(Kind::Record, *id.as_bytes(), *stamp);
            if old.body.zone != record.body.zone {
                self.drop_sighting(id);
            }
        }
        let stamp = record.stamp();
        self.flip(Kind::Record, *id.as_bytes(), stamp);
        if self
            .departed
            .get(&id)
            .is_some_and(|it| it.starts < record.version.starts)
        {
            self.drop_departed(id);
        }
        if let Some(tombstone) = self.tombstones.get(&id).map(Tombstone::stamp) {
            self.flip(Kind::Tombstone, *id.as_bytes(), tombstone);
            self.tombstones.remove(&id);
        }
        self.records.insert(id, Known { record, stamp });
        before.map(|(_, old)| old)
    }

    fn drop_sighting(&mut self, id: NodeId) {
        let Some(sighting) = self.sightings.remove(&id) else {
            return;
        };
        if self
            .record(id)
            .is_some_and(|record| record.body.zone != *self.zone())
        {
            self.flip(Kind::Sighting, *id.as_bytes(), sighting.stamp());
        }
    }

    fn drop_departed(&mut self, id: NodeId) {
        if let Some(departed) = self.departed.remove(&id) {
            self.flip(Kind::Departed, *id.as_bytes(), Stamp(departed.starts, 0, 0));
        }
    }
}
