//! Many callers, full queues, bad ends and disks that refuse.

use super::*;
use crate::journal::{self, Check, Order, Query};

const OPTIONS: Options = Options {
    changes_max: 4,
    bytes_max: 1_000,
};

fn journal(dir: &Path) -> Journal {
    let options = journal::Options {
        segment_bytes_max: 100_000,
        record_bytes_max: 2_000,
        bounds: None,
        grow_bytes: 0,
        check: Check::Everything,
    };
    Journal::open(dir, options).unwrap().0
}

fn append(bytes: &[u8]) -> Change {
    Change::Append(vec![(WallTime::from_millis(1), bytes.to_vec())])
}

fn one(position: u64) -> Range<Position> {
    Position(position)..Position(position + 1)
}

fn payloads(reader: &Reader) -> Vec<Vec<u8>> {
    let page = reader
        .read(&Query::all(Order::OldestFirst, 10_000, 1 << 20))
        .unwrap();
    page.records
        .into_iter()
        .map(|record| record.payload)
        .collect()
}

/// Occupies the writing thread until the returned sender is dropped.
fn occupy(log: &Log) -> std::sync::mpsc::SyncSender<()> {
    let (tx, rx) = sync_channel::<()>(0);
    let (started_tx, started) = sync_channel(1);
    log.submit(append(b"first"), move |_| {
        started_tx.send(()).unwrap();
        let _ = rx.recv();
    })
    .unwrap();
    started.recv().unwrap();
    tx
}

#[test]
fn many_callers_share_writes_and_each_gets_its_own_position() {
    let dir = crate::scratch::dir();
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(dir.path()));
    let occupied = occupy(&log);
    let told = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16_u8)
            .map(|caller| {
                let log = &log;
                scope.spawn(move || {
                    let told: Vec<_> = (0..10_u8)
                        .map(|turn| (log.apply(append(&[caller, turn])).unwrap(), [caller, turn]))
                        .collect();
                    told
                })
            })
            .collect();
        drop(occupied);
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect::<Vec<_>>()
    });
    let payloads = payloads(log.reader());
    for (range, payload) in &told {
        assert_eq!(*range, one(range.start.0));
        assert_eq!(payloads[range.start.0 as usize - 1], payload);
    }
    assert_eq!(payloads.len(), 161);
    let stats = committer.stats();
    assert_eq!((stats.waiting, stats.changes), (0, 161));
    assert!(stats.writes < 161, "{stats:?}");
}

#[test]
fn a_full_queue_is_busy_for_who_may_not_wait_and_makes_the_others_wait() {
    let dir = crate::scratch::dir();
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(dir.path()));
    let occupied = occupy(&log);
    let acks: Vec<Ack> = (0..4).map(|_| log.begin(append(b"x")).unwrap()).collect();
    let error = log
        .submit(append(b"y"), |_| panic!("never called"))
        .unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| log.apply(append(b"z")).unwrap());
        drop(occupied);
        assert_eq!(waiting.join().unwrap(), one(6));
    });
    for (ack, position) in acks.into_iter().zip(2..) {
        assert_eq!(ack.wait().unwrap(), one(position));
    }
    let occupied = occupy(&log);
    log.submit(append(&[0; 900]), drop).unwrap();
    let error = log
        .submit(append(&[0; 101]), |_| panic!("never called"))
        .unwrap_err();
    assert!(
        matches!(error, Error::Busy { .. }),
        "bytes count too: {error}"
    );
    drop(occupied);
    assert_eq!(
        log.apply(append(&[0; 1_500])).unwrap(),
        one(9),
        "alone, it may be larger"
    );
}

#[test]
fn changes_are_made_in_their_order() {
    let dir = crate::scratch::dir();
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(dir.path()));
    let other = crate::scratch::dir();
    let other = committer.attach(journal(other.path()));
    let occupied = occupy(&log);
    let (tx, rx) = sync_channel(4);
    let submit = |change: Change| {
        let tx = tx.clone();
        log.submit(change, move |outcome| tx.send(outcome.unwrap()).unwrap())
            .unwrap();
    };
    submit(append(b"a"));
    submit(append(b"b"));
    submit(Change::TruncateAfter(Position(2)));
    submit(append(b"c"));
    drop(occupied);
    assert_eq!(other.apply(append(b"other")).unwrap(), one(1));
    let told: Vec<_> = rx.iter().take(4).collect();
    assert_eq!(told, [one(2), one(3), Position(3)..Position(3), one(3)]);
    assert_eq!(payloads(log.reader()), [&b"first"[..], b"a", b"c"]);
    assert_eq!(payloads(other.reader()), [b"other"]);
    let at = |next: u64| Position(next)..Position(next);
    assert_eq!(log.apply(Change::DropBefore(Position(2))).unwrap(), at(4));
    assert_eq!(
        log.apply(Change::Trim(WallTime::from_millis(1))).unwrap(),
        at(4)
    );
    assert_eq!(log.apply(Change::Reset(Position(50))).unwrap(), at(50));
    assert_eq!(log.apply(append(b"d")).unwrap(), one(50));
}

#[test]
fn stopping_writes_what_is_queued_and_refuses_the_rest() {
    let dir = crate::scratch::dir();
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(dir.path()));
    let occupied = occupy(&log);
    let ack = log.begin(append(b"queued")).unwrap();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| committer.stop(Duration::from_secs(60)));
        let refused = loop {
            // Until the other thread has closed the queue, which is short, it is taken.
            match log.submit(Change::Trim(WallTime::from_millis(0)), drop) {
                Ok(()) | Err(Error::Busy { .. }) => std::thread::yield_now(),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::Stopped { .. }), "{refused}");
        drop(occupied);
        assert!(stopping.join().unwrap());
    });
    assert_eq!(ack.wait().unwrap(), one(2));
    assert!(matches!(
        log.apply(append(b"late")),
        Err(Error::Stopped { .. })
    ));
    assert_eq!(payloads(log.reader()).len(), 2);
    let _free = journal(dir.path());
}

#[test]
fn stopping_leaves_a_thread_that_hangs() {
    let dir = crate::scratch::dir();
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(dir.path()));
    let _occupied = occupy(&log);
    assert!(!committer.stop(Duration::from_millis(5)));
}

#[test]
fn a_caller_that_panics_harms_no_other() {
    let dir = crate::scratch::dir();
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(dir.path()));
    log.submit(append(b"x"), |_| panic!("a panic of this test"))
        .unwrap();
    assert_eq!(log.apply(append(b"y")).unwrap(), one(2));
}

#[test]
fn what_the_disk_refuses_is_told_to_all_who_wait_and_limits_to_one() {
    let dir = crate::scratch::dir();
    let gone = dir.path().join("journal");
    let committer = Committer::start("commit", OPTIONS).unwrap();
    let log = committer.attach(journal(&gone));
    let occupied = occupy(&log);
    let acks: Vec<Ack> = (0..2).map(|_| log.begin(append(b"x")).unwrap()).collect();
    let reset = log.begin(Change::Reset(Position(9))).unwrap();
    std::fs::remove_dir_all(&gone).unwrap();
    let error = log.begin(append(&[0; 2_001])).unwrap_err().to_string();
    assert!(
        error.ends_with("too large: 2001 B, at most 2000 B allowed"),
        "{error}"
    );
    drop(occupied);
    for ack in acks {
        assert!(ack.wait().is_ok(), "the file is still open");
    }
    let error = reset.wait().unwrap_err().to_string();
    assert!(error.contains("no such file or directory"), "{error}");
    let acks: Vec<Ack> = (0..2).map(|_| log.begin(append(b"x")).unwrap()).collect();
    for ack in acks {
        let error = ack.wait().unwrap_err().to_string();
        assert!(error.starts_with("cannot write"), "{error}");
    }
}
