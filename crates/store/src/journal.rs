//! A journal: records that are only ever appended, durable when the call returns.
//!
//! A journal is a directory of segments. A batch of records is written with one `write` and one
//! `fdatasync`, all or none. Three rules keep it simple to trust:
//!
//! - What is written is never written over: a file that was cut, or whose write or sync failed,
//!   takes no more records; the next ones go to a new segment. The newest segment may have zeros
//!   behind its records ([`Options::grow_bytes`]), and nothing but such zeros is written over.
//!   They end with the segment: one that is complete or was given up has none.
//! - A new segment makes all earlier records at or above its first position void. So taking back
//!   the end of a journal is the creation of one file.
//! - Every segment has a random salt in all its checksums: stale bytes never pass as records.
//!
//! [`Journal`] is the one writer, [`Reader`] reads beside it. What opening found is told by
//! [`Recovery`]. Group commit for many callers is in [`crate::commit`].

mod catalog;
mod frame;
mod options;
mod reader;
mod recovery;
mod room;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::WallTime;

use self::catalog::Catalog;
use self::room::Place;
use self::segment::{Name, Segment};
use crate::lock::Lock;
use crate::{Error, file};

pub use self::options::{Bounds, Check, Options};
pub use self::reader::{Order, Page, Query, Reader, Record};
pub use self::recovery::{Damage, DamageKind, Recovery};

/// Bytes of records that are read at once; the step of the time index.
const BLOCK_BYTES: u32 = 64 << 10;
/// Largest batch: what is held in memory to write it at once.
const BATCH_BYTES_MAX: usize = 64 << 20;
/// Largest segment: offsets are kept in 32 bits, and a batch may go over the mark.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// The place of a record: the first one of a journal is 1, the next one is one more. After
/// [`Journal::truncate_after`] the places that were taken back are given again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The place before the first record.
    pub const NONE: Self = Self(0);
    /// The place after every record.
    pub const MAX: Self = Self(u64::MAX);

    /// Gives the place of the following record.
    #[must_use]
    pub fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Figures of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files.
    pub segments: usize,
    /// Records that can be read.
    pub records: u64,
    /// Size of the files.
    pub bytes: u64,
    /// Segments that went over the bounds since the journal was opened.
    pub dropped_segments: u64,
    /// Records in those.
    pub dropped_records: u64,
    /// Bytes of those.
    pub dropped_bytes: u64,
}

/// The writer of a journal. There is one per directory; dropping it closes the journal.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    options: Options,
    catalog: Arc<Mutex<Catalog>>,
    /// The newest segment, while it may take more records.
    active: Option<File>,
    serial: u32,
    /// Files of segments that count no more.
    void: Vec<PathBuf>,
    buffer: Vec<u8>,
    /// Holds the lock on the directory.
    _lock: Lock,
}

impl Journal {
    /// Opens the journal in a directory, which is made when it is absent. Torn and damaged records
    /// never make this fail; they are reported. It fails when the disk does, when another process
    /// has the journal open, and when a newer program wrote it.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        assert!(
            options.segment_bytes_max <= SEGMENT_BYTES_MAX
                && options.record_bytes_max <= BATCH_BYTES_MAX,
            "the options of a journal are constants of ours: {options:?}"
        );
        file::make_dir(dir, 0o700)?;
        let lock = Lock::take(dir)?;
        let opened = recovery::open(dir, options.check)?;
        let journal = Self {
            dir: dir.to_owned(),
            options,
            catalog: Arc::new(Mutex::new(opened.catalog)),
            active: opened.active,
            serial: opened.serial,
            void: Vec::new(),
            buffer: Vec::new(),
            _lock: lock,
        };
        Ok((journal, opened.recovery))
    }

    /// Gives a handle for reading.
    pub fn reader(&self) -> Reader {
        Reader {
            catalog: Arc::clone(&self.catalog),
        }
    }

    /// Gives the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Gives the largest payload of a record.
    pub fn record_bytes_max(&self) -> usize {
        self.options.record_bytes_max
    }

    /// Appends records and makes them durable, all or none, and tells their positions. When it
    /// fails nothing was appended, and the same call may be made again: after a crash before that,
    /// some of the records may be there all the same, in order and without a gap.
    pub fn append<P: AsRef<[u8]>>(
        &mut self,
        records: &[(WallTime, P)],
    ) -> Result<Range<Position>, Error> {
        let total = self.check_sizes(records)?;
        let start = self.catalog().next();
        if records.is_empty() {
            return Ok(start..start);
        }
        if !self.has_room(total, records.len()) {
            self.roll(start, total, None)?;
        }
        let done = self.write(records);
        if done.is_err() {
            self.abandon();
        }
        done
    }

    /// Takes back all records after a position, durably. A crash in the middle leaves either all
    /// of them or none.
    pub fn truncate_after(&mut self, position: Position) -> Result<(), Error> {
        let next = position.following();
        let cut = {
            let catalog = self.catalog();
            if next >= catalog.next() {
                return Ok(());
            }
            let holds_next = |one: &&Segment| one.first() < next && next < one.next();
            catalog.segments.iter().find(holds_next).cloned()
        };
        let kept = match cut {
            Some(whole) => Some(recovery::plan_cut(&self.dir, &whole, next)?),
            None => None,
        };
        self.roll(next, 0, kept)
    }

    /// Forgets all records; the next one gets this position. Durable, but a crash in the middle
    /// may leave the journal empty with 1 as the next position: then it has to be done again.
    pub fn reset(&mut self, next: Position) -> Result<(), Error> {
        assert!(next > Position::NONE, "positions begin at 1");
        self.truncate_after(Position::NONE)?;
        if self.catalog().next() == next {
            return Ok(());
        }
        self.roll(next, 0, None)
    }

    /// Drops the segments that hold nothing but records before a position. Records before it that
    /// share a segment with it stay, and after a crash the dropped ones may be back.
    pub fn drop_before(&mut self, position: Position) -> Result<(), Error> {
        self.drop_while(|oldest, _| oldest.next() <= position)
            .map(drop)
    }

    /// Drops what is over the bounds at this time; appending does so for the size alone.
    pub fn trim(&mut self, now: WallTime) -> Result<(), Error> {
        let Some(bounds) = self.options.bounds else {
            return Ok(());
        };
        let age_max = u64::try_from(bounds.age_max.as_millis()).unwrap_or(u64::MAX);
        let is_old = |segment: &Segment| {
            let age = segment
                .time_max()
                .map(|newest| now.as_millis().saturating_sub(newest.as_millis()));
            age.is_some_and(|age| age > age_max)
        };
        let newest_is_old = self.catalog().segments.back().is_some_and(is_old);
        if newest_is_old {
            let next = self.catalog().next();
            self.roll(next, 0, None)?;
        }
        self.drop_counted(|oldest, bytes| is_old(oldest) || bytes > bounds.bytes_max)
    }

    fn check_sizes<P: AsRef<[u8]>>(&self, records: &[(WallTime, P)]) -> Result<usize, Error> {
        let too_large = |bytes: usize, bytes_max: usize| Error::TooLarge {
            path: self.dir.clone(),
            bytes: bytes as u64,
            bytes_max: bytes_max as u64,
        };
        let mut total = 0;
        for (_, payload) in records {
            let bytes = payload.as_ref().len();
            if bytes > self.options.record_bytes_max {
                return Err(too_large(bytes, self.options.record_bytes_max));
            }
            total += frame::HEAD_BYTES + bytes;
        }
        // One record always fits: its own limit is lower.
        if total > BATCH_BYTES_MAX + frame::HEAD_BYTES {
            return Err(too_large(total, BATCH_BYTES_MAX));
        }
        Ok(total)
    }

    /// Tells whether the active segment takes a batch of this size.
    fn has_room(&self, bytes: usize, records: usize) -> bool {
        let catalog = self.catalog();
        let (Some(_), Some(segment)) = (&self.active, catalog.segments.back()) else {
            return false;
        };
        let end = u64::from(segment.end) + bytes as u64;
        let index = u64::from(segment.next) + records as u64;
        (end <= self.options.segment_bytes_max || segment.records == 0)
            && index <= u64::from(u32::MAX)
    }

    fn write<P: AsRef<[u8]>>(
        &mut self,
        records: &[(WallTime, P)],
    ) -> Result<Range<Position>, Error> {
        let file = self.active.as_ref().expect("the caller made room");
        let catalog = Arc::clone(&self.catalog);
        let newest = || lock_catalog(&catalog).segments.back().cloned();
        let mut segment = newest().expect("an active file has a segment");
        let start = segment.next();
        for batch in records.chunks(frame::BATCH_RECORDS_MAX) {
            self.buffer.clear();
            let offset = segment.end;
            let place = Place {
                offset: u64::from(offset),
                file_bytes: segment.file_bytes,
                grow_bytes: self.options.grow_bytes,
                segment_bytes_max: self.options.segment_bytes_max,
            };
            let (salt, first) = (segment.name.salt, segment.next);
            for (back, (time, payload)) in batch.iter().enumerate() {
                let index = first + back as u32;
                let begin = offset + self.buffer.len() as u32;
                let payload = payload.as_ref();
                frame::encode(&mut self.buffer, salt, index, back as u16, *time, payload);
                let end = offset + self.buffer.len() as u32;
                segment.add(begin, index, frame::stored_time(*time), end);
            }
            segment.file_bytes = room::write(file, &mut self.buffer, place)
                .map_err(|e| Error::write(&segment.path, self.buffer.len(), e))?;
        }
        // A large batch is no reason to keep that much memory for ever.
        self.buffer.shrink_to(1 << 20);
        let end = segment.next();
        if let Some(newest) = lock_catalog(&catalog).segments.back_mut() {
            *newest = segment;
        }
        Ok(start..end)
    }

    /// Gives up the active segment after a failed write: cuts it back to what is durable, so that
    /// the room is free and the records that were refused are gone.
    fn abandon(&mut self) {
        let Some(file) = self.active.take() else {
            return;
        };
        let end = self.catalog().segments.back().map(|one| u64::from(one.end));
        let Some(end) = end else {
            return;
        };
        // When this fails too, the next segment makes the refused records void.
        if file.set_len(end).and_then(|()| file.sync_all()).is_ok() {
            self.newest_has(end);
        }
    }

    /// Begins a segment whose first record gets position `next`, which makes the records from
    /// there on void; `kept` is what is left of the segment that holds `next`.
    fn roll(
        &mut self,
        next: Position,
        need_bytes: usize,
        kept: Option<Segment>,
    ) -> Result<(), Error> {
        // A failed attempt may leave its file, so that each one has a serial of its own.
        self.serial = self.serial.saturating_add(1);
        let name = Name {
            serial: self.serial,
            first: next.0,
            salt: RandomState::new().build_hasher().finish() as u32,
        };
        let segment = Segment::new(&self.dir, name);
        // Taken before anything can fail: what a failed attempt leaves behind would make void
        // what the old segment took after it.
        let complete = self.active.take();
        self.active = Some(self.begin(&segment, need_bytes)?);
        if let (Some(file), None) = (complete, &kept) {
            self.write_footer(&file);
        }
        {
            let mut catalog = self.catalog();
            let keep = catalog.segments.partition_point(|one| one.first() < next);
            let mut void = catalog.segments.split_off(keep);
            void.extend(catalog.segments.pop_back_if(|newest| newest.next == 0));
            if let Some(kept) = &kept {
                catalog.segments.pop_back();
                catalog.segments.push_back(kept.clone());
            }
            if kept.is_some() || !void.is_empty() {
                catalog.cuts += 1;
            }
            catalog.segments.push_back(segment);
            drop(catalog);
            self.void.extend(void.into_iter().map(|one| one.path));
        }
        if let Some(kept) = kept {
            // The records behind the cut are void: opening cuts them again when this fails.
            let _ = recovery::cut(&kept);
        }
        // A void file that cannot be removed is tried again before any segment is dropped.
        let _ = self.remove_void();
        self.drop_over_size();
        Ok(())
    }

    /// Makes the file of a new segment, and its name durable.
    fn begin(&self, segment: &Segment, need_bytes: usize) -> Result<File, Error> {
        let make = || {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&segment.path)?;
            file.write_all_at(&segment.name.head(), 0)?;
            io::Result::Ok(file)
        };
        let made = make()
            .map_err(|e| Error::write(&segment.path, segment::HEAD_BYTES + need_bytes, e))
            .and_then(|file| file::sync_dir(&self.dir).map(|()| file));
        if made.is_err() {
            // When it stays it is an empty segment, which opening removes.
            let _ = fs::remove_file(&segment.path);
        }
        made
    }

    /// Removes the files of void segments. They must be gone before the segment that makes them
    /// void is dropped, or their records would count again.
    fn remove_void(&mut self) -> Result<(), Error> {
        while let Some(path) = self.void.last() {
            file::remove(path)?;
            self.void.pop();
        }
        Ok(())
    }

    /// Takes the room of the newest segment away and writes its index behind its records. That is
    /// not made durable and may fail: a segment without it is read whole when the journal is
    /// opened, and room that is left is taken away then.
    fn write_footer(&self, file: &File) {
        let newest = self.catalog().segments.back().cloned();
        let Some(newest) = newest else {
            return;
        };
        let footer = newest.footer();
        let end = u64::from(newest.end);
        let cut = file.set_len(end);
        match cut.and_then(|()| file.write_all_at(&footer, end)) {
            Ok(()) => self.newest_has(end + footer.len() as u64),
            Err(_) if file.set_len(end).is_ok() => self.newest_has(end),
            Err(_) => {}
        }
    }

    /// Takes note of the size of the newest segment's file.
    fn newest_has(&self, file_bytes: u64) {
        if let Some(newest) = self.catalog().segments.back_mut() {
            newest.file_bytes = file_bytes;
        }
    }

    fn drop_over_size(&mut self) {
        if let Some(bounds) = self.options.bounds {
            // What cannot be removed now is tried again with the next segment.
            let _ = self.drop_counted(|_, bytes| bytes > bounds.bytes_max);
        }
    }

    fn drop_counted(&mut self, is_over: impl Fn(&Segment, u64) -> bool) -> Result<(), Error> {
        let (segments, records, bytes) = self.drop_while(is_over)?;
        let mut catalog = self.catalog();
        catalog.dropped_segments += segments;
        catalog.dropped_records += records;
        catalog.dropped_bytes += bytes;
        Ok(())
    }

    /// Drops the oldest segments while they may go; never the newest one.
    fn drop_while(
        &mut self,
        may_go: impl Fn(&Segment, u64) -> bool,
    ) -> Result<(u64, u64, u64), Error> {
        let mut dropped = (0, 0, 0);
        self.remove_void()?;
        loop {
            let oldest = {
                let mut catalog = self.catalog();
                let bytes = catalog.bytes();
                if catalog.segments.len() < 2 || !may_go(&catalog.segments[0], bytes) {
                    return Ok(dropped);
                }
                catalog.segments.pop_front().expect("there are two")
            };
            // Durably, so that no later one can be gone while this one is back.
            if let Err(error) = file::remove(&oldest.path) {
                self.catalog().segments.push_front(oldest);
                return Err(error);
            }
            dropped.0 += 1;
            dropped.1 += u64::from(oldest.records);
            dropped.2 += oldest.file_bytes;
        }
    }

    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        lock_catalog(&self.catalog)
    }
}

fn lock_catalog(catalog: &Mutex<Catalog>) -> MutexGuard<'_, Catalog> {
    catalog.lock().unwrap_or_else(PoisonError::into_inner)
}
