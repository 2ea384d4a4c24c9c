//! What the tests of the journal have in common.

mod accidents;
mod bounds;
mod damage;
mod list;
mod room;

use std::path::Path;

use super::*;
use crate::scratch;

/// A small generator: a failing seed repeats exactly.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn options(check: Check) -> Options {
    Options {
        segment_bytes_max: 1_000,
        record_bytes_max: 600,
        bounds: None,
        grow_bytes: 0,
        check,
    }
}

fn open(dir: &Path) -> (Journal, Recovery) {
    Journal::open(dir, options(Check::Everything)).unwrap()
}

fn at(millis: u64) -> WallTime {
    WallTime::from_millis(millis)
}

fn all(journal: &Journal) -> Vec<Record> {
    let query = Query::all(Order::OldestFirst, usize::MAX, usize::MAX);
    journal.reader().read(&query).unwrap().records
}

/// Appends records one by one: text "p", payload "pppp…".
fn fill(journal: &mut Journal, positions: Range<u64>) {
    for position in positions {
        let payload = vec![position as u8; 50 + position as usize % 7];
        let appended = journal.append(&[(at(position * 10), payload)]).unwrap();
        assert_eq!(appended, Position(position)..Position(position + 1));
    }
}

fn positions(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.position.0).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn overwrite(path: &Path, bytes: &[u8]) {
    file::replace(path, bytes, file::PRIVATE).unwrap();
}

/// Copies a journal, so that one history can be damaged in many ways.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = scratch::dir();
    for path in segments(from) {
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}
