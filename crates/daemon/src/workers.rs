//! The worker pool: where everything runs that may block.
//!
//! Collecting, evaluating, reading and writing files go here, so that no loop ever waits. Each job
//! has a name and a time box. A job that overruns its box is reported to its caller at once; its
//! thread counts as stuck, is named in `agent info` and replaced, so one hung mount stops only the
//! job that touched it. Threads start when there is work and end when there is none.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::limits;
use tokio::sync::oneshot;
use tracing::{error, warn};

/// A thread without work ends after this long: rare work costs no thread, and what comes every ten
/// seconds does not start one each time.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// So many threads at a time come to the help of jobs that wait behind one that hangs: what hangs
/// is seldom alone, as hosts go down together.
const RELIEF: usize = 4;

/// The pool. Clones share it. A new one has no threads.
#[derive(Clone, Default)]
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

/// Tells why a job gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobError {
    /// The queue is full, or too many threads are stuck; nothing was started.
    Refused {
        /// Jobs that wait.
        waiting: usize,
        /// Jobs that hang past their time box.
        stuck: usize,
    },
    /// The job overran its time box.
    TimedOut {
        /// The job.
        name: String,
        /// Its box.
        time_box: Duration,
    },
    /// One of its name was given up and hangs yet; nothing was started.
    Hangs {
        /// The job.
        name: String,
    },
    /// The job panicked; the panic was contained.
    Panicked {
        /// The job.
        name: String,
    },
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { waiting, stuck } => write!(
                f,
                "the worker pool takes no more jobs ({waiting} wait, {stuck} hang); \
                 `opsbro agent info` names what hangs"
            ),
            Self::TimedOut { name, time_box } => {
                write!(
                    f,
                    "{name} did not end within {}",
                    model::format_interval(*time_box)
                )
            }
            Self::Hangs { name } => write!(
                f,
                "{name} was given up and hangs yet, so it is not begun once more; \
                 look at the disk, mount or server that it waits for"
            ),
            Self::Panicked { name } => {
                write!(
                    f,
                    "{name} failed in an unexpected way; the log has the details"
                )
            }
        }
    }
}

impl std::error::Error for JobError {}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    running: BTreeMap<u64, Running>,
    next_id: u64,
    threads: usize,
    /// The threads without work, who waits longest first. Work goes to the last: it is warm, and
    /// those that rare bursts needed can end.
    idle: Vec<Arc<Condvar>>,
    done: u64,
    panicked: u64,
    refused: u64,
    stopping: bool,
}

/// A job that is handed over together with others.
pub(crate) struct Posted {
    /// What it is called where it hangs.
    pub name: String,
    /// Time that it may take.
    pub time_box: Duration,
    /// What it does.
    pub work: Box<dyn FnOnce() + Send>,
}

impl Posted {
    /// Names some work.
    fn new(
        name: impl Into<String>,
        time_box: Duration,
        work: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            time_box,
            work: Box::new(work),
        }
    }
}

/// When a job has its turn among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Before all others, by one thread more than there may be otherwise.
    Next,
    /// Behind the others.
    Last,
}

struct Job {
    id: u64,
    name: String,
    time_box: Duration,
    work: Box<dyn FnOnce() + Send>,
}

struct Running {
    name: String,
    overdue_at: Instant,
    stuck: bool,
}

impl State {
    /// Lets a job wait for a thread, before all others or behind them; gives its number.
    fn enqueue(&mut self, job: Posted, turn: Turn) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let job = Job {
            id,
            name: job.name,
            time_box: job.time_box,
            work: job.work,
        };
        match turn {
            Turn::Next => self.queue.push_front(job),
            Turn::Last => self.queue.push_back(job),
        }
        id
    }

    /// Refuses a job while one of its name is marked as hanging.
    fn refuse_hanging(&mut self, name: &str) -> Result<(), JobError> {
        self.stuck_count();
        let mut stuck = self.running.values().filter(|running| running.stuck);
        if !stuck.any(|running| running.name == name) {
            return Ok(());
        }
        self.refused += 1;
        let name = name.to_owned();
        Err(JobError::Hangs { name })
    }

    /// Marks the jobs that overran their time box, and counts them.
    fn stuck_count(&mut self) -> usize {
        let now = Instant::now();
        for running in self.running.values_mut() {
            running.stuck |= running.overdue_at <= now;
        }
        self.running
            .values()
            .filter(|running| running.stuck)
            .count()
    }
}

impl Workers {
    /// Hands a job over and does not wait for it.
    pub(crate) fn post(
        &self,
        name: impl Into<String>,
        time_box: Duration,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), JobError> {
        let job = Posted::new(name, time_box, job);
        self.shared.push(job, Turn::Last).map(drop)
    }

    /// Hands over a job that must not wait for slow ones: what may be lost until it is done.
    pub(crate) fn post_at_once(
        &self,
        name: impl Into<String>,
        time_box: Duration,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), JobError> {
        let job = Posted::new(name, time_box, job);
        self.shared.push(job, Turn::Next).map(drop)
    }

    /// Hands over jobs that take no time, for one thread to do one after the other: to wake up more
    /// of them would cost more than the jobs. Whoever posts them looks a moment later whether one
    /// of them holds up the others, and asks for [`Workers::relieve`].
    pub(crate) fn post_together(&self, jobs: Vec<Posted>) -> Result<(), JobError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let mut state = self.shared.lock();
        self.shared.admit(&mut state, jobs.len())?;
        for job in jobs {
            state.enqueue(job, Turn::Last);
        }
        self.shared.staff(&mut state, Turn::Last);
        Ok(())
    }

    /// Puts more threads to work when jobs wait.
    pub(crate) fn relieve(&self) {
        let mut state = self.shared.lock();
        for _ in 0..state.queue.len().min(RELIEF) {
            self.shared.staff(&mut state, Turn::Last);
        }
    }

    /// Runs a job and waits for its result at most as long as its time box.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        name: impl Into<String>,
        time_box: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        self.run_in_turn(name.into(), time_box, job, Turn::Last)
            .await
    }

    /// Runs a job that is tried again when it fails: while one of its name that was given up hangs
    /// yet, it is refused, as each try would take a thread more until none is left.
    pub(crate) async fn run_alone<T: Send + 'static>(
        &self,
        name: impl Into<String>,
        time_box: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let name = name.into();
        self.shared.lock().refuse_hanging(&name)?;
        self.run_in_turn(name, time_box, job, Turn::Last).await
    }

    /// Runs a job that must not wait for slow ones, and waits for its result; refused as
    /// [`Workers::run_alone`] refuses.
    pub(crate) async fn run_at_once<T: Send + 'static>(
        &self,
        name: impl Into<String>,
        time_box: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let name = name.into();
        self.shared.lock().refuse_hanging(&name)?;
        self.run_in_turn(name, time_box, job, Turn::Next).await
    }

    async fn run_in_turn<T: Send + 'static>(
        &self,
        name: String,
        time_box: Duration,
        job: impl FnOnce() -> T + Send + 'static,
        turn: Turn,
    ) -> Result<T, JobError> {
        let (tx, rx) = oneshot::channel();
        // The receiver may be gone by then: nobody waits for a late result.
        let work = move || drop(tx.send(job()));
        let job = Posted::new(name.clone(), time_box, work);
        let id = self.shared.push(job, turn)?;
        match tokio::time::timeout(time_box, rx).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(JobError::Panicked { name }),
            Err(_) => {
                self.shared.give_up(id);
                warn!(job = %name, ?time_box, "Job overran its time box");
                Err(JobError::TimedOut { name, time_box })
            }
        }
    }

    /// Counts the jobs of a name that wait or run, for work that must not pile up.
    pub(crate) fn count(&self, name: &str) -> usize {
        let state = self.shared.lock();
        let waiting = state.queue.iter().filter(|job| job.name == name);
        let running = state.running.values().filter(|job| job.name == name);
        waiting.count() + running.count()
    }

    /// Gives the figures for `agent info`.
    pub(crate) fn figures(&self) -> api::agent::Workers {
        let mut state = self.shared.lock();
        state.stuck_count();
        api::agent::Workers {
            threads: state.threads as u64,
            queued: state.queue.len() as u64,
            done: state.done,
            panicked: state.panicked,
            refused: state.refused,
            stuck: state
                .running
                .values()
                .filter(|r| r.stuck)
                .map(|r| r.name.clone())
                .collect(),
        }
    }

    /// Takes no more jobs, drops those that wait and lets the threads end.
    pub(crate) fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopping = true;
        state.queue.clear();
        for idle in state.idle.drain(..) {
            idle.notify_one();
        }
    }
}

impl Shared {
    /// Locks the state. Jobs run outside of the lock, so a panic never leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, job: Posted, turn: Turn) -> Result<u64, JobError> {
        let mut state = self.lock();
        self.admit(&mut state, 1)?;
        let id = state.enqueue(job, turn);
        self.staff(&mut state, turn);
        Ok(id)
    }

    /// Tells whether so many jobs more may wait.
    fn admit(&self, state: &mut State, count: usize) -> Result<(), JobError> {
        let stuck = state.stuck_count();
        let full = state.queue.len() + count > limits::WORKER_QUEUE_MAX;
        if full || state.stopping || stuck >= limits::WORKER_STUCK_MAX {
            state.refused += count as u64;
            let waiting = state.queue.len();
            return Err(JobError::Refused { waiting, stuck });
        }
        Ok(())
    }

    /// Wakes a thread for the work that waits, or starts one.
    fn staff(self: &Arc<Self>, state: &mut State, turn: Turn) {
        if let Some(idle) = state.idle.pop() {
            idle.notify_one();
            return;
        }
        let more = usize::from(turn == Turn::Next);
        if state.threads < limits::WORKER_THREADS_MAX + more + state.stuck_count() {
            state.threads += 1;
            let shared = Arc::clone(self);
            let thread = std::thread::Builder::new().name("worker".to_owned());
            if let Err(error) = thread.spawn(move || shared.work()) {
                state.threads -= 1;
                error!(%error, "Cannot start a worker thread");
            }
        }
    }

    /// Gives up on a job: forgets it when it waits, marks it stuck when it runs.
    fn give_up(self: &Arc<Self>, id: u64) {
        let mut state = self.lock();
        state.queue.retain(|job| job.id != id);
        if let Some(running) = state.running.get_mut(&id) {
            running.stuck = true;
            self.staff(&mut state, Turn::Last);
        }
    }

    /// The life of one thread.
    fn work(&self) {
        let wake = Arc::new(Condvar::new());
        while let Some(job) = self.next_job(&wake) {
            let id = job.id;
            let outcome = catch_unwind(AssertUnwindSafe(job.work));
            let mut state = self.lock();
            state.running.remove(&id);
            match outcome {
                Ok(()) => state.done += 1,
                Err(_) => state.panicked += 1,
            }
            // A stuck thread that was replaced is one too many when it comes back. One that was not
            // must go on: the queue may have nobody else.
            let allowed = limits::WORKER_THREADS_MAX + state.stuck_count();
            if state.threads > allowed {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Waits for a job; `None` when the thread shall end, which it is counted for already.
    fn next_job(&self, wake: &Arc<Condvar>) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                let overdue_at = Instant::now() + job.time_box;
                let running = Running {
                    name: job.name.clone(),
                    overdue_at,
                    stuck: false,
                };
                state.running.insert(job.id, running);
                return Some(job);
            }
            if state.stopping {
                state.threads -= 1;
                return None;
            }
            state.idle.push(Arc::clone(wake));
            let waited = wake.wait_timeout(state, IDLE_MAX);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            // Whoever wakes a thread takes it from the list.
            state.idle.retain(|idle| !Arc::ptr_eq(idle, wake));
            if timeout.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}
