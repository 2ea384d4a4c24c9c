//! What keys were before: the last values of each, within bounds.
//!
//! The values of one key are a chain: each names the revision of the one before it. A key keeps
//! its last [`KV_PAST_MAX`]; when all keys together have too much, the oldest of all goes first.

use std::collections::BTreeMap;

use model::limits::{KV_PAST_BYTES_MAX, KV_PAST_ENTRIES_MAX, KV_PAST_MAX};

use super::keys::Cell;
use crate::words::{Key, Revision, Value};

/// What a key was from one revision on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The revision that made it so.
    pub revision: Revision,
    /// The value; none when it was deleted.
    pub value: Option<Value>,
    /// When, in milliseconds of wall time.
    pub wall: u64,
    /// The revision of what it was before; none when it had never been.
    pub previous: Revision,
}

impl Past {
    /// Makes a past of what a key is.
    pub(super) fn of(cell: Cell) -> Self {
        Self {
            revision: cell.revision,
            value: Some(cell.value),
            wall: cell.wall,
            previous: cell.previous,
        }
    }
}

/// What the keys were.
#[derive(Clone, Debug, Default)]
pub(super) struct Pasts {
    entries: BTreeMap<(Revision, Key), Past>,
    bytes: usize,
    /// The last deletion of each key that is absent and has a past.
    gone: BTreeMap<Key, Revision>,
}

impl Pasts {
    /// Tells where the chain of an absent key begins.
    pub(super) fn gone(&self, key: &str) -> Revision {
        self.gone.get(key).copied().unwrap_or(Revision::NONE)
    }

    /// Adds what a key was until this; `is_gone` when it is its deletion, which still holds.
    pub(super) fn push(&mut self, key: &Key, past: Past, is_gone: bool) {
        let revision = past.revision;
        self.bytes += bytes_of(key, &past);
        if is_gone {
            self.gone.insert(Key::clone(key), revision);
        }
        let known = self.entries.insert((revision, Key::clone(key)), past);
        debug_assert!(known.is_none(), "a key changes once in a revision");
        self.cut_chain(key, revision);
        while self.entries.len() > KV_PAST_ENTRIES_MAX || self.bytes > KV_PAST_BYTES_MAX {
            let Some((key, revision)) = self
                .entries
                .first_key_value()
                .map(|((revision, key), _)| (Key::clone(key), *revision))
            else {
                break;
            };
            self.drop_entry(&key, revision);
        }
    }

    /// Takes note that an absent key is there again.
    pub(super) fn is_back(&mut self, key: &str) {
        self.gone.remove(key);
    }

    /// Gives the chain from a revision on, newest first.
    pub(super) fn chain<'a>(
        &'a self,
        key: &Key,
        from: Revision,
    ) -> impl Iterator<Item = &'a Past> + use<'a> {
        let key = Key::clone(key);
        let mut next = from;
        std::iter::from_fn(move || {
            let past = self.entries.get(&(next, Key::clone(&key)))?;
            next = past.previous;
            Some(past)
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Past)> {
        self.entries.iter().map(|((_, key), past)| (key, past))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in what a snapshot has.
    pub(super) fn restore(&mut self, key: Key, past: Past, is_gone: bool) {
        self.bytes += bytes_of(&key, &past);
        if is_gone {
            self.gone.insert(Key::clone(&key), past.revision);
        }
        self.entries.insert((past.revision, key), past);
    }

    /// Drops what is behind the last values that a key keeps.
    fn cut_chain(&mut self, key: &Key, from: Revision) {
        // The chain was within the bound before, so at most one is over it.
        let over = self.chain(key, from).nth(KV_PAST_MAX);
        if let Some(revision) = over.map(|past| past.revision) {
            self.drop_entry(key, revision);
        }
    }

    fn drop_entry(&mut self, key: &Key, revision: Revision) {
        if let Some(past) = self.entries.remove(&(revision, Key::clone(key))) {
            self.bytes -= bytes_of(key, &past);
        }
        if self.gone(key) == revision {
            self.gone.remove(key);
        }
    }
}

/// About what an entry takes in memory, the key and the tree counted.
fn bytes_of(key: &Key, past: &Past) -> usize {
    96 + key.len() + past.value.as_ref().map_or(0, |value| value.len())
}
