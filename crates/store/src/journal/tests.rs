//! The journal against a plain list, against cuts and flipped bits at every place, and its limits.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

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

#[test]
fn behaves_like_a_list_through_every_operation_and_reopening() {
    let rounds = if std::env::var_os("SLOW_TESTS").is_some() {
        400
    } else {
        40
    };
    for seed in 0..rounds {
        println!("seed {seed}");
        let dir = scratch::dir();
        let mut random = Random(seed);
        let mut journal = open(dir.path()).0;
        let mut model = Model::default();
        for _ in 0..60 {
            journal = step(journal, dir.path(), &mut model, &mut random);
            model.compare(&journal, &mut random);
        }
    }
}

fn step(mut journal: Journal, dir: &Path, model: &mut Model, random: &mut Random) -> Journal {
    match random.below(12) {
        0..6 => {
            let batch: Vec<(WallTime, Vec<u8>)> = (0..random.below(6))
                .map(|_| {
                    let bytes = random.below(300) as usize;
                    (at(random.below(1_000)), vec![random.next() as u8; bytes])
                })
                .collect();
            let appended = journal.append(&batch).unwrap();
            assert_eq!(appended.start, Position(model.next));
            model.append(batch);
            assert_eq!(appended.end, Position(model.next));
        }
        6 | 7 => {
            let position = Position(random.below(model.next + 2));
            journal.truncate_after(position).unwrap();
            model.records.retain(|record| record.position <= position);
            model.next = model.next.min(position.0 + 1);
        }
        8 => {
            let position = Position(random.below(model.next + 2));
            let before = journal.reader().first().unwrap_or(Position(model.next));
            journal.drop_before(position).unwrap();
            let first = journal.reader().first().unwrap_or(Position(model.next));
            assert!(first >= before && first <= before.max(position));
            model.records.retain(|record| record.position >= first);
        }
        9 if random.below(4) == 0 => {
            model.next = 1 + random.below(10_000);
            model.records.clear();
            journal.reset(Position(model.next)).unwrap();
        }
        _ => {
            drop(journal);
            let check = if random.below(2) == 0 {
                Check::Tail
            } else {
                Check::Everything
            };
            let (opened, recovery) = Journal::open(dir, options(check)).unwrap();
            assert_eq!(recovery, Recovery::default());
            return opened;
        }
    }
    journal
}

struct Model {
    records: VecDeque<Record>,
    next: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            records: VecDeque::new(),
            next: 1,
        }
    }
}

impl Model {
    fn append(&mut self, batch: Vec<(WallTime, Vec<u8>)>) {
        for (time, payload) in batch {
            let position = Position(self.next);
            self.records.push_back(Record {
                position,
                time,
                payload,
            });
            self.next += 1;
        }
    }

    fn compare(&self, journal: &Journal, random: &mut Random) {
        let reader = journal.reader();
        assert_eq!(reader.next(), Position(self.next));
        assert_eq!(
            reader.first(),
            self.records.front().map(|record| record.position)
        );
        assert_eq!(
            reader.last(),
            self.records.back().map(|record| record.position)
        );
        let mut replayed = Vec::new();
        let from = Position(random.below(self.next + 1));
        let damage = reader
            .replay(from, |record| {
                replayed.push(record);
                Ok(())
            })
            .unwrap();
        assert!(damage.is_empty());
        assert!(
            replayed
                .iter()
                .eq(self.records.iter().filter(|r| r.position >= from))
        );
        let order = [Order::OldestFirst, Order::NewestFirst][random.below(2) as usize];
        let start = random.below(1_000);
        let mut query = Query::all(
            order,
            1 + random.below(20) as usize,
            random.below(2_000) as usize,
        );
        if random.below(2) == 0 {
            let end = start + random.below(500);
            query = query.between(at(start)..=at(end));
        }
        if random.below(2) == 0 {
            let start = random.below(self.next + 1);
            query = query
                .from(Position(start))
                .before(Position(start + random.below(30)));
        }
        let mut expect: Vec<&Record> = self
            .records
            .iter()
            .filter(|r| query.positions.contains(&r.position) && query.times.contains(&r.time))
            .collect();
        if order == Order::NewestFirst {
            expect.reverse();
        }
        assert!(read_pages(&reader, query).iter().eq(expect));
    }
}

/// Follows a query to its end and checks the limits of each page.
fn read_pages(reader: &Reader, query: Query) -> Vec<Record> {
    let mut records = Vec::new();
    let mut next = Some(query);
    while let Some(query) = next {
        let page = reader.read(&query).unwrap();
        assert!(page.damage.is_empty());
        let bytes: usize = page.records.iter().map(|record| record.payload.len()).sum();
        assert!(page.records.len() <= query.records_max);
        assert!(bytes <= query.bytes_max || page.records.len() == 1);
        assert!(page.rest.is_none() || !page.records.is_empty());
        records.extend(page.records);
        next = page.rest;
    }
    records
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_told_and_nothing_before_it_is_lost() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..20);
    let whole = all(&journal);
    drop(journal);
    let newest = segments(dir.path()).pop().unwrap();
    let length = fs::metadata(&newest).unwrap().len();
    let name = newest.file_name().unwrap();
    let first = Name::parse(name.to_str().unwrap()).unwrap().first;
    for end in 0..=length {
        let torn = copy(dir.path());
        let path = torn.path().join(name);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(end)
            .unwrap();
        let (mut journal, recovery) = open(torn.path());
        let kept = all(&journal);
        assert_eq!(kept, whole[..kept.len()], "at {end}");
        let mut good = segment::HEAD_BYTES as u64;
        let fits = |record: &&Record| {
            good += (frame::HEAD_BYTES + record.payload.len()) as u64;
            good <= end
        };
        let in_newest = whole.iter().filter(|record| record.position.0 >= first);
        let expect = first as usize - 1 + in_newest.take_while(fits).count();
        assert_eq!(kept.len(), expect, "at {end}");
        assert!(!recovery.has_lost_records());
        assert!(
            recovery
                .damage
                .iter()
                .all(|one| one.kind == DamageKind::TornTail)
        );
        let next = kept.len() as u64 + 1;
        fill(&mut journal, next..next + 3);
        drop(journal);
        let (journal, recovery) = open(torn.path());
        assert_eq!(recovery, Recovery::default(), "at {end}");
        assert_eq!(all(&journal).len(), kept.len() + 3);
    }
}

#[test]
fn a_flipped_bit_anywhere_gives_no_panic_no_wrong_record_and_no_refusal() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..25);
    let whole = all(&journal);
    drop(journal);
    let mut random = Random(1);
    for path in segments(dir.path()) {
        for byte in 0..fs::metadata(&path).unwrap().len() as usize {
            let damaged = copy(dir.path());
            let damaged_path = damaged.path().join(path.file_name().unwrap());
            let mut bytes = fs::read(&damaged_path).unwrap();
            bytes[byte] ^= 1 << random.below(8);
            overwrite(&damaged_path, &bytes);
            for check in [Check::Tail, Check::Everything] {
                let again = copy(damaged.path());
                survives(again.path(), check, &whole, &format!("{byte} of {path:?}"));
            }
        }
    }
}

/// Opens a damaged journal: what it gives must be true, what it does not give must be told.
fn survives(dir: &Path, check: Check, whole: &[Record], place: &str) {
    let (mut journal, recovery) = Journal::open(dir, options(check)).unwrap();
    let query = Query::all(Order::OldestFirst, usize::MAX, usize::MAX);
    let page = journal.reader().read(&query).unwrap();
    for record in &page.records {
        assert_eq!(*record, whole[record.position.0 as usize - 1], "{place}");
    }
    let damage = [&recovery.damage[..], &page.damage].concat();
    assert!(
        !damage.is_empty() || page.records.len() == whole.len(),
        "{place}"
    );
    let next = journal.reader().next().0;
    for position in 1..next {
        let is_there = page
            .records
            .iter()
            .any(|record| record.position.0 == position);
        let is_told = damage
            .iter()
            .any(|one| one.lost.contains(&Position(position)));
        assert!(
            is_there || is_told,
            "{place}: {position} is neither there nor told lost"
        );
    }
    assert!(
        next as usize > whole.len() - 1,
        "{place}: at most the last record is torn"
    );
    let newest_first = Query::all(Order::NewestFirst, usize::MAX, usize::MAX);
    let mut reversed = journal.reader().read(&newest_first).unwrap().records;
    reversed.reverse();
    assert_eq!(reversed, page.records, "{place}");
    fill(&mut journal, next..next + 2);
    drop(journal);
    let (journal, recovery) = Journal::open(dir, options(check)).unwrap();
    assert_eq!(all(&journal).len(), page.records.len() + 2, "{place}");
    assert!(
        recovery
            .damage
            .iter()
            .all(|one| one.kind == DamageKind::CorruptMiddle)
    );
}

#[test]
fn many_flipped_bits_and_lost_pages_are_survived() {
    let rounds = if std::env::var_os("SLOW_TESTS").is_some() {
        20_000
    } else {
        1_000
    };
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..40);
    let whole = all(&journal);
    drop(journal);
    for seed in 0..rounds {
        let mut random = Random(seed);
        let damaged = copy(dir.path());
        for _ in 0..=random.below(4) {
            let paths = segments(damaged.path());
            let path = &paths[random.below(paths.len() as u64) as usize];
            let mut bytes = fs::read(path).unwrap();
            let start = random.below(bytes.len() as u64 + 1) as usize;
            let end = (start + random.below(200) as usize).min(bytes.len());
            match random.below(5) {
                0 => bytes[start..end].fill(0),
                1 => bytes[start..end].fill_with(|| random.next() as u8),
                2 => drop(bytes.drain(start..end)),
                3 => bytes.truncate(start),
                _ => bytes.extend_from_within(start..end),
            }
            overwrite(path, &bytes);
        }
        let check = [Check::Tail, Check::Everything][random.below(2) as usize];
        let (mut journal, _) = Journal::open(damaged.path(), options(check)).unwrap();
        let records = all(&journal);
        for record in &records {
            assert_eq!(
                *record,
                whole[record.position.0 as usize - 1],
                "seed {seed}"
            );
        }
        let next = journal.reader().next().0;
        fill(&mut journal, next..next + 1);
        drop(journal);
        let (journal, _) = Journal::open(damaged.path(), options(check)).unwrap();
        assert_eq!(all(&journal).len(), records.len() + 1, "seed {seed}");
    }
}

#[test]
fn a_missing_file_is_told_as_lost_records() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..40);
    drop(journal);
    let path = segments(dir.path()).remove(1);
    fs::remove_file(&path).unwrap();
    for check in [Check::Tail, Check::Everything] {
        let (journal, recovery) = Journal::open(dir.path(), options(check)).unwrap();
        assert!(recovery.has_lost_records());
        let lost = recovery.damage[0].lost.clone();
        let told = recovery.damage[0].to_string();
        let last = lost.end.0 - 1;
        assert!(
            told.ends_with(&format!(", records {} to {last} lost", lost.start)),
            "{told}"
        );
        let expect: Vec<u64> = (1..40).filter(|p| !lost.contains(&Position(*p))).collect();
        assert_eq!(positions(&all(&journal)), expect);
    }
}

/// Zeroes the second of three records that were written as these batches.
fn lose_the_second(batches: &[usize]) -> (Vec<u64>, Recovery) {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    for records in batches {
        journal.append(&vec![(at(1), [7; 76]); *records]).unwrap();
    }
    drop(journal);
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[132..232].fill(0);
    overwrite(&path, &bytes);
    let (journal, recovery) = open(dir.path());
    (positions(&all(&journal)), recovery)
}

#[test]
fn a_hole_in_the_last_batch_is_torn_and_a_hole_before_it_is_damage() {
    // The disk may write the pages of one batch in any order, so a record behind a hole proves
    // nothing while both belong to the batch that nobody was told of.
    for (batches, kept, told) in [
        (
            &[3][..],
            &[1][..],
            "200 bytes of an unfinished write cut at offset 132",
        ),
        (
            &[1, 2],
            &[1],
            "200 bytes of an unfinished write cut at offset 132",
        ),
        (
            &[2, 1],
            &[1, 3],
            "100 bytes damaged at offset 132, record 2 lost",
        ),
        (
            &[1, 1, 1],
            &[1, 3],
            "100 bytes damaged at offset 132, record 2 lost",
        ),
    ] {
        let (positions, recovery) = lose_the_second(batches);
        assert_eq!(positions, kept, "{batches:?}");
        assert_eq!(recovery.damage.len(), 1);
        let text = recovery.damage[0].to_string();
        assert!(text.ends_with(told), "{batches:?}: {text}");
        assert_eq!(recovery.has_lost_records(), told.contains("lost"));
    }
}

#[test]
fn bounds_drop_the_oldest_segments_and_count_them() {
    let dir = scratch::dir();
    let mut bounded = options(Check::Tail);
    bounded.bounds = Some(Bounds {
        bytes_max: 3_000,
        age_max: Duration::from_secs(1),
    });
    let mut journal = Journal::open(dir.path(), bounded).unwrap().0;
    fill(&mut journal, 1..100);
    let stats = journal.reader().stats();
    assert!(stats.bytes <= 4_000 && stats.bytes > 2_000, "{stats:?}");
    assert_eq!(stats.records + stats.dropped_records, 99);
    assert_eq!(
        journal.reader().first(),
        Some(Position(stats.dropped_records + 1))
    );
    let on_disk: u64 = segments(dir.path())
        .iter()
        .map(|p| fs::metadata(p).unwrap().len())
        .sum();
    assert_eq!(stats.bytes, on_disk);
    journal.trim(at(990 + 1_000)).unwrap();
    assert_eq!(
        journal.reader().last(),
        Some(Position(99)),
        "the newest is not too old yet"
    );
    journal.trim(at(990 + 1_001)).unwrap();
    assert_eq!(journal.reader().first(), None);
    assert_eq!(journal.reader().stats().dropped_records, 99);
    fill(&mut journal, 100..101);
    journal.trim(at(0)).unwrap();
    assert_eq!(
        positions(&all(&journal)),
        [100],
        "a clock that was set back drops nothing"
    );
}

#[test]
fn records_and_batches_have_a_limit() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    journal.append(&[(at(1), [0; 600])]).unwrap();
    let error = journal
        .append(&[(at(1), &[0; 600][..]), (at(1), &[0; 601])])
        .unwrap_err();
    let text = format!(
        "{} is too large: 601 B, at most 600 B allowed",
        dir.path().display()
    );
    assert_eq!(error.to_string(), text);
    let error = journal
        .append(&vec![(at(1), [0; 600]); 200_000])
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("too large: 119.0 MiB, at most 64.0 MiB allowed"),
        "{error}"
    );
    assert_eq!(all(&journal).len(), 1);
    journal.append(&vec![(at(1), []); 70_000]).unwrap();
    drop(journal);
    let (journal, recovery) = open(dir.path());
    assert_eq!(
        all(&journal).len(),
        70_001,
        "one call may be more than one batch"
    );
    assert_eq!(recovery, Recovery::default());
}

#[test]
fn a_journal_has_one_writer() {
    let dir = scratch::dir();
    let journal = open(dir.path()).0;
    let error = Journal::open(dir.path(), options(Check::Tail))
        .unwrap_err()
        .to_string();
    let text = format!(
        "{} is in use by another process: stop that one first",
        dir.path().display()
    );
    assert_eq!(error, text);
    drop(journal);
    open(dir.path());
}

#[test]
fn a_segment_of_a_newer_program_is_left_alone() {
    let dir = scratch::dir();
    fill(&mut open(dir.path()).0, 1..2);
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    overwrite(&path, &bytes);
    let error = Journal::open(dir.path(), options(Check::Tail))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has format version 2, this program reads up to 1"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn an_interrupted_truncation_is_finished_at_opening() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..40);
    let before = copy(dir.path());
    journal.truncate_after(Position(5)).unwrap();
    fill(&mut journal, 6..8);
    drop(journal);
    // The new segment is there, and so are all the files that it makes void.
    let newest = segments(dir.path()).pop().unwrap();
    fs::copy(&newest, before.path().join(newest.file_name().unwrap())).unwrap();
    for check in [Check::Tail, Check::Everything] {
        let (journal, recovery) = Journal::open(before.path(), options(check)).unwrap();
        assert_eq!(positions(&all(&journal)), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(recovery, Recovery::default());
    }
}

#[test]
fn a_refused_record_that_reached_the_disk_all_the_same_never_comes_back() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..5);
    // As when a sync fails and the cut after it too: the bytes are there, the caller was refused.
    let newest = journal.catalog().segments.back().unwrap().clone();
    let mut bytes = Vec::new();
    for index in newest.next..newest.next + 3 {
        frame::encode(&mut bytes, newest.name.salt, index, 0, at(1), b"refused");
    }
    journal.abandon();
    let file = OpenOptions::new().write(true).open(&newest.path).unwrap();
    file.write_all_at(&bytes, u64::from(newest.end)).unwrap();
    fill(&mut journal, 5..7);
    let expect = all(&journal);
    drop(journal);
    for check in [Check::Tail, Check::Everything] {
        let (journal, recovery) = Journal::open(dir.path(), options(check)).unwrap();
        assert_eq!(all(&journal), expect);
        assert_eq!(recovery, Recovery::default());
    }
}

#[test]
fn what_a_failed_truncation_leaves_voids_no_later_record() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..5);
    // As when a new segment could be made, but not its name durable, nor could it be removed.
    journal.serial += 1;
    let name = Name {
        serial: journal.serial,
        first: 2,
        salt: 7,
    };
    overwrite(&dir.path().join(name.file_name()), &name.head());
    journal.active = None;
    fill(&mut journal, 5..7);
    let expect = all(&journal);
    assert_eq!(positions(&expect), [1, 2, 3, 4, 5, 6]);
    drop(journal);
    let (journal, recovery) = open(dir.path());
    assert_eq!(all(&journal), expect);
    assert_eq!(recovery, Recovery::default());
    assert!(!dir.path().join(name.file_name()).exists());
}

#[test]
fn a_reader_sees_true_records_while_the_writer_cuts_and_drops() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    let reader = journal.reader();
    let is_done = AtomicBool::new(false);
    let reads = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let read = reads.load(Ordering::Relaxed);
                let order = [Order::OldestFirst, Order::NewestFirst][read % 2];
                let page = reader.read(&Query::all(order, 100, 10_000)).unwrap();
                assert!(page.damage.is_empty(), "{:?}", page.damage);
                for record in page.records {
                    let expect = record.position.0 as u8;
                    assert!(record.payload.iter().all(|byte| *byte == expect));
                }
                reads.store(read + 1, Ordering::Relaxed);
            }
        });
        let mut random = Random(5);
        // A busy machine may give the reader no time during the first rounds.
        for round in 0..100_000 {
            if round >= 150 && (reads.load(Ordering::Relaxed) >= 2 || reading.is_finished()) {
                break;
            }
            let next = journal.reader().next().0;
            fill(&mut journal, next..next + random.below(8));
            journal
                .truncate_after(Position(next + random.below(4)))
                .unwrap();
            journal
                .drop_before(Position(next.saturating_sub(20)))
                .unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
        reading.join().unwrap();
    });
    assert!(reads.into_inner() >= 2);
}
