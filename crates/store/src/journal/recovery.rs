//! Opening a journal after anything: which segments count, where they end, what is lost.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::catalog::Catalog;
use super::segment::{self, Gap, HeadCheck, Name, Scanned, Segment};
use super::{Check, Position, SEGMENT_BYTES_MAX, room};
use crate::Error;
use crate::file::remove;

/// What opening a journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Torn and damaged places, oldest first. A torn tail was cut; other damage stays, and is
    /// reported each time it is met.
    pub damage: Vec<Damage>,
}

impl Recovery {
    /// Tells whether records that had been acknowledged are missing.
    pub fn has_lost_records(&self) -> bool {
        self.damage
            .iter()
            .any(|one| one.kind == DamageKind::CorruptMiddle && !one.lost.is_empty())
    }
}

/// A place in a journal that holds no record that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What it means.
    pub kind: DamageKind,
    /// The file; the directory when a whole file is missing.
    pub path: PathBuf,
    /// Where it begins in the file.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// The records that are missing for it; empty when none is.
    pub lost: Range<Position>,
}

/// What a damaged place means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The end of a write that was never acknowledged, as a crash leaves it.
    TornTail,
    /// Bytes that had been durable have changed since: the disk, or someone, damaged them.
    CorruptMiddle,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, bytes, offset) = (self.path.display(), self.bytes, self.offset);
        match self.kind {
            DamageKind::TornTail => write!(
                f,
                "{path}: {bytes} bytes of an unfinished write cut at offset {offset}"
            ),
            DamageKind::CorruptMiddle => {
                write!(f, "{path}: {bytes} bytes damaged at offset {offset}")?;
                let (first, last) = (self.lost.start, Position(self.lost.end.0.saturating_sub(1)));
                match last.0.checked_sub(first.0) {
                    None => f.write_str(", no record lost"),
                    Some(0) => write!(f, ", record {first} lost"),
                    Some(_) => write!(f, ", records {first} to {last} lost"),
                }
            }
        }
    }
}

/// An opened journal.
pub(super) struct Opened {
    pub(super) catalog: Catalog,
    pub(super) active: Option<File>,
    pub(super) serial: u32,
    pub(super) recovery: Recovery,
}

/// Reads the segments of a directory, newest first, because a later one limits those before it.
pub(super) fn open(dir: &Path, check: Check) -> Result<Opened, Error> {
    let names = list(dir)?;
    let mut opened = Opened {
        catalog: Catalog::default(),
        active: None,
        serial: names.last().map_or(0, |name| name.serial),
        recovery: Recovery::default(),
    };
    let mut limit = None;
    for name in names.into_iter().rev() {
        if limit.is_some_and(|limit| name.first >= limit) {
            remove(&dir.join(name.file_name()))?;
            continue;
        }
        let found = load(dir, name, limit, check)?;
        if limit.is_some() && found.segment.next == 0 {
            remove(&found.segment.path)?;
            continue;
        }
        if limit.is_none() && found.is_appendable {
            let file = open_to_write(&found.segment.path)?;
            if check == Check::Everything {
                // Who was killed may have left records that are not on the disk yet.
                file.sync_data()
                    .map_err(|e| Error::file("sync", &found.segment.path, e))?;
            }
            opened.active = Some(file);
        }
        limit = Some(name.first);
        opened
            .recovery
            .damage
            .extend(found.damage.into_iter().rev());
        opened.catalog.segments.push_front(found.segment);
    }
    opened.recovery.damage.reverse();
    Ok(opened)
}

/// Tells what is left of a segment when the records from a position on are taken back.
pub(super) fn plan_cut(dir: &Path, segment: &Segment, next: Position) -> Result<Segment, Error> {
    let bytes = read(&segment.path)?;
    let limit = index_of(segment.name, next.0);
    let mut kept = segment::scan(dir, segment.name, &bytes, limit).segment;
    // Records below the cut that are damaged keep their positions.
    kept.next = limit;
    kept.file_bytes = u64::from(kept.end);
    Ok(kept)
}

/// Cuts the file of a segment behind its last record.
pub(super) fn cut(segment: &Segment) -> Result<(), Error> {
    let file = open_to_write(&segment.path)?;
    file.set_len(u64::from(segment.end))
        .and_then(|()| file.sync_all())
        .map_err(|e| Error::file("cut", &segment.path, e))
}

struct Found {
    segment: Segment,
    /// In the order of the file.
    damage: Vec<Damage>,
    is_appendable: bool,
}

/// Opens one segment. `limit` is the first position of the segment after it: records from there
/// on are void, and those below it were durable before that one was made.
fn load(dir: &Path, name: Name, limit: Option<u64>, check: Check) -> Result<Found, Error> {
    let path = dir.join(name.file_name());
    let limit = limit.map(|limit| index_of(name, limit));
    let footer = read_footer(dir, name)?;
    if let Some(footer) = &footer
        && check == Check::Tail
        && limit.is_none_or(|limit| footer.next == limit)
    {
        return Ok(Found {
            segment: footer.clone(),
            damage: Vec::new(),
            is_appendable: false,
        });
    }
    let bytes = read(&path)?;
    let head = segment::check_head(name, &bytes);
    if let HeadCheck::Newer(version) = head {
        return Err(Error::Newer {
            path,
            version,
            version_max: segment::VERSION,
        });
    }
    let records_end = footer.as_ref().map_or(bytes.len(), |one| one.end as usize);
    let is_empty = records_end <= segment::HEAD_BYTES;
    let durable = match (&footer, limit) {
        // Only `reset` leaves an empty segment before another one, and nothing is lost then.
        _ if is_empty => 0,
        (Some(footer), Some(limit)) => footer.next.max(limit),
        (Some(footer), None) => footer.next,
        (None, Some(limit)) => limit,
        (None, None) => 0,
    };
    let is_newest = limit.is_none();
    let limit = limit.unwrap_or(u32::MAX);
    let mut judged = judge(dir, name, &bytes[..records_end], limit, durable.min(limit));
    // Only the newest segment keeps its room. One without records would not be known as empty with
    // it when another one follows.
    judged.is_cut |= judged.has_room && !(is_newest && judged.segment.records > 0);
    if head != HeadCheck::Good && judged.segment.next > 0 {
        let place = 0..segment::HEAD_BYTES;
        judged
            .damage
            .insert(0, corrupt(&judged.segment, place, 0..0));
    }
    if judged.is_cut {
        cut(&judged.segment)?;
        judged.segment.file_bytes = u64::from(judged.segment.end);
    } else {
        judged.segment.file_bytes = bytes.len() as u64;
    }
    Ok(Found {
        is_appendable: head == HeadCheck::Good && footer.is_none() && !judged.is_cut,
        segment: judged.segment,
        damage: judged.damage,
    })
}

struct Judged {
    segment: Segment,
    damage: Vec<Damage>,
    /// Whether the file is to be cut behind the last record.
    is_cut: bool,
    /// Whether there are zeros behind the last record, where records may still be written.
    has_room: bool,
}

/// Reads the records of a segment and tells torn writes from damage: what is bad below the index
/// `durable`, or below what a later batch knows to have been durable, was good once.
fn judge(dir: &Path, name: Name, bytes: &[u8], limit: u32, durable: u32) -> Judged {
    let mut scanned = segment::scan(dir, name, bytes, limit);
    let durable = durable.max(scanned.durable);
    // Of a write that was never acknowledged nothing may have come to the disk.
    let room = scanned.gaps.pop_if(|last| {
        last.until.is_none() && last.index >= durable && room::is_room(&bytes[last.offset..])
    });
    let torn = scanned
        .gaps
        .iter()
        .find(|gap| gap.index >= durable)
        .cloned();
    if let Some(torn) = &torn {
        let limit = limit.min(torn.index);
        scanned = segment::scan(dir, name, &bytes[..torn.offset], limit);
    }
    let Scanned {
        mut segment,
        mut gaps,
        is_limited,
        ..
    } = scanned;
    let tail_is_missing = segment.next < durable;
    if tail_is_missing && gaps.last().is_none_or(|gap| gap.until.is_some()) {
        let end = segment.end as usize;
        gaps.push(Gap {
            offset: end,
            end,
            index: segment.next,
            until: None,
        });
    }
    let mut damage: Vec<Damage> = gaps
        .iter()
        .map(|gap| {
            let until = gap.until.unwrap_or(durable).max(gap.index);
            corrupt(&segment, gap.offset..gap.end, gap.index..until)
        })
        .collect();
    if let Some(torn) = &torn {
        let bytes = torn.offset..room::records_end(bytes).max(torn.offset);
        damage.push(Damage {
            kind: DamageKind::TornTail,
            ..corrupt(&segment, bytes, 0..0)
        });
    }
    segment.next = segment.next.max(durable);
    Judged {
        segment,
        damage,
        is_cut: torn.is_some() || (is_limited && !tail_is_missing),
        has_room: room.is_some() && torn.is_none(),
    }
}

fn corrupt(segment: &Segment, bytes: Range<usize>, indexes: Range<u32>) -> Damage {
    Damage {
        kind: DamageKind::CorruptMiddle,
        path: segment.path.clone(),
        offset: bytes.start as u64,
        bytes: bytes.len() as u64,
        lost: segment.at(indexes.start)..segment.at(indexes.end),
    }
}

/// Gives the names of the segments in the order of their creation. Other files are not ours.
fn list(dir: &Path) -> Result<Vec<Name>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| Error::file("list", dir, e))? {
        let entry = entry.map_err(|e| Error::file("list", dir, e))?;
        names.extend(entry.file_name().to_str().and_then(Name::parse));
    }
    names.sort_unstable();
    Ok(names)
}

fn read_footer(dir: &Path, name: Name) -> Result<Option<Segment>, Error> {
    /// Holds the footer of a segment of the usual size.
    const TAIL_BYTES: u64 = 4_096;
    let path = dir.join(name.file_name());
    let read = || {
        let mut file = File::open(&path)?;
        let length = file.metadata()?.len();
        let mut tail_from = |start: u64| {
            let mut tail = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            (&mut file).take(SEGMENT_BYTES_MAX).read_to_end(&mut tail)?;
            io::Result::Ok(tail)
        };
        let mut tail = tail_from(length.saturating_sub(TAIL_BYTES))?;
        let footer = segment::footer_bytes(&tail).map_or(0, |bytes| bytes as u64);
        if footer > TAIL_BYTES && footer <= length {
            tail = tail_from(length - footer)?;
        }
        io::Result::Ok((tail, length))
    };
    let (tail, length) = read().map_err(|e| Error::file("read", &path, e))?;
    Ok(Segment::from_footer(dir, name, &tail, length))
}

/// Reads a segment. What lies beyond the largest segment that is ever written is not looked at.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(2 * SEGMENT_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|e| Error::file("read", path, e))?;
    Ok(bytes)
}

fn open_to_write(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(|e| Error::file("open", path, e))
}

fn index_of(name: Name, position: u64) -> u32 {
    u32::try_from(position.saturating_sub(name.first)).unwrap_or(u32::MAX - 1)
}
