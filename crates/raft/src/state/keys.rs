//! The keys: what they are, which of them go away by themselves, and what they were.

use std::collections::BTreeSet;
use std::time::Duration;

use model::limits::{KV_BYTES_MAX, KV_EXPIRED_MAX, KV_KEYS_MAX, KV_QUOTAS_MAX};

use super::past::{Past, Pasts};
use super::quota::{self, Growth, Quota, Quotas, Usage};
use super::row::{Numbers, Row};
use super::rows::Rows;
use crate::answer::Refusal;
use crate::command::Write;
use crate::words::{Clock, Key, Revision, Value};

/// A key that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What was written.
    pub value: Value,
    /// The revision of the last write.
    pub revision: Revision,
    /// The revision of what it was before that; none when it had never been.
    pub previous: Revision,
    /// When it was written, in milliseconds of wall time.
    pub wall: u64,
    /// When it goes away; [`Clock`] 0 when it stays.
    pub expires: Clock,
}

impl Cell {
    /// Tells how long it stays from a time on; none when nothing ends it.
    pub fn left(&self, now: Clock) -> Option<Duration> {
        (self.expires > Clock(0)).then(|| self.expires.since(now))
    }

    /// Tells whether its time is over: such a cell may wait for its turn to be taken away.
    pub(super) fn is_over(&self, now: Clock) -> bool {
        self.left(now).is_some_and(|left| left.is_zero())
    }
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    rows: Rows,
    expiries: BTreeSet<(Clock, Key)>,
    usage: Usage,
    pub(super) quotas: Quotas,
    pub(super) pasts: Pasts,
}

/// When a change was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) revision: Revision,
    pub(super) clock: Clock,
    pub(super) wall: u64,
}

/// What there may be in all.
const WHOLE: Quota = Quota {
    keys_max: KV_KEYS_MAX,
    bytes_max: KV_BYTES_MAX,
};

impl Keys {
    pub(super) fn get(&self, key: &str) -> Option<Cell> {
        self.rows.get(key).map(Row::cell)
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Gives a copy to be written, which need not know what ends when.
    pub(super) fn frozen(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            expiries: BTreeSet::new(),
            usage: self.usage,
            quotas: self.quotas.clone(),
            pasts: self.pasts.clone(),
        }
    }

    /// Gives the keys with a prefix that come behind a key, in their order.
    pub(super) fn range<'a>(
        &'a self,
        prefix: &'a str,
        behind: Option<&str>,
    ) -> impl Iterator<Item = (&'a str, Cell)> + use<'a> {
        self.rows(prefix, behind).map(|row| (row.key(), row.cell()))
    }

    fn rows<'a>(
        &'a self,
        prefix: &'a str,
        behind: Option<&str>,
    ) -> impl Iterator<Item = &'a Row> + use<'a> {
        let rows = match behind {
            Some(behind) if behind >= prefix => self.rows.range(behind, true),
            Some(_) | None => self.rows.range(prefix, false),
        };
        rows.take_while(move |row| row.key_bytes().starts_with(prefix.as_bytes()))
    }

    /// Tells whether the writes fit into all bounds together.
    pub(super) fn check_room(&self, writes: &[Write]) -> Result<(), Refusal> {
        let growths: Vec<(&str, Growth)> = writes
            .iter()
            .map(|write| (&**write.key(), growth(self.rows.get(write.key()), write)))
            .collect();
        let mut whole = Growth::default();
        for (_, one) in &growths {
            whole.keys += one.keys;
            whole.bytes += one.bytes;
        }
        quota::fits("", WHOLE, self.usage, whole)?;
        self.quotas.check(&growths)
    }

    /// Tells whether a write changes anything: to delete what is absent does not.
    pub(super) fn changes(&self, write: &Write) -> bool {
        match write {
            Write::Put { .. } => true,
            Write::Delete { key } => self.rows.get(key).is_some(),
        }
    }

    /// Makes one write that was checked; gives the value as it is kept.
    pub(super) fn write(&mut self, write: &Write, stamp: Stamp) -> Option<Value> {
        let key = write.key();
        let before = self.rows.get(key).cloned();
        self.count(key, growth(before.as_ref(), write));
        let previous = self.retire(key, before);
        match write {
            Write::Put { value, ttl_ms, .. } => {
                let expires = match ttl_ms {
                    Some(ttl) => Clock(stamp.clock.0.saturating_add((*ttl).max(1))),
                    None => Clock(0),
                };
                self.pasts.is_back(key);
                let numbers = Numbers {
                    revision: stamp.revision,
                    previous,
                    wall: stamp.wall,
                    expires,
                };
                let row = Row::new(key, value, &numbers);
                let value = row.cell().value;
                self.insert(key, row);
                Some(value)
            }
            Write::Delete { .. } => {
                self.rows.remove(key);
                let past = Past {
                    revision: stamp.revision,
                    value: None,
                    wall: stamp.wall,
                    previous,
                };
                self.pasts.push(key, past, true);
                None
            }
        }
    }

    /// Gives some of the keys whose time is over.
    pub(super) fn expired(&self, now: Clock) -> Vec<Key> {
        self.expiries
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(KV_EXPIRED_MAX)
            .map(|(_, key)| Key::clone(key))
            .collect()
    }

    pub(super) fn next_expiry(&self) -> Option<Clock> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Tells what a key was, newest first; the first is what it is.
    pub(super) fn history(&self, key: &Key) -> Vec<Past> {
        let now = self.get(key).map(Past::of);
        let behind = now
            .as_ref()
            .map_or(self.pasts.gone(key), |now| now.previous);
        now.into_iter()
            .chain(self.pasts.chain(key, behind).cloned())
            .collect()
    }

    /// Tells what a key was at a revision, or before its last change.
    pub(super) fn earlier(
        &self,
        key: &Key,
        to: Option<Revision>,
    ) -> Result<Option<Value>, Refusal> {
        let history = self.history(key);
        let found = match to {
            Some(to) => history.iter().find(|past| past.revision <= to),
            None => history.get(1),
        };
        if let Some(past) = found {
            return Ok(past.value.clone());
        }
        // Behind the last known one there was nothing, or what is forgotten.
        match history.last() {
            Some(oldest) if oldest.previous == Revision::NONE => Ok(None),
            Some(_) | None => Err(Refusal::Forgotten {
                key: Key::clone(key),
                known: history.len(),
            }),
        }
    }

    /// Sets or removes the quota of a prefix; tells whether that changed anything.
    pub(super) fn bound(&mut self, prefix: &str, quota: Option<Quota>) -> Result<bool, Refusal> {
        let Some(quota) = quota else {
            return Ok(self.quotas.remove(prefix));
        };
        if self.quotas.len() >= KV_QUOTAS_MAX && !self.quotas.contains(prefix) {
            return Err(Refusal::TooMany {
                what: "quotas".to_owned(),
                count: self.quotas.len() as u64 + 1,
                count_max: KV_QUOTAS_MAX as u64,
            });
        }
        let mut usage = Usage::default();
        for row in self.rows(prefix, None) {
            usage.keys += 1;
            usage.bytes += row.size() as u64;
        }
        self.quotas.set(prefix.to_owned(), quota, usage);
        Ok(true)
    }

    /// Takes in what a snapshot has.
    pub(super) fn restore(&mut self, key: &Key, cell: &Cell) {
        let row = Row::new(key, &cell.value, &Numbers::from(cell));
        self.count(key, Growth::between(None, Some(row.size())));
        self.insert(key, row);
    }

    fn insert(&mut self, key: &Key, row: Row) {
        let expires = row.numbers().expires;
        if expires > Clock(0) {
            self.expiries.insert((expires, Key::clone(key)));
        }
        self.rows.insert(row);
    }

    /// Keeps as past what a key was, which does not end by itself any more; gives its revision.
    fn retire(&mut self, key: &Key, before: Option<Row>) -> Revision {
        let Some(cell) = before.map(|row| row.cell()) else {
            return self.pasts.gone(key);
        };
        if cell.expires > Clock(0) {
            self.expiries.remove(&(cell.expires, Key::clone(key)));
        }
        let revision = cell.revision;
        self.pasts.push(key, Past::of(cell), false);
        revision
    }

    fn count(&mut self, key: &str, growth: Growth) {
        self.usage.keys = self.usage.keys.saturating_add_signed(growth.keys);
        self.usage.bytes = self.usage.bytes.saturating_add_signed(growth.bytes);
        self.quotas.count(key, growth);
    }
}

/// Tells by how much a write makes the keys grow.
fn growth(before: Option<&Row>, write: &Write) -> Growth {
    let after = match write {
        Write::Put { key, value, .. } => Some(key.len() + value.len()),
        Write::Delete { .. } => None,
    };
    Growth::between(before.map(Row::size), after)
}
