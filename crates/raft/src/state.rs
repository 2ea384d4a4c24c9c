//! The agreed state, and how a batch of commands changes it: the same on every node.
//!
//! [`State::apply`] is the only way in. Everything that it does follows from the state, the batch
//! and the term of the entry. Readers look at keys, locks and sessions, and at the last events.

mod keys;
mod locks;
mod past;
pub mod quota;
mod recent;
mod sessions;
#[cfg(test)]
mod tests;

use std::time::Duration;

use model::limits::{
    KV_KEY_BYTES_MAX, KV_TRANSACTION_BYTES_MAX, KV_TRANSACTION_WRITES_MAX, KV_VALUE_BYTES_MAX,
    SESSIONS_RENEWED_MAX,
};

use self::keys::{Keys, Stamp};
use self::locks::{AskRefusal, Asked, Locks};
use self::quota::{Quota, Usage};
use self::recent::Recent;
use self::sessions::Sessions;
use crate::answer::{Answer, Holder, Refusal};
use crate::command::{Batch, Check, Command, Write};
use crate::event::{Event, What};
use crate::image::{Head, Item};
use crate::words::{Clock, Key, Revision, SessionId};

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
    pub fn get(&self, key: &str) -> Option<&Cell> {
        self.keys.get(key)
    }

    /// Gives the keys with a prefix that come behind a key, in their order.
    pub fn range<'a>(
        &'a self,
        prefix: &'a str,
        behind: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Cell)> {
        self.keys.range(prefix, behind)
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
            Item::Cell(key, cell) => self.keys.restore(key, cell.into()),
        }
    }

    fn make(&mut self, command: &Command) -> Result<Answer, Refusal> {
        match command {
            Command::Transact { checks, writes } => self.transact(checks, writes),
            Command::Undo { key, to } => {
                let key = Key::clone(key);
                let write = match self.keys.earlier(&key, *to)? {
                    Some(value) => Write::Put {
                        key,
                        value,
                        ttl_ms: None,
                    },
                    None => Write::Delete { key },
                };
                self.transact(&[], &[write])
            }
            Command::Bound { prefix, quota } => {
                check_length(prefix)?;
                if self.keys.bound(prefix, *quota)? {
                    self.head.revision = self.head.revision.following();
                }
                Ok(Answer::Done(self.head.revision))
            }
            Command::Open {
                session,
                ttl_ms,
                node,
                name,
            } => {
                check_name(name)?;
                let new = Session {
                    ttl: Duration::from_millis(*ttl_ms),
                    deadline: self.head.clock,
                    node: *node,
                    name: name.clone(),
                    locks: Vec::new(),
                };
                if self.sessions.open(*session, new, self.head.clock)? {
                    self.head.revision = self.head.revision.following();
                }
                Ok(Answer::Done(self.head.revision))
            }
            Command::Renew { sessions } => {
                check_count("sessions", sessions.len(), SESSIONS_RENEWED_MAX)?;
                Ok(Answer::Renewed(
                    self.sessions.renew(sessions, self.head.clock),
                ))
            }
            Command::Close { session } => {
                if self.sessions.get(*session).is_none() {
                    return Err(Refusal::NoSession(*session));
                }
                self.end(*session, What::Released);
                Ok(Answer::Done(self.head.revision))
            }
            Command::Acquire {
                lock,
                session,
                slots,
                wait,
            } => self.acquire(lock, *session, *slots, *wait),
            Command::Release { lock, session } => {
                self.let_go(lock, *session, What::Released)?;
                Ok(Answer::Done(self.head.revision))
            }
            Command::Force { lock, token } => self.force(lock, *token),
        }
    }

    fn transact(&mut self, checks: &[Check], writes: &[Write]) -> Result<Answer, Refusal> {
        check_writes(checks, writes)?;
        for check in checks {
            self.check(check)?;
        }
        self.keys.check_room(writes)?;
        if !writes.iter().any(|write| self.keys.changes(write)) {
            return Ok(Answer::Done(self.head.revision));
        }
        let stamp = self.next_stamp();
        for write in writes {
            if !self.keys.changes(write) {
                continue;
            }
            self.keys.write(write, stamp);
            let what = match write {
                Write::Put { value, .. } => What::Put(value.clone()),
                Write::Delete { .. } => What::Deleted,
            };
            self.tell(write.key(), what);
        }
        Ok(Answer::Done(stamp.revision))
    }

    fn check(&self, check: &Check) -> Result<(), Refusal> {
        match check {
            Check::Revision(key, revision) => {
                let is = self.revision_of(key);
                (is == *revision)
                    .then_some(())
                    .ok_or_else(|| Refusal::Changed {
                        key: Key::clone(key),
                        revision: is,
                    })
            }
            Check::Value(key, value) => {
                let is = self.keys.get(key).is_some_and(|cell| cell.value == *value);
                is.then_some(()).ok_or_else(|| Refusal::Changed {
                    key: Key::clone(key),
                    revision: self.revision_of(key),
                })
            }
            Check::Held(lock, token) => {
                let is = self.locks.is_held(lock, *token);
                is.then_some(()).ok_or_else(|| Refusal::Fenced {
                    lock: Key::clone(lock),
                    token: *token,
                })
            }
        }
    }

    fn revision_of(&self, key: &str) -> Revision {
        self.keys
            .get(key)
            .map_or(Revision::NONE, |cell| cell.revision)
    }

    fn acquire(
        &mut self,
        lock: &Key,
        session: SessionId,
        slots: u32,
        wait: bool,
    ) -> Result<Answer, Refusal> {
        check_name(lock)?;
        if self.sessions.get(session).is_none() {
            return Err(Refusal::NoSession(session));
        }
        match self.locks.ask(lock, session, slots, wait) {
            Ok(Asked::Held(token)) => Ok(Answer::Held(token)),
            Ok(Asked::Free) => Ok(Answer::Held(self.give(lock, slots, session))),
            Ok(Asked::Waiting { ahead, is_new }) => {
                if is_new {
                    self.sessions.add_lock(session, lock);
                    self.head.revision = self.head.revision.following();
                }
                Ok(Answer::Waiting(ahead))
            }
            Err(AskRefusal::Taken(hold)) => Err(Refusal::Taken {
                lock: Key::clone(lock),
                holder: self.holder(&hold),
            }),
            Err(AskRefusal::Other(refusal)) => Err(refusal),
        }
    }

    fn give(&mut self, lock: &Key, slots: u32, session: SessionId) -> Revision {
        let stamp = self.next_stamp();
        let hold = Hold {
            session,
            token: stamp.revision,
            since: stamp.wall,
        };
        self.locks.give(lock, slots, hold);
        self.sessions.add_lock(session, lock);
        self.tell(lock, What::Acquired(session));
        stamp.revision
    }

    /// Takes a lock from a session, and gives it to those who wait.
    fn let_go(
        &mut self,
        lock: &Key,
        session: SessionId,
        what: fn(SessionId) -> What,
    ) -> Result<(), Refusal> {
        let was_held = self.locks.release(lock, session)?;
        self.sessions.remove_lock(session, lock);
        self.next_stamp();
        if was_held {
            self.tell(lock, what(session));
        }
        let slots = self.locks.get(lock).map_or(1, |lock| lock.slots);
        while let Some(next) = self.locks.next(lock) {
            self.give(lock, slots, next);
        }
        Ok(())
    }

    fn force(&mut self, name: &Key, token: Option<Revision>) -> Result<Answer, Refusal> {
        let lock = self.locks.get(name);
        let held = lock.map(|lock| lock.holders.clone()).unwrap_or_default();
        let is_meant = |hold: &Hold| token.is_none_or(|token| token == hold.token);
        let meant: Vec<SessionId> = held
            .iter()
            .filter(|hold| is_meant(hold))
            .map(|hold| hold.session)
            .collect();
        if meant.is_empty() {
            return Err(Refusal::NotHeld {
                lock: Key::clone(name),
            });
        }
        for session in meant {
            self.let_go(name, session, What::Lost)?;
        }
        Ok(Answer::Done(self.head.revision))
    }

    /// Ends a session and all that it held.
    fn end(&mut self, id: SessionId, what: fn(SessionId) -> What) {
        let Some(session) = self.sessions.remove(id) else {
            return;
        };
        self.next_stamp();
        for lock in session.locks {
            let let_go = self.let_go(&lock, id, what);
            debug_assert!(let_go.is_ok(), "a session knows its locks: {lock}");
        }
    }

    fn expire(&mut self) {
        for session in self.sessions.expired(self.head.clock) {
            self.end(session, What::Lost);
        }
        for key in self.keys.expired(self.head.clock) {
            let stamp = self.next_stamp();
            let write = Write::Delete { key };
            self.keys.write(&write, stamp);
            self.tell(write.key(), What::Expired);
        }
    }

    fn next_stamp(&mut self) -> Stamp {
        self.head.revision = self.head.revision.following();
        Stamp {
            revision: self.head.revision,
            clock: self.head.clock,
            wall: self.head.wall,
        }
    }

    fn tell(&mut self, name: &Key, what: What) {
        self.recent.push(Event {
            revision: self.head.revision,
            wall: self.head.wall,
            name: Key::clone(name),
            what,
        });
    }
}

/// Refuses a transaction that is malformed or too large, whatever the state is.
fn check_writes(checks: &[Check], writes: &[Write]) -> Result<(), Refusal> {
    let count = checks.len() + writes.len();
    check_count(
        "checks and writes of a transaction",
        count,
        KV_TRANSACTION_WRITES_MAX,
    )?;
    let mut names: Vec<&Key> = writes.iter().map(Write::key).collect();
    let mut bytes = 0;
    for write in writes {
        check_name(write.key())?;
        if let Write::Put { value, .. } = write {
            check_count("bytes of a value", value.len(), KV_VALUE_BYTES_MAX)?;
            bytes += value.len();
        }
    }
    check_count("bytes of a transaction", bytes, KV_TRANSACTION_BYTES_MAX)?;
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Refusal::Twice(Key::clone(pair[0]))),
        None => Ok(()),
    }
}

/// Refuses what cannot be the name of a key, a lock or a session.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_good = !name.is_empty() && !name.chars().any(char::is_control);
    if !is_good || name.len() > KV_KEY_BYTES_MAX {
        let shown: String = name.chars().take(64).collect();
        return Err(Refusal::Name(shown));
    }
    Ok(())
}

fn check_length(prefix: &str) -> Result<(), Refusal> {
    check_count("bytes of a prefix", prefix.len(), KV_KEY_BYTES_MAX)
}

fn check_count(what: &str, count: usize, count_max: usize) -> Result<(), Refusal> {
    if count <= count_max {
        return Ok(());
    }
    Err(Refusal::TooMany {
        what: what.to_owned(),
        count: count as u64,
        count_max: count_max as u64,
    })
}
