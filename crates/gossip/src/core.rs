//! The core of the cluster: datagrams, answers and orders go in; datagrams, questions and changes
//! come out.
//!
//! It ties the rooms together and holds little itself: `swim` knows who lives in the own zone,
//! `book` what each node tells, `seal` the keys. Start at [`Core::handle`]. What it does by itself,
//! and when, is in `rounds`.

mod answers;
mod calls;
mod datagrams;
mod leaving;
mod members;
mod orders;
mod reap;
mod rounds;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{MemberState, Moment, NodeId, WallTime, Zone, limits};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::book::{Book, From, News};
use crate::config::{Config, Timing};
use crate::input::{Call, Input, OrderId};
use crate::item::{self, Item};
use crate::output::{Change, Output, What};
use crate::record::{Record, Version};
use crate::seal::{Ring, Rings, Sealer};
use crate::swim::{Effect, Epoch, Identity, Subject, Swim};
use calls::Pending;
use datagrams::{PendingJoin, PendingPing};
use leaving::Leaving;
use members::{Expected, Shown};
use orders::Detection;
use rounds::{Round, Seeds};

/// How long a node whose record came may take to be heard of as a member, before it is tried: most
/// often both come with the same packets.
const NEWS_PATIENCE: Duration = Duration::from_millis(600);

/// The cluster as one node takes part in it.
pub struct Core {
    own: NodeId,
    starts: u64,
    timing: Timing,
    now: Moment,
    wall: WallTime,
    /// When the wall clock was set last; ages that it told before mean nothing.
    clock_set: WallTime,
    rng: SmallRng,
    swim: Swim,
    book: Book,
    sealer: Sealer,
    rings: Rings,
    /// That this node leaves, or has left.
    leaving: Option<Leaving>,
    rounds: BTreeMap<Round, Moment>,
    seeds: Seeds,
    expected: BTreeMap<NodeId, Expected>,
    shown: BTreeMap<NodeId, Shown>,
    /// Members whose state is to be looked at again.
    review: BTreeSet<NodeId>,
    calls: BTreeMap<Call, Pending>,
    calls_made: u64,
    joins: Vec<PendingJoin>,
    pings: Vec<PendingPing>,
    detections: Vec<Detection>,
    /// Records that are wanted, and who has them.
    wanted: BTreeMap<NodeId, NodeId>,
    /// Members whose records are lacking.
    lacking: BTreeSet<NodeId>,
    /// How often the dead are still tried soon, for one of them came back.
    rejoins: u8,
    /// How often all is still compared once more, after joining.
    looks: u8,
    /// When rings were asked for last because of a datagram.
    asked_rings: Option<Moment>,
    /// How often in a row others knew something else.
    differed: u8,
    clones: BTreeMap<NodeId, ([SocketAddr; 2], Moment)>,
    /// Which proxy of the zone above has its turn, and when what was told it last.
    proxy_turn: usize,
    told_above: (Moment, u64),
    changed_since_kept: bool,
    /// Whether who there is changed since, which no crash may lose.
    nodes_since_kept: bool,
    kept_at: Option<Moment>,
    figures: Counted,
    outputs: VecDeque<Output>,
}

/// What was counted since the start.
#[derive(Debug, Default)]
struct Counted {
    sent: (u64, u64),
    received: (u64, u64),
    dropped: BTreeMap<&'static str, u64>,
    /// Why something was dropped last, until somebody asks.
    dropped_last: Option<&'static str>,
    calls: (u64, u64, u64),
}

impl Core {
    /// Begins, with what was kept in the run before.
    pub fn new(config: Config, now: Moment, wall: WallTime) -> Self {
        let mut rng = SmallRng::seed_from_u64(config.seed);
        let mut body = config.body;
        let ring = config.keys.get(&body.zone);
        body.keys = ring.map_or((0, None), Ring::told);
        let identity = Identity {
            id: config.id,
            epoch: Epoch::new(config.starts, 0),
            address: body.address,
            accused: None,
        };
        let version = Version {
            starts: config.starts,
            change: 0,
        };
        let record = Record {
            id: config.id,
            version,
            body,
            unknown: Vec::new(),
        };
        let mut core = Self {
            own: config.id,
            starts: config.starts,
            swim: Swim::new(identity, config.timing.clone(), rng.random()),
            timing: config.timing,
            now,
            wall,
            clock_set: WallTime::default(),
            rng,
            book: Book::new(record, Arc::new(config.zones)),
            sealer: Sealer::new(config.id, config.starts, config.salts, now, wall),
            rings: config.keys,
            leaving: None,
            rounds: BTreeMap::new(),
            seeds: Seeds::default(),
            expected: BTreeMap::new(),
            shown: BTreeMap::new(),
            review: BTreeSet::new(),
            calls: BTreeMap::new(),
            calls_made: 0,
            joins: Vec::new(),
            pings: Vec::new(),
            detections: Vec::new(),
            wanted: BTreeMap::new(),
            lacking: BTreeSet::new(),
            rejoins: 0,
            looks: 0,
            asked_rings: None,
            differed: 0,
            clones: BTreeMap::new(),
            proxy_turn: 0,
            told_above: (Moment::default(), 0),
            changed_since_kept: false,
            nodes_since_kept: false,
            kept_at: None,
            figures: Counted::default(),
            outputs: VecDeque::new(),
        };
        if let Some(kept) = config.kept {
            core.restore(kept);
        }
        // Who finds this node again finds it with its new record.
        let own = Item::Record(Arc::clone(core.book.own())).for_datagram();
        core.spread(&own);
        core.settle();
        core
    }

    /// Takes one thing that happened. What follows from it is got by [`Core::poll_output`].
    pub fn handle(&mut self, now: Moment, wall: WallTime, input: Input) {
        self.take_time(now, wall);
        self.sealer.tick(now, wall);
        match input {
            Input::Datagram { from, packet } => self.take_datagram(from, &packet),
            Input::Deadline => {}
            Input::Asked {
                call,
                peer,
                request,
            } => self.take_request(call, &peer, &request),
            Input::Answered { call, answer } => self.take_answer(call, answer),
            Input::Order(id, order) => self.take_order(id, order),
            Input::Describe(description) => self.book.describe(*description),
            Input::Keys(rings) => self.take_keys(rings),
            Input::Zones(zones) => {
                self.book.set_zones(Arc::new(zones));
                self.swim.hear_anew();
            }
            Input::Seeds(seeds) => self.take_seeds(seeds),
            Input::ReapAfter(time) => self.timing.reap_after = time,
        }
        self.turn();
        self.settle();
    }

    /// Gives the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Gives when the core wants an `Input::Deadline`.
    pub fn next_deadline(&self) -> Option<Moment> {
        if let Some(leaving) = &self.leaving {
            return leaving.next();
        }
        let rounds = self.rounds.values().copied().min();
        let others = [self.swim.next_deadline(), self.book.next_deadline(), rounds];
        others.into_iter().flatten().min()
    }

    /// Gives what is to be kept on disk for the next start.
    pub fn kept(&self) -> Option<Vec<u8>> {
        let state = |id| self.shown.get(&id).map(|shown| (shown.state, shown.since));
        Some(self.book.keep(self.now, self.wall, state))
    }

    /// Carries on what followed from the last thing, until nothing follows any more.
    fn turn(&mut self) {
        if self.leaving.is_some() {
            return self.go_on_leaving();
        }
        let now = self.now;
        if self.swim.next_deadline().is_some_and(|at| at <= now) {
            self.swim.tick(now);
        }
        if self.book.next_deadline().is_some_and(|at| at <= now) {
            self.book.tick(now, self.wall);
        }
        self.take_news();
        while let Some((&round, _)) = self.rounds.iter().find(|(_, at)| **at <= now) {
            self.rounds.remove(&round);
            self.go_round(round);
        }
    }

    /// Passes between the rooms what each found out, and sees what is due next.
    fn settle(&mut self) {
        self.take_news();
        self.review_members();
        self.plan_rounds();
    }

    fn take_news(&mut self) {
        loop {
            if let Some(effect) = self.swim.poll() {
                self.take_effect(effect);
            } else if let Some(news) = self.book.poll_news() {
                self.take_book_news(news);
            } else if let Some(item) = self.book.poll_spread() {
                self.spread(&item);
            } else {
                return;
            }
        }
    }

    fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, address, body } => self.send_swim(to, address, &body),
            Effect::Changed { id, from, to, .. } => {
                self.expected.remove(&id);
                if from == Some(MemberState::Dead) && to == MemberState::Alive {
                    self.rejoin_soon();
                }
                if to == MemberState::Alive && self.swim.living() == 1 {
                    // The first one after a while alone knows what happened meanwhile.
                    self.look_again_soon();
                }
                self.review.insert(id);
                self.changed_since_kept = true;
                if self.book.record(id).is_none() {
                    self.lacking.insert(id);
                }
            }
            Effect::Told { by, bytes } => {
                let hash = item::hash(&bytes);
                if self.swim.heard_again(hash) {
                    return;
                }
                match Item::decode(&bytes) {
                    Ok(item) => self.take_item(by, item, hash),
                    Err(_) => self.drop_counted("malformed item"),
                }
            }
            Effect::Cloned { id, at } => {
                if self.clones.len() < limits::GOSSIP_TOLD_SUSPECTS_MAX
                    || self.clones.contains_key(&id)
                {
                    self.clones.insert(id, (at, self.now));
                }
            }
            Effect::Outrun { starts } => self.begin_later(starts.saturating_add(1)),
            Effect::Woke => {
                self.sealer.renew(self.now, self.wall);
                self.rounds.insert(Round::Compare, self.now);
                self.look_again_soon();
            }
        }
    }

    fn take_item(&mut self, by: NodeId, item: Item, hash: u64) {
        let (kind, id) = item.key();
        let kind = kind.number();
        let is_notice = matches!(item, Item::Notice(..));
        let taken = self.book.take(self.now, self.wall, &From::Zone, item);
        while let Some(news) = self.book.poll_news() {
            match news {
                News::Wanted(id) => self.want(id, by),
                other => self.take_book_news(other),
            }
        }
        // What was refused may be taken later, and what was told of in short is not had yet.
        if taken.is_ok() && !is_notice {
            self.swim.known(hash, Subject { kind, id });
        }
    }

    fn take_book_news(&mut self, news: News) {
        self.changed_since_kept = true;
        match news {
            News::Record { before, after } => self.take_record_news(before.as_deref(), &after),
            News::Sighting { after, .. } => drop(self.review.insert(after.id)),
            News::Gone { record, forgotten } => self.take_gone(&record, forgotten),
            News::Departed(departed) => {
                let (id, starts) = (departed.id, departed.starts);
                self.nodes_since_kept = true;
                self.swim.take_leave(self.now, id, starts);
                self.review.insert(id);
            }
            News::Event(event) => self.outputs.push_back(Output::Happened(event)),
            News::Wanted(id) => {
                if let Some(known) = self.swim.some_living(1).first() {
                    self.want(id, known.id);
                }
            }
            News::Outdone { starts } => self.begin_later(starts),
        }
    }

    fn take_record_news(&mut self, before: Option<&Record>, after: &Arc<Record>) {
        let id = after.id;
        self.sealer.learn(id, after.version.starts);
        self.review.insert(id);
        self.wanted.remove(&id);
        let own_zone = after.body.zone == *self.book.zone();
        let whereabouts = |it: &Record| (it.body.address, it.body.left, it.version.starts);
        if before.map(whereabouts) != Some(whereabouts(after)) {
            self.nodes_since_kept = true;
        }
        if let Some(before) = before {
            self.tell_differences(before, after);
        }
        // One for all that wait to be seen.
        if !matches!(self.outputs.back(), Some(Output::Told)) {
            self.outputs.push_back(Output::Told);
        }
        if id == self.own {
            if self.swim.own().address != after.body.address {
                let address = after.body.address;
                self.swim.begin_anew(self.now, self.starts, address);
            }
            return;
        }
        if own_zone && after.body.left {
            self.swim.take_leave(self.now, id, after.version.starts);
            self.expected.remove(&id);
        } else if own_zone {
            self.expect(id, NEWS_PATIENCE);
            let newer = after.body.keys.0 > self.ring_version(&after.body.zone);
            if newer {
                self.ask_rings(after.body.address);
            }
        } else if before.is_some_and(|before| before.body.zone == *self.book.zone()) {
            // It went to another zone: here it is neither alive nor dead.
            self.swim.take_leave(self.now, id, u64::MAX);
            self.swim.forget(self.now, id);
            self.expected.remove(&id);
        }
    }

    fn tell_differences(&mut self, before: &Record, after: &Record) {
        let mut what = Vec::new();
        if before.body.zone != after.body.zone {
            what.push(What::Zone {
                from: before.body.zone.clone(),
                to: after.body.zone.clone(),
            });
        }
        let (old, new) = (before.groups(), after.groups());
        let but = |these: &[&model::Group], those: &[&model::Group]| -> Vec<String> {
            let missing = these.iter().filter(|group| !those.contains(group));
            missing.map(|group| group.as_str().to_owned()).collect()
        };
        let (added, removed) = (but(&new, &old), but(&old, &new));
        if !added.is_empty() || !removed.is_empty() {
            what.push(What::Groups { added, removed });
        }
        for what in what {
            self.tell_change(after, what);
        }
    }

    fn take_gone(&mut self, record: &Record, forgotten: bool) {
        let id = record.id;
        self.nodes_since_kept = true;
        self.swim.forget(self.now, id);
        self.expected.remove(&id);
        self.shown.remove(&id);
        self.review.remove(&id);
        self.clones.remove(&id);
        if forgotten {
            self.tell_change(record, What::Forgotten);
        }
    }

    fn tell_change(&mut self, record: &Record, what: What) {
        self.outputs.push_back(Output::Changed(Change {
            id: record.id,
            name: record.body.name.clone(),
            display_name: record.body.display_name.clone(),
            at: self.wall,
            what,
        }));
    }

    fn spread(&mut self, item: &Item) {
        let (kind, id) = item.key();
        let kind = kind.number();
        let bytes = item.encode();
        if bytes.len() + 64 <= limits::GOSSIP_BODY_BYTES_MAX {
            let subject = Subject { kind, id };
            self.swim.broadcast(self.now, subject, bytes);
        }
    }

    /// Goes on as if it had started so often: others remember more of this node than it does.
    fn begin_later(&mut self, starts: u64) {
        if starts > self.starts {
            self.starts = starts;
            self.sealer.begin(starts, self.now, self.wall);
            let address = self.book.own().body.address;
            self.swim.begin_anew(self.now, starts, address);
        }
    }

    fn drop_counted(&mut self, why: &'static str) {
        *self.figures.dropped.entry(why).or_default() += 1;
        self.figures.dropped_last = Some(why);
    }

    /// Tells why something was dropped since this was asked last, for who looks for the sender.
    pub fn take_dropped(&mut self) -> Option<&'static str> {
        self.figures.dropped_last.take()
    }

    fn ring_version(&self, zone: &Zone) -> u64 {
        self.rings.get(zone).map_or(0, |ring| ring.version)
    }

    fn done(&mut self, order: Option<OrderId>, what: Result<crate::Done, crate::Refusal>) {
        if let Some(order) = order {
            self.outputs.push_back(Output::Done(order, what));
        }
    }

    /// Gives who a node of this zone is to foca, as far as its record tells.
    fn identity_of(record: &Record) -> Identity {
        Identity {
            id: record.id,
            epoch: Epoch::new(record.version.starts, 0),
            address: record.body.address,
            accused: None,
        }
    }
}
