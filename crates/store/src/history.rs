//! The history of one kind of object: what happened, when, newest or by time, within bounds.
//!
//! Recording never waits for the disk: records gather in memory, and [`History::flush`] writes
//! them with one sync. When the disk takes nothing they stay there, at most `buffer_bytes_max`,
//! the oldest dropped and counted, and the next flush tries again; so a full disk is survived and
//! left behind without anyone's doing. Reading sees both, in order, at any time.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::WallTime;

use crate::Error;
use crate::health::{Health, Trouble};
use crate::journal::{
    self, Bounds, Check, Damage, Journal, Order, Page, Position, Query, Reader, Record, Recovery,
};

/// How a history is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size on disk; the oldest segment is dropped.
    pub bytes_max: u64,
    /// Age of what is kept.
    pub age_max: Duration,
    /// Largest record.
    pub record_bytes_max: usize,
    /// Bytes that may wait in memory; then the oldest are dropped.
    pub buffer_bytes_max: usize,
}

/// Parts in which the size bound works: one of these is dropped at a time.
const SEGMENTS: u64 = 16;
/// Bytes that are written at once, so that a little room lets a part of the buffer out.
const WRITE_BYTES_MAX: usize = 256 << 10;
/// What a waiting record takes in memory besides its payload (measured: an entry and its heap
/// block).
const WAITING_BYTES: usize = 64;

/// The history of one kind; clones are handles of the same.
#[derive(Clone, Debug)]
pub struct History {
    shared: Arc<Shared>,
}

/// Figures of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The figures of what is on disk.
    pub disk: journal::Stats,
    /// Records in memory that wait for the disk.
    pub waiting: usize,
    /// Bytes of those.
    pub waiting_bytes: usize,
    /// Records that were dropped from memory because too many waited.
    pub dropped: u64,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    options: Options,
    /// Held while the disk is written. `None` until the journal could be opened.
    journal: Mutex<Option<Journal>>,
    /// Held for moments only.
    memory: Mutex<Memory>,
}

type Waiting = (WallTime, Arc<[u8]>);

#[derive(Debug, Default)]
struct Memory {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Counts the records that left the front of `waiting`, written or dropped.
    left: u64,
    dropped: u64,
    reader: Option<Reader>,
    /// The position of the first waiting record: what is on disk below it is no longer waiting.
    next: Position,
    trouble: Option<(Error, WallTime)>,
    damage: Vec<Damage>,
}

impl History {
    /// Opens the history in a directory. It always opens: when the disk does not let it, it lives
    /// in memory and tries again with each flush.
    pub fn open(dir: &Path, options: Options, now: WallTime) -> (Self, Recovery) {
        let history = Self {
            shared: Arc::new(Shared {
                dir: dir.to_owned(),
                options,
                journal: Mutex::new(None),
                memory: Mutex::new(Memory {
                    next: Position(1),
                    ..Memory::default()
                }),
            }),
        };
        history.flush(now);
        let damage = history.memory().damage.clone();
        (history, Recovery { damage })
    }

    /// Adds a record. It is on disk after the next flush that finds the disk healthy.
    pub fn record(&self, time: WallTime, payload: &[u8]) -> Result<(), Error> {
        let options = &self.shared.options;
        if payload.len() > options.record_bytes_max {
            return Err(Error::TooLarge {
                path: self.shared.dir.clone(),
                bytes: payload.len() as u64,
                bytes_max: options.record_bytes_max as u64,
            });
        }
        let mut memory = self.memory();
        memory.bytes += payload.len() + WAITING_BYTES;
        memory.waiting.push_back((time, Arc::from(payload)));
        while memory.bytes > options.buffer_bytes_max && memory.waiting.len() > 1 {
            memory.leave(1);
            memory.dropped += 1;
        }
        Ok(())
    }

    /// Writes what waits, drops what is over the bounds, and tells how that went. Blocks on the
    /// disk; to be called about once a second, and before the end.
    pub fn flush(&self, now: WallTime) -> Health {
        let mut journal = self
            .shared
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.write_all(&mut journal, now) {
            let mut memory = self.memory();
            let since = memory.trouble.take().map_or(now, |(_, since)| since);
            memory.trouble = Some((error, since));
        } else {
            self.memory().trouble = None;
        }
        self.health()
    }

    /// Reads one page of what is on disk and of what waits. A waiting record has the position that
    /// it gets on disk unless older ones are dropped before.
    pub fn read(&self, query: &Query) -> Result<Page, Error> {
        let (waiting, next, reader) = {
            let memory = self.memory();
            (memory.waiting.clone(), memory.next, memory.reader.clone())
        };
        let records = waiting
            .into_iter()
            .zip(next.0..)
            .map(|((time, payload), at)| Record {
                position: Position(at),
                time,
                payload: payload.to_vec(),
            });
        let is_meant = |record: &Record| {
            query.positions.contains(&record.position) && query.times.contains(&record.time)
        };
        let mut waiting: Vec<Record> = records.filter(is_meant).collect();
        let on_disk = |query: Query| match &reader {
            Some(reader) => {
                let end = query.positions.end.min(next);
                reader.read(&query.before(end))
            }
            None => Ok(Page::empty()),
        };
        match query.order {
            Order::OldestFirst => {
                let mut page = on_disk(query.clone())?;
                match page.rest.take() {
                    Some(rest) => page.rest = Some(rest.before(query.positions.end)),
                    None => page.fill(waiting, query),
                }
                Ok(page)
            }
            Order::NewestFirst => {
                waiting.reverse();
                let mut page = Page::empty();
                page.fill(waiting, query);
                if page.rest.is_none() {
                    // Looks a record further than the page may hold, to learn of a rest.
                    let older = on_disk(query.clone())?;
                    page.damage = older.damage;
                    page.fill(older.records, query);
                    page.rest = page.rest.or(older.rest);
                }
                Ok(page)
            }
        }
    }

    /// Tells whether what is recorded reaches the disk.
    pub fn health(&self) -> Health {
        let memory = self.memory();
        match &memory.trouble {
            None => Health::Healthy,
            Some((error, since)) => Health::InMemory(Trouble {
                error: error.clone(),
                since: *since,
                waiting: memory.waiting.len(),
                waiting_bytes: memory.bytes,
                dropped: memory.dropped,
            }),
        }
    }

    /// Gives the figures.
    pub fn stats(&self) -> Stats {
        let memory = self.memory();
        Stats {
            disk: memory
                .reader
                .as_ref()
                .map(Reader::stats)
                .unwrap_or_default(),
            waiting: memory.waiting.len(),
            waiting_bytes: memory.bytes,
            dropped: memory.dropped,
        }
    }

    fn write_all(&self, journal: &mut Option<Journal>, now: WallTime) -> Result<(), Error> {
        let journal = match journal {
            Some(journal) => journal,
            None => journal.insert(self.open_journal()?),
        };
        loop {
            let (batch, left) = self.memory().batch();
            if batch.is_empty() {
                return journal.trim(now);
            }
            let written = journal.append(&batch)?;
            let mut memory = self.memory();
            // Some of them may have been dropped from memory while they were written.
            let dropped = memory.left - left;
            memory.leave((batch.len() as u64).saturating_sub(dropped));
            memory.next = written.end;
        }
    }

    fn open_journal(&self) -> Result<Journal, Error> {
        let options = &self.shared.options;
        let (journal, recovery) = Journal::open(
            &self.shared.dir,
            journal::Options {
                segment_bytes_max: (options.bytes_max / SEGMENTS).min(1 << 30),
                record_bytes_max: options.record_bytes_max,
                bounds: Some(Bounds {
                    bytes_max: options.bytes_max,
                    age_max: options.age_max,
                }),
                grow_bytes: 0,
                check: Check::Tail,
            },
        )?;
        let mut memory = self.memory();
        memory.next = journal.reader().next();
        memory.reader = Some(journal.reader());
        memory.damage = recovery.damage;
        Ok(journal)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Gives the first records that wait, as many as are written at once, and how many had left
    /// before them.
    fn batch(&self) -> (Vec<Waiting>, u64) {
        let mut bytes = 0;
        let fits = |(_, payload): &&Waiting| {
            let is_first = bytes == 0;
            bytes += payload.len() + WAITING_BYTES;
            is_first || bytes <= WRITE_BYTES_MAX
        };
        let batch = self.waiting.iter().take_while(fits).cloned().collect();
        (batch, self.left)
    }

    fn leave(&mut self, count: u64) {
        for _ in 0..count {
            if let Some((_, payload)) = self.waiting.pop_front() {
                self.bytes -= payload.len() + WAITING_BYTES;
                self.left += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        bytes_max: 16_000,
        age_max: Duration::from_secs(60),
        record_bytes_max: 1_000,
        buffer_bytes_max: 2_000,
    };

    fn at(millis: u64) -> WallTime {
        WallTime::from_millis(millis)
    }

    fn open(dir: &Path) -> History {
        let (history, recovery) = History::open(dir, OPTIONS, at(0));
        assert_eq!(recovery, Recovery::default());
        history
    }

    fn record(history: &History, times: std::ops::Range<u64>) {
        for time in times {
            history
                .record(at(time), time.to_string().as_bytes())
                .unwrap();
        }
    }

    /// Reads to the end in small pages and gives the payloads.
    fn read(history: &History, query: Query) -> Vec<u64> {
        let mut records = Vec::new();
        let mut next = Some(query);
        while let Some(query) = next {
            let page = history.read(&query).unwrap();
            assert!(page.records.len() <= query.records_max);
            records.extend(page.records);
            next = page.rest;
        }
        let text = |record: &Record| String::from_utf8(record.payload.clone()).unwrap();
        records
            .iter()
            .map(|record| text(record).parse().unwrap())
            .collect()
    }

    #[track_caller]
    fn check(history: &History, expect: std::ops::Range<u64>) {
        let expect: Vec<u64> = expect.collect();
        let reversed: Vec<u64> = expect.iter().rev().copied().collect();
        for records_max in [1, 3, 1_000] {
            let all = |order| Query::all(order, records_max, 10_000);
            assert_eq!(read(history, all(Order::OldestFirst)), expect);
            assert_eq!(read(history, all(Order::NewestFirst)), reversed);
        }
    }

    /// Makes a place where no directory can be made.
    fn block(dir: &Path) -> PathBuf {
        let path = dir.join("blocked");
        std::fs::File::create(&path).unwrap();
        path
    }

    #[test]
    fn what_waits_and_what_is_on_disk_are_read_as_one() {
        let dir = crate::scratch::dir();
        let history = open(dir.path());
        check(&history, 0..0);
        record(&history, 0..5);
        check(&history, 0..5);
        assert!(history.flush(at(5)).is_healthy());
        check(&history, 0..5);
        record(&history, 5..9);
        check(&history, 0..9);
        let some = |query: Query| query.between(at(3)..=at(6));
        let query = Query::all(Order::NewestFirst, 2, 1_000);
        assert_eq!(read(&history, some(query)), [6, 5, 4, 3]);
        let query = Query::all(Order::OldestFirst, 3, 2)
            .from(Position(2))
            .before(Position(8));
        assert_eq!(read(&history, query), [1, 2, 3, 4, 5, 6]);
        assert!(history.flush(at(9)).is_healthy());
        drop(history);
        check(&open(dir.path()), 0..9);
    }

    #[test]
    fn the_newest_are_read_within_a_number_and_a_size() {
        let dir = crate::scratch::dir();
        let history = open(dir.path());
        record(&history, 10..20);
        history.flush(at(20));
        record(&history, 20..22);
        let page = |records_max, bytes_max| {
            let query = Query::all(Order::NewestFirst, records_max, bytes_max);
            history.read(&query).unwrap()
        };
        assert_eq!(page(4, 1_000).records.len(), 4);
        assert_eq!((page(100, 9).records.len(), page(100, 9).bytes), (4, 8));
        assert_eq!(
            page(100, 0).records.len(),
            1,
            "a page is never empty for its size"
        );
        assert!(page(12, 1_000).rest.is_none());
    }

    #[test]
    fn bounds_are_kept_by_size_and_age() {
        let dir = crate::scratch::dir();
        let history = open(dir.path());
        for turn in 0..100 {
            for _ in 0..10 {
                history.record(at(turn), &[b'x'; 100]).unwrap();
            }
            assert!(history.flush(at(turn)).is_healthy());
        }
        let disk = history.stats().disk;
        assert!((14_000..=17_500).contains(&disk.bytes), "{disk:?}");
        assert_eq!(disk.records + disk.dropped_records, 1_000);
        history.flush(at(60_099));
        assert!(history.stats().disk.records > 0);
        history.flush(at(60_100));
        assert_eq!(history.stats().disk.records, 0);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_survived_in_memory_and_left_behind() {
        let dir = crate::scratch::dir();
        let path = block(dir.path());
        let history = open(&path);
        record(&history, 0..5);
        let health = history.flush(at(7));
        let trouble = health.trouble().unwrap();
        assert_eq!((trouble.waiting, trouble.dropped), (5, 0));
        assert_eq!(trouble.since, at(0), "it began when it was opened");
        let text = format!(
            "cannot make directory {}: something else has that name; in memory since \
             1970-01-01T00:00:00.000Z: 5 waiting (325 B)",
            path.display()
        );
        assert_eq!(health.to_string(), text);
        check(&history, 0..5);
        record(&history, 5..50);
        let dropped = history.stats().dropped;
        assert!(dropped > 0 && history.stats().waiting_bytes <= 2_000);
        assert!(
            history
                .health()
                .to_string()
                .ends_with(&format!(", {dropped} dropped"))
        );
        check(&history, dropped..50);
        std::fs::remove_file(&path).unwrap();
        assert!(history.flush(at(51)).is_healthy());
        assert_eq!(history.stats().waiting, 0);
        record(&history, 50..52);
        check(&history, dropped..52);
        history.flush(at(52));
        drop(history);
        check(&open(&path), dropped..52);
    }

    #[test]
    fn a_record_has_a_limit() {
        let dir = crate::scratch::dir();
        let history = open(dir.path());
        history.record(at(0), &[0; 1_000]).unwrap();
        let error = history.record(at(0), &[0; 1_001]).unwrap_err().to_string();
        assert!(
            error.ends_with("is too large: 1001 B, at most 1000 B allowed"),
            "{error}"
        );
    }

    #[test]
    fn reading_beside_recording_and_flushing_misses_nothing_and_doubles_nothing() {
        let dir = crate::scratch::dir();
        let history = open(dir.path());
        let is_done = std::sync::atomic::AtomicBool::new(false);
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                while !is_done.load(relaxed) {
                    for order in [Order::OldestFirst, Order::NewestFirst] {
                        let mut seen = read(&history, Query::all(order, 10_000, 1 << 20));
                        seen.sort_unstable();
                        assert!(seen.iter().copied().eq(0..seen.len() as u64), "{seen:?}");
                    }
                }
            });
            for start in (0..300).step_by(3) {
                record(&history, start..start + 3);
                assert!(history.flush(at(start)).is_healthy());
            }
            is_done.store(true, relaxed);
            reading.join().unwrap();
        });
    }
}
