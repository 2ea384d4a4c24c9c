//! What may be asked of the agreed state, and how it is answered.

use model::limits::{KV_PAGE_BYTES_MAX, KV_PAGE_MAX};
use serde::{Deserialize, Serialize};

use crate::answer::Holder;
use crate::event::What;
use crate::state::quota::Quota;
use crate::state::{Cell, State};
use crate::words::{Clock, Key, Revision, SessionId, Value, Voter};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// One key.
    Get(Key),
    /// The keys with a prefix behind a key, at most so many.
    List {
        /// The beginning of the keys.
        prefix: String,
        /// The last key of the page before.
        behind: Option<String>,
        /// Most keys of the answer.
        limit: usize,
        /// Whether their values are wanted.
        with_values: bool,
        /// Only those that were written at or after this wall time, in milliseconds.
        since: u64,
    },
    /// What a key was.
    History(Key),
    /// What happened to keys with a prefix after a revision.
    Events {
        /// The beginning of the keys.
        prefix: String,
        /// The last revision that is known.
        after: Revision,
    },
    /// The locks in use whose names begin so.
    Locks(String),
    /// The open sessions.
    Sessions,
    /// How much there is, in all and below the prefixes with quotas.
    Usage,
}

/// An answer, with the revision of the state that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The revision of the last change.
    pub revision: Revision,
    /// Milliseconds since the node that answers heard of its leader; 0 when it is up to date.
    pub age_ms: u64,
    /// What was asked for.
    pub what: FoundWhat,
}

impl Found {
    /// Tells after which revision one goes on who follows events and has those after `after`.
    /// It moves where nothing happened, too: else what others write would push a quiet prefix
    /// out of the events that are kept.
    pub fn follow_after(&self, after: Revision) -> Revision {
        let last = match &self.what {
            FoundWhat::Events(events) => events.last().map(|event| event.revision),
            _ => None,
        };
        last.unwrap_or(self.revision).max(after)
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundWhat {
    /// To [`Query::Get`].
    Key(Option<KeyFound>),
    /// To [`Query::List`]: the keys, and whether there are more.
    Keys(Vec<KeyFound>, bool),
    /// To [`Query::History`], newest first.
    History(Vec<PastFound>),
    /// To [`Query::Events`], oldest first.
    Events(Vec<EventFound>),
    /// To [`Query::Events`]: those after the revision that was asked for are forgotten, up to this
    /// one.
    Forgotten(Revision),
    /// To [`Query::Locks`].
    Locks(Vec<LockFound>),
    /// To [`Query::Sessions`].
    Sessions(Vec<SessionFound>),
    /// To [`Query::Usage`]: the first is the whole.
    Usage(Vec<UsageFound>),
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFound {
    /// Its name.
    pub key: Key,
    /// Its value; empty when only names were asked for.
    pub value: Value,
    /// The size of its value.
    pub bytes: u64,
    /// The revision of its last write.
    pub revision: Revision,
    /// When that was, in milliseconds of wall time.
    pub wall: u64,
    /// Milliseconds until it goes away.
    pub ttl_ms: Option<u64>,
}

/// What a key was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFound {
    /// Since which revision.
    pub revision: Revision,
    /// When that was, in milliseconds of wall time.
    pub wall: u64,
    /// Its value; none when it was deleted.
    pub value: Option<Value>,
}

/// What happened to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFound {
    /// The revision that it made.
    pub revision: Revision,
    /// The key.
    pub key: Key,
    /// Its value; none when it is gone.
    pub value: Option<Value>,
    /// Whether it is gone because its time was over.
    pub is_expired: bool,
    /// When, in milliseconds of wall time.
    pub wall: u64,
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFound {
    /// Its name.
    pub name: Key,
    /// How many may hold it.
    pub slots: u32,
    /// Who does.
    pub holders: Vec<Holder>,
    /// Who waits, the next one first.
    pub waiters: Vec<SessionId>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFound {
    /// Its id.
    pub id: SessionId,
    /// The node that keeps it.
    pub node: Voter,
    /// What it is for.
    pub name: String,
    /// Its time to live.
    pub ttl_ms: u64,
    /// What is left of it.
    pub left_ms: u64,
    /// What it holds or waits for.
    pub locks: Vec<Key>,
}

/// How much there is below a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageFound {
    /// The prefix; empty for the whole.
    pub prefix: String,
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// The bound.
    pub quota: Option<Quota>,
}

/// Answers a question from a state, at a time of leases: that of the state stands while nothing is
/// written.
pub(crate) fn answer(state: &State, query: &Query, now: Clock) -> FoundWhat {
    match query {
        Query::Get(key) => {
            let found = state.get(key);
            FoundWhat::Key(found.map(|cell| key_found(key, &cell, true, now)))
        }
        Query::List {
            prefix,
            behind,
            limit,
            with_values,
            since,
        } => {
            let meant = state
                .range(prefix, behind.as_deref())
                .filter(|(_, cell)| cell.wall >= *since);
            list(meant, *limit, *with_values, now)
        }
        Query::History(key) => {
            let history = state.history(key).into_iter();
            let history = history.map(|past| PastFound {
                revision: past.revision,
                wall: past.wall,
                value: past.value,
            });
            FoundWhat::History(history.collect())
        }
        Query::Events { prefix, after } => events(state, prefix, *after),
        Query::Locks(prefix) => {
            let locks = state.locks();
            let meant = locks.filter(|(name, _)| name.starts_with(prefix.as_str()));
            let found = meant.take(KV_PAGE_MAX).map(|(name, lock)| LockFound {
                name: Key::clone(name),
                slots: lock.slots,
                holders: lock.holders.iter().map(|hold| state.holder(hold)).collect(),
                waiters: lock.waiters.iter().copied().collect(),
            });
            FoundWhat::Locks(found.collect())
        }
        Query::Sessions => {
            let found = state.sessions().map(|(id, session)| SessionFound {
                id,
                node: session.node,
                name: session.name.clone(),
                ttl_ms: session.ttl.as_millis() as u64,
                left_ms: session.deadline.since(now).as_millis() as u64,
                locks: session.locks.clone(),
            });
            FoundWhat::Sessions(found.collect())
        }
        Query::Usage => FoundWhat::Usage(usage(state)),
    }
}

fn key_found(key: &str, cell: &Cell, with_value: bool, now: Clock) -> KeyFound {
    KeyFound {
        key: Key::from(key),
        value: if with_value {
            cell.value.clone()
        } else {
            Value::new(&[])
        },
        bytes: cell.value.len() as u64,
        revision: cell.revision,
        wall: cell.wall,
        ttl_ms: cell.left(now).map(|left| left.as_millis() as u64),
    }
}

fn list<'a>(
    meant: impl Iterator<Item = (&'a str, Cell)>,
    limit: usize,
    with_values: bool,
    now: Clock,
) -> FoundWhat {
    let (mut keys, mut bytes) = (Vec::new(), 0);
    for (key, cell) in meant {
        let found = key_found(key, &cell, with_values, now);
        bytes += 64 + key.len() + found.value.len();
        let is_over = bytes > KV_PAGE_BYTES_MAX && !keys.is_empty();
        if is_over || keys.len() >= limit.min(KV_PAGE_MAX) {
            return FoundWhat::Keys(keys, true);
        }
        keys.push(found);
    }
    FoundWhat::Keys(keys, false)
}

fn events(state: &State, prefix: &str, after: Revision) -> FoundWhat {
    let events = match state.events(after) {
        Ok(events) => events,
        Err(forgotten) => return FoundWhat::Forgotten(forgotten.0),
    };
    let (mut found, mut bytes): (Vec<EventFound>, _) = (Vec::new(), 0);
    for event in events {
        if !event.what.is_of_key() || !event.name.starts_with(prefix) {
            continue;
        }
        // A page ends between revisions, so that the last one of it says where to go on.
        let is_new = found
            .last()
            .is_none_or(|last| last.revision < event.revision);
        if is_new && (bytes > KV_PAGE_BYTES_MAX || found.len() >= KV_PAGE_MAX) {
            break;
        }
        let value = match &event.what {
            What::Put(value) => Some(value.clone()),
            _ => None,
        };
        bytes += 64 + event.name.len() + value.as_ref().map_or(0, |value| value.len());
        found.push(EventFound {
            revision: event.revision,
            key: Key::clone(&event.name),
            value,
            is_expired: event.what == What::Expired,
            wall: event.wall,
        });
    }
    FoundWhat::Events(found)
}

fn usage(state: &State) -> Vec<UsageFound> {
    let whole = UsageFound {
        prefix: String::new(),
        keys: state.usage().keys,
        bytes: state.usage().bytes,
        quota: None,
    };
    let parts = state.quotas().map(|(prefix, quota, usage)| UsageFound {
        prefix: prefix.to_owned(),
        keys: usage.keys,
        bytes: usage.bytes,
        quota: Some(quota),
    });
    std::iter::once(whole).chain(parts).collect()
}
