//! Whom to ask when: the calls by which this node's book and those of others become one.
//!
//! Within the zone hashes are told by datagram, and only when they differ twice, or a newcomer
//! lacks records, a comparison follows. A proxy compares with the proxies of the zone above in
//! turn; who does not answer is passed over. Records whose notice came are asked of who told it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use model::{Moment, NodeId, WallTime, Zone};

use super::message::{Answer, Ask, Reason, Request, RingMark, Unread};
use super::talk::Talk;
use crate::book::{Book, Scope};
use crate::input::Call;
use crate::item::Kind;

/// How often a proxy speaks with one of the zone above.
const ZONE_EVERY: Duration = Duration::from_secs(5);
/// How soon it does when there is something to say, or when one did not answer.
const ZONE_SOON: Duration = Duration::from_millis(500);
/// How often at most a node compares while it lacks records of members.
const LACKING_EVERY: Duration = Duration::from_secs(1);
/// Calls that may be under way; further ones wait.
const CALLS_MAX: usize = 8;
/// Records that are asked of one node in one call.
const WANTED_MAX: usize = 256;
/// Nodes that may be waited for with what they told; of others a comparison brings it.
const TELLERS_MAX: usize = 64;

/// A node and where it takes streams.
pub type Place = (NodeId, SocketAddr);

/// Something to ask another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Which call it is.
    pub call: Call,
    /// Where.
    pub to: SocketAddr,
    /// The zones whose keys to offer.
    pub zones: Vec<Zone>,
    /// What to ask.
    pub request: Vec<u8>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is more to ask of the same node.
    More(Asking),
    /// It is done. When `rings` is set, the rings of both differ and are to be exchanged with
    /// that node.
    Done {
        /// Whom it was with.
        with: Place,
        /// Whether the rings differ.
        rings: bool,
    },
    /// It failed, and will be tried with another node.
    Failed {
        /// Whom it was with.
        with: Place,
        /// Why, when it was refused.
        refused: Option<Reason>,
    },
    /// The call is none of these.
    NotMine,
}

/// The calls of a node by which books become one.
#[derive(Debug)]
pub struct Exchanges {
    every: Duration,
    calls: BTreeMap<Call, UnderWay>,
    wanted: BTreeMap<Place, Vec<NodeId>>,
    /// How many summaries in a row told another hash.
    differed: u32,
    compare_with: Option<Place>,
    next_summary: Moment,
    next_lacking: Moment,
    next_zone: Moment,
    turn: usize,
    random: u64,
}

#[derive(Debug)]
struct UnderWay {
    with: Place,
    talk: Talk,
}

impl Exchanges {
    /// Begins; `every` is how often a summary is sent, `seed` makes nodes do so at other times.
    pub fn new(now: Moment, every: Duration, seed: u64) -> Self {
        let mut exchanges = Self {
            every,
            calls: BTreeMap::new(),
            wanted: BTreeMap::new(),
            differed: 0,
            compare_with: None,
            next_summary: now,
            next_lacking: now,
            next_zone: now,
            turn: 0,
            random: seed,
        };
        exchanges.next_summary = now + exchanges.part_of(every);
        exchanges
    }

    /// Gives the member to send a summary to, when it is time. `members` are the living ones of
    /// the zone without this node.
    pub fn summary(&mut self, now: Moment, members: &[Place]) -> Option<Place> {
        if now < self.next_summary {
            return None;
        }
        self.next_summary = now + self.every * 3 / 4 + self.part_of(self.every / 2);
        self.choose(members)
    }

    /// Takes the hash that a member told in a summary.
    pub fn told(&mut self, book: &Book, from: Place, hash: u64) {
        if hash == book.hash() {
            self.differed = 0;
            return;
        }
        self.differed += 1;
        // Something new is on its way most of the time; what lasts is missing.
        if self.differed >= 2 {
            self.differed = 0;
            self.compare_with = Some(from);
        }
    }

    /// Has everything compared with this member soon: it is new, or this node is.
    pub fn compare_with(&mut self, member: Place) {
        self.compare_with = Some(member);
    }

    /// Asks this member for a record soon, as it told that there is a newer one.
    pub fn want(&mut self, id: NodeId, teller: Place) {
        if self.wanted.len() >= TELLERS_MAX && !self.wanted.contains_key(&teller) {
            return;
        }
        let wanted = self.wanted.entry(teller).or_default();
        if wanted.len() < WANTED_MAX && !wanted.contains(&id) {
            wanted.push(id);
        }
    }

    /// Speaks with the zone above soon, for something changed.
    pub fn hurry(&mut self, now: Moment) {
        self.next_zone = self.next_zone.min(now + ZONE_SOON);
    }

    /// Gives the calls to make now. `members` are as in [`Exchanges::summary`]; `lacking` tells
    /// that there are members whose record is not known; `number` counts the calls of this node.
    pub fn due(
        &mut self,
        now: Moment,
        book: &Book,
        rings: &[RingMark],
        (members, lacking): (&[Place], bool),
        number: &mut u64,
    ) -> Vec<Asking> {
        let mut askings = Vec::new();
        while self.calls.len() < CALLS_MAX
            && let Some((with, ids)) = self.wanted.pop_first()
        {
            let keys = ids
                .iter()
                .map(|id| (Kind::Record, *id.as_bytes()))
                .collect();
            if let (talk, Some(ask)) = book.fetch(now, keys) {
                askings.push(self.ask(book, with, talk, ask, number));
            }
        }
        if lacking && now >= self.next_lacking && self.compare_with.is_none() {
            self.next_lacking = now + LACKING_EVERY / 2 + self.part_of(LACKING_EVERY);
            self.compare_with = self.choose(members);
        }
        if self.calls.len() < CALLS_MAX
            && let Some(with) = self.compare_with.take()
        {
            let (talk, ask) = book.compare(Scope::Zone, rings.to_vec());
            askings.push(self.ask(book, with, talk, ask, number));
        }
        if now >= self.next_zone {
            self.next_zone = now + ZONE_EVERY;
            if let Some(with) = self.next_above(book) {
                let scope = Scope::Below(book.zone().clone());
                let (talk, ask) = book.compare(scope, rings.to_vec());
                askings.push(self.ask(book, with, talk, ask, number));
            }
        }
        askings
    }

    /// Gives when to look again at the latest.
    pub fn next_deadline(&self, lacking: bool) -> Moment {
        let lacking = lacking.then_some(self.next_lacking);
        let next = self.next_summary.min(self.next_zone);
        lacking.map_or(next, |at| next.min(at))
    }

    /// Takes what came of a call; nothing when the other was not reached.
    pub fn answered(
        &mut self,
        now: Moment,
        wall: WallTime,
        book: &mut Book,
        call: Call,
        answer: Option<&[u8]>,
        number: &mut u64,
    ) -> Outcome {
        let Some(mut under_way) = self.calls.remove(&call) else {
            return Outcome::NotMine;
        };
        let with = under_way.with;
        let answer = match answer.map(Answer::decode) {
            Some(Ok(answer)) => book.answered(now, wall, &mut under_way.talk, answer),
            Some(Err(Unread::Protocol { newest, oldest })) => {
                Err(Reason::Protocol { newest, oldest })
            }
            Some(Err(Unread::Malformed(_))) => Err(Reason::Malformed),
            None => {
                self.hurry(now);
                let refused = None;
                return Outcome::Failed { with, refused };
            }
        };
        match answer {
            Ok(Some(ask)) => Outcome::More(self.ask(book, with, under_way.talk, ask, number)),
            Ok(None) => Outcome::Done {
                with,
                rings: under_way.talk.rings,
            },
            Err(reason) => Outcome::Failed {
                with,
                refused: Some(reason),
            },
        }
    }

    fn ask(&mut self, book: &Book, with: Place, talk: Talk, ask: Ask, number: &mut u64) -> Asking {
        *number += 1;
        let call = Call(*number);
        self.calls.insert(call, UnderWay { with, talk });
        let request = Request {
            from: book.own().id,
            zone: book.zone().clone(),
            ask,
        };
        Asking {
            call,
            to: with.1,
            // A proxy above has the keys of the zones below it.
            zones: vec![book.zone().clone()],
            request: request.encode(),
        }
    }

    /// Gives the proxy of the zone above whose turn it is.
    fn next_above(&mut self, book: &Book) -> Option<Place> {
        if !book.own().body.is_proxy {
            return None;
        }
        let parent = book.zones().parent(book.zone())?;
        let proxies: Vec<_> = book.proxies(parent).collect();
        self.turn = self.turn.wrapping_add(1);
        let proxy = proxies.get(self.turn.checked_rem(proxies.len())?)?;
        Some((proxy.id, proxy.body.address))
    }

    fn choose(&mut self, members: &[Place]) -> Option<Place> {
        let at = (self.next_random() as usize).checked_rem(members.len())?;
        members.get(at).copied()
    }

    fn part_of(&mut self, whole: Duration) -> Duration {
        whole / 256 * (self.next_random() % 256) as u32
    }

    /// splitmix64
    const fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
