//! The steps of a comparison, on both ends.

use std::collections::BTreeMap;

use model::limits::CALL_BYTES_MAX;
use model::{Moment, WallTime, Zone};

use super::message::{Answer, Ask, BUCKETS_MAX, Compare, Reason, Request, RingMark};
use crate::book::{Book, From, Scope};
use crate::item::{Entry, Item, Key, Kind, Tombstone, hash};
use crate::wire::Writer;
use crate::zones::Relation;

/// How full a call is made: room is left for what stands around the things.
const CALL_BYTES: usize = CALL_BYTES_MAX - (64 << 10);
/// How many wishes one call carries: 17 bytes each.
const WISHES_MAX: usize = 4_096;
/// Things per bucket that are aimed at: with few differences some hundred are listed.
const PER_BUCKET: usize = 16;

/// A comparison with another node, as who began it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    scope: Scope,
    buckets: usize,
    give: Vec<Key>,
    want: Vec<Key>,
    asked: usize,
    /// Whether the rings of both differ, as the other said: they go by a call of their own.
    pub rings: bool,
    /// Whether anything differed.
    pub differed: bool,
}

impl Book {
    /// Begins a comparison within a scope: `Scope::Zone` with a node of the own zone,
    /// `Scope::Below` the own zone with a proxy of the zone above.
    pub fn compare(&self, scope: Scope, rings: Vec<RingMark>) -> (Talk, Ask) {
        let entries = self.entries(&scope);
        let count = (entries.len() / PER_BUCKET).next_power_of_two();
        let count = count.min(BUCKETS_MAX);
        let mut buckets = vec![0; count];
        for entry in &entries {
            buckets[bucket(entry.key, count)] ^= entry.hash();
        }
        let above = match (&scope, self.zones().parent(self.zone())) {
            (Scope::Below(_), Some(parent)) => self.of_proxies(parent),
            _ => Vec::new(),
        };
        let compare = Compare {
            scope: scope.clone(),
            buckets,
            above,
            rings,
        };
        let mut talk = Talk::new(scope);
        talk.buckets = count;
        (talk, Ask::Compare(compare))
    }

    /// Takes an answer to what a comparison asked, and gives what to ask next of the same node;
    /// nothing when it is done.
    pub fn answered(
        &mut self,
        now: Moment,
        wall: WallTime,
        talk: &mut Talk,
        answer: Answer,
    ) -> Result<Option<Ask>, Reason> {
        self.comparing(Some(&talk.scope));
        let next = self.take_answer(now, wall, talk, answer);
        self.comparing(None);
        next
    }

    fn take_answer(
        &mut self,
        now: Moment,
        wall: WallTime,
        talk: &mut Talk,
        answer: Answer,
    ) -> Result<Option<Ask>, Reason> {
        let mut take = |item| {
            let _ = self.take(now, wall, &From::Zone, item);
        };
        match answer {
            Answer::Refused(reason) => return Err(reason),
            Answer::Differs {
                buckets,
                above,
                rings,
            } => {
                talk.rings = rings;
                talk.differed = !buckets.is_empty();
                above.into_iter().for_each(&mut take);
                self.see_differences(talk, buckets);
            }
            Answer::Items { items, handled } => {
                items.into_iter().for_each(&mut take);
                talk.want
                    .drain(..handled.clamp(talk.asked.min(1), talk.asked));
                talk.asked = 0;
            }
            Answer::Joined { .. } | Answer::Left | Answer::Rings(_) => {
                return Err(Reason::Malformed);
            }
        }
        if let Scope::Below(_) = talk.scope
            && let Some(parent) = self.zones().parent(self.zone()).cloned()
        {
            self.hear(now, &parent);
        }
        Ok(self.next_exchange(now, talk))
    }

    /// Begins to ask for things that others said there are.
    pub fn fetch(&self, now: Moment, wanted: Vec<Key>) -> (Talk, Option<Ask>) {
        let mut talk = Talk::new(Scope::Zone);
        talk.want = wanted;
        let ask = self.next_exchange(now, &mut talk);
        (talk, ask)
    }

    /// Answers a comparison or an exchange. `proved` is the zone that the stream proved, `rings`
    /// what this node has.
    pub fn answer(
        &mut self,
        now: Moment,
        wall: WallTime,
        proved: Option<&Zone>,
        request: Request,
        rings: &[RingMark],
    ) -> Answer {
        let scope = match &request.ask {
            Ask::Compare(compare) => compare.scope.clone(),
            Ask::Exchange { scope, .. } => scope.clone(),
            Ask::Join(_) | Ask::Leave { .. } | Ask::Rings(_) => {
                return Answer::Refused(Reason::Malformed);
            }
        };
        let zone = request.zone;
        let speaks_for = proved.is_none_or(|proved| *proved == zone);
        let from = match (self.relation(&zone), &scope) {
            (Relation::Own, Scope::Zone) if speaks_for => From::Zone,
            (Relation::Below, Scope::Below(top)) if speaks_for && *top == zone => {
                From::Below(zone.clone())
            }
            _ => return Answer::Refused(Reason::OtherZone(self.zone().clone())),
        };
        if let Some(through) = self.through(&zone) {
            self.hear(now, &through);
        }
        match request.ask {
            Ask::Compare(compare) => self.differences(&compare, &from, rings),
            Ask::Exchange { give, want, .. } => {
                self.comparing(Some(&scope));
                for item in give {
                    let _ = self.take(now, wall, &from, item);
                }
                self.comparing(None);
                self.wishes(now, &scope, &want)
            }
            Ask::Join(_) | Ask::Leave { .. } | Ask::Rings(_) => Answer::Refused(Reason::Malformed),
        }
    }

    /// Gives what a node of a zone below is told of the proxies of this zone when it knows so
    /// much of them.
    pub fn news_of_proxies(&self, known: &[Entry]) -> Vec<Item> {
        let known: BTreeMap<_, _> = known.iter().map(|entry| (entry.key, entry.stamp)).collect();
        let mut items = Vec::new();
        let scope = Scope::Below(self.zone().clone());
        for entry in self.of_proxies(self.zone()) {
            if known
                .get(&entry.key)
                .is_none_or(|stamp| *stamp < entry.stamp)
                && let Some(item) = self.get(Moment::default(), &scope, entry.key)
            {
                items.push(item);
            }
        }
        for (kind, id) in known.keys() {
            let node = model::NodeId::from_bytes(*id);
            let buried = self.get(Moment::default(), &scope, (Kind::Tombstone, *id));
            match self.record(node) {
                Some(record) if *kind == Kind::Record && !record.body.is_proxy => {
                    items.push(Item::Tombstone(Tombstone {
                        id: node,
                        upto: record.version,
                        at: WallTime::from_millis(u64::MAX),
                        zone: self.zone().clone(),
                    }));
                }
                Some(_) => {}
                None => items.extend(buried),
            }
        }
        items
    }

    fn of_proxies(&self, zone: &Zone) -> Vec<Entry> {
        let mut entries = self.entries(&Scope::Below(zone.clone()));
        entries.retain(|entry| {
            let record = self.record(model::NodeId::from_bytes(entry.key.1));
            matches!(entry.key.0, Kind::Record | Kind::Sighting)
                && record.is_some_and(|it| it.body.zone == *zone && it.body.is_proxy)
        });
        entries
    }

    fn differences(&self, theirs: &Compare, from: &From, rings: &[RingMark]) -> Answer {
        let count = theirs.buckets.len();
        let mut sorted = vec![(0, Vec::new()); count];
        if count > 0 {
            for entry in self.entries(&theirs.scope) {
                let (hash, entries) = &mut sorted[bucket(entry.key, count)];
                *hash ^= entry.hash();
                entries.push(entry);
            }
        }
        let mut room = CALL_BYTES;
        let mut buckets = Vec::new();
        for (number, (hash, entries)) in sorted.into_iter().enumerate() {
            if hash == theirs.buckets[number] {
                continue;
            }
            // An entry takes 16 bytes of id and at most 26 more.
            room = room.saturating_sub(entries.len() * 42 + 4);
            if room == 0 && !buckets.is_empty() {
                break;
            }
            buckets.push((number as u8, entries));
        }
        let above = match from {
            From::Zone => Vec::new(),
            From::Below(_) => self.news_of_proxies(&theirs.above),
        };
        let ours = |ring: &RingMark| rings.iter().find(|own| own.zone == ring.zone);
        let differ = |ring: &RingMark| ours(ring).is_some_and(|own| own != ring);
        Answer::Differs {
            buckets,
            above: within(above),
            rings: theirs.rings.iter().any(differ),
        }
    }

    fn see_differences(&self, talk: &mut Talk, buckets: Vec<(u8, Vec<Entry>)>) {
        let entries = self.entries(&talk.scope);
        let mut ours = BTreeMap::<_, BTreeMap<_, _>>::new();
        for entry in entries {
            let number = bucket(entry.key, talk.buckets.max(1)) as u8;
            ours.entry(number)
                .or_default()
                .insert(entry.key, entry.stamp);
        }
        for (number, theirs) in buckets {
            let mut ours = ours.remove(&number).unwrap_or_default();
            for entry in theirs {
                match ours.remove(&entry.key) {
                    Some(stamp) if stamp > entry.stamp => talk.give.push(entry.key),
                    Some(stamp) if stamp == entry.stamp => {}
                    Some(_) | None => talk.want.push(entry.key),
                }
            }
            talk.give.extend(ours.into_keys());
        }
        // Records come before what is said of their nodes.
        talk.give.sort_unstable();
        talk.want.sort_unstable();
    }

    fn next_exchange(&self, now: Moment, talk: &mut Talk) -> Option<Ask> {
        let mut bytes = 0;
        let mut give = Vec::new();
        let mut taken = 0;
        for key in &talk.give {
            let item = self.get(now, &talk.scope, *key);
            bytes += item.as_ref().map_or(0, |item| item.encode().len() + 4);
            if bytes > CALL_BYTES / 2 && taken > 0 {
                break;
            }
            taken += 1;
            give.extend(item);
        }
        talk.give.drain(..taken);
        talk.asked = talk.want.len().min(WISHES_MAX);
        let want = talk.want[..talk.asked].to_vec();
        let scope = talk.scope.clone();
        let more = !give.is_empty() || !want.is_empty();
        more.then_some(Ask::Exchange { scope, give, want })
    }

    fn wishes(&self, now: Moment, scope: &Scope, want: &[Key]) -> Answer {
        let mut items = Vec::new();
        let mut bytes = 0;
        let mut handled = 0;
        for key in want {
            let item = self.get(now, scope, *key);
            bytes += item.as_ref().map_or(0, |item| item.encode().len() + 4);
            if bytes > CALL_BYTES {
                break;
            }
            handled += 1;
            items.extend(item);
        }
        Answer::Items { items, handled }
    }
}

impl Talk {
    const fn new(scope: Scope) -> Self {
        Self {
            scope,
            buckets: 0,
            give: Vec::new(),
            want: Vec::new(),
            asked: 0,
            rings: false,
            differed: false,
        }
    }
}

/// Cuts a list of things to what fits into a call beside the buckets.
fn within(mut items: Vec<Item>) -> Vec<Item> {
    let mut room = (CALL_BYTES_MAX - CALL_BYTES) / 2;
    let fits = |item: &Item| {
        let bytes = item.encode().len() + 4;
        let fits = bytes <= room;
        room = room.saturating_sub(bytes);
        fits
    };
    let count = items.iter().map(fits).take_while(|fits| *fits).count();
    items.truncate(count);
    items
}

/// Tells in which bucket a thing is. All kinds of one node are in the same.
fn bucket((_, id): Key, count: usize) -> usize {
    let mut writer = Writer::new();
    writer.raw(&id);
    (hash(writer.as_bytes()) % count as u64) as usize
}
