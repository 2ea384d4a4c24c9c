//! A disk that forgets what was not synced, takes its time, and may be full.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use raft::disk::{Arriving, Disk, DiskError, Fill, Image, Then};
use tokio::time::Instant;

/// What survives.
#[derive(Clone, Debug, Default)]
struct Kept {
    first: u64,
    records: VecDeque<Vec<u8>>,
    card: Option<Vec<u8>>,
    image: Option<Arc<Vec<u8>>>,
}

impl Kept {
    fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

#[derive(Debug, Default)]
struct State {
    live: Kept,
    /// Records below this index are synced.
    synced: u64,
    /// When the last sync that was asked for ends.
    free_at: Option<Instant>,
    sync_time: Duration,
    is_full: bool,
    /// Bytes that are left for the log, when there are few.
    room: Option<usize>,
    /// Counts crashes: what was asked for before one is not answered after it.
    boots: u64,
}

/// The disk of one node, as one start of it sees it; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    state: Arc<Mutex<State>>,
    boot: u64,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Gives the disk to the start that holds it; who crashed reaches it no more.
    fn mine(&self) -> Result<MutexGuard<'_, State>, DiskError> {
        let state = self.lock();
        if state.boots == self.boot {
            return Ok(state);
        }
        Err(DiskError {
            text: "this node has crashed".to_owned(),
            is_full: false,
        })
    }

    /// Forgets what was not synced, and gives the disk for the next start.
    pub(crate) fn crash(&self) -> Self {
        let mut state = self.lock();
        state.boots += 1;
        let boot = state.boots;
        state.free_at = None;
        let synced = state.synced.max(state.live.first);
        while state.live.next() > synced {
            state.live.records.pop_back();
        }
        state.synced = state.live.next();
        drop(state);
        Self {
            state: Arc::clone(&self.state),
            boot,
        }
    }

    pub(crate) fn set_sync_time(&self, time: Duration) {
        self.lock().sync_time = time;
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    /// Leaves little room for the log, or enough; the card has its own.
    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.lock().room = room;
    }

    pub(crate) fn log_len(&self) -> usize {
        self.lock().live.records.len()
    }
}

fn full() -> DiskError {
    DiskError {
        text: "no space left".to_owned(),
        is_full: true,
    }
}

impl Disk for Memory {
    fn is_blocking(&self) -> bool {
        false
    }

    fn log_range(&self) -> (u64, u64) {
        let state = self.lock();
        (state.live.first, state.live.next())
    }

    fn log_bytes(&self) -> u64 {
        let state = self.lock();
        state
            .live
            .records
            .iter()
            .map(|one| one.len() as u64 + 20)
            .sum()
    }

    fn append(&self, records: Vec<Vec<u8>>, then: Then) {
        let (boots, until, written) = {
            let mut state = match self.mine() {
                Ok(state) if state.is_full => return then(Err(full())),
                Ok(state) => state,
                Err(error) => return then(Err(error)),
            };
            let bytes: usize = records.iter().map(Vec::len).sum();
            let has_room = state.room.is_none_or(|room| bytes <= room);
            if has_room {
                state.room = state.room.map(|room| room - bytes);
                state.live.records.extend(records);
            }
            let begins = state
                .free_at
                .unwrap_or_else(Instant::now)
                .max(Instant::now());
            let until = begins + state.sync_time;
            state.free_at = Some(until);
            let written = has_room.then(|| state.live.next());
            (state.boots, until, written.ok_or_else(full))
        };
        let disk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            {
                let mut state = disk.lock();
                if state.boots != boots {
                    return;
                }
                let end = written
                    .as_ref()
                    .map_or(0, |end| *end.min(&state.live.next()));
                state.synced = state.synced.max(end);
            }
            then(written.map(drop));
        });
    }

    fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, DiskError> {
        let state = self.mine()?;
        let mut bytes = 0;
        let mut found: Vec<Vec<u8>> = Vec::new();
        for index in from.max(state.live.first)..until.min(state.live.next()) {
            let record = &state.live.records[(index - state.live.first) as usize];
            bytes += record.len();
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push(record.clone());
        }
        Ok(found)
    }

    fn truncate_from(&self, index: u64) -> Result<(), DiskError> {
        let mut state = self.mine()?;
        while state.live.next() > index.max(state.live.first) {
            state.live.records.pop_back();
        }
        state.synced = state.synced.min(state.live.next());
        Ok(())
    }

    fn drop_before(&self, index: u64) -> Result<(), DiskError> {
        let mut state = self.mine()?;
        // As with segments, some of what may go stays.
        while state.live.first + 8 < index && state.live.records.pop_front().is_some() {
            state.live.first += 1;
        }
        Ok(())
    }

    fn restart_log(&self, next: u64) -> Result<(), DiskError> {
        let mut state = self.mine()?;
        state.live.records.clear();
        state.live.first = next;
        state.synced = next;
        Ok(())
    }

    fn prove_room(&self) -> Result<(), DiskError> {
        let state = self.mine()?;
        match state.is_full || state.room.is_some() {
            true => Err(full()),
            false => Ok(()),
        }
    }

    fn load_card(&self) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.mine()?.live.card.clone())
    }

    fn save_card(&self, card: &[u8]) -> Result<(), DiskError> {
        let mut state = self.mine()?;
        if state.is_full {
            return Err(full());
        }
        state.live.card = Some(card.to_vec());
        Ok(())
    }

    fn image(&self) -> Result<Option<Arc<dyn Image>>, DiskError> {
        let image = self.mine()?.live.image.clone();
        Ok(image.map(|image| Arc::new(Bytes(image)) as Arc<dyn Image>))
    }

    fn write_image(&self, fill: Fill<'_>) -> Result<Arc<dyn Image>, DiskError> {
        if self.mine()?.is_full {
            return Err(full());
        }
        let mut bytes = Vec::new();
        fill(&mut bytes as &mut dyn Write).unwrap();
        let bytes = Arc::new(bytes);
        self.mine()?.live.image = Some(Arc::clone(&bytes));
        Ok(Arc::new(Bytes(bytes)))
    }

    fn receive_image(&self) -> Result<Box<dyn Arriving>, DiskError> {
        Ok(Box::new(Coming(Vec::new())))
    }

    fn accept_image(&self, arrived: Box<dyn Arriving>) -> Result<Arc<dyn Image>, DiskError> {
        let coming = arrived.into_any().downcast::<Coming>().unwrap();
        let bytes = Arc::new(coming.0);
        self.mine()?.live.image = Some(Arc::clone(&bytes));
        Ok(Arc::new(Bytes(bytes)))
    }
}

#[derive(Debug)]
struct Bytes(Arc<Vec<u8>>);

impl Image for Bytes {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn part(&self, offset: u64, bytes_max: usize) -> Result<Vec<u8>, DiskError> {
        let from = offset as usize;
        // Small parts, so that a snapshot takes many.
        let until = self.0.len().min(from + bytes_max.min(2_000));
        Ok(self.0[from..until].to_vec())
    }

    fn reader(&self) -> Box<dyn Read + Send> {
        Box::new(std::io::Cursor::new(self.0.to_vec()))
    }
}

#[derive(Debug)]
struct Coming(Vec<u8>);

impl Arriving for Coming {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn push(&mut self, part: &[u8]) -> Result<(), DiskError> {
        self.0.extend_from_slice(part);
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Read + Send>, DiskError> {
        Ok(Box::new(std::io::Cursor::new(self.0.clone())))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
