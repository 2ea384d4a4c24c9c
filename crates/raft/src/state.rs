//! The agreed state, and how a batch of commands changes it: the same on every node.
//!
//! [`State::apply`] is the only way in. Everything that it does follows from the state, the batch
//! and the term of the entry. Readers look at keys, locks and sessions, and at the last events.

mod keys;
mod locks;
mod make;
mod past;
pub mod quota;
mod recent;
mod row;
mod rows;
mod sessions;
#[cfg(test)]
mod tests;

use self::keys::Keys;
use self::locks::Locks;
use self::quota::{Quota, Usage};
use self::recent::Recent;
use self::sessions::Sessions;
use crate::answer::{Answer, Holder};
use crate::command::Batch;
use crate::event::Event;
use crate::image::{Head, Item};
use crate::words::{Clock, GroupId, Key, Revision, SessionId};

pub use self::keys::Cell;
pub use self::locks::{Hold, Lock};
pub use self::past::Past;
pub use self::recent::Forgotten;
pub use self::sessions::Session;

/// What all voters hold alike.
#[derive(Clone, Debug, Default)]
pub struct State {
    head: Head,
    keys: Keys,
    locks: Locks,
    sessions: Sessions,
    recent: Recent,
    locks_changed: Revision,
}

impl State {
    /// Gives the state before the first entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the commands of one entry of the log and answers each.
    pub fn apply(&mut self, term: u64, batch: &Batch) -> Vec<Answer> {
        self.head.clock = self.head.clock.max(batch.clock);
        self.head.wall = batch.wall;
        if term > self.head.term {
            self.head.term = term;
            self.sessions.renew_all(self.head.clock);
        }
        self.expire();
        let made = batch.commands.iter().map(|command| self.make(command));
        made.map(|made| made.unwrap_or_else(Answer::Refused))
            .collect()
    }

    /// Gives the revision of the last change.
    pub fn revision(&self) -> Revision {
        self.head.revision
    }

    /// Gives the name of the group, and when it was given, in milliseconds of wall time.
    pub fn group(&self) -> Option<(GroupId, u64)> {
        self.head.group
    }

    /// Gives the groups that this one takes the place of.
    pub fn absorbed(&self) -> &[GroupId] {
        &self.head.absorbed
    }

    /// Gives the group that the nodes of this one are to join.
    pub fn yields_to(&self) -> Option<GroupId> {
        self.head.yields_to
    }

    /// Gives a copy to be written: without the events, which no snapshot has.
    pub(crate) fn frozen(&self) -> Self {
        Self {
            head: self.head.clone(),
            keys: self.keys.frozen(),
            locks: self.locks.clone(),
            sessions: self.sessions.clone(),
            recent: Recent::default(),
            locks_changed: self.locks_changed,
        }
    }

    /// Tells whether there is anything that somebody wrote or holds.
    pub fn has_data(&self) -> bool {
        let is_empty =
            self.keys.usage() == Usage::default() && self.sessions.iter().next().is_none();
        !is_empty || self.keys.pasts.len() > 0
    }

    /// Gives the time of leases.
    pub fn clock(&self) -> Clock {
        self.head.clock
    }

    /// Tells when something ends by itself: a batch with that time, which may be empty, does it.
    pub fn next_expiry(&self) -> Option<Clock> {
        let next = [self.keys.next_expiry(), self.sessions.next_expiry()];
        next.into_iter().flatten().min()
    }

    /// Gives a key.
    pub fn get(&self, key: &str) -> Option<Cell> {
        let cell = self.keys.get(key);
        cell.filter(|cell| !cell.is_over(self.head.clock))
    }

    /// Gives the keys with a prefix that come behind a key, in their order.
    pub fn range<'a>(
        &'a self,
        prefix: &'a str,
        behind: Option<&str>,
    ) -> impl Iterator<Item = (&'a str, Cell)> + use<'a> {
        let now = self.head.clock;
        let cells = self.keys.range(prefix, behind);
        cells.filter(move |(_, cell)| !cell.is_over(now))
    }

    /// Tells what a key is and was, newest first.
    pub fn history(&self, key: &str) -> Vec<Past> {
        self.keys.history(&Key::from(key))
    }

    /// Gives what happened after a revision, oldest first.
    pub fn events(&self, after: Revision) -> Result<impl Iterator<Item = &Event>, Forgotten> {
        self.recent.after(after)
    }

    /// Gives a lock that is in use.
    pub fn lock(&self, name: &str) -> Option<&Lock> {
        self.locks.get(name)
    }

    /// Gives the locks in use, in the order of their names.
    pub fn locks(&self) -> impl Iterator<Item = (&Key, &Lock)> {
        self.locks.iter()
    }

    /// Gives the revision of the last change of who holds a lock, as far as events tell: a snapshot
    /// that was taken in counts as one.
    pub fn locks_changed(&self) -> Revision {
        self.locks_changed
    }

    /// Gives a session that is open.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// Gives the open sessions.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter()
    }

    /// Gives the quotas with what is used of each.
    pub fn quotas(&self) -> impl Iterator<Item = (&str, Quota, Usage)> {
        self.keys.quotas.iter()
    }

    /// Tells how much there is in all.
    pub fn usage(&self) -> Usage {
        self.keys.usage()
    }

    /// Tells how many earlier values are kept, and what they take.
    pub fn past_usage(&self) -> (usize, usize) {
        (self.keys.pasts.len(), self.keys.pasts.bytes())
    }

    /// Describes who holds a lock, for people.
    pub fn holder(&self, hold: &Hold) -> Holder {
        let session = self.sessions.get(hold.session);
        Holder {
            session: hold.session,
            node: session.map(|session| session.node).unwrap_or_default(),
            name: session.map(|s| s.name.clone()).unwrap_or_default(),
            token: hold.token,
            since: hold.since,
        }
    }

    /// Gives all of it, as items of a snapshot.
    pub fn items(&self) -> impl Iterator<Item = Item> {
        let cells = self.keys.range("", None).map(Item::of_cell);
        let is_gone = |key: &Key, at: Revision| self.keys.pasts.gone(key) == at;
        let pasts = self.keys.pasts.iter();
        let pasts =
            pasts.map(move |(key, past)| Item::of_past(key, past, is_gone(key, past.revision)));
        let quotas = self
            .keys
            .quotas
            .iter()
            .map(|(prefix, quota, _)| Item::Quota {
                prefix: prefix.to_owned(),
                quota,
            });
        std::iter::once(Item::Head(self.head.clone()))
            .chain(quotas)
            .chain(self.sessions.iter().map(Item::of_session))
            .chain(self.locks.iter().map(Item::of_lock))
            .chain(pasts)
            .chain(cells)
    }

    /// Takes in an item of a snapshot; the state was new before the first one.
    pub fn restore(&mut self, item: Item) {
        match item {
            Item::Head(head) => {
                self.recent = Recent::behind(head.revision);
                self.locks_changed = head.revision;
                self.head = head;
            }
            Item::Quota { prefix, quota } => {
                self.keys.quotas.set(prefix, quota, Usage::default());
            }
            Item::Session(id, session) => self.sessions.restore(id, session.into()),
            Item::Lock(name, lock) => self.locks.restore(name, lock.into()),
            Item::Past { key, past, is_gone } => {
                self.keys.pasts.restore(key, past.into(), is_gone);
            }
            Item::Cell(key, cell) => self.keys.restore(&key, &cell.into()),
        }
    }
}
