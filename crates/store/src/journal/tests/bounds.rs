//! What is too large, too old, too new, or not alone.

use std::time::Duration;

use super::*;

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
