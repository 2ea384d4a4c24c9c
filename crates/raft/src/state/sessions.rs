//! Sessions: who is there, and until when that is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::limits::{SESSION_TTL_MAX, SESSION_TTL_MIN, SESSIONS_AGREED_MAX};

use crate::answer::Refusal;
use crate::words::{Clock, Key, SessionId, Voter};

/// A session that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Time without renewal after which it ends.
    pub ttl: Duration,
    /// When it ends unless it is renewed.
    pub deadline: Clock,
    /// The node that keeps it.
    pub node: Voter,
    /// What it is for.
    pub name: String,
    /// The locks that it holds or waits for.
    pub locks: Vec<Key>,
}

/// All open sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    deadlines: BTreeSet<(Clock, SessionId)>,
}

impl Sessions {
    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.open.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.open.iter().map(|(id, session)| (*id, session))
    }

    pub(super) fn restore(&mut self, id: SessionId, session: Session) {
        self.deadlines.insert((session.deadline, id));
        self.open.insert(id, session);
    }

    /// Opens or renews a session; tells whether it is new.
    pub(super) fn open(
        &mut self,
        id: SessionId,
        new: Session,
        now: Clock,
    ) -> Result<bool, Refusal> {
        let ttl = new.ttl.clamp(SESSION_TTL_MIN, SESSION_TTL_MAX);
        if let Some(session) = self.open.get_mut(&id) {
            session.ttl = ttl;
            self.extend(id, now.after(ttl));
            return Ok(false);
        }
        if self.open.len() >= SESSIONS_AGREED_MAX {
            return Err(Refusal::TooMany {
                what: "open sessions".to_owned(),
                count: self.open.len() as u64 + 1,
                count_max: SESSIONS_AGREED_MAX as u64,
            });
        }
        let deadline = now.after(ttl);
        let session = Session {
            ttl,
            deadline,
            ..new
        };
        self.restore(id, session);
        Ok(true)
    }

    /// Renews sessions and tells which have ended.
    pub(super) fn renew(&mut self, ids: &[SessionId], now: Clock) -> Vec<SessionId> {
        let mut ended = Vec::new();
        for id in ids {
            match self.open.get(id) {
                Some(session) => self.extend(*id, now.after(session.ttl)),
                None => ended.push(*id),
            }
        }
        ended
    }

    /// Gives every session its whole time again: while there was no leader nobody could renew.
    pub(super) fn renew_all(&mut self, now: Clock) {
        let ids: Vec<SessionId> = self.open.keys().copied().collect();
        self.renew(&ids, now);
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.open.remove(&id)?;
        self.deadlines.remove(&(session.deadline, id));
        Some(session)
    }

    pub(super) fn expired(&self, now: Clock) -> Vec<SessionId> {
        let over = self.deadlines.iter().take_while(|(at, _)| *at <= now);
        over.map(|(_, id)| *id).collect()
    }

    pub(super) fn next_expiry(&self) -> Option<Clock> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Takes note that a session has to do with a lock.
    pub(super) fn add_lock(&mut self, id: SessionId, lock: &Key) {
        if let Some(session) = self.open.get_mut(&id)
            && !session.locks.contains(lock)
        {
            session.locks.push(Key::clone(lock));
        }
    }

    pub(super) fn remove_lock(&mut self, id: SessionId, lock: &str) {
        if let Some(session) = self.open.get_mut(&id) {
            session.locks.retain(|one| **one != *lock);
        }
    }

    fn extend(&mut self, id: SessionId, deadline: Clock) {
        if let Some(session) = self.open.get_mut(&id) {
            self.deadlines.remove(&(session.deadline, id));
            session.deadline = deadline;
            self.deadlines.insert((deadline, id));
        }
    }
}
