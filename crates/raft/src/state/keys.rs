//! The keys: what they are, which of them go away by themselves, and what they were.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use model::limits::{KV_BYTES_MAX, KV_EXPIRED_MAX, KV_KEYS_MAX, KV_QUOTAS_MAX};

use super::past::{Past, Pasts};
use super::quota::{self, Growth, Quota, Quotas, Usage};
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

/// All keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    cells: BTreeMap<Key, Cell>,
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
    pub(super) fn get(&self, key: &str) -> Option<&Cell> {
        self.cells.get(key)
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Gives the keys with a prefix that come behind a key, in their order.
    pub(super) fn range<'a>(
        &'a self,
        prefix: &'a str,
        behind: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Cell)> {
        let start = match behind {
            Some(behind) if behind >= prefix => Bound::Excluded(behind),
            Some(_) | None => Bound::Included(prefix),
        };
        self.cells
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Tells whether the writes fit into all bounds together.
    pub(super) fn check_room(&self, writes: &[Write]) -> Result<(), Refusal> {
        let growths: Vec<(&str, Growth)> = writes
            .iter()
            .map(|write| (&**write.key(), self.growth(write)))
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
            Write::Delete { key } => self.cells.contains_key(key),
        }
    }

    /// Makes one write that was checked.
    pub(super) fn write(&mut self, write: &Write, stamp: Stamp) {
        let growth = self.growth(write);
        let key = write.key();
        let previous = self.retire(key);
        match write {
            Write::Put { value, ttl_ms, .. } => {
                let expires = match ttl_ms {
                    Some(ttl) => Clock(stamp.clock.0.saturating_add((*ttl).max(1))),
                    None => Clock(0),
                };
                self.pasts.is_back(key);
                self.insert(
                    Key::clone(key),
                    Cell {
                        value: value.clone(),
                        revision: stamp.revision,
                        previous,
                        wall: stamp.wall,
                        expires,
                    },
                );
            }
            Write::Delete { .. } => {
                let past = Past {
                    revision: stamp.revision,
                    value: None,
                    wall: stamp.wall,
                    previous,
                };
                self.pasts.push(key, past, true);
            }
        }
        self.count(key, growth);
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
        let now = self.cells.get(key).map(|cell| Past {
            revision: cell.revision,
            value: Some(cell.value.clone()),
            wall: cell.wall,
            previous: cell.previous,
        });
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
        for (key, cell) in self.range(prefix, None) {
            usage.keys += 1;
            usage.bytes += size(key, cell) as u64;
        }
        self.quotas.set(prefix.to_owned(), quota, usage);
        Ok(true)
    }

    /// Takes in what a snapshot has.
    pub(super) fn restore(&mut self, key: Key, cell: Cell) {
        let growth = Growth::between(None, Some(size(&key, &cell)));
        self.count(&key, growth);
        self.insert(key, cell);
    }

    fn insert(&mut self, key: Key, cell: Cell) {
        if cell.expires > Clock(0) {
            self.expiries.insert((cell.expires, Key::clone(&key)));
        }
        self.cells.insert(key, cell);
    }

    /// Takes a key out and keeps it as past; gives the revision of what it was.
    fn retire(&mut self, key: &Key) -> Revision {
        let Some(cell) = self.cells.remove(key) else {
            return self.pasts.gone(key);
        };
        if cell.expires > Clock(0) {
            self.expiries.remove(&(cell.expires, Key::clone(key)));
        }
        let revision = cell.revision;
        let past = Past {
            revision,
            value: Some(cell.value),
            wall: cell.wall,
            previous: cell.previous,
        };
        self.pasts.push(key, past, false);
        revision
    }

    fn growth(&self, write: &Write) -> Growth {
        let before = self.cells.get(write.key());
        let before = before.map(|cell| size(write.key(), cell));
        let after = match write {
            Write::Put { key, value, .. } => Some(key.len() + value.len()),
            Write::Delete { .. } => None,
        };
        Growth::between(before, after)
    }

    fn count(&mut self, key: &str, growth: Growth) {
        self.usage.keys = self.usage.keys.saturating_add_signed(growth.keys);
        self.usage.bytes = self.usage.bytes.saturating_add_signed(growth.bytes);
        self.quotas.count(key, growth);
    }
}

fn size(key: &str, cell: &Cell) -> usize {
    key.len() + cell.value.len()
}
