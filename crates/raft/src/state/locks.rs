//! Locks: a name, as many holders as it has slots, and a line of those who wait.
//!
//! A lock exists while someone holds it or waits for it. Who holds it has a fencing token: the
//! revision at which it was given. The line is served in its order, also when a slot is free for
//! who comes at that moment. Losing a session gives back all that it held.

use std::collections::{BTreeMap, VecDeque};

use model::limits::{LOCK_SLOTS_MAX, LOCK_WAITERS_MAX, LOCKS_MAX};

use crate::answer::Refusal;
use crate::words::{Key, Revision, SessionId};

/// A lock that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// How many may hold it at one time.
    pub slots: u32,
    /// Who holds it, oldest first.
    pub holders: Vec<Hold>,
    /// Who waits, the next one first.
    pub waiters: VecDeque<SessionId>,
}

/// One holding of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who.
    pub session: SessionId,
    /// The fencing token.
    pub token: Revision,
    /// Since when, in milliseconds of wall time.
    pub since: u64,
}

/// All locks in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks(BTreeMap<Key, Lock>);

/// What came of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was held already, with this token.
    Held(Revision),
    /// It is free for who asked: [`Locks::give`] it.
    Free,
    /// The session stands in line behind so many, and did before when `is_new` is not set.
    Waiting { ahead: u32, is_new: bool },
}

impl Lock {
    fn hold(&self, session: SessionId) -> Option<&Hold> {
        self.holders.iter().find(|hold| hold.session == session)
    }

    fn has_room(&self) -> bool {
        self.holders.len() < self.slots as usize
    }
}

impl Locks {
    pub(super) fn get(&self, name: &str) -> Option<&Lock> {
        self.0.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Lock)> {
        self.0.iter()
    }

    pub(super) fn restore(&mut self, name: Key, lock: Lock) {
        self.0.insert(name, lock);
    }

    /// Tells whether a lock is held with this token.
    pub(super) fn is_held(&self, name: &str, token: Revision) -> bool {
        let holders = self.0.get(name).map(|lock| lock.holders.as_slice());
        holders
            .unwrap_or_default()
            .iter()
            .any(|hold| hold.token == token)
    }

    /// Asks for a lock; who waits is put in line. Gives the holder when it is refused.
    pub(super) fn ask(
        &mut self,
        name: &Key,
        session: SessionId,
        slots: u32,
        wait: bool,
    ) -> Result<Asked, AskRefusal> {
        let too_many = |what: &str, count: usize, count_max: usize| {
            AskRefusal::Other(Refusal::TooMany {
                what: what.to_owned(),
                count: count as u64,
                count_max: count_max as u64,
            })
        };
        if slots == 0 || slots > LOCK_SLOTS_MAX {
            return Err(too_many("slots", slots as usize, LOCK_SLOTS_MAX as usize));
        }
        let count = self.0.len();
        let Some(lock) = self.0.get_mut(name) else {
            if count >= LOCKS_MAX {
                return Err(too_many("locks in use", count + 1, LOCKS_MAX));
            }
            return Ok(Asked::Free);
        };
        if let Some(hold) = lock.hold(session) {
            return Ok(Asked::Held(hold.token));
        }
        if lock.slots != slots {
            return Err(AskRefusal::Other(Refusal::Slots {
                lock: Key::clone(name),
                slots: lock.slots,
            }));
        }
        if let Some(ahead) = lock.waiters.iter().position(|one| *one == session) {
            let ahead = ahead as u32;
            return Ok(Asked::Waiting {
                ahead,
                is_new: false,
            });
        }
        if lock.has_room() && lock.waiters.is_empty() {
            return Ok(Asked::Free);
        }
        if !wait {
            let hold = lock.holders.first().copied();
            return Err(hold.map_or(AskRefusal::Other(not_held(name)), AskRefusal::Taken));
        }
        if lock.waiters.len() >= LOCK_WAITERS_MAX {
            return Err(too_many(
                "waiters",
                lock.waiters.len() + 1,
                LOCK_WAITERS_MAX,
            ));
        }
        lock.waiters.push_back(session);
        Ok(Asked::Waiting {
            ahead: lock.waiters.len() as u32 - 1,
            is_new: true,
        })
    }

    /// Gives a lock that has room to a session.
    pub(super) fn give(&mut self, name: &Key, slots: u32, hold: Hold) {
        let lock = self.0.entry(Key::clone(name)).or_insert_with(|| Lock {
            slots,
            holders: Vec::new(),
            waiters: VecDeque::new(),
        });
        assert!(lock.has_room(), "a lock has no more holders than slots");
        lock.holders.push(hold);
    }

    /// Lets go of what a session has of a lock. Tells whether it held it, when it had anything.
    pub(super) fn release(&mut self, name: &Key, session: SessionId) -> Result<bool, Refusal> {
        let lock = self.0.get_mut(name).ok_or_else(|| not_held(name))?;
        let was_held = lock.hold(session).is_some();
        let was_waiting = lock.waiters.contains(&session);
        if !was_held && !was_waiting {
            return Err(not_held(name));
        }
        lock.holders.retain(|hold| hold.session != session);
        lock.waiters.retain(|one| *one != session);
        Ok(was_held)
    }

    /// Takes the next one out of the line when there is room for it; a lock that nobody has to do
    /// with any more goes away.
    pub(super) fn next(&mut self, name: &Key) -> Option<SessionId> {
        let lock = self.0.get_mut(name)?;
        if lock.has_room() {
            let next = lock.waiters.pop_front();
            if next.is_none() && lock.holders.is_empty() {
                self.0.remove(name);
            }
            return next;
        }
        None
    }
}

/// Why a lock was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AskRefusal {
    /// This one holds it.
    Taken(Hold),
    Other(Refusal),
}

fn not_held(name: &Key) -> Refusal {
    Refusal::NotHeld {
        lock: Key::clone(name),
    }
}
