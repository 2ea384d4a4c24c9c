//! How each member is: put together of what swim, the book and the clock say.

use std::sync::Arc;
use std::time::Duration;

use model::{MemberState, Moment, NodeId, WallTime};

use super::Core;
use crate::book::Kept;
use crate::output::What;
use crate::packed::pack;
use crate::record::Record;
use crate::snapshot::{Figures, Held, Member, Snapshot};
use crate::zones::Relation;

/// How long a node that is known by its record only may take to be heard, before it is dead.
const HEARD_WITHIN: Duration = Duration::from_secs(10);
/// How long a clone is shown after it was last noticed.
const CLONE_SHOWN: Duration = Duration::from_secs(300);

/// A node that is known by its record, and was not heard yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Since when.
    pub since: Moment,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next: Moment,
}

/// How a member was shown last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub state: MemberState,
    pub since: WallTime,
    pub accuser: Option<NodeId>,
}

impl Core {
    /// Gives the cluster as this node knows it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let records = self.book.records();
        let mut members: Vec<_> = records.filter_map(|record| self.member(record)).collect();
        members.sort_by(|left, right| {
            let (left, right) = (&left.record, &right.record);
            let zones = left.body.zone.cmp(&right.body.zone);
            let names = || left.body.name.cmp(&right.body.name);
            zones.then_with(names).then_with(|| left.id.cmp(&right.id))
        });
        let rings = self.rings.iter();
        let keys = rings.map(|(zone, ring)| {
            let of_zone = members.iter().filter(|it| it.record.body.zone == *zone);
            let living = of_zone.filter(|it| it.state < MemberState::Dead);
            ring.status(zone, living.map(|it| (it.record.id, it.record.body.keys.0)))
        });
        Arc::new(Snapshot {
            own: self.own,
            keys: keys.collect(),
            members,
            zones: Arc::clone(self.book.zones()),
            events: self.book.events(self.now),
            figures: self.figures(),
        })
    }

    /// Gives how a node is, as a snapshot would.
    pub fn state(&self, id: NodeId) -> Option<MemberState> {
        let record = self.book.record(id)?;
        if self.book.relation(&record.body.zone) == Relation::Own {
            return self.shown.get(&id).map(|shown| shown.state);
        }
        let seen = self.book.seen(self.now, self.wall, id)?;
        Some(seen.state)
    }

    /// Gives what a node tells about itself.
    pub fn record(&self, id: NodeId) -> Option<&Arc<Record>> {
        self.book.record(id)
    }

    /// Gives how much is held that grows with what others send: all of it is bounded.
    pub fn held(&self) -> Held {
        let (senders, subkeys) = self.sealer.held();
        Held {
            members: self.swim.members().len(),
            records: self.book.records().count(),
            backlog: self.swim.backlog(),
            calls: self.calls.len(),
            wanted: self.wanted.len(),
            joins: self.joins.len(),
            senders,
            subkeys,
        }
    }

    fn member(&self, record: &Arc<Record>) -> Option<Member> {
        let id = record.id;
        if self.book.relation(&record.body.zone) == Relation::Own {
            let shown = self.shown.get(&id)?;
            let known = self.swim.members().get(&id);
            let heard = match known {
                Some(known) => known.heard,
                None if id == self.own => self.now,
                None => self.expected.get(&id).map_or(self.now, |it| it.since),
            };
            return Some(Member {
                record: Arc::clone(record),
                state: shown.state,
                since: shown.since,
                accuser: shown.accuser,
                heard,
                through: None,
            });
        }
        let seen = self.book.seen(self.now, self.wall, id)?;
        let shown = self.shown.get(&id);
        Some(Member {
            record: Arc::clone(record),
            state: seen.state,
            since: seen
                .since
                .or(shown.map(|shown| shown.since))
                .unwrap_or(self.wall),
            accuser: seen.accuser,
            heard: seen.heard,
            through: Some(seen.through),
        })
    }

    fn figures(&self) -> Figures {
        let counts = self.swim.counts();
        let mut dropped: Vec<_> = self.figures.dropped.iter().collect();
        dropped.extend(self.book.counts());
        Figures {
            sent: self.figures.sent,
            received: self.figures.received,
            dropped: dropped
                .into_iter()
                .map(|(why, count)| (*why, *count))
                .collect(),
            calls: self.figures.calls,
            probes_failed: counts.probes_failed,
            refuted: counts.refuted,
            self_doubt: self.swim.doubt(),
            backlog: self.swim.backlog() as u64,
            conflicts: self.conflicts(),
        }
    }

    /// Tells of nodes that are mixed up with each other, for people. Two that are both dead are no
    /// trouble to anybody.
    fn conflicts(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (what, both) in self.book.conflicts() {
            let dead: Vec<_> = both
                .iter()
                .filter(|id| self.state(**id) == Some(MemberState::Dead))
                .collect();
            let [one, other] = &both;
            match dead[..] {
                [] => told.push(format!("{what} is that of two nodes: {one} and {other}")),
                [gone] => told.push(format!(
                    "{what} is that of two nodes: {one} and {other}; if one replaced the other, \
                     forget who is dead: opsbro members forget {gone}"
                )),
                _ => {}
            }
        }
        for (id, (at, noticed)) in &self.clones {
            if self.now.since(*noticed) < CLONE_SHOWN {
                told.push(format!(
                    "two machines have the id {id}, at {} and {}: one has a copy of the other's \
                     data folder; stop it, and let it start without state/identity.document",
                    at[0], at[1]
                ));
            }
        }
        told
    }

    /// Takes what the run before kept: whom it knew, and how they were.
    pub(super) fn restore(&mut self, kept: Kept) {
        for node in self.book.restore(self.now, self.wall, kept) {
            let id = node.record.id;
            self.sealer.learn(id, node.record.version.starts);
            if let Some((state, since)) = node.state {
                self.remember(id, state, since);
            }
            self.expect(id, Duration::ZERO);
        }
        self.sealer.pack();
        pack(&mut self.shown);
    }

    /// Takes over how a node was before a restart; what changed meanwhile is told as a change.
    pub(super) fn remember(&mut self, id: NodeId, state: MemberState, since: WallTime) {
        let accuser = None;
        self.shown.insert(
            id,
            Shown {
                state,
                since,
                accuser,
            },
        );
    }

    /// Expects a node of the own zone, unless it is a member already in this life, and tries it
    /// after a while.
    pub(super) fn expect(&mut self, id: NodeId, patience: Duration) {
        let Some(record) = self.book.record(id) else {
            return;
        };
        let starts = record.version.starts;
        let of_zone = record.body.zone == *self.book.zone();
        let known = self.swim.members().get(&id);
        let is_known = known.is_some_and(|known| known.identity.epoch.starts() >= starts);
        if of_zone && id != self.own && !is_known && !self.book.has_left(id) {
            self.expected.entry(id).or_insert(Expected {
                since: self.now,
                tries: 0,
                next: self.now + patience,
            });
        }
        self.review.insert(id);
    }

    /// Tells of the members whose state is another one than was told.
    pub(super) fn review_members(&mut self) {
        self.review.insert(self.own);
        for id in std::mem::take(&mut self.review) {
            let Some(record) = self.book.record(id).map(Arc::clone) else {
                continue;
            };
            let Some((state, accuser)) = self.state_of(&record) else {
                continue;
            };
            let before = self.shown.get(&id).map(|shown| shown.state);
            if before == Some(state) {
                continue;
            }
            let since = self.wall;
            self.shown.insert(
                id,
                Shown {
                    state,
                    since,
                    accuser,
                },
            );
            // Who is only expected was not seen to change.
            let awaited = self.expected.contains_key(&id) && state == MemberState::Suspect;
            if !awaited && id != self.own {
                let from = before;
                let to = state;
                self.tell_change(&record, What::State { from, to, accuser });
            }
            self.changed_since_kept = true;
        }
    }

    fn state_of(&self, record: &Record) -> Option<(MemberState, Option<NodeId>)> {
        let id = record.id;
        if id == self.own {
            let state = if self.leaving.is_some() {
                MemberState::Leave
            } else {
                MemberState::Alive
            };
            return Some((state, None));
        }
        match self.book.relation(&record.body.zone) {
            Relation::Own => {}
            Relation::Below | Relation::Parent => {
                let seen = self.book.seen(self.now, self.wall, id)?;
                return Some((seen.state, seen.accuser));
            }
            Relation::Hidden => return None,
        }
        let known = self.swim.members().get(&id);
        let starts = record.version.starts;
        let newer = known.is_some_and(|it| it.identity.epoch.starts() > starts);
        if self.book.has_left(id) && !newer {
            return Some((MemberState::Leave, Some(id)));
        }
        if let Some(known) = known
            && (known.is_active() || known.identity.epoch.starts() >= starts)
        {
            return Some((known.state, known.accuser));
        }
        let within = |expected: &Expected| self.now.since(expected.since) < HEARD_WITHIN;
        Some(match self.expected.get(&id) {
            Some(expected) if within(expected) => {
                // What was known before a restart holds until it is known otherwise.
                let before = self.shown.get(&id).map(|shown| shown.state);
                (before.unwrap_or(MemberState::Suspect), None)
            }
            Some(_) | None => (MemberState::Dead, Some(self.own)),
        })
    }
}
