//! One file of a journal: its name, its head, its records, and the index at its end.
//!
//! ```text
//! name    SERIAL-FIRST-SALT.journal: everything that is needed to read the records
//! 0       head, 32 bytes: magic, version, serial, first, salt, crc
//! 32      records, see `frame`
//! end     blocks, 24 bytes each, then a trailer of 32 bytes: only in a segment that is complete
//! ```
//! The blocks let a segment be opened without reading its records; without them it is read whole.

use std::path::{Path, PathBuf};

use model::WallTime;

use super::frame::{Item, Scan};
use super::{BLOCK_BYTES, Position};

/// Bytes before the first record.
pub(super) const HEAD_BYTES: usize = 32;
/// The newest format of a segment that is understood.
pub(super) const VERSION: u32 = 1;
const HEAD_MAGIC: &[u8; 8] = b"opsbro-j";
const TRAILER_MAGIC: &[u8; 8] = b"opsbro-x";
const TRAILER_BYTES: usize = 32;
const BLOCK_ENTRY_BYTES: usize = 24;

/// What the name of a segment's file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Counts the segments of a journal in the order of their creation. A later segment makes
    /// the records of earlier ones at or above its first position void.
    pub(super) serial: u32,
    /// The position of the first record.
    pub(super) first: u64,
    /// Random: goes into each checksum.
    pub(super) salt: u32,
}

impl Name {
    pub(super) fn file_name(self) -> String {
        let Self {
            serial,
            first,
            salt,
        } = self;
        format!("{serial:010}-{first:020}-{salt:08x}.journal")
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let mut parts = file_name.strip_suffix(".journal")?.split('-');
        let name = Self {
            serial: parts.next()?.parse().ok()?,
            first: parts.next()?.parse().ok()?,
            salt: u32::from_str_radix(parts.next()?, 16).ok()?,
        };
        (name.file_name() == file_name && name.first > 0).then_some(name)
    }

    /// Gives the bytes that a segment begins with.
    pub(super) fn head(self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[0..8].copy_from_slice(HEAD_MAGIC);
        head[8..12].copy_from_slice(&VERSION.to_le_bytes());
        head[12..16].copy_from_slice(&self.serial.to_le_bytes());
        head[16..24].copy_from_slice(&self.first.to_le_bytes());
        head[24..28].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32fast::hash(&head[..28]);
        head[28..32].copy_from_slice(&crc.to_le_bytes());
        head
    }
}

/// What the first bytes of a segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadCheck {
    Good,
    Damaged,
    Newer(u32),
}

/// Compares the head with the name, which says the same.
pub(super) fn check_head(name: Name, bytes: &[u8]) -> HeadCheck {
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
        return HeadCheck::Damaged;
    };
    if *head == name.head() {
        return HeadCheck::Good;
    }
    let version = u32_at(head, 8);
    let is_sound = head[0..8] == *HEAD_MAGIC && crc32fast::hash(&head[..28]) == u32_at(head, 28);
    if is_sound && version > VERSION {
        return HeadCheck::Newer(version);
    }
    HeadCheck::Damaged
}

/// A run of records, the unit of reading: where it begins and what times it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) offset: u32,
    pub(super) index: u32,
    pub(super) time_min: WallTime,
    pub(super) time_max: WallTime,
}

/// What is known of a segment without its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) name: Name,
    pub(super) blocks: Vec<Block>,
    /// Records that can be read.
    pub(super) records: u32,
    /// The index after the last record.
    pub(super) next: u32,
    /// The offset after the last record.
    pub(super) end: u32,
    /// Bytes of the file.
    pub(super) file_bytes: u64,
}

impl Segment {
    pub(super) fn new(dir: &Path, name: Name) -> Self {
        Self {
            path: dir.join(name.file_name()),
            name,
            blocks: Vec::new(),
            records: 0,
            next: 0,
            end: HEAD_BYTES as u32,
            file_bytes: HEAD_BYTES as u64,
        }
    }

    pub(super) fn first(&self) -> Position {
        Position(self.name.first)
    }

    /// Gives the position after the last record.
    pub(super) fn next(&self) -> Position {
        self.at(self.next)
    }

    pub(super) fn at(&self, index: u32) -> Position {
        Position(self.name.first.saturating_add(u64::from(index)))
    }

    pub(super) fn time_max(&self) -> Option<WallTime> {
        self.blocks.iter().map(|block| block.time_max).max()
    }

    /// Takes in one more record that lies at `offset` and ends at `end`.
    pub(super) fn add(&mut self, offset: u32, index: u32, time: WallTime, end: u32) {
        let is_full = |block: &Block| offset - block.offset >= BLOCK_BYTES;
        match self.blocks.last_mut() {
            Some(block) if !is_full(block) => {
                block.time_min = block.time_min.min(time);
                block.time_max = block.time_max.max(time);
            }
            Some(_) | None => self.blocks.push(Block {
                offset,
                index,
                time_min: time,
                time_max: time,
            }),
        }
        self.records += 1;
        self.next = index + 1;
        self.end = end;
        self.file_bytes = self.file_bytes.max(u64::from(end));
    }

    /// Gives the index that is written behind the records of a complete segment.
    pub(super) fn footer(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() * BLOCK_ENTRY_BYTES + TRAILER_BYTES);
        for block in &self.blocks {
            out.extend_from_slice(&block.offset.to_le_bytes());
            out.extend_from_slice(&block.index.to_le_bytes());
            out.extend_from_slice(&block.time_min.as_millis().to_le_bytes());
            out.extend_from_slice(&block.time_max.as_millis().to_le_bytes());
        }
        out.extend_from_slice(TRAILER_MAGIC);
        let blocks = self.blocks.len() as u32;
        for number in [blocks, self.end, self.next, self.records, self.name.salt] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a footer out of the last bytes of a file; `None` when there is no sound one. `tail`
    /// may be any part of the file that reaches to its end.
    pub(super) fn from_footer(
        dir: &Path,
        name: Name,
        tail: &[u8],
        file_bytes: u64,
    ) -> Option<Self> {
        let blocks = footer_blocks(tail)?;
        let footer_bytes = blocks * BLOCK_ENTRY_BYTES + TRAILER_BYTES;
        let footer = tail.get(tail.len().checked_sub(footer_bytes)?..)?;
        let (body, crc) = footer.split_at(footer_bytes - 4);
        let trailer = &footer[footer_bytes - TRAILER_BYTES..];
        let (end, next) = (u32_at(trailer, 12), u32_at(trailer, 16));
        let is_sound = crc32fast::hash(body) == u32_at(crc, 0)
            && u32_at(trailer, 24) == name.salt
            && u64::from(end) + footer_bytes as u64 == file_bytes;
        if !is_sound {
            return None;
        }
        let entries = footer[..blocks * BLOCK_ENTRY_BYTES].chunks_exact(BLOCK_ENTRY_BYTES);
        let blocks: Vec<Block> = entries.map(decode_block).collect();
        let is_sorted =
            blocks.is_sorted_by(|one, two| one.offset < two.offset && one.index < two.index);
        let fits = |last: &Block| last.offset < end && last.index < next;
        (is_sorted && blocks.last().is_none_or(fits)).then(|| Self {
            path: dir.join(name.file_name()),
            name,
            blocks,
            records: u32_at(trailer, 20),
            next,
            end,
            file_bytes,
        })
    }
}

/// Gives the bytes of the footer that a file's last bytes announce; `None` when they are none.
pub(super) fn footer_bytes(tail: &[u8]) -> Option<usize> {
    footer_blocks(tail).map(|blocks| blocks * BLOCK_ENTRY_BYTES + TRAILER_BYTES)
}

fn footer_blocks(tail: &[u8]) -> Option<usize> {
    let trailer = tail.last_chunk::<TRAILER_BYTES>()?;
    (trailer[0..8] == *TRAILER_MAGIC).then(|| u32_at(trailer, 8) as usize)
}

fn decode_block(bytes: &[u8]) -> Block {
    let time = |at| {
        let (low, high) = (u32_at(bytes, at), u32_at(bytes, at + 4));
        WallTime::from_millis(u64::from(high) << 32 | u64::from(low))
    };
    Block {
        offset: u32_at(bytes, 0),
        index: u32_at(bytes, 4),
        time_min: time(8),
        time_max: time(16),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// What reading all records of a segment finds.
pub(super) struct Scanned {
    pub(super) segment: Segment,
    pub(super) gaps: Vec<Gap>,
    /// All records below this index were durable before the last batch was written.
    pub(super) durable: u32,
    /// Whether there are records at or above the limit.
    pub(super) is_limited: bool,
}

/// Bytes without a record that can be trusted, and the indexes that are missing for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) offset: usize,
    pub(super) end: usize,
    pub(super) index: u32,
    /// The index of the record behind the gap; `None` when there is none.
    pub(super) until: Option<u32>,
}

/// Reads the records of a segment up to, not including, the index `limit`.
pub(super) fn scan(dir: &Path, name: Name, bytes: &[u8], limit: u32) -> Scanned {
    let mut scanned = Scanned {
        segment: Segment::new(dir, name),
        gaps: Vec::new(),
        durable: 0,
        is_limited: false,
    };
    let segment = &mut scanned.segment;
    segment.file_bytes = bytes.len() as u64;
    let records = bytes.get(HEAD_BYTES..).unwrap_or_default();
    for item in Scan::new(records, name.salt, 0) {
        match item {
            Item::Bad { offset, end } => match scanned.gaps.last_mut() {
                Some(gap) if gap.end == offset + HEAD_BYTES => gap.end = end + HEAD_BYTES,
                Some(_) | None => scanned.gaps.push(Gap {
                    offset: offset + HEAD_BYTES,
                    end: end + HEAD_BYTES,
                    index: segment.next,
                    until: None,
                }),
            },
            Item::Record(frame) if frame.index >= limit => {
                scanned.is_limited = true;
                break;
            }
            Item::Record(frame) => {
                let offset = frame.offset + HEAD_BYTES;
                let end = offset + super::frame::HEAD_BYTES + frame.payload.len();
                match scanned.gaps.last_mut() {
                    Some(gap) if gap.end == offset => gap.until = Some(frame.index),
                    Some(_) | None => {}
                }
                scanned.durable = scanned
                    .durable
                    .max(frame.index.saturating_sub(u32::from(frame.back)));
                segment.add(offset as u32, frame.index, frame.time, end as u32);
            }
        }
    }
    scanned
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    const NAME: Name = Name {
        serial: 7,
        first: 100,
        salt: 0xabc,
    };

    fn bytes(records: u32) -> Vec<u8> {
        let mut bytes = NAME.head().to_vec();
        for index in 0..records {
            let time = WallTime::from_millis(u64::from(1_000 + index));
            frame::encode(&mut bytes, NAME.salt, index, 0, time, &[7; 1_000]);
        }
        bytes
    }

    #[test]
    fn a_name_is_read_back_and_another_file_is_no_segment() {
        let text = "0000000007-00000000000000000100-00000abc.journal";
        assert_eq!(NAME.file_name(), text);
        assert_eq!(Name::parse(text), Some(NAME));
        for other in [
            "",
            "x.journal",
            "7-100-abc.journal",
            "0000000007-00000000000000000000-00000abc.journal",
            "0000000007-00000000000000000100-00000ABC.journal",
            "0000000007-00000000000000000100-00000abc-1.journal",
            "0000000007-00000000000000000100-00000abc.journal.old",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_head_tells_damage_from_a_newer_version() {
        let head = NAME.head();
        assert_eq!(check_head(NAME, &head), HeadCheck::Good);
        assert_eq!(check_head(NAME, &head[..31]), HeadCheck::Damaged);
        for bit in 0..HEAD_BYTES * 8 {
            let mut head = head;
            head[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check_head(NAME, &head), HeadCheck::Damaged);
        }
        let mut newer = head;
        newer[8] = 2;
        let crc = crc32fast::hash(&newer[..28]);
        newer[28..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(check_head(NAME, &newer), HeadCheck::Newer(2));
    }

    #[test]
    fn a_footer_says_what_a_scan_finds() {
        let dir = Path::new("/x");
        let mut file = bytes(300);
        let scanned = scan(dir, NAME, &file, u32::MAX);
        assert!(scanned.gaps.is_empty());
        assert_eq!(scanned.segment.blocks.len(), 5, "blocks of 64 KiB");
        assert_eq!(scanned.segment.next(), Position(400));
        let footer = scanned.segment.footer();
        file.extend_from_slice(&footer);
        assert_eq!(footer_bytes(&file), Some(footer.len()));
        let read = Segment::from_footer(dir, NAME, &file, file.len() as u64).unwrap();
        let mut expect = scanned.segment;
        expect.file_bytes = file.len() as u64;
        assert_eq!(read, expect);
        for bit in 0..footer.len() * 8 {
            let mut tail = footer.clone();
            tail[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Segment::from_footer(dir, NAME, &tail, file.len() as u64),
                None
            );
        }
        assert_eq!(
            Segment::from_footer(dir, NAME, &file, file.len() as u64 + 1),
            None
        );
        assert_eq!(
            Segment::from_footer(dir, NAME, &footer[1..], file.len() as u64),
            None
        );
    }

    #[test]
    fn a_scan_tells_gaps_and_stops_at_its_limit() {
        let dir = Path::new("/x");
        let mut file = bytes(5);
        file[32 + 1_024 + 100] ^= 1;
        file[32 + 2 * 1_024] ^= 1;
        file[32 + 4 * 1_024 + 5] ^= 1;
        let gap = |from: usize, to: usize, index, until| Gap {
            offset: 32 + from * 1_024,
            end: 32 + to * 1_024,
            index,
            until,
        };
        let scanned = scan(dir, NAME, &file, u32::MAX);
        assert_eq!(scanned.gaps, [gap(1, 3, 1, Some(3)), gap(4, 5, 4, None)]);
        assert_eq!((scanned.segment.next, scanned.segment.records), (4, 2));
        assert_eq!(scanned.durable, 3);
        let scanned = scan(dir, NAME, &file, 1);
        assert_eq!((scanned.segment.next, scanned.segment.records), (1, 1));
    }
}
