//! What was interrupted or refused half-way, and who reads meanwhile.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

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
