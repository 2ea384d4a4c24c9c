//! Group commit: many callers, one write and one `fdatasync` for all that wait.
//!
//! A [`Committer`] is a thread that owns journals. Callers hold a [`Log`] each and hand in changes;
//! while the disk works on one batch the next one gathers. Changes of one log are made in the
//! order in which they were handed in. Each caller is told the outcome exactly once, by waiting
//! or by a function that the thread calls, so that asynchronous callers need not wait.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{WallTime, limits};

use crate::Error;
use crate::journal::{Journal, Position, Reader};

/// How much may wait for the disk.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Changes that are queued or being written; the next caller waits or is told `Busy`.
    pub changes_max: usize,
    /// Bytes of payload of those; a single larger change is taken when nothing else waits.
    pub bytes_max: usize,
}

/// A change of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// [`Journal::append`]: its outcome is the positions of the records.
    Append(Vec<(WallTime, Vec<u8>)>),
    /// [`Journal::truncate_after`]. The outcome of this and the following is the empty range at
    /// the next position.
    TruncateAfter(Position),
    /// [`Journal::drop_before`].
    DropBefore(Position),
    /// [`Journal::reset`].
    Reset(Position),
    /// [`Journal::trim`].
    Trim(WallTime),
}

/// What became of a change. On `Ok` it is durable.
pub type Outcome = Result<Range<Position>, Error>;

/// Appends that are written together: beyond this a `write` costs more than the sync it shares.
const MERGED_BYTES_MAX: usize = 8 << 20;

/// Counters of a committer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Changes that are queued or being written.
    pub waiting: usize,
    /// Changes whose outcome was told.
    pub changes: u64,
    /// Times that the disk was written for them: appends that went together count as one.
    pub writes: u64,
}

/// The thread that writes. Dropping it waits for what is queued, at most `STOP_DEADLINE`.
#[derive(Debug)]
pub struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread; `name` is shown in lists of threads.
    pub fn start(name: &str, options: Options) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            options,
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&own))
            .map_err(|e| Error::file("start the writer of", Path::new(name), e))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Takes over a journal and gives the handle for changing it.
    pub fn attach(&self, journal: Journal) -> Log {
        let mut queue = self.shared.lock();
        let log = Log {
            id: queue.logs,
            dir: journal.dir().to_owned(),
            record_bytes_max: journal.record_bytes_max(),
            reader: journal.reader(),
            shared: Arc::clone(&self.shared),
        };
        queue.logs += 1;
        queue.attached.push((log.id, journal));
        log
    }

    /// Gives the counters.
    pub fn stats(&self) -> Stats {
        let queue = self.shared.lock();
        Stats {
            waiting: queue.changes,
            ..queue.stats
        }
    }

    /// Takes no more changes, writes those that are queued, and tells whether that was done
    /// within the deadline. A thread that hangs in the disk is left behind.
    pub fn stop(mut self, deadline: Duration) -> bool {
        self.end(deadline)
    }

    fn end(&mut self, deadline: Duration) -> bool {
        let Some(thread) = self.thread.take() else {
            return true;
        };
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        self.shared.changed.notify_all();
        let (queue, _) = self
            .shared
            .changed
            .wait_timeout_while(queue, deadline, |queue| !queue.has_ended)
            .unwrap_or_else(PoisonError::into_inner);
        let has_ended = queue.has_ended;
        drop(queue);
        // A panic in the thread was told to everyone who waited.
        has_ended && thread.join().is_ok()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.end(limits::STOP_DEADLINE);
    }
}

/// The handle of one journal; clones are cheap.
#[derive(Clone, Debug)]
pub struct Log {
    id: u64,
    dir: PathBuf,
    record_bytes_max: usize,
    reader: Reader,
    shared: Arc<Shared>,
}

impl Log {
    /// Gives the handle for reading.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Makes a change and waits until it is durable.
    pub fn apply(&self, change: Change) -> Outcome {
        self.begin(change)?.wait()
    }

    /// Hands in a change, waiting for room in the queue, and gives a handle to wait for the rest.
    pub fn begin(&self, change: Change) -> Result<Ack, Error> {
        let (tx, rx) = sync_channel(1);
        // Nobody waiting any more is no reason to fail.
        let then = Box::new(move |outcome| drop(tx.send(outcome)));
        self.check_sizes(&change)?;
        let queue = self.shared.wait_for_room(change.bytes());
        self.push(queue, change, then)?;
        Ok(Ack {
            rx,
            dir: self.dir.clone(),
        })
    }

    /// Hands in a change without ever waiting; the function is called with the outcome, on the
    /// writing thread, so it must be short. When this fails it is not called at all.
    pub fn submit(
        &self,
        change: Change,
        then: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<(), Error> {
        self.check_sizes(&change)?;
        let queue = self.shared.lock();
        if !queue.is_closed && !queue.has_room(change.bytes(), &self.shared.options) {
            return Err(Error::Busy {
                path: self.dir.clone(),
            });
        }
        self.push(queue, change, Box::new(then))
    }

    fn push(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        change: Change,
        then: Then,
    ) -> Result<(), Error> {
        if queue.is_closed {
            return Err(Error::Stopped {
                path: self.dir.clone(),
            });
        }
        let bytes = change.bytes();
        queue.changes += 1;
        queue.bytes += bytes;
        queue.requests.push_back(Request {
            log: self.id,
            change,
            bytes,
            answer: Answer {
                then: Some(then),
                dir: self.dir.clone(),
            },
        });
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Refuses here what the journal would refuse, so that it does not fail the others in a batch.
    fn check_sizes(&self, change: &Change) -> Result<(), Error> {
        let Change::Append(records) = change else {
            return Ok(());
        };
        let too_large = |bytes: usize, bytes_max: usize| Error::TooLarge {
            path: self.dir.clone(),
            bytes: bytes as u64,
            bytes_max: bytes_max as u64,
        };
        let largest = records.iter().map(|(_, payload)| payload.len()).max();
        if let Some(largest) = largest.filter(|bytes| *bytes > self.record_bytes_max) {
            return Err(too_large(largest, self.record_bytes_max));
        }
        let bytes = change.bytes();
        if records.len() > 1 && bytes > MERGED_BYTES_MAX {
            return Err(too_large(bytes, MERGED_BYTES_MAX));
        }
        Ok(())
    }
}

/// Waits for the outcome of one change.
#[derive(Debug)]
pub struct Ack {
    rx: Receiver<Outcome>,
    dir: PathBuf,
}

impl Ack {
    /// Waits until the change is durable or has failed.
    pub fn wait(self) -> Outcome {
        let stopped = || Error::Stopped { path: self.dir };
        self.rx.recv().map_err(|_| stopped())?
    }
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Append(records) => records.iter().map(|(_, payload)| payload.len()).sum(),
            Self::TruncateAfter(_) | Self::DropBefore(_) | Self::Reset(_) | Self::Trim(_) => 0,
        }
    }
}

type Then = Box<dyn FnOnce(Outcome) + Send>;

#[derive(Debug)]
struct Shared {
    options: Options,
    queue: Mutex<Queue>,
    /// Something was queued, there is room again, or the end has come.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    requests: VecDeque<Request>,
    attached: Vec<(u64, Journal)>,
    logs: u64,
    /// Queued or being written.
    changes: usize,
    bytes: usize,
    is_closed: bool,
    has_ended: bool,
    stats: Stats,
}

#[derive(Debug)]
struct Request {
    log: u64,
    change: Change,
    bytes: usize,
    answer: Answer,
}

/// Tells the outcome exactly once, also when the thread ends before there is one.
struct Answer {
    then: Option<Then>,
    dir: PathBuf,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({})", self.dir.display())
    }
}

impl Answer {
    fn give(mut self, outcome: Outcome) {
        if let Some(then) = self.then.take() {
            // A caller that panics must not take the writing of all others with it.
            let _ = catch_unwind(AssertUnwindSafe(|| then(outcome)));
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(then) = self.then.take() {
            let path = std::mem::take(&mut self.dir);
            let _ = catch_unwind(AssertUnwindSafe(|| then(Err(Error::Stopped { path }))));
        }
    }
}

impl Queue {
    fn has_room(&self, bytes: usize, options: &Options) -> bool {
        self.changes == 0
            || (self.changes < options.changes_max && self.bytes + bytes <= options.bytes_max)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_room(&self, bytes: usize) -> MutexGuard<'_, Queue> {
        let is_full = |queue: &mut Queue| !queue.is_closed && !queue.has_room(bytes, &self.options);
        self.changed
            .wait_while(self.lock(), is_full)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for changes and takes all of them; none when the end has come.
    fn take(&self, journals: &mut BTreeMap<u64, Journal>) -> VecDeque<Request> {
        let is_idle = |queue: &mut Queue| queue.requests.is_empty() && !queue.is_closed;
        let mut queue = self
            .changed
            .wait_while(self.lock(), is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        journals.extend(queue.attached.drain(..));
        std::mem::take(&mut queue.requests)
    }

    fn told(&self, changes: usize, bytes: usize) {
        let mut queue = self.lock();
        queue.changes -= changes;
        queue.bytes -= bytes;
        queue.stats.changes += changes as u64;
        queue.stats.writes += 1;
        drop(queue);
        self.changed.notify_all();
    }
}

/// Says that the thread has ended, whatever ended it, so that nobody waits for it in vain.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.is_closed = true;
        queue.has_ended = true;
        let left = std::mem::take(&mut queue.requests);
        drop(queue);
        drop(left);
        self.0.changed.notify_all();
    }
}

fn run(shared: &Shared) {
    let _ending = Ending(shared);
    let mut journals = BTreeMap::new();
    loop {
        let requests = shared.take(&mut journals);
        if requests.is_empty() {
            return;
        }
        let mut by_log: BTreeMap<u64, VecDeque<Request>> = BTreeMap::new();
        for request in requests {
            by_log.entry(request.log).or_default().push_back(request);
        }
        for (log, mut requests) in by_log {
            let journal = journals
                .get_mut(&log)
                .expect("a log is attached before it is used");
            while !requests.is_empty() {
                commit(shared, journal, &mut requests);
            }
        }
    }
}

/// Makes the first change, together with the appends that follow it when it is one.
fn commit(shared: &Shared, journal: &mut Journal, requests: &mut VecDeque<Request>) {
    let Some(first) = requests.pop_front() else {
        return;
    };
    let mut bytes = first.bytes;
    let mut records = match first.change {
        Change::Append(records) => records,
        other => {
            let outcome = make(journal, &other);
            shared.told(1, 0);
            return first.answer.give(outcome);
        }
    };
    let mut answers = vec![(records.len() as u64, first.answer)];
    let joins = |next: &Request, bytes: usize| {
        matches!(next.change, Change::Append(_)) && bytes + next.bytes <= MERGED_BYTES_MAX
    };
    while let Some(next) = requests.pop_front_if(|next| joins(next, bytes))
        && let Change::Append(more) = next.change
    {
        bytes += next.bytes;
        answers.push((more.len() as u64, next.answer));
        records.extend(more);
    }
    let outcome = journal.append(&records);
    shared.told(answers.len(), bytes);
    let mut start = outcome.as_ref().map_or(Position::NONE, |range| range.start);
    for (count, answer) in answers {
        let range = start..Position(start.0 + count);
        start = range.end;
        answer.give(outcome.clone().map(|_| range));
    }
}

fn make(journal: &mut Journal, change: &Change) -> Outcome {
    match change {
        Change::Append(records) => return journal.append(records),
        Change::TruncateAfter(position) => journal.truncate_after(*position)?,
        Change::DropBefore(position) => journal.drop_before(*position)?,
        Change::Reset(position) => journal.reset(*position)?,
        Change::Trim(now) => journal.trim(*now)?,
    }
    let next = journal.reader().next();
    Ok(next..next)
}

#[cfg(test)]
mod tests {
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
                            .map(|turn| {
                                (log.apply(append(&[caller, turn])).unwrap(), [caller, turn])
                            })
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
}
