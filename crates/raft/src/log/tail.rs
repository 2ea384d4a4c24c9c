//! The newest entries of the log, in memory.

use std::collections::VecDeque;

use model::limits::RAFT_TAIL_BYTES_MAX;

use super::Entry;

/// The newest entries.
#[derive(Debug, Default)]
pub(super) struct Tail {
    entries: VecDeque<(Entry, usize)>,
    bytes: usize,
}

impl Tail {
    /// Takes an entry in, and lets go of the oldest ones before an index that the disk has.
    pub(super) fn push(&mut self, entry: Entry, bytes: usize, durable: u64) {
        self.entries.push_back((entry, bytes));
        self.bytes += bytes;
        while self.bytes > RAFT_TAIL_BYTES_MAX
            && let Some((_, bytes)) = self
                .entries
                .pop_front_if(|(entry, _)| entry.log_id.index < durable)
        {
            self.bytes -= bytes;
        }
    }

    /// Forgets the entries from an index on.
    pub(super) fn truncate_from(&mut self, index: u64) {
        while let Some((_, bytes)) = self
            .entries
            .pop_back_if(|(entry, _)| entry.log_id.index >= index)
        {
            self.bytes -= bytes;
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// Gives the entries of a range when all of it is here, as many as have about so many bytes.
    pub(super) fn get(&self, from: u64, until: u64, bytes_max: usize) -> Option<Vec<Entry>> {
        let first = self.entries.front()?.0.log_id.index;
        if from < first {
            return None;
        }
        let start = usize::try_from(from - first).ok()?;
        let mut bytes = 0;
        let mut found = Vec::new();
        for (entry, size) in self.entries.iter().skip(start) {
            bytes += size;
            let is_over = bytes > bytes_max && !found.is_empty();
            if entry.log_id.index >= until || is_over {
                break;
            }
            found.push(entry.clone());
        }
        Some(found)
    }
}
