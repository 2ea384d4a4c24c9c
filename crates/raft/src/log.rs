//! The log as openraft asks for it, over a [`Disk`].
//!
//! The newest entries stay in memory, within bounds, so that neither replicating nor applying them
//! reads the disk. An entry is there for readers from the moment it was handed in. That it is
//! durable is told to openraft, unless the log runs ahead of its disk: `group::ahead` says when,
//! and why nothing is agreed, or told to others, before it is durable here.

mod tail;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::limits::RAFT_READ_BYTES_MAX;
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, EntryPayload, LogState, RaftLogReader, StorageError, StorageIOError};
use serde::{Deserialize, Serialize};

pub(crate) use self::writer::Mark;

use self::tail::Tail;
use self::writer::{Write, Writer};
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
    writer: Writer,
    shared: Arc<Mutex<Shared>>,
    /// Held while the card is replaced: openraft votes and purges on tasks of its own.
    saving: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    card: Card,
    last: Option<LogId>,
    tail: Tail,
    /// Whether openraft is told that entries are durable while they are not: see `group::ahead`.
    runs_ahead: bool,
}

impl LogStore {
    /// Reads where the log stands.
    pub(crate) async fn open(disk: Arc<dyn Disk>) -> Result<Self, DiskError> {
        let card = off_reactor(&disk, |disk| disk.load_card()).await?;
        let card: Card = match card {
            Some(bytes) => decode(&bytes)?,
            None => Card::default(),
        };
        let (_, next) = disk.log_range();
        let purged_next = card.purged.map_or(0, |purged| purged.index + 1);
        let mut last = card.purged;
        if next < purged_next {
            // A snapshot ahead of the log was taken in, and then the lights went out.
            off_reactor(&disk, move |disk| disk.restart_log(purged_next)).await?;
        } else if next > purged_next {
            let newest = off_reactor(&disk, move |disk| disk.read(next - 1, next, 0)).await?;
            let newest = newest
                .first()
                .ok_or_else(|| damaged("the newest entry is missing"))?;
            last = Some(decode_entry(newest)?.log_id);
        }
        Ok(Self {
            writer: Writer::new(Arc::clone(&disk), next.max(purged_next)),
            disk,
            shared: Arc::new(Mutex::new(Shared {
                card,
                last,
                ..Shared::default()
            })),
            saving: Arc::default(),
        })
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
        self.writer.restart(next);
        Ok(())
    }

    /// Lets the log run ahead of its disk, or not; only that of a leader does.
    pub(crate) fn run_ahead(&self, me: Voter, may: bool) {
        let mut shared = self.lock();
        let vote = shared.card.vote;
        let leads = vote.is_some_and(|vote| vote.committed && vote.leader_id.node_id == me);
        shared.runs_ahead = may && leads;
    }

    /// Marks a place in the log up to an entry, or its begin.
    pub(crate) fn mark(&self, upto: Option<LogId>) -> Mark {
        self.writer.mark(upto.map_or(0, |entry| entry.index + 1))
    }

    /// Waits until the disk has all up to a mark; tells whether the entries are still those that
    /// were meant.
    pub(crate) async fn reach(&self, mark: Mark) -> Result<bool, DiskError> {
        self.writer.reach(mark).await
    }

    /// Waits until the disk has all that was handed in. What is taken back meanwhile was durable.
    pub(crate) async fn flush(&self) -> Result<(), DiskError> {
        let mark = self.mark(self.lock().last);
        self.reach(mark).await.map(drop)
    }

    /// Tells about how long the disk takes to make entries durable.
    pub(crate) fn write_time(&self) -> Duration {
        self.writer.time()
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
        // Who cannot write steps aside: openraft ends with this.
        if let Some(error) = self.writer.failure() {
            return Err(reading(from, &error));
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
        if let Some(error) = self.writer.failure() {
            return Err(StorageIOError::write_vote(any(&error)).into());
        }
        let _saving = self.saving.lock().await;
        let card = {
            let mut shared = self.lock();
            let led = shared.card.vote.map(|vote| vote.leader_id);
            shared.runs_ahead &= vote.committed && led == Some(vote.leader_id);
            Card {
                vote: Some(*vote),
                ..shared.card.clone()
            }
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
        let mut write = Write {
            records: Vec::new(),
            bytes: 0,
            next: 0,
            then: None,
        };
        let runs_ahead = {
            let mut shared = self.lock();
            let durable = self.writer.durable();
            for mut entry in entries {
                match &mut entry.payload {
                    EntryPayload::Normal(proposal) => proposal.is_being_written(),
                    // Who votes changes, and with it who is needed beside this node.
                    EntryPayload::Membership(_) => shared.runs_ahead = false,
                    EntryPayload::Blank => {}
                }
                let record = encode_entry(&entry);
                shared.last = Some(entry.log_id);
                write.next = entry.log_id.index + 1;
                write.bytes += record.len();
                shared.tail.push(entry, record.len() + 64, durable);
                write.records.push(record);
            }
            shared.runs_ahead
        };
        if runs_ahead {
            self.writer.write(write);
            callback.log_io_completed(Ok(()));
        } else {
            write.then = Some(Box::new(|done| {
                callback.log_io_completed(done.map_err(std::io::Error::other));
            }));
            self.writer.write(write);
        }
        // At once, and not when openraft next looks at the log.
        match self.writer.failure() {
            Some(error) => Err(writing(&error)),
            None => Ok(()),
        }
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<Voter>> {
        let index = log_id.index;
        // What is under way comes behind what was taken back, or is not known to be.
        self.flush().await.map_err(|error| writing(&error))?;
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
        shared.runs_ahead = false;
        self.writer.cut(index);
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
        let handed = self.lock().last.min(Some(log_id));
        let has_all = self.reach(self.mark(handed)).await;
        has_all.map_err(|error| writing(&error))?;
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
            shared.runs_ahead = false;
            self.writer.restart(next);
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
