//! How each command changes the state, or why it is refused: then nothing is changed.

use std::time::Duration;

use model::limits::{
    GROUPS_ABSORBED_MAX, KV_KEY_BYTES_MAX, KV_TRANSACTION_BYTES_MAX, KV_TRANSACTION_WRITES_MAX,
    KV_VALUE_BYTES_MAX, SESSIONS_RENEWED_MAX,
};

use super::keys::Stamp;
use super::locks::{AskRefusal, Asked};
use super::{Hold, Session, State};
use crate::answer::{Answer, Refusal};
use crate::command::{Check, Command, Write};
use crate::event::{Event, What};
use crate::words::{GroupId, Key, Revision, SessionId};

impl State {
    pub(super) fn make(&mut self, command: &Command) -> Result<Answer, Refusal> {
        match command {
            Command::Transact { checks, writes } => self.transact(checks, writes),
            Command::Undo { key, to } => self.undo(key, *to),
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
            Command::Name { group } => {
                let name = (*group, self.head.wall);
                self.head.group.get_or_insert(name);
                Ok(Answer::Done(self.head.revision))
            }
            Command::Absorb { group } => {
                self.absorb(*group);
                Ok(Answer::Done(self.head.revision))
            }
            Command::Yield { to } => {
                let is_own = self.head.group.is_some_and(|(own, _)| own == *to);
                self.head.yields_to = Some(*to).filter(|_| !is_own);
                Ok(Answer::Done(self.head.revision))
            }
        }
    }

    fn absorb(&mut self, group: GroupId) {
        let is_own = self.head.group.is_some_and(|(own, _)| own == group);
        let absorbed = &mut self.head.absorbed;
        if is_own || absorbed.contains(&group) {
            return;
        }
        absorbed.push(group);
        if absorbed.len() > GROUPS_ABSORBED_MAX {
            absorbed.remove(0);
        }
    }

    /// Makes this the state of another group, which takes the place of the one that it was of.
    pub(crate) fn refound(&mut self, group: GroupId) {
        let before = self.head.group.take();
        let since = before.map_or(self.head.wall, |(_, since)| since);
        self.head.group = Some((group, since));
        self.head.yields_to = None;
        if let Some((before, _)) = before {
            self.absorb(before);
        }
    }

    fn undo(&mut self, key: &Key, to: Option<Revision>) -> Result<Answer, Refusal> {
        let key = Key::clone(key);
        let write = match self.keys.earlier(&key, to)? {
            Some(value) => Write::Put {
                key,
                value,
                ttl_ms: None,
            },
            None => Write::Delete { key },
        };
        self.transact(&[], &[write])
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
            let value = self.keys.write(write, stamp);
            self.tell(write.key(), value.map_or(What::Deleted, What::Put));
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
                let is = self.get(key).is_some_and(|cell| cell.value == *value);
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
        self.get(key).map_or(Revision::NONE, |cell| cell.revision)
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

    pub(super) fn expire(&mut self) {
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
        if !what.is_of_key() {
            self.locks_changed = self.head.revision;
        }
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
