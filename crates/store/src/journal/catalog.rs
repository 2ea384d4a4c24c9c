//! What the writer of a journal and its readers share: which records are where.
//!
//! The writer changes it only after the disk has followed, so readers see durable records alone.
//! It is locked for lookups, never while the disk works.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use model::WallTime;

use super::segment::{Block, Segment};
use super::{Position, Stats};

/// The segments of a journal, oldest first.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) segments: VecDeque<Segment>,
    /// Grows when records at the end are taken back, so that a reader that meets torn bytes can
    /// tell that from damage.
    pub(super) cuts: u64,
    pub(super) dropped_segments: u64,
    pub(super) dropped_records: u64,
    pub(super) dropped_bytes: u64,
}

/// A run of records that is read at once.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) path: PathBuf,
    pub(super) salt: u32,
    /// The position of index 0.
    pub(super) first: u64,
    pub(super) offset: u32,
    pub(super) end: u32,
    /// The indexes it should hold.
    pub(super) indexes: std::ops::Range<u32>,
    pub(super) cuts: u64,
}

impl Chunk {
    pub(super) fn at(&self, index: u32) -> Position {
        Position(self.first.saturating_add(u64::from(index)))
    }
}

impl Catalog {
    /// Gives the position that the next record gets.
    pub(super) fn next(&self) -> Position {
        self.segments.back().map_or(Position(1), Segment::next)
    }

    /// Gives the first position that is kept; `None` when there are no records.
    pub(super) fn first(&self) -> Option<Position> {
        let found = self.segments.iter().find(|segment| segment.next > 0)?;
        Some(found.first())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.file_bytes).sum()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            segments: self.segments.len(),
            records: self.segments.iter().map(|one| u64::from(one.records)).sum(),
            bytes: self.bytes(),
            dropped_segments: self.dropped_segments,
            dropped_records: self.dropped_records,
            dropped_bytes: self.dropped_bytes,
        }
    }

    /// Finds the first chunk with records at or after a position and perhaps in a time range.
    pub(super) fn chunk_from(
        &self,
        from: Position,
        times: &RangeInclusive<WallTime>,
    ) -> Option<Chunk> {
        let start = self.segments.partition_point(|one| one.next() <= from);
        self.segments.range(start..).find_map(|segment| {
            let index = from.0.saturating_sub(segment.name.first);
            let after = |block: &Block| u64::from(block.index) <= index;
            let start = segment.blocks.partition_point(after).saturating_sub(1);
            (start..segment.blocks.len())
                .find(|at| has_times(&segment.blocks[*at], times))
                .map(|at| self.chunk(segment, at))
        })
    }

    /// Finds the last chunk with records before a position and perhaps in a time range.
    pub(super) fn chunk_before(
        &self,
        before: Position,
        times: &RangeInclusive<WallTime>,
    ) -> Option<Chunk> {
        let end = self.segments.partition_point(|one| one.first() < before);
        self.segments.range(..end).rev().find_map(|segment| {
            let index = before.0.saturating_sub(segment.name.first);
            let is_before = |block: &Block| u64::from(block.index) < index;
            let end = segment.blocks.partition_point(is_before);
            (0..end)
                .rev()
                .find(|at| has_times(&segment.blocks[*at], times))
                .map(|at| self.chunk(segment, at))
        })
    }

    fn chunk(&self, segment: &Segment, at: usize) -> Chunk {
        let block = segment.blocks[at];
        let following = segment.blocks.get(at + 1);
        Chunk {
            path: segment.path.clone(),
            salt: segment.name.salt,
            first: segment.name.first,
            offset: block.offset,
            end: following.map_or(segment.end, |block| block.offset),
            indexes: block.index..following.map_or(segment.next, |block| block.index),
            cuts: self.cuts,
        }
    }
}

fn has_times(block: &Block, times: &RangeInclusive<WallTime>) -> bool {
    block.time_min <= *times.end() && *times.start() <= block.time_max
}
