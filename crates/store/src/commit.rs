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
        self.submit_waiting(change, move |outcome| drop(tx.send(outcome)))?;
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

    /// Hands in a change, waiting for room in the queue, with a function as [`Log::submit`] has.
    pub fn submit_waiting(
        &self,
        change: Change,
        then: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<(), Error> {
        self.check_sizes(&change)?;
        let queue = self.shared.wait_for_room(change.bytes());
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
mod tests;
