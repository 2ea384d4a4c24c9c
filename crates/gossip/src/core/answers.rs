//! What other nodes ask on streams, and what they are answered.

use std::sync::Arc;

use foca::{Member, State};
use model::{MemberState, NodeId, Zone, limits};

use super::Core;
use super::leaving::Farewell;
use crate::book::From;
use crate::input::{Call, Peer};
use crate::item::Item;
use crate::output::Output;
use crate::record::Record;
use crate::sync::{Answer, Ask, NEWEST, OLDEST, Reason, Request, Unread};
use crate::zones::Relation;

/// Newcomers whose addresses are tried at one time; a further one is refused, and tries again.
const JOINS_MAX: usize = 1_024;

/// Members that a newcomer is told of at once: so many fit into one answer, of 57 bytes at most. It
/// hears of others by gossip.
const MEMBERS_TOLD_MAX: usize = limits::CALL_BYTES_MAX / 64;

impl Core {
    pub(super) fn take_request(&mut self, call: Call, peer: &Peer, request: &[u8]) {
        self.figures.calls.1 += 1;
        let request = match Request::decode(request) {
            Ok(request) => request,
            Err(Unread::Protocol { .. }) => {
                let (newest, oldest) = (NEWEST, OLDEST);
                let reason = Reason::Protocol { newest, oldest };
                return self.reply(call, &Answer::Refused(reason));
            }
            Err(Unread::Malformed(_)) => {
                self.drop_counted("malformed request");
                return self.reply(call, &Answer::Refused(Reason::Malformed));
            }
        };
        let from = request.from;
        let proved = peer.zone.as_ref();
        if peer.retired {
            // A sleeper: it learns the keys of its zone, and asks again with them. What it says of
            // keys itself is not believed.
            let rings = self.rings_of(|zone| Some(zone) == proved);
            return self.reply(call, &Answer::Rings(rings));
        }
        match request.ask {
            Ask::Join(record) => self.asked_to_join(call, proved, from, record),
            Ask::Leave { starts } => self.asked_to_leave(call, peer, from, starts),
            Ask::Rings(rings) => {
                self.take_rings(proved, rings);
                let newer = self.rings_of(|zone| self.may_share(proved, zone));
                self.reply(call, &Answer::Rings(newer));
            }
            Ask::Compare(_) | Ask::Exchange { .. } => {
                let marks = self.ring_marks();
                let (now, wall) = (self.now, self.wall);
                let answer = self.book.answer(now, wall, proved, request, &marks);
                self.reply(call, &answer);
            }
        }
    }

    fn asked_to_join(
        &mut self,
        call: Call,
        proved: Option<&Zone>,
        from: NodeId,
        record: Arc<Record>,
    ) {
        if let Some(reason) = self.objection(proved, from, &record) {
            return self.reply(call, &Answer::Refused(reason));
        }
        let known = self.swim.members().get(&from);
        let lives_there = known.is_some_and(|known| {
            known.state == MemberState::Alive
                && known.identity.address == record.body.address
                && known.identity.epoch.starts() == record.version.starts
        });
        if lives_there {
            self.let_in(call, &record);
        } else if self.joins.len() < JOINS_MAX {
            self.knock(call, record);
        } else {
            let reason = Reason::NotReached(record.body.address);
            self.reply(call, &Answer::Refused(reason));
        }
    }

    fn objection(&self, proved: Option<&Zone>, from: NodeId, record: &Record) -> Option<Reason> {
        let zone = &record.body.zone;
        let own = self.book.own();
        if from == self.own {
            return Some(Reason::Myself);
        }
        if record.id != from {
            return Some(Reason::Malformed);
        }
        if self.leaving.is_some() || self.book.is_forgotten(from, record.version.starts) {
            return Some(Reason::Forgotten);
        }
        let sees = match self.book.relation(zone) {
            // Where gossip is open nothing is proved.
            Relation::Own => proved.is_none_or(|proved| proved == zone),
            Relation::Below => own.body.is_proxy && proved.is_none_or(|proved| proved == zone),
            // A node above has the key of the zone that it joins.
            Relation::Parent => {
                record.body.is_proxy && proved.is_none_or(|proved| *proved == own.body.zone)
            }
            Relation::Hidden => false,
        };
        (!sees).then(|| Reason::OtherZone(own.body.zone.clone()))
    }

    /// Lets a newcomer in that was reached where it says to be.
    pub(super) fn let_in(&mut self, call: Call, record: &Arc<Record>) {
        let zone = record.body.zone.clone();
        let relation = self.book.relation(&zone);
        let from = match relation {
            Relation::Below => From::Below(zone),
            Relation::Own | Relation::Parent | Relation::Hidden => From::Zone,
        };
        let item = Item::Record(Arc::clone(record));
        let _ = self.book.take(self.now, self.wall, &from, item);
        self.take_news();
        if relation == Relation::Own && !self.book.has_left(record.id) {
            let alive = Member::new(Self::identity_of(record), 0, State::Alive);
            let book = &self.book;
            let forgotten = |id, starts| book.is_forgotten(id, starts);
            self.swim.learn(self.now, [alive], true, &forgotten);
        }
        let above = match relation {
            Relation::Below => self.book.news_of_proxies(&[]),
            Relation::Own | Relation::Parent | Relation::Hidden => Vec::new(),
        };
        let mut members = match relation {
            Relation::Own => self.swim.statements(),
            Relation::Below | Relation::Parent | Relation::Hidden => Vec::new(),
        };
        members.truncate(MEMBERS_TOLD_MAX);
        let record = Arc::clone(self.book.own());
        self.reply(
            call,
            &Answer::Joined {
                record,
                above,
                members,
            },
        );
    }

    fn asked_to_leave(&mut self, call: Call, peer: &Peer, by: NodeId, starts: u64) {
        // Only who has the key of this zone: its nodes, and those above. Where gossip is open
        // nobody proves anything, and members may: who speaks from where one of them is.
        let may = match &peer.zone {
            Some(proved) => proved == self.book.zone(),
            None => self.is_where(by, peer),
        };
        if !may {
            return self.reply(call, &Answer::Refused(Reason::NotReached(peer.address)));
        }
        if starts != self.starts {
            return self.reply(call, &Answer::Refused(Reason::NotMe));
        }
        self.reply(call, &Answer::Left);
        self.leave(Farewell::Stop(by));
    }

    /// Tells whether a node is known and lives where who asks is.
    fn is_where(&self, id: NodeId, peer: &Peer) -> bool {
        let lives_there = |record: &Arc<Record>| {
            !record.body.left && record.body.address.ip() == peer.address.ip().to_canonical()
        };
        self.book.record(id).is_some_and(lives_there)
    }

    pub(super) fn reply(&mut self, call: Call, answer: &Answer) {
        let answer = answer.encode();
        self.outputs.push_back(Output::Reply { call, answer });
    }
}
