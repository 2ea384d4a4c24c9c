//! Reading a journal: by position, by time, from either end, within limits.
//!
//! A reader sees the records that were durable when it looked, while the writer goes on. It opens
//! files only while it reads and never makes the writer wait for the disk.

use std::fs::File;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use model::WallTime;

use super::catalog::{Catalog, Chunk};
use super::frame::{Item, Scan};
use super::{Damage, DamageKind, Position, Stats};
use crate::Error;

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is: one more than the record before it.
    pub position: Position,
    /// The wall time that its writer gave.
    pub time: WallTime,
    /// What its writer gave.
    pub payload: Vec<u8>,
}

/// Which end a query begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the oldest record to the newest.
    OldestFirst,
    /// From the newest record to the oldest.
    NewestFirst,
}

/// What to read. Positions and times limit each other; the order of records is always that of
/// their positions, also when the clock was set back between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The positions, the last excluded.
    pub positions: Range<Position>,
    /// The wall times, both included.
    pub times: RangeInclusive<WallTime>,
    /// Where to begin.
    pub order: Order,
    /// Most records of one page.
    pub records_max: usize,
    /// Most bytes of payload of one page; a single larger record still comes, alone.
    pub bytes_max: usize,
}

impl Query {
    /// Asks for all records, in pages.
    pub fn all(order: Order, records_max: usize, bytes_max: usize) -> Self {
        Self {
            positions: Position::NONE..Position::MAX,
            times: WallTime::from_millis(0)..=WallTime::from_millis(u64::MAX),
            order,
            records_max,
            bytes_max,
        }
    }

    /// Keeps the records at or after a position.
    #[must_use]
    pub fn from(mut self, position: Position) -> Self {
        self.positions.start = position;
        self
    }

    /// Keeps the records before a position.
    #[must_use]
    pub fn before(mut self, position: Position) -> Self {
        self.positions.end = position;
        self
    }

    /// Keeps the records of a time range, both ends included.
    #[must_use]
    pub fn between(mut self, times: RangeInclusive<WallTime>) -> Self {
        self.times = times;
        self
    }
}

/// An answer to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records, in the order that was asked for.
    pub records: Vec<Record>,
    /// The bytes of their payloads.
    pub bytes: usize,
    /// Damage that was met on the way; its records are missing from the page.
    pub damage: Vec<Damage>,
    /// Asks for what the limits cut off; `None` when nothing was.
    pub rest: Option<Query>,
}

impl Page {
    pub(crate) fn empty() -> Self {
        Self {
            records: Vec::new(),
            bytes: 0,
            damage: Vec::new(),
            rest: None,
        }
    }

    /// Adds records that the query means until a limit is met, which then gives a rest.
    pub(crate) fn fill(&mut self, records: impl IntoIterator<Item = Record>, query: &Query) {
        for record in records {
            if self.rest.is_some() {
                return;
            }
            let bytes = self.bytes + record.payload.len();
            let is_over = bytes > query.bytes_max && !self.records.is_empty();
            if is_over || self.records.len() >= query.records_max {
                self.rest = Some(rest(query, record.position));
                return;
            }
            self.bytes = bytes;
            self.records.push(record);
        }
    }
}

/// A handle for reading a journal; clones are cheap.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) catalog: Arc<Mutex<Catalog>>,
}

impl Reader {
    /// Gives the first position that is kept; `None` when there are no records.
    pub fn first(&self) -> Option<Position> {
        self.with(Catalog::first)
    }

    /// Gives the position that the next record gets.
    pub fn next(&self) -> Position {
        self.with(Catalog::next)
    }

    /// Gives the position of the newest record; `None` when there are no records.
    pub fn last(&self) -> Option<Position> {
        self.with(|catalog| catalog.first().map(|_| Position(catalog.next().0 - 1)))
    }

    /// Gives the figures of the journal.
    pub fn stats(&self) -> Stats {
        self.with(Catalog::stats)
    }

    /// Reads one page.
    pub fn read(&self, query: &Query) -> Result<Page, Error> {
        let mut page = Page::empty();
        let mut left = query.positions.clone();
        while page.rest.is_none()
            && left.start < left.end
            && let Some(chunk) = self.next_chunk(&left, query)
        {
            let Some((mut records, damage)) = self.read_chunk(&chunk)? else {
                continue;
            };
            page.damage.extend(damage);
            records.retain(|one| left.contains(&one.position) && query.times.contains(&one.time));
            match query.order {
                Order::OldestFirst => left.start = chunk.at(chunk.indexes.end),
                Order::NewestFirst => {
                    records.reverse();
                    left.end = chunk.at(chunk.indexes.start);
                }
            }
            page.fill(records, query);
        }
        Ok(page)
    }

    /// Gives each record from a position on to a function, oldest first, a block at a time, so
    /// that the memory it takes does not depend on the size of the journal. Returns the damage
    /// that was stepped over.
    pub fn replay(
        &self,
        from: Position,
        mut each: impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<Vec<Damage>, Error> {
        let mut damage = Vec::new();
        let query = Query::all(Order::OldestFirst, usize::MAX, 0).from(from);
        let mut left = query.positions.clone();
        while let Some(chunk) = self.next_chunk(&left, &query) {
            let Some((records, found)) = self.read_chunk(&chunk)? else {
                continue;
            };
            damage.extend(found);
            for record in records {
                if record.position >= left.start {
                    each(record)?;
                }
            }
            left.start = chunk.at(chunk.indexes.end);
        }
        Ok(damage)
    }

    fn next_chunk(&self, left: &Range<Position>, query: &Query) -> Option<Chunk> {
        let chunk = self.with(|catalog| match query.order {
            Order::OldestFirst => catalog.chunk_from(left.start, &query.times),
            Order::NewestFirst => catalog.chunk_before(left.end, &query.times),
        })?;
        let positions = chunk.at(chunk.indexes.start)..chunk.at(chunk.indexes.end);
        (positions.start < left.end && left.start < positions.end).then_some(chunk)
    }

    /// Reads a chunk; `None` when the writer dropped or cut it meanwhile: look again.
    fn read_chunk(&self, chunk: &Chunk) -> Result<Option<Found>, Error> {
        let mut bytes = vec![0; (chunk.end - chunk.offset) as usize];
        let read = File::open(&chunk.path)
            .and_then(|file| read_up_to(&file, &mut bytes, u64::from(chunk.offset)));
        match read {
            Ok(length) => bytes.truncate(length),
            Err(error) => {
                let is_there =
                    self.with(|catalog| catalog.segments.iter().any(|s| s.path == chunk.path));
                if error.kind() == io::ErrorKind::NotFound && !is_there {
                    return Ok(None);
                }
                return Err(Error::file("read", &chunk.path, error));
            }
        }
        let (records, damage) = decode(chunk, &bytes);
        if !damage.is_empty() && self.with(|catalog| catalog.cuts != chunk.cuts) {
            return Ok(None);
        }
        Ok(Some((records, damage)))
    }

    fn with<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        look(&self.catalog.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a chunk held.
type Found = (Vec<Record>, Vec<Damage>);

/// Asks for what is left when the record at this position did not fit.
fn rest(query: &Query, position: Position) -> Query {
    match query.order {
        Order::OldestFirst => query.clone().from(position),
        Order::NewestFirst => query.clone().before(Position(position.0 + 1)),
    }
}

/// Fills the buffer from an offset on and tells how much there was.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn decode(chunk: &Chunk, bytes: &[u8]) -> Found {
    let mut records = Vec::new();
    let mut damage = Vec::new();
    let mut next = chunk.indexes.start;
    let mut bad: Option<Range<usize>> = None;
    let mut missing = |bad: &mut Option<Range<usize>>, at: usize, indexes: Range<u32>| {
        let bad = bad.take().unwrap_or(at..at);
        if bad.is_empty() && indexes.is_empty() {
            return;
        }
        damage.push(Damage {
            kind: DamageKind::CorruptMiddle,
            path: chunk.path.clone(),
            offset: u64::from(chunk.offset) + bad.start as u64,
            bytes: bad.len() as u64,
            lost: chunk.at(indexes.start)..chunk.at(indexes.end),
        });
    };
    for item in Scan::new(bytes, chunk.salt, chunk.indexes.start) {
        match item {
            Item::Bad { offset, end } => {
                bad = Some(bad.map_or(offset, |before| before.start)..end);
            }
            Item::Record(frame) => {
                missing(&mut bad, frame.offset, next..frame.index);
                next = frame.index + 1;
                records.push(Record {
                    position: chunk.at(frame.index),
                    time: frame.time,
                    payload: frame.payload.to_vec(),
                });
            }
        }
    }
    missing(&mut bad, bytes.len(), next..chunk.indexes.end.max(next));
    (records, damage)
}
