//! Leaving politely: some members are told so again and again, until they say that they heard it.
//!
//! A farewell that is said once is lost with its packet, and then the node dies for all others
//! instead. Each that heard it tells it on, and keeps it on its disk.

use std::time::Duration;

use model::{MemberState, Moment, NodeId};
use rand::RngExt;

use super::Core;
use super::rounds::Seeds;
use crate::input::OrderId;
use crate::item::Item;
use crate::output::{Done, Output};
use crate::record::{Body, Health};
use crate::swim::Identity;

/// How many members are told.
const TOLD_MAX: usize = 8;
/// How often each is told that did not say that it heard it.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// After so long it is enough that one heard it.
const ONE_AFTER: Duration = Duration::from_millis(600);
/// After so long nobody is waited for any more.
const TIME_MAX: Duration = Duration::from_secs(2);
/// Largest record that fits a farewell beside what is said of the member.
const RECORD_BYTES_MAX: usize = 850;

/// What is to be done when the others know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Somebody waits for the end of this order.
    Order(OrderId),
    /// The agent shall stop, as this operator's node said.
    Stop(NodeId),
}

/// That this node leaves, or has left.
#[derive(Debug)]
pub(super) struct Leaving {
    then: Vec<Farewell>,
    /// Who is told and did not say that it heard it.
    told: Vec<Identity>,
    heard: usize,
    nonce: u64,
    since: Moment,
    /// When they are told again; nothing when it is over.
    next: Option<Moment>,
    /// What this node told of itself, should it come back.
    before: Body,
}

impl Leaving {
    /// Gives when others are told again; nothing when this node has left.
    pub(super) fn next(&self) -> Option<Moment> {
        self.next
    }

    fn is_over(&self, now: Moment) -> bool {
        let time = now.since(self.since);
        self.told.is_empty() || time >= TIME_MAX || self.heard > 0 && time >= ONE_AFTER
    }
}

impl Core {
    /// Leaves. What is to follow does so when others heard it, or were given time enough to.
    pub(super) fn leave(&mut self, then: Farewell) {
        if let Some(leaving) = &mut self.leaving {
            leaving.then.push(then);
            return self.go_on_leaving();
        }
        let before = self.book.own().body.clone();
        self.book.change_own(self.now, |body| {
            body.left = true;
            // Nobody is there any more to have problems.
            body.health = Health::default();
        });
        if Item::Record(self.book.own().clone()).encode().len() > RECORD_BYTES_MAX {
            self.book.change_own(self.now, |body| {
                body.parts.clear();
                body.detected_groups.clear();
                body.static_groups.clear();
            });
        }
        self.take_news();
        self.leaving = Some(Leaving {
            then: vec![then],
            told: self.some_to_tell(),
            heard: 0,
            nonce: self.rng.random(),
            since: self.now,
            next: Some(self.now),
            before,
        });
        self.swim.leave();
        self.take_news();
        self.rounds.clear();
        self.seeds = Seeds::default();
        self.keep();
        self.go_on_leaving();
    }

    /// Gives members that are likely to hear it.
    fn some_to_tell(&mut self) -> Vec<Identity> {
        let mut some = self.swim.some_living(2 * TOLD_MAX);
        let members = self.swim.members();
        let suspect = |it: &Identity| {
            members
                .get(&it.id)
                .is_none_or(|known| known.state != MemberState::Alive)
        };
        some.sort_by_key(suspect);
        some.truncate(TOLD_MAX);
        some
    }

    /// Tells those again who did not say that they heard it, or ends it.
    pub(super) fn go_on_leaving(&mut self) {
        let now = self.now;
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        if leaving.next.is_none() || leaving.is_over(now) {
            leaving.next = None;
            for then in std::mem::take(&mut leaving.then) {
                self.end_leaving(then);
            }
            return;
        }
        if leaving.next.is_some_and(|next| next > now) {
            return;
        }
        leaving.next = Some(now + TELL_EVERY);
        let (told, nonce) = (leaving.told.clone(), leaving.nonce);
        self.say_farewell(&told, nonce);
    }

    /// Tells some members once that this node leaves, and waits for nobody.
    pub(super) fn tell_some_once(&mut self) {
        let told = self.some_to_tell();
        let nonce = self.rng.random();
        self.say_farewell(&told, nonce);
    }

    fn say_farewell(&mut self, told: &[Identity], nonce: u64) {
        let record = Item::Record(self.book.own().clone()).encode();
        for to in told {
            let body = self.swim.farewell(*to, &record);
            self.send_farewell(to.address, nonce, &body);
        }
    }

    /// Takes it that a member heard that this node leaves.
    pub(super) fn take_heard(&mut self, by: NodeId, nonce: u64) {
        if let Some(leaving) = self.leaving.as_mut().filter(|it| it.nonce == nonce) {
            let before = leaving.told.len();
            leaving.told.retain(|it| it.id != by);
            leaving.heard += before - leaving.told.len();
        }
        self.go_on_leaving();
    }

    fn end_leaving(&mut self, then: Farewell) {
        match then {
            Farewell::Order(order) => self.done(Some(order), Ok(Done::Left)),
            Farewell::Stop(by) => self.outputs.push_back(Output::Stop { by }),
        }
    }

    /// Takes part again after having left.
    pub(super) fn come_back(&mut self) {
        let Some(leaving) = self.leaving.take() else {
            return;
        };
        for then in leaving.then {
            self.end_leaving(then);
        }
        self.book
            .change_own(self.now, |body| *body = leaving.before);
        let address = self.book.own().body.address;
        self.swim.begin_anew(self.now, self.starts, address);
    }
}
