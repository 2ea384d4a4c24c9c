//! The log over a disk that syncs when it is told to: what openraft and others hear, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::{CommittedLeaderId, EntryPayload, Membership, RaftLogReader};

use super::{Entry, LogId, LogStore, Vote};
use crate::config::Proposal;
use crate::disk::{Arriving, Disk, DiskError, Fill, Image, Then};
use crate::words::Voter;

const ME: Voter = Voter([1; 16]);
const OTHER: Voter = Voter([2; 16]);

/// A disk that syncs when it is told to.
#[derive(Debug, Default)]
struct ByHand(Mutex<State>);

#[derive(Default)]
struct State {
    records: Vec<Vec<u8>>,
    /// The write under way: how many records there are with it.
    writing: Option<(usize, Then)>,
    writes: usize,
    card: Option<Vec<u8>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records", self.records.len())
    }
}

impl ByHand {
    /// Ends the write under way, and tells how many records are durable.
    fn end(&self, done: Result<(), DiskError>) -> usize {
        let (count, then) = self.0.lock().unwrap().writing.take().unwrap();
        then(done);
        count
    }

    fn sync(&self) -> usize {
        self.end(Ok(()))
    }

    fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }
}

fn full() -> DiskError {
    DiskError {
        text: "no space left".to_owned(),
        is_full: true,
    }
}

impl Disk for ByHand {
    fn is_blocking(&self) -> bool {
        false
    }

    fn log_range(&self) -> (u64, u64) {
        (0, self.0.lock().unwrap().records.len() as u64)
    }

    fn log_bytes(&self) -> u64 {
        0
    }

    fn append(&self, records: Vec<Vec<u8>>, then: Then) {
        let mut state = self.0.lock().unwrap();
        assert!(state.writing.is_none(), "one write at a time");
        state.records.extend(records);
        state.writes += 1;
        state.writing = Some((state.records.len(), then));
    }

    fn read(&self, from: u64, until: u64, _: usize) -> Result<Vec<Vec<u8>>, DiskError> {
        let state = self.0.lock().unwrap();
        Ok(state.records[from as usize..until as usize].to_vec())
    }

    fn truncate_from(&self, index: u64) -> Result<(), DiskError> {
        let mut state = self.0.lock().unwrap();
        assert!(state.writing.is_none(), "what is taken back was written");
        state.records.truncate(index as usize);
        Ok(())
    }

    fn drop_before(&self, _: u64) -> Result<(), DiskError> {
        Ok(())
    }

    fn restart_log(&self, _: u64) -> Result<(), DiskError> {
        unreachable!("no snapshot comes")
    }

    fn prove_room(&self) -> Result<(), DiskError> {
        Ok(())
    }

    fn load_card(&self) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.0.lock().unwrap().card.clone())
    }

    fn save_card(&self, card: &[u8]) -> Result<(), DiskError> {
        self.0.lock().unwrap().card = Some(card.to_vec());
        Ok(())
    }

    fn image(&self) -> Result<Option<Arc<dyn Image>>, DiskError> {
        Ok(None)
    }

    fn write_image(&self, _: Fill<'_>) -> Result<Arc<dyn Image>, DiskError> {
        Err(full())
    }

    fn receive_image(&self) -> Result<Box<dyn Arriving>, DiskError> {
        Err(full())
    }

    fn accept_image(&self, _: Box<dyn Arriving>) -> Result<Arc<dyn Image>, DiskError> {
        Err(full())
    }
}

fn entry(index: u64, payload: EntryPayload<crate::config::Types>) -> Entry {
    Entry {
        log_id: log_id(index),
        payload,
    }
}

fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, ME), index)
}

fn normal(index: u64) -> Entry {
    entry(index, EntryPayload::Normal(Proposal::new(b"a batch").0))
}

/// Something that may have come to its end.
type Running<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Looks whether it has.
fn look<T>(running: &mut Running<'_, T>) -> Option<T> {
    match running
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

fn begin<'a, T>(future: impl Future<Output = T> + 'a) -> (Running<'a, T>, Option<T>) {
    let mut running: Running<'a, T> = Box::pin(future);
    let done = look(&mut running);
    (running, done)
}

fn now<T>(future: impl Future<Output = T>) -> T {
    begin(future).1.expect("it has nothing to wait for")
}

/// Appends, and tells whether openraft was told at once that it is durable.
fn is_ahead(log: &LogStore, entries: Vec<Entry>) -> bool {
    let mut log = log.clone();
    begin(async move { log.blocking_append(entries).await.unwrap() })
        .1
        .is_some()
}

/// A log of who leads by its vote, with one entry that is durable.
fn leading() -> (Arc<ByHand>, LogStore) {
    let disk = Arc::new(ByHand::default());
    let mut log = now(LogStore::open(Arc::clone(&disk) as Arc<dyn Disk>)).unwrap();
    now(log.save_vote(&Vote::new_committed(1, ME))).unwrap();
    assert!(!is_ahead(&log, vec![normal(0)]), "before it may");
    assert_eq!(disk.sync(), 1);
    (disk, log)
}

#[test]
fn only_the_log_of_a_leader_of_others_runs_ahead() {
    let (disk, mut log) = leading();
    log.run_ahead(OTHER, true);
    assert!(!is_ahead(&log, vec![normal(1)]), "another one leads");
    log.run_ahead(ME, false);
    assert!(!is_ahead(&log, vec![normal(2)]), "it decides alone");
    disk.sync();
    disk.sync();
    log.run_ahead(ME, true);
    assert!(is_ahead(&log, vec![normal(3)]));
    let voters = vec![BTreeSet::from([ME, OTHER])];
    let voters = Membership::<Voter, openraft::impls::EmptyNode>::new(voters, BTreeMap::default());
    let changes = vec![normal(4), entry(5, EntryPayload::Membership(voters))];
    assert!(!is_ahead(&log, changes), "the voters change");
    assert!(!is_ahead(&log, vec![normal(6)]), "nobody looked at them");
    log.run_ahead(ME, true);
    assert!(is_ahead(&log, vec![normal(7)]));
    now(log.save_vote(&Vote::new_committed(1, ME))).unwrap();
    assert!(is_ahead(&log, vec![normal(8)]), "it leads on");
    now(log.save_vote(&Vote::new(2, OTHER))).unwrap();
    assert!(!is_ahead(&log, vec![normal(9)]), "it leads no more");
    log.run_ahead(ME, true);
    assert!(!is_ahead(&log, vec![normal(10)]), "it leads no more");
}

#[test]
fn what_comes_during_a_write_goes_together_with_the_next() {
    let (disk, log) = leading();
    log.run_ahead(ME, true);
    let marks: Vec<_> = (1..=3)
        .map(|index| {
            assert!(is_ahead(&log, vec![normal(index)]));
            log.mark(Some(log_id(index)))
        })
        .collect();
    let reached = |number: usize| begin(log.reach(marks[number])).1;
    assert_eq!(disk.writes(), 2);
    assert_eq!(reached(0), None);
    assert_eq!(disk.sync(), 2);
    assert_eq!([reached(0), reached(1)], [Some(Ok(true)), None]);
    let (mut flushing, flushed) = begin(log.flush());
    assert_eq!(flushed, None);
    assert_eq!((disk.writes(), disk.sync()), (3, 4));
    assert_eq!([reached(1), reached(2)], [Some(Ok(true)), Some(Ok(true))]);
    assert_eq!(look(&mut flushing), Some(Ok(())));
}

#[test]
fn entries_that_are_taken_back_are_not_reached_by_those_in_their_place() {
    let (disk, mut log) = leading();
    log.run_ahead(ME, true);
    assert!(is_ahead(&log, vec![normal(1), normal(2)]));
    let mark = log.mark(Some(log_id(2)));
    {
        let mut own = log.clone();
        let (mut cutting, cut) = begin(async move { own.truncate(log_id(1)).await });
        assert_eq!(cut, None, "what is under way is written first");
        disk.sync();
        assert_eq!(look(&mut cutting), Some(Ok(())));
    }
    assert_eq!(log.ends().1, Some(log_id(0)));
    assert!(!is_ahead(&log, vec![normal(1), normal(2)]));
    assert_eq!(now(log.reach(mark)), Ok(false));
    let again = log.mark(Some(log_id(2)));
    assert_eq!(begin(log.reach(again)).1, None);
    assert_eq!(disk.sync(), 3);
    assert_eq!(now(log.reach(again)), Ok(true));
    let entries = now(log.try_get_log_entries(0..3)).unwrap();
    assert_eq!(entries.len(), 3);
}

#[test]
fn a_write_that_fails_is_the_last_one() {
    let (disk, log) = leading();
    log.run_ahead(ME, true);
    assert!(is_ahead(&log, vec![normal(1)]));
    assert!(is_ahead(&log, vec![normal(2)]));
    let durable = log.mark(Some(log_id(0)));
    let lost = log.mark(Some(log_id(1)));
    let (mut waiting, reached) = begin(log.reach(lost));
    assert_eq!(reached, None);
    disk.end(Err(full()));
    assert_eq!(look(&mut waiting), Some(Err(full())));
    assert_eq!(now(log.reach(durable)), Ok(true));
    assert_eq!(disk.writes(), 2, "the next one would stand in its place");
    assert_eq!(now(log.flush()), Err(full()));
    let mut own = log.clone();
    assert!(now(own.blocking_append(vec![normal(3)])).is_err());
    assert!(now(own.limited_get_log_entries(0, 1)).is_err());
    assert!(now(own.save_vote(&Vote::new(2, OTHER))).is_err());
    assert!(now(own.truncate(log_id(1))).is_err());
}

#[test]
fn a_disk_that_gives_up_a_write_without_a_word_has_failed() {
    let (disk, log) = leading();
    log.run_ahead(ME, true);
    assert!(is_ahead(&log, vec![normal(1)]));
    let given_up = disk.0.lock().unwrap().writing.take();
    drop(given_up);
    let told = now(log.flush()).unwrap_err();
    assert!(told.text.contains("given up"), "{told}");
}
