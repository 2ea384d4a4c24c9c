//! What people and other parts of the agent order.

use std::sync::Arc;
use std::time::Duration;

use model::{MemberState, Moment, NodeId, Zone, limits};
use rand::RngExt;

use super::Core;
use super::leaving::Farewell;
use super::rounds::Round;
use crate::book::Refused;
use crate::events::Event;
use crate::input::{KeyOrder, Order, OrderId};
use crate::output::{Done, Found, Refusal};
use crate::seal::{Holder, Rings};
use crate::zones::Relation;

/// Orders that may wait for others at one time; a further one is refused.
const ORDERS_MAX: usize = 256;
/// Longest time that a detection may wait.
const DETECTION_MAX: Duration = Duration::from_secs(60);
/// Nodes that one detection may find; further ones are left out.
const FOUND_MAX: usize = 1_024;

/// A detection that waits for answers.
#[derive(Debug)]
pub(super) struct Detection {
    order: OrderId,
    nonce: u64,
    /// Until when.
    pub until: Moment,
    found: Vec<Found>,
}

impl Core {
    pub(super) fn take_order(&mut self, id: OrderId, order: Order) {
        let waiting = self.pings.len() + self.detections.len() + self.calls.len();
        if waiting >= ORDERS_MAX {
            let refusal = Refusal::TooMuch("too many orders at one time: try again in a moment");
            return self.done(Some(id), Err(refusal));
        }
        let result = match order {
            Order::Join(address) => {
                self.come_back();
                return self.join(Some(id), address);
            }
            Order::Leave(node) => match self.order_leave(id, node) {
                Some(result) => result,
                None => return,
            },
            Order::Forget(node) => self.order_forget(node),
            Order::Ping(node) => match self.order_ping(id, node) {
                Some(result) => result,
                None => return,
            },
            Order::Detect { to, wait } => {
                let nonce = self.rng.random();
                self.detections.push(Detection {
                    order: id,
                    nonce,
                    until: self.now + wait.min(DETECTION_MAX),
                    found: Vec::new(),
                });
                self.rounds.insert(Round::Orders, self.now);
                return self.send_detection(nonce, &to);
            }
            Order::AddEvent { kind, payload } => self.order_event(kind, &payload),
            Order::ChangeZone(zone) => self.order_zone(zone),
            Order::Keys(zone, order) => self.order_keys(&zone, &order),
        };
        self.done(Some(id), result);
    }

    fn order_leave(&mut self, order: OrderId, id: NodeId) -> Option<Result<Done, Refusal>> {
        if id == self.own {
            self.leave(Farewell::Order(order));
            return None;
        }
        let Some(record) = self.book.record(id).map(Arc::clone) else {
            return Some(Err(Refusal::UnknownNode(id)));
        };
        match self.shown.get(&id).map(|shown| shown.state) {
            Some(MemberState::Alive | MemberState::Suspect) => {
                self.ask_to_leave(order, &record);
                None
            }
            Some(MemberState::Leave) => Some(Ok(Done::Left)),
            Some(MemberState::Dead) | None => {
                self.book.depart(self.wall, id);
                let starts = record.version.starts;
                self.swim.take_leave(self.now, id, starts);
                self.review.insert(id);
                Some(Ok(Done::Left))
            }
        }
    }

    fn order_forget(&mut self, id: NodeId) -> Result<Done, Refusal> {
        if self.book.record(id).is_none() {
            return Err(Refusal::UnknownNode(id));
        }
        let state = self.shown.get(&id).map(|shown| shown.state);
        let lives = matches!(state, Some(MemberState::Alive | MemberState::Suspect));
        if id == self.own || lives {
            return Err(Refusal::Lives(id));
        }
        self.book.forget(self.wall, id);
        Ok(Done::Forgotten)
    }

    fn order_ping(&mut self, order: OrderId, id: NodeId) -> Option<Result<Done, Refusal>> {
        if id == self.own {
            let took = Duration::ZERO;
            return Some(Ok(Done::Pong { took, relay: None }));
        }
        let Some(address) = self.address_of(id) else {
            return Some(Err(Refusal::UnknownNode(id)));
        };
        self.ping(order, id, address);
        None
    }

    fn order_event(&mut self, kind: String, payload: &[u8]) -> Result<Done, Refusal> {
        if kind.len() > limits::CLUSTER_EVENT_KIND_BYTES_MAX {
            return Err(Refusal::TooMuch(
                "the kind of an event has 128 bytes at most",
            ));
        }
        if payload.len() > limits::CLUSTER_EVENT_BYTES_MAX {
            return Err(Refusal::TooMuch(
                "the payload of an event has 1 KiB at most",
            ));
        }
        let id = self.rng.random();
        let event = Event {
            id,
            kind,
            payload: Arc::from(payload),
            from: self.own,
            zone: self.book.zone().clone(),
            at: self.wall,
        };
        let added = self.book.add_event(self.now, event);
        added.map_err(|refused| match refused {
            Refused::TooManyEvents => Refusal::TooMuch(
                "this node told as many events as may be known at one time: wait for 300 s",
            ),
            Refused::Hidden
            | Refused::NotItsOwn
            | Refused::Full
            | Refused::TooOld
            | Refused::Unknown
            | Refused::Implausible => Refusal::TooMuch("the event cannot be told"),
        })?;
        Ok(Done::EventAdded(id))
    }

    fn order_zone(&mut self, zone: Zone) -> Result<Done, Refusal> {
        if zone == *self.book.zone() {
            return Ok(Done::ZoneChanged(zone));
        }
        if !self.book.zones().iter().any(|(known, _)| *known == zone) {
            return Err(Refusal::UnknownZone(zone));
        }
        // The old zone is told, with the old key, before this node is of the new one.
        let starts = self.book.own().version.starts;
        self.tell_some_once();
        let told = self
            .rings
            .get(&zone)
            .map_or((0, None), crate::seal::Ring::told);
        self.book.change_own(self.now, |body| {
            body.zone = zone.clone();
            body.keys = told;
        });
        self.swim.begin_alone(starts);
        self.expected.clear();
        self.shown.clear();
        self.take_news();
        self.seeds.begin_again(self.now);
        let records: Vec<_> = self.book.records().map(|record| record.id).collect();
        for id in records {
            self.expect(id, Duration::ZERO);
        }
        Ok(Done::ZoneChanged(zone))
    }

    fn order_keys(&mut self, zone: &Zone, order: &KeyOrder) -> Result<Done, Refusal> {
        if !matches!(self.book.relation(zone), Relation::Own | Relation::Below) {
            return Err(Refusal::UnknownZone(zone.clone()));
        }
        let of_zone = self.book.records().filter(|it| it.body.zone == *zone);
        let holders: Vec<_> = of_zone
            .map(|record| Holder {
                name: record.shown_name().to_owned(),
                state: self
                    .shown
                    .get(&record.id)
                    .map_or(MemberState::Dead, |it| it.state),
                keys: record.body.keys,
            })
            .collect();
        let ring = self.rings.get(zone).cloned().unwrap_or_default();
        let changed = ring.ordered(zone, order, &holders, self.wall)?;
        let version = changed.version;
        if changed != ring {
            self.rings.insert(zone.clone(), changed);
            self.rings_changed(zone);
            if self.book.relation(zone) == Relation::Below {
                self.pass_rings_on();
            }
        }
        Ok(Done::KeysChanged(version))
    }

    /// Takes other rings out of the files.
    pub(super) fn take_keys(&mut self, rings: Rings) {
        self.rings = rings;
        self.tell_own_keys();
    }

    pub(super) fn note_found(&mut self, nonce: u64, found: Found) {
        let mut detections = self.detections.iter_mut();
        if let Some(detection) = detections.find(|it| it.nonce == nonce)
            && detection.found.len() < FOUND_MAX
            && !detection.found.iter().any(|it| it.id == found.id)
        {
            detection.found.push(found);
        }
    }

    /// Ends orders whose time is over.
    pub(super) fn end_orders(&mut self) {
        let now = self.now;
        while let Some(at) = self.detections.iter().position(|it| it.until <= now) {
            let mut detection = self.detections.swap_remove(at);
            detection.found.sort_by_key(|found| found.id);
            self.done(Some(detection.order), Ok(Done::Detected(detection.found)));
        }
        while let Some(at) = self.pings.iter().position(|it| it.until <= now) {
            let ping = self.pings.swap_remove(at);
            self.done(Some(ping.order), Err(Refusal::NoAnswer(ping.target)));
        }
        for at in 0..self.pings.len() {
            if self.pings[at].relay_at.is_some_and(|at| at <= now) {
                self.ask_relays(at);
            }
        }
    }

    /// Gives when the next order is to be looked at.
    pub(super) fn next_order(&self) -> Option<Moment> {
        let detections = self.detections.iter().map(|it| it.until);
        let pings = self.pings.iter();
        let pings = pings.map(|it| it.relay_at.unwrap_or(it.until).min(it.until));
        detections.chain(pings).min()
    }
}
