//! The log as openraft asks for it, over a [`Disk`].
//!
//! The newest entries stay in memory, within bounds, so that neither replicating nor applying them
//! reads the disk. An entry is there for readers from the moment it was handed in; whether it is
//! durable is told by openraft's callback.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::limits::{RAFT_READ_BYTES_MAX, RAFT_TAIL_BYTES_MAX};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, EntryPayload, LogState, RaftLogReader, StorageError, StorageIOError};
use serde::{Deserialize, Serialize};

use crate::config::Types;
use crate::disk::{Disk, DiskError, off_reactor};
use crate::words::{GroupId, Voter};

type Entry = openraft::Entry<Types>;
type LogId = openraft::LogId<Voter>;
type Vote = openraft::Vote<Voter>;

/// The version of a record of the log; it stands first in it.
const VERSION: u8 = 1;

/// What a voter may not forget beside its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    /// For whom it voted, and in which term.
    pub(crate) vote: Option<Vote>,
    /// The last entry that was let go because a snapshot has it.
    pub(crate) purged: Option<LogId>,
    /// Whether this disk once had all that was agreed then: before that it does not vote, as it may
    /// be the new disk of a voter that had promised more.
    pub(crate) is_told: bool,
    /// The group that it is in. The state says so, too, but only once it is made again from the
    /// log: until then nodes of other groups would be listened to.
    pub(crate) group: Option<GroupId>,
}

/// The log of one node.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    disk: Arc<dyn Disk>,
    shared: Arc<Mutex<Shared>>,
    /// Held while the card is replaced: openraft votes and purges on tasks of its own.
    saving: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    card: Card,
    last: Option<LogId>,
    tail: Tail,
}

/// The newest entries.
#[derive(Debug, Default)]
struct Tail {
    entries: VecDeque<(Entry, usize)>,
    bytes: usize,
    /// All entries before this index are durable.
    durable: u64,
}

impl Tail {
    fn push(&mut self, entry: Entry, bytes: usize) {
        self.entries.push_back((entry, bytes));
        self.bytes += bytes;
        while self.bytes > RAFT_TAIL_BYTES_MAX
            && let Some((_, bytes)) = self
                .entries
                .pop_front_if(|(entry, _)| entry.log_id.index < self.durable)
        {
            self.bytes -= bytes;
        }
    }

    fn truncate_from(&mut self, index: u64) {
        while let Some((_, bytes)) = self
            .entries
            .pop_back_if(|(entry, _)| entry.log_id.index >= index)
        {
            self.bytes -= bytes;
        }
        self.durable = self.durable.min(index);
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// Gives the entries of a range when all of it is here, as many as have about so many bytes.
    fn get(&self, from: u64, until: u64, bytes_max: usize) -> Option<Vec<Entry>> {
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

impl LogStore {
    /// Reads where the log stands.
    pub(crate) async fn open(disk: Arc<dyn Disk>) -> Result<Self, DiskError> {
        let store = Self {
            shared: Arc::default(),
            saving: Arc::default(),
            disk,
        };
        let card = off_reactor(&store.disk, |disk| disk.load_card()).await?;
        let card: Card = match card {
            Some(bytes) => decode(&bytes)?,
            None => Card::default(),
        };
        let (_, next) = store.disk.log_range();
        let purged_next = card.purged.map_or(0, |purged| purged.index + 1);
        let mut last = card.purged;
        if next < purged_next {
            // A snapshot ahead of the log was taken in, and then the lights went out.
            off_reactor(&store.disk, move |disk| disk.restart_log(purged_next)).await?;
        } else if next > purged_next {
            let newest = off_reactor(&store.disk, move |disk| disk.read(next - 1, next, 0)).await?;
            let newest = newest
                .first()
                .ok_or_else(|| damaged("the newest entry is missing"))?;
            last = Some(decode_entry(newest)?.log_id);
        }
        {
            let mut shared = store.lock();
            shared.card = card;
            shared.last = last;
            shared.tail.durable = next.max(purged_next);
        }
        Ok(store)
    }

    /// Takes back that this node leads, as who starts: openraft would let it lead on in its term,
    /// and answer before it knows again how much of its log was agreed. Its vote stays its own.
    pub(crate) fn lead_no_more(&self, me: Voter) {
        let mut shared = self.lock();
        if let Some(vote) = &mut shared.card.vote {
            vote.committed &= vote.leader_id.node_id != me;
        }
    }

    /// Makes sure that the disk takes what is written: who cannot write takes no part.
    pub(crate) async fn prove_writable(&self) -> Result<(), DiskError> {
        let _saving = self.saving.lock().await;
        let card = self.lock().card.clone();
        self.save_card(card).await
    }

    /// Tells whether this disk once had all that was agreed then.
    pub(crate) fn is_told(&self) -> bool {
        self.lock().card.is_told
    }

    /// Takes note of that for good.
    pub(crate) async fn set_told(&self) -> Result<(), DiskError> {
        let _saving = self.saving.lock().await;
        let card = Card {
            is_told: true,
            ..self.lock().card.clone()
        };
        self.save_card(card).await
    }

    /// Gives the group that this disk is of.
    pub(crate) fn group(&self) -> Option<GroupId> {
        self.lock().card.group
    }

    /// Takes note of that for good.
    pub(crate) async fn set_group(&self, group: Option<GroupId>) -> Result<(), DiskError> {
        if self.group() == group {
            return Ok(());
        }
        let _saving = self.saving.lock().await;
        let card = Card {
            group,
            ..self.lock().card.clone()
        };
        self.save_card(card).await
    }

    /// Gives the vote and the last entry.
    pub(crate) fn ends(&self) -> (Option<Vote>, Option<LogId>) {
        let shared = self.lock();
        (shared.card.vote, shared.last)
    }

    /// Puts a snapshot that ends with an entry in the place of the whole log.
    pub(crate) async fn begin_behind(
        &self,
        vote: Vote,
        entry: LogId,
        group: GroupId,
    ) -> Result<(), DiskError> {
        let _saving = self.saving.lock().await;
        let card = Card {
            vote: Some(vote),
            purged: Some(entry),
            is_told: true,
            group: Some(group),
        };
        self.save_card(card).await?;
        let next = entry.index + 1;
        off_reactor(&self.disk, move |disk| disk.restart_log(next)).await?;
        let mut shared = self.lock();
        shared.last = Some(entry);
        shared.tail.clear();
        shared.tail.durable = next;
        Ok(())
    }

    /// Gives the bytes of the log on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.disk.log_bytes()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn save_card(&self, card: Card) -> Result<(), DiskError> {
        let bytes = encode(&card);
        off_reactor(&self.disk, move |disk| disk.save_card(&bytes)).await?;
        self.lock().card = card;
        Ok(())
    }

    async fn read(
        &self,
        from: u64,
        until: u64,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, StorageError<Voter>> {
        if from >= until {
            return Ok(Vec::new());
        }
        if let Some(found) = self.lock().tail.get(from, until, bytes_max) {
            return Ok(found);
        }
        let read = off_reactor(&self.disk, move |disk| disk.read(from, until, bytes_max)).await;
        let records = read.map_err(|error| reading(from, &error))?;
        let entries = records.iter().map(|record| decode_entry(record));
        let entries: Result<Vec<Entry>, DiskError> = entries.collect();
        let entries = entries.map_err(|error| reading(from, &error))?;
        let in_order = entries
            .iter()
            .zip(from..)
            .all(|(entry, index)| entry.log_id.index == index);
        if !in_order || entries.is_empty() {
            return Err(reading(from, &damaged("entries are missing")));
        }
        Ok(entries)
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError<Voter>> {
        let mut from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let mut until = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        {
            let shared = self.lock();
            from = from.max(shared.card.purged.map_or(0, |purged| purged.index + 1));
            until = until.min(shared.last.map_or(0, |last| last.index + 1));
        }
        let mut entries = Vec::new();
        while from < until {
            entries.extend(self.read(from, until, RAFT_READ_BYTES_MAX).await?);
            from = entries.last().map_or(until, |last| last.log_id.index + 1);
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError<Voter>> {
        self.read(start, end, RAFT_READ_BYTES_MAX).await
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError<Voter>> {
        let shared = self.lock();
        Ok(LogState {
            last_purged_log_id: shared.card.purged,
            last_log_id: shared.last,
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError<Voter>> {
        let _saving = self.saving.lock().await;
        let card = Card {
            vote: Some(*vote),
            ..self.lock().card.clone()
        };
        let saved = self.save_card(card).await;
        saved.map_err(|error| StorageIOError::write_vote(any(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError<Voter>> {
        Ok(self.lock().card.vote)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<Types>,
    ) -> Result<(), StorageError<Voter>>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut records = Vec::new();
        let mut next = 0;
        {
            let mut shared = self.lock();
            for mut entry in entries {
                if let EntryPayload::Normal(proposal) = &mut entry.payload {
                    proposal.is_being_written();
                }
                let record = encode_entry(&entry);
                shared.last = Some(entry.log_id);
                next = entry.log_id.index + 1;
                shared.tail.push(entry, record.len() + 64);
                records.push(record);
            }
        }
        let shared = Arc::clone(&self.shared);
        let then = move |done: Result<(), DiskError>| {
            if done.is_ok() {
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                // Entries may have been taken back meanwhile.
                let end = shared.last.map_or(0, |last| last.index + 1);
                shared.tail.durable = shared.tail.durable.max(next.min(end));
            }
            callback.log_io_completed(done.map_err(std::io::Error::other));
        };
        self.disk.append(records, Box::new(then));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<Voter>> {
        let index = log_id.index;
        let done = off_reactor(&self.disk, move |disk| disk.truncate_from(index)).await;
        done.map_err(|error| writing(&error))?;
        let last = match index.checked_sub(1) {
            None => None,
            Some(before) => {
                let purged = self.lock().card.purged;
                match purged.filter(|purged| purged.index >= before) {
                    Some(purged) => Some(purged),
                    None => {
                        let entries = self.read(before, index, 0).await?;
                        entries.last().map(|entry| entry.log_id)
                    }
                }
            }
        };
        let mut shared = self.lock();
        shared.tail.truncate_from(index);
        shared.last = last;
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<Voter>> {
        {
            let _saving = self.saving.lock().await;
            let card = Card {
                purged: Some(log_id),
                ..self.lock().card.clone()
            };
            // The card first: what it says is gone is never asked for.
            let saved = self.save_card(card).await;
            saved.map_err(|error| writing(&error))?;
        }
        let next = log_id.index + 1;
        let done = off_reactor(&self.disk, move |disk| {
            if disk.log_range().1 < next {
                return disk.restart_log(next);
            }
            disk.drop_before(next)
        });
        done.await.map_err(|error| writing(&error))?;
        let mut shared = self.lock();
        if shared.last.is_none_or(|last| last.index < log_id.index) {
            shared.last = Some(log_id);
            shared.tail.clear();
            shared.tail.durable = next;
        }
        Ok(())
    }
}

fn encode_entry(entry: &Entry) -> Vec<u8> {
    let bytes = match &entry.payload {
        EntryPayload::Normal(proposal) => proposal.batch.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    };
    let mut out = Vec::with_capacity(bytes + 64);
    out.push(VERSION);
    postcard::to_extend(entry, out).expect("an entry has only lengths that are known")
}

fn decode_entry(record: &[u8]) -> Result<Entry, DiskError> {
    match record.split_first() {
        Some((&VERSION, rest)) => decode(rest),
        Some((version, _)) => Err(damaged(&format!(
            "an entry has format version {version}, this program reads {VERSION}: update it"
        ))),
        None => Err(damaged("an entry is empty")),
    }
}

fn encode(card: &Card) -> Vec<u8> {
    postcard::to_allocvec(card).expect("a card has only lengths that are known")
}

fn decode<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, DiskError> {
    postcard::from_bytes(bytes).map_err(|error| damaged(&error.to_string()))
}

fn damaged(text: &str) -> DiskError {
    DiskError {
        text: format!("the agreed log is damaged: {text}"),
        is_full: false,
    }
}

pub(crate) fn any(error: &DiskError) -> AnyError {
    AnyError::new(error)
}

fn reading(index: u64, error: &DiskError) -> StorageError<Voter> {
    StorageIOError::read_log_at_index(index, any(error)).into()
}

fn writing(error: &DiskError) -> StorageError<Voter> {
    StorageIOError::write_logs(any(error)).into()
}
