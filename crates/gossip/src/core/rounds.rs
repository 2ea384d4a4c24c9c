//! What the core does by itself, and when. What has nothing to do wakes nobody.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use model::{MemberState, Moment, NodeId};
use rand::RngExt;

use super::Core;
use crate::output::{Done, Output, Refusal};
use crate::sync::{Answer, Reason};
use crate::zones::Relation;

/// How soon a record that is wanted is fetched: others come with it.
pub(super) const FETCH_AFTER: Duration = Duration::from_millis(300);
/// How often nodes that are known by their records only are tried.
const CONTACT_EVERY: Duration = Duration::from_millis(200);
/// How often records are asked for that members have and this node lacks.
const LACKING_EVERY: Duration = Duration::from_secs(1);
/// So many records are asked for one by one; when more are lacking all is compared.
const LACKING_FEW: usize = 8;
/// How often a newcomer compares again with somebody, and after how long: news that went round
/// while it joined may have passed it by.
pub(super) const LOOKS: u8 = 2;
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How many of them at once.
const CONTACTS: usize = 50;
/// After how many tries a node is left to the rounds of rejoining.
const CONTACT_TRIES: u32 = 5;
/// How many dead ones are tried in one round of rejoining.
const REJOINS: usize = 3;
/// How soon they are tried after one came back: others may be back with it whose news was lost.
const REJOIN_SOON: Duration = Duration::from_secs(2);
const REJOINS_SOON: u8 = 3;
/// How often proxies speak with the zone above, when nothing changed and when something did.
const PROXY_EVERY: Duration = Duration::from_secs(5);
const PROXY_SOON: Duration = Duration::from_secs(1);
/// How often states that follow from silence are looked at.
const REVIEW_EVERY: Duration = Duration::from_secs(2);
/// How often what changes all the time is kept, and how soon who there is: a node that dies right
/// after it met others, or saw one leave, shall know that when it is back.
const KEEP_EVERY: Duration = Duration::from_secs(5);
const KEEP_SOON: Duration = Duration::from_millis(50);
const KEEP_SOON_EVERY: Duration = Duration::from_millis(250);
/// In a large cluster it is kept less often, for all of it is written each time.
const KEEP_EVERY_A_NODE: Duration = Duration::from_millis(20);
const KEEP_SOON_A_NODE: Duration = Duration::from_millis(5);
/// The pauses between two tries at the seeds. They grow only after some tries: of nodes that start
/// together the seeds are seldom the first to be there.
const SEED_TRIES_SOON: u32 = 8;
const SEED_PAUSE_LEAST: Duration = Duration::from_millis(500);
const SEED_PAUSE_MOST: Duration = Duration::from_secs(30);

/// Something that is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Round {
    Joins,
    Orders,
    Fetch,
    Lacking,
    LookAgain,
    Seeds,
    Contact,
    Rejoin,
    Compare,
    Proxy,
    Review,
    Keep,
    Reap,
}

/// Where to join, for ever, until somebody of them is a member.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    addresses: Vec<SocketAddr>,
    myself: BTreeSet<SocketAddr>,
    reached: bool,
    next: usize,
    tries: u32,
    at: Option<Moment>,
}

impl Seeds {
    /// Begins to try them again.
    pub(super) fn begin_again(&mut self, now: Moment) {
        self.reached = false;
        self.tries = 0;
        self.at = Some(now);
    }

    /// Takes what came of a try.
    pub(super) fn tried(&mut self, address: SocketAddr, result: &Result<Done, Refusal>) {
        match result {
            Ok(_) if self.addresses.contains(&address) => self.reached = true,
            Err(Refusal::Myself(_)) => drop(self.myself.insert(address)),
            Ok(_) | Err(_) => {}
        }
    }
}

impl Core {
    pub(super) fn take_seeds(&mut self, addresses: Vec<SocketAddr>) {
        if self.seeds.addresses == addresses {
            return;
        }
        self.seeds.addresses = addresses;
        self.seeds.begin_again(self.now);
    }

    pub(super) fn go_round(&mut self, round: Round) {
        match round {
            Round::Joins => {
                for join in self.knock_again() {
                    let reason = Reason::NotReached(join.record.body.address);
                    self.reply(join.call, &Answer::Refused(reason));
                }
            }
            Round::Orders => self.end_orders(),
            Round::Fetch => self.fetch_wanted(),
            Round::Lacking => self.fetch_lacking(),
            Round::LookAgain => self.look_again(),
            Round::Seeds => self.try_seed(),
            Round::Contact => self.contact_expected(),
            Round::Rejoin => self.rejoin(),
            Round::Compare => self.send_summary(),
            Round::Proxy => self.speak_above(),
            Round::Review => self.review_silence(),
            Round::Keep => self.keep(),
            Round::Reap => self.reap(),
        }
        self.take_news();
    }

    /// Sees which rounds have something to do, and when.
    pub(super) fn plan_rounds(&mut self) {
        if self.leaving.is_some() {
            return;
        }
        let now = self.now;
        let joins = self
            .joins
            .iter()
            .map(|join| join.next.min(join.until))
            .min();
        self.plan_at(Round::Joins, joins);
        self.plan_at(Round::Orders, self.next_order());
        let seeds = self.seeds_wanted().then(|| self.seeds.at.unwrap_or(now));
        self.plan_at(Round::Seeds, seeds);
        self.plan_every(Round::Lacking, !self.lacking.is_empty(), LACKING_EVERY);
        let contact = self.expected.values();
        let contact = contact
            .filter(|it| it.tries < CONTACT_TRIES)
            .map(|it| it.next)
            .min();
        self.plan_at(Round::Contact, contact);
        let company = self.swim.living() > 0;
        let compare = self.timing.compare_every;
        self.plan_every(Round::Compare, company, compare);
        let lost = !self.expected.is_empty() || self.swim.members().len() > self.swim.living();
        self.plan_every(Round::Rejoin, lost, self.timing.rejoin_every);
        let is_proxy = self.book.own().body.is_proxy;
        let zones = self.book.zones().iter().count() > 1;
        self.plan_every(Round::Proxy, is_proxy && zones, PROXY_SOON);
        self.plan_every(
            Round::Review,
            zones || !self.expected.is_empty(),
            REVIEW_EVERY,
        );
        self.plan_at(Round::Keep, self.next_keep());
        let reap = self.reap_every();
        self.plan_every(Round::Reap, reap.is_some(), reap.unwrap_or_default());
    }

    /// Gives when what is known is to be kept.
    fn next_keep(&self) -> Option<Moment> {
        if !self.changed_since_kept && !self.nodes_since_kept {
            return None;
        }
        let nodes = u32::try_from(self.swim.members().len()).unwrap_or(u32::MAX);
        let pause = match self.nodes_since_kept {
            true => KEEP_SOON_EVERY.max(KEEP_SOON_A_NODE * nodes),
            false => KEEP_EVERY.max(KEEP_EVERY_A_NODE * nodes),
        };
        let soon = self.now + KEEP_SOON;
        let due = self.kept_at.map_or(soon, |at| soon.max(at + pause));
        let planned = self.rounds.get(&Round::Keep).copied();
        Some(planned.map_or(due, |planned| planned.min(due)))
    }

    fn plan_at(&mut self, round: Round, at: Option<Moment>) {
        match at {
            Some(at) => drop(self.rounds.insert(round, at.max(self.now))),
            None => drop(self.rounds.remove(&round)),
        }
    }

    fn plan_every(&mut self, round: Round, wanted: bool, every: Duration) {
        if !wanted {
            self.rounds.remove(&round);
        } else if !self.rounds.contains_key(&round) {
            // Nodes that started together shall not go on in step; those that were parted at one
            // time least of all, so that the first soon finds that the other part is back.
            let jitter = match round {
                Round::Rejoin => self.rng.random_range(500..1_500),
                _ => self.rng.random_range(900..1_100),
            };
            self.rounds.insert(round, self.now + every * jitter / 1_000);
        }
    }

    fn seeds_wanted(&self) -> bool {
        let isolated = self.swim.living() == 0;
        let mut addresses = self.seeds.addresses.iter();
        if !addresses.any(|at| !self.seeds.myself.contains(at)) {
            return false;
        }
        let wanted = (!self.seeds.reached || isolated) && !self.knows_a_seed();
        wanted || self.lacks_zone_above()
    }

    /// Tells whether this node speaks for its zone, and knows nobody to speak to.
    fn lacks_zone_above(&self) -> bool {
        let own = &self.book.own().body;
        let parent = self.book.zones().parent(&own.zone);
        own.is_proxy && parent.is_some_and(|zone| self.book.proxies(zone).next().is_none())
    }

    fn knows_a_seed(&self) -> bool {
        let living = self
            .swim
            .members()
            .values()
            .filter(|known| known.is_active());
        let mut addresses = living.map(|known| known.identity.address);
        addresses.any(|address| self.seeds.addresses.contains(&address))
    }

    fn try_seed(&mut self) {
        let doublings = self.seeds.tries.saturating_sub(SEED_TRIES_SOON).min(16);
        self.seeds.tries = self.seeds.tries.saturating_add(1);
        let pause = (SEED_PAUSE_LEAST * (1 << doublings)).min(SEED_PAUSE_MOST);
        let jitter = self.rng.random_range(700..1_300);
        self.seeds.at = Some(self.now + pause * jitter / 1_000);
        let all = self.seeds.addresses.len();
        for _ in 0..all {
            self.seeds.next = (self.seeds.next + 1) % all;
            let address = self.seeds.addresses[self.seeds.next];
            if !self.seeds.myself.contains(&address) {
                return self.join(None, address);
            }
        }
    }

    /// Asks for records of members that are lacking.
    fn fetch_lacking(&mut self) {
        let lacking = std::mem::take(&mut self.lacking);
        let lives = |id: &NodeId| self.swim.members().get(id).is_some_and(|it| it.is_active());
        let still = |id: &NodeId| lives(id) && self.book.record(*id).is_none();
        self.lacking = lacking.into_iter().filter(|id| still(id)).collect();
        if self.lacking.len() > LACKING_FEW {
            return self.compare_with_somebody();
        }
        for id in self.lacking.clone() {
            self.want(id, id);
        }
    }

    fn look_again(&mut self) {
        self.compare_with_somebody();
        self.looks = self.looks.saturating_sub(1);
        if self.looks > 0 {
            self.rounds.insert(Round::LookAgain, self.now + LOOK_AGAIN);
        }
    }

    /// Has all that is known compared again, some times.
    pub(super) fn look_again_soon(&mut self) {
        self.looks = LOOKS;
        self.rounds.insert(Round::LookAgain, self.now + LOOK_AGAIN);
    }

    fn compare_with_somebody(&mut self) {
        if let Some(to) = self.swim.some_living(1).first() {
            self.compare_with(to.address);
        }
    }

    /// Tries nodes whose records tell of them, and who were not heard in this life.
    fn contact_expected(&mut self) {
        let now = self.now;
        let due = self.expected.iter();
        let due = due.filter(|(_, it)| it.tries < CONTACT_TRIES && it.next <= now);
        let ids: Vec<_> = due.map(|(id, _)| *id).take(CONTACTS).collect();
        let alone = self.swim.living() == 0;
        for id in ids {
            self.contact(id);
            if let Some(expected) = self.expected.get_mut(&id) {
                expected.tries += 1;
                if alone && expected.tries == 2 {
                    self.ask_for_keys(id);
                }
            }
            if let Some(expected) = self.expected.get_mut(&id) {
                expected.next = now + CONTACT_EVERY * (1 << expected.tries);
            }
        }
        // The others come next, and not all at once.
        for expected in self.expected.values_mut() {
            if expected.next <= now {
                expected.next = now + CONTACT_EVERY;
            }
        }
    }

    /// Asks a node on a stream whether the keys changed: nobody hears the datagrams of a node that
    /// seals with a retired one.
    fn ask_for_keys(&mut self, id: NodeId) {
        let own = self.book.zone();
        let sealed = self.rings.get(own).is_some_and(|ring| !ring.is_open());
        let known = self.book.record(id).filter(|it| it.body.zone == *own);
        if let Some(to) = known.map(|it| it.body.address).filter(|_| sealed) {
            self.ask_rings(to);
        }
    }

    /// Tries all who were not heard anew: what kept them from hearing this node is gone.
    pub(super) fn expect_all_again(&mut self) {
        for expected in self.expected.values_mut() {
            expected.since = self.now;
            expected.tries = 0;
            expected.next = self.now;
        }
        self.seeds.begin_again(self.now);
    }

    fn contact(&mut self, id: NodeId) {
        let known = self.swim.members().get(&id);
        let identity = match (known, self.book.record(id)) {
            (Some(known), Some(record))
                if known.identity.epoch.starts() < record.version.starts =>
            {
                Some(Self::identity_of(record))
            }
            (Some(known), _) => Some(known.identity),
            (None, record) => record.map(|record| Self::identity_of(record)),
        };
        if let Some(identity) = identity {
            self.swim.contact(self.now, identity);
        }
    }

    /// Has some of the dead tried soon, and again, for packets are lost.
    pub(super) fn rejoin_soon(&mut self) {
        self.rejoins = REJOINS_SOON;
        self.plan_rejoin();
    }

    fn plan_rejoin(&mut self) {
        let jitter = self.rng.random_range(500..1_500);
        let soon = self.now + REJOIN_SOON * jitter / 1_000;
        let planned = self.rounds.entry(Round::Rejoin).or_insert(soon);
        *planned = soon.min(*planned);
    }

    /// Tries some of the dead, for ever: so a partition of any length heals.
    fn rejoin(&mut self) {
        if self.rejoins > 0 {
            self.rejoins -= 1;
            self.plan_rejoin();
        }
        let gone = self.shown.iter();
        let gone = gone.filter(|(_, shown)| shown.state == MemberState::Dead);
        let mut gone: Vec<_> = gone.map(|(id, _)| *id).collect();
        if self.swim.living() == 0 && !gone.is_empty() {
            let at = self.rng.random_range(0..gone.len());
            self.ask_for_keys(gone[at]);
        }
        for _ in 0..REJOINS.min(gone.len()) {
            let at = self.rng.random_range(0..gone.len());
            let id = gone.swap_remove(at);
            if self
                .book
                .record(id)
                .is_some_and(|it| it.body.zone == *self.book.zone())
            {
                self.contact(id);
            }
        }
    }

    /// Proxies tell the zone above how their zone is, and learn of its proxies.
    fn speak_above(&mut self) {
        let mut states = Vec::new();
        for (id, shown) in &self.shown {
            let record = self.book.record(*id);
            if record.is_some_and(|it| it.body.zone == *self.book.zone()) {
                states.push((*id, shown.state, shown.since, shown.accuser));
            }
        }
        let changed = self.book.report(self.now, self.wall, states);
        let Some(parent) = self.book.zones().parent(self.book.zone()).cloned() else {
            return;
        };
        let hash = self
            .book
            .hash_of(&crate::book::Scope::Below(self.book.zone().clone()));
        let (last, said) = self.told_above;
        let due = self.now.since(last) >= PROXY_EVERY || last == Moment::default();
        if !changed && said == hash && !due {
            return;
        }
        self.told_above = (self.now, hash);
        let proxies: Vec<_> = self
            .book
            .proxies(&parent)
            .map(|it| it.body.address)
            .collect();
        if !proxies.is_empty() {
            self.proxy_turn %= proxies.len();
            self.compare_above(proxies[self.proxy_turn]);
        }
    }

    /// A call failed: if it went to a proxy of the zone above, the next one has its turn.
    pub(super) fn seek_other_proxy(&mut self, to: SocketAddr) {
        let parent = self.book.zones().parent(self.book.zone()).cloned();
        let is_proxy =
            parent.is_some_and(|parent| self.book.proxies(&parent).any(|it| it.body.address == to));
        if is_proxy {
            self.proxy_turn += 1;
            self.told_above.1 = 0;
        }
    }

    fn review_silence(&mut self) {
        let ids = self.book.records().filter(|record| {
            let relation = self.book.relation(&record.body.zone);
            relation != Relation::Own || self.expected.contains_key(&record.id)
        });
        let ids: Vec<_> = ids.map(|record| record.id).collect();
        self.review.extend(ids);
    }

    pub(super) fn keep(&mut self) {
        self.changed_since_kept = false;
        self.nodes_since_kept = false;
        self.kept_at = Some(self.now);
        if let Some(kept) = self.kept() {
            self.outputs.push_back(Output::Keep(kept));
        }
    }
}
