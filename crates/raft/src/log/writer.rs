//! The way of entries to the disk, and how far it has them.
//!
//! One write is under way at a time; what comes meanwhile makes up the next one. A write that fails
//! is the last one: what came behind it would stand in its place in the log.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::limits::RAFT_WRITE_BYTES_MAX;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::disk::{Disk, DiskError, Then};

/// Brings entries to the disk; clones are the same one.
#[derive(Clone)]
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    queue: Arc<Mutex<Queue>>,
    durable: watch::Sender<Durable>,
}

/// Records of the log, and who is told what became of them.
pub(super) struct Write {
    pub(super) records: Vec<Vec<u8>>,
    pub(super) bytes: usize,
    /// The index behind the last of them.
    pub(super) next: u64,
    pub(super) then: Option<Then>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Write>,
    is_writing: bool,
    failure: Option<DiskError>,
}

/// How far the disk has the log.
#[derive(Clone, Copy, Debug, Default)]
struct Durable {
    /// It has all entries before this index.
    next: u64,
    /// Counts how often entries were taken back: the same index is another entry then.
    cuts: u64,
    has_failed: bool,
    /// What a write takes, about.
    time: Duration,
}

/// A place in the log, as the log was when this was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    next: u64,
    cuts: u64,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({:?})", *self.durable.borrow())
    }
}

impl Writer {
    /// Gives one for a disk that has all entries before an index.
    pub(super) fn new(disk: Arc<dyn Disk>, next: u64) -> Self {
        Self {
            disk,
            queue: Arc::default(),
            durable: watch::Sender::new(Durable {
                next,
                ..Durable::default()
            }),
        }
    }

    /// Hands records in; they follow those that were handed in before.
    pub(super) fn write(&self, write: Write) {
        {
            let mut queue = self.lock();
            queue.waiting.push_back(write);
            if queue.is_writing {
                return;
            }
            queue.is_writing = true;
        }
        self.go_on();
    }

    /// Tells the index before which the disk has all entries.
    pub(super) fn durable(&self) -> u64 {
        self.durable.borrow().next
    }

    /// Tells about how long a write takes.
    pub(super) fn time(&self) -> Duration {
        self.durable.borrow().time
    }

    /// Tells why nothing is written any more.
    pub(super) fn failure(&self) -> Option<DiskError> {
        self.lock().failure.clone()
    }

    /// Marks a place: all entries before an index that was handed in.
    pub(super) fn mark(&self, next: u64) -> Mark {
        let cuts = self.durable.borrow().cuts;
        Mark { next, cuts }
    }

    /// Waits until the disk has all entries before a mark; tells whether they are still those that
    /// were meant.
    pub(super) async fn reach(&self, mark: Mark) -> Result<bool, DiskError> {
        let is_cut = |durable: &Durable| durable.cuts != mark.cuts;
        let has_all = |durable: &Durable| durable.next >= mark.next;
        let is_over = |durable: &Durable| durable.has_failed || is_cut(durable) || has_all(durable);
        let mut durable = self.durable.subscribe();
        // The sender is here, so this is no error.
        let Ok(durable) = durable.wait_for(is_over).await.map(|durable| *durable) else {
            return Ok(false);
        };
        match self.failure() {
            Some(error) if durable.has_failed && !has_all(&durable) => Err(error),
            Some(_) | None => Ok(!is_cut(&durable)),
        }
    }

    /// Takes note that the disk forgot the entries from an index on. None of them waits.
    pub(super) fn cut(&self, index: u64) {
        self.durable.send_modify(|durable| {
            durable.next = durable.next.min(index);
            durable.cuts += 1;
        });
    }

    /// Takes note that the log begins anew at an index.
    pub(super) fn restart(&self, next: u64) {
        self.durable.send_modify(|durable| {
            durable.next = next;
            durable.cuts += 1;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the next write, when there is something to write.
    fn go_on(&self) {
        let (mut records, mut bytes, mut next, mut thens) = (Vec::new(), 0, 0, Vec::new());
        let failure = {
            let mut queue = self.lock();
            while let Some(write) = queue.waiting.pop_front_if(|write| {
                records.is_empty() || bytes + write.bytes <= RAFT_WRITE_BYTES_MAX
            }) {
                records.extend(write.records);
                bytes += write.bytes;
                next = write.next;
                thens.extend(write.then);
            }
            queue.is_writing = !records.is_empty();
            queue.failure.clone()
        };
        if records.is_empty() {
            return;
        }
        let mut writing = Writing {
            writer: self.clone(),
            next,
            begun: Instant::now(),
            thens: Some(thens),
        };
        match failure {
            Some(error) => writing.end(&Err(error)),
            None => self
                .disk
                .append(records, Box::new(move |done| writing.end(&done))),
        }
    }
}

/// A write under way. That its end is not told is an end, too.
struct Writing {
    writer: Writer,
    next: u64,
    begun: Instant,
    thens: Option<Vec<Then>>,
}

impl Writing {
    fn end(&mut self, done: &Result<(), DiskError>) {
        let Some(thens) = self.thens.take() else {
            return;
        };
        if let Err(error) = done {
            let mut queue = self.writer.lock();
            queue.failure.get_or_insert_with(|| error.clone());
        }
        self.writer.durable.send_modify(|durable| match done {
            Ok(()) => {
                durable.next = self.next;
                durable.time = (durable.time * 3 + self.begun.elapsed()) / 4;
            }
            Err(_) => durable.has_failed = true,
        });
        // The disk first: who is told has more to do.
        self.writer.go_on();
        for then in thens {
            then(done.clone());
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.end(&Err(DiskError {
            text: "a write of the agreed log was given up".to_owned(),
            is_full: false,
        }));
    }
}
