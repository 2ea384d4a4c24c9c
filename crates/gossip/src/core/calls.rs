//! What this node asks others on streams, and what it makes of their answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use foca::Member;
use model::{MemberState, Moment, NodeId, Zone};

use super::Core;
use super::rounds::Round;
use crate::book::{From, Scope};
use crate::input::{Call, CallError, OrderId, Peer};
use crate::item::{self, Kind};
use crate::output::{Done, Output, Refusal};
use crate::record::Record;
use crate::seal::Ring;
use crate::swim::Identity;
use crate::sync::{Answer, Ask, NEWEST, Reason, Request, RingMark, Talk, Unread};
use crate::zones::Relation;

/// Calls of this node's own doing that may be under way at one time; further ones wait for the next
/// round.
const CALLS_MAX: usize = 32;
/// How long an answer is waited for.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// How often at most a datagram is a reason to ask its sender for keys.
const RINGS_EVERY: Duration = Duration::from_secs(2);
/// How many proxies, and how many others, are told at once that the keys of a zone below changed.
const PASSED_ON: usize = 3;
/// Records that wait to be fetched; further ones are left to the comparison.
pub(super) const WANTED_MAX: usize = 1_024;

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Pending {
    /// Who is asked.
    pub to: SocketAddr,
    /// What for.
    pub what: Asked,
    /// Since when.
    since: Moment,
}

/// What a call is for.
#[derive(Debug)]
pub(super) enum Asked {
    /// To join; by order, or at a seed.
    Join(Option<OrderId>),
    /// To compare, or to fetch.
    Talk(Talk),
    /// That another node leaves.
    Leave(OrderId, NodeId),
    /// For newer rings.
    Rings,
}

impl Core {
    pub(super) fn join(&mut self, order: Option<OrderId>, to: SocketAddr) {
        if to == self.book.own().body.address {
            return self.done(order, Err(Refusal::Myself(to)));
        }
        let ask = Ask::Join(Arc::clone(self.book.own()));
        self.ask(to, self.ring_zones(), ask, Asked::Join(order));
    }

    /// Compares all that is known with another node of the zone.
    pub(super) fn compare_with(&mut self, to: SocketAddr) {
        self.compare(to, Scope::Zone);
    }

    /// Compares with a proxy of the zone above what concerns this zone and those below.
    pub(super) fn compare_above(&mut self, to: SocketAddr) {
        let own = self.book.zone().clone();
        self.compare(to, Scope::Below(own));
    }

    fn compare(&mut self, to: SocketAddr, scope: Scope) {
        let now = self.now;
        let busy = |pending: &Pending| {
            let fresh = now.since(pending.since) < CALL_TIME_MAX;
            fresh && pending.to == to && matches!(pending.what, Asked::Talk(_))
        };
        if self.calls.len() >= CALLS_MAX || self.calls.values().any(busy) {
            return;
        }
        let (talk, ask) = self.book.compare(scope, self.ring_marks());
        self.ask_own(to, ask, Asked::Talk(talk));
    }

    /// A datagram came that was sealed with a key that this node lacks, or has retired: when it
    /// came from a member, both exchange what they know of keys.
    pub(super) fn suspect_rings(&mut self, from: SocketAddr) {
        let lately = self
            .asked_rings
            .is_some_and(|at| self.now.since(at) < RINGS_EVERY);
        if lately {
            return;
        }
        self.asked_rings = Some(self.now);
        let own = self.book.zone();
        let sent = |record: &Arc<Record>| record.body.zone == *own && record.body.address == from;
        if self.book.records().any(sent) {
            self.ask_rings(from);
        }
    }

    pub(super) fn ask_rings(&mut self, to: SocketAddr) {
        let now = self.now;
        let busy = |pending: &Pending| {
            let fresh = now.since(pending.since) < CALL_TIME_MAX;
            fresh && pending.to == to && matches!(pending.what, Asked::Rings)
        };
        if self.calls.len() < CALLS_MAX && !self.calls.values().any(busy) {
            let rings = self.rings_of(|_| true);
            self.ask_own(to, Ask::Rings(rings), Asked::Rings);
        }
    }

    pub(super) fn ask_to_leave(&mut self, order: OrderId, record: &Record) {
        let starts = record.version.starts;
        let zones = vec![record.body.zone.clone(), self.book.zone().clone()];
        let what = Asked::Leave(order, record.id);
        self.ask(record.body.address, zones, Ask::Leave { starts }, what);
    }

    /// Wants a record of who has it.
    pub(super) fn want(&mut self, id: NodeId, of: NodeId) {
        if self.wanted.len() < WANTED_MAX {
            self.wanted.insert(id, of);
            let soon = self.now + super::rounds::FETCH_AFTER;
            self.rounds.entry(Round::Fetch).or_insert(soon);
        }
    }

    /// Fetches the records that are wanted, of each node that has some by one call.
    pub(super) fn fetch_wanted(&mut self) {
        let mut by_holder = std::collections::BTreeMap::<_, Vec<_>>::new();
        for (id, of) in std::mem::take(&mut self.wanted) {
            if self.swim.members().contains_key(&of) || self.book.record(of).is_some() {
                let key = (Kind::Record, *id.as_bytes());
                by_holder.entry(of).or_default().push(key);
            }
        }
        for (of, keys) in by_holder {
            if self.calls.len() >= CALLS_MAX {
                return;
            }
            let (talk, ask) = self.book.fetch(self.now, keys);
            if let Some((ask, to)) = ask.zip(self.address_of(of)) {
                self.ask_own(to, ask, Asked::Talk(talk));
            }
        }
    }

    fn ask_own(&mut self, to: SocketAddr, ask: Ask, what: Asked) {
        let zones = vec![self.book.zone().clone()];
        self.ask(to, zones, ask, what);
    }

    fn ask(&mut self, to: SocketAddr, zones: Vec<Zone>, ask: Ask, what: Asked) {
        self.calls_made += 1;
        let call = Call(self.calls_made);
        self.figures.calls.0 += 1;
        let request = Request {
            from: self.own,
            zone: self.book.zone().clone(),
            ask,
        };
        let since = self.now;
        // The shell bounds each call in time; none is waited for longer if an answer is lost.
        self.calls
            .retain(|_, pending| since.since(pending.since) < CALL_TIME_MAX);
        self.calls.insert(call, Pending { to, what, since });
        self.outputs.push_back(Output::Ask {
            call,
            to,
            zones,
            request: request.encode(),
        });
    }

    pub(super) fn take_answer(&mut self, call: Call, answer: Result<(Peer, Vec<u8>), CallError>) {
        let Some(pending) = self.calls.remove(&call) else {
            return;
        };
        if answer.is_err() {
            self.figures.calls.2 += 1;
        }
        match &answer {
            // It slept while the keys changed: it is given the new ones.
            Err(CallError::RetiredKey) => self.ask_rings(pending.to),
            Ok((peer, _)) if peer.retired => return,
            Ok(_) | Err(_) => {}
        }
        let answer = answer.map(|(peer, bytes)| (peer, Answer::decode(&bytes)));
        match pending.what {
            Asked::Join(order) => match answer {
                Ok((peer, Ok(Answer::Rings(rings)))) => {
                    self.wake(order, pending.to, &peer, rings);
                }
                answer => self.joined(order, pending.to, answer),
            },
            Asked::Talk(talk) => match answer {
                Ok((peer, Ok(Answer::Rings(rings)))) => {
                    self.take_rings(peer.zone.as_ref(), rings);
                }
                Ok((_, Ok(answer))) => self.talked(pending.to, talk, answer),
                Ok((_, Err(_))) => self.drop_counted("malformed answer"),
                Err(_) => self.seek_other_proxy(pending.to),
            },
            Asked::Leave(order, id) => {
                let result = match answer {
                    Ok((_, Ok(Answer::Left))) => Ok(Done::Left),
                    Ok((_, Ok(Answer::Refused(reason)))) => Err(self.refusal(pending.to, reason)),
                    Ok(_) => Err(Refusal::NoAnswer(id)),
                    Err(error) => Err(Refusal::NotAsked {
                        address: pending.to,
                        error,
                    }),
                };
                self.done(Some(order), result);
            }
            Asked::Rings => {
                if let Ok((peer, Ok(Answer::Rings(rings)))) = answer {
                    self.take_rings(peer.zone.as_ref(), rings);
                }
            }
        }
    }

    /// Takes the keys that came instead of an answer, for this node asked with a retired one; then
    /// it joins with them.
    fn wake(
        &mut self,
        order: Option<OrderId>,
        to: SocketAddr,
        peer: &Peer,
        rings: Vec<(Zone, Vec<u8>)>,
    ) {
        let before = self.rings.clone();
        self.take_rings(peer.zone.as_ref(), rings);
        if self.rings != before {
            return self.join(order, to);
        }
        let error = CallError::RetiredKey;
        self.done(order, Err(Refusal::NotAsked { address: to, error }));
    }

    fn talked(&mut self, to: SocketAddr, mut talk: Talk, answer: Answer) {
        let next = self.book.answered(self.now, self.wall, &mut talk, answer);
        let rings = std::mem::take(&mut talk.rings);
        match next {
            Ok(Some(ask)) => self.ask_own(to, ask, Asked::Talk(talk)),
            Ok(None) => {}
            Err(_) => self.drop_counted("refused comparison"),
        }
        if rings {
            self.ask_rings(to);
        }
    }

    fn joined(
        &mut self,
        order: Option<OrderId>,
        address: SocketAddr,
        answer: Result<(Peer, Result<Answer, Unread>), CallError>,
    ) {
        let result = match answer {
            Err(error) => Err(Refusal::NotAsked { address, error }),
            Ok((_, Err(Unread::Protocol { newest, .. }))) => Err(protocol(address, newest)),
            Ok((_, Err(Unread::Malformed(why)))) => Err(not_ours(address, &why.to_string())),
            Ok((_, Ok(Answer::Refused(reason)))) => Err(self.refusal(address, reason)),
            Ok((
                _,
                Ok(Answer::Joined {
                    record,
                    above,
                    members,
                }),
            )) => self.enter(address, &record, above, members),
            Ok((_, Ok(_))) => Err(not_ours(address, "it answered something else")),
        };
        let joined = result.is_ok();
        self.seeds.tried(address, &result);
        if joined {
            self.rounds.insert(Round::Contact, self.now);
            // Who is told that it joined finds the others again, whatever happens next.
            self.keep();
        }
        self.done(order, result);
    }

    fn enter(
        &mut self,
        address: SocketAddr,
        record: &Arc<Record>,
        above: Vec<item::Item>,
        members: Vec<Member<Identity>>,
    ) -> Result<Done, Refusal> {
        let id = record.id;
        let zone = record.body.zone.clone();
        let from = match self.book.relation(&zone) {
            Relation::Own | Relation::Parent => From::Zone,
            Relation::Below => From::Below(zone.clone()),
            Relation::Hidden => {
                return Err(Refusal::OtherZone {
                    address,
                    zone: zone.as_str().to_owned(),
                    own: self.book.zone().clone(),
                });
            }
        };
        let record = item::Item::Record(Arc::clone(record));
        for item in std::iter::once(record).chain(above) {
            let _ = self.book.take(self.now, self.wall, &from, item);
        }
        self.take_news();
        match self.book.relation(&zone) {
            Relation::Own => {
                let book = &self.book;
                let forgotten = |id, starts| book.is_forgotten(id, starts);
                self.swim.learn(self.now, members, false, &forgotten);
                self.swim.pack();
                self.take_news();
                self.compare_with(address);
                self.look_again_soon();
            }
            Relation::Parent => drop(self.rounds.insert(Round::Proxy, self.now)),
            Relation::Below | Relation::Hidden => {}
        }
        Ok(Done::Joined(id))
    }

    fn refusal(&self, address: SocketAddr, reason: Reason) -> Refusal {
        match reason {
            Reason::Protocol { newest, .. } => protocol(address, newest),
            Reason::OtherZone(zone) => self.not_of_zone(address, zone),
            Reason::NotReached(advertised) => Refusal::NotReached {
                address,
                advertised,
            },
            Reason::Myself => Refusal::Myself(address),
            Reason::Forgotten => Refusal::TooMuch(
                "this node was forgotten by the cluster: restart its agent to join anew",
            ),
            Reason::Malformed => not_ours(address, "it did not understand the question"),
            Reason::NotMe => not_ours(address, "another node was meant"),
        }
    }

    /// Tells why a node of a zone did not let this one in because of the zones of both.
    fn not_of_zone(&self, address: SocketAddr, zone: Zone) -> Refusal {
        let own = self.book.zone().clone();
        let is_proxy = self.book.own().body.is_proxy;
        match self.book.relation(&zone) {
            Relation::Parent => Refusal::NoProxyThere { address, zone, own },
            Relation::Below if !is_proxy => Refusal::NoProxyHere { address, zone, own },
            Relation::Below | Relation::Own => Refusal::NoKeyOfZone { address, zone },
            Relation::Hidden => Refusal::OtherZone {
                address,
                zone: zone.as_str().to_owned(),
                own,
            },
        }
    }

    /// Takes rings that another node has newer, of zones that it may speak for.
    pub(super) fn take_rings(&mut self, proved: Option<&Zone>, rings: Vec<(Zone, Vec<u8>)>) {
        let mut below = false;
        for (zone, bytes) in rings {
            let Ok(theirs) = Ring::decode(&bytes) else {
                self.drop_counted("malformed ring");
                continue;
            };
            if !self.may_share(proved, &zone) {
                self.drop_counted("ring of a zone that is not its business");
                continue;
            }
            let ring = self.rings.entry(zone.clone()).or_default();
            if ring.merge(theirs) {
                self.rings_changed(&zone);
                self.expect_all_again();
                below |= self.book.relation(&zone) == Relation::Below;
            }
        }
        if below {
            self.pass_rings_on();
        }
    }

    /// Tells some of the own zone what the keys of a zone below are: no record here says that they
    /// changed, and the zone itself learns them of the proxies, which it asks every few seconds.
    pub(super) fn pass_rings_on(&mut self) {
        let alive = |id| self.state(id) == Some(MemberState::Alive);
        let proxies = self.book.proxies(self.book.zone());
        let proxies = proxies.filter(|it| it.id != self.own && alive(it.id));
        let mut to: Vec<_> = proxies.map(|it| it.body.address).take(PASSED_ON).collect();
        let others = self.swim.some_living(PASSED_ON);
        to.extend(others.iter().map(|it| it.address));
        to.sort_unstable();
        to.dedup();
        for to in to {
            self.ask_rings(to);
        }
    }

    /// Tells whether a node that proved a zone may know the keys of another: those of its own and
    /// of the zones below it. Where gossip is open nothing is proved, and nothing is to hide.
    pub(super) fn may_share(&self, proved: Option<&Zone>, zone: &Zone) -> bool {
        let ours = matches!(self.book.relation(zone), Relation::Own | Relation::Below);
        let open = self.rings.get(self.book.zone()).is_none_or(Ring::is_open);
        let theirs = match proved {
            Some(proved) => matches!(
                self.book.zones().relation(proved, zone),
                Relation::Own | Relation::Below
            ),
            None => open && zone == self.book.zone(),
        };
        ours && theirs
    }

    pub(super) fn rings_changed(&mut self, zone: &Zone) {
        if let Some(ring) = self.rings.get(zone) {
            let keep = Output::KeepKeys(zone.clone(), ring.clone());
            self.outputs.push_back(keep);
        }
        self.tell_own_keys();
    }

    pub(super) fn tell_own_keys(&mut self) {
        let ring = self.rings.get(self.book.zone());
        let told = ring.map_or((0, None), Ring::told);
        self.book.change_own(self.now, |body| body.keys = told);
    }

    pub(super) fn rings_of(&self, may: impl Fn(&Zone) -> bool) -> Vec<(Zone, Vec<u8>)> {
        let rings = self.rings.iter();
        let told = rings.filter(|(zone, ring)| ring.version > 0 && may(zone));
        told.map(|(zone, ring)| (zone.clone(), ring.encode()))
            .collect()
    }

    pub(super) fn ring_marks(&self) -> Vec<RingMark> {
        let marks = self.rings.iter().map(|(zone, ring)| RingMark {
            zone: zone.clone(),
            version: ring.version,
            hash: item::hash(&ring.encode()),
        });
        marks.collect()
    }

    /// Names the zones whose keys this node has, its own first, then from the top down: the first
    /// key that a node of a zone below has too is that of its own zone, and who joins proves that.
    fn ring_zones(&self) -> Vec<Zone> {
        let own = self.book.zone();
        let mut zones: Vec<Zone> = self.rings.keys().cloned().collect();
        if !zones.contains(own) {
            zones.push(own.clone());
        }
        let zones_known = self.book.zones();
        zones.sort_by_key(|zone| zones_known.steps_down(own, zone).unwrap_or(usize::MAX));
        zones
    }
}

fn protocol(address: SocketAddr, theirs: u8) -> Refusal {
    Refusal::Protocol {
        address,
        theirs,
        ours: NEWEST,
    }
}

fn not_ours(address: SocketAddr, why: &str) -> Refusal {
    Refusal::NotAsked {
        address,
        error: CallError::NotOurs(why.to_owned()),
    }
}
