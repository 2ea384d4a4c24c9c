//! Quick jobs of one turn: one thread does them, and what came of all is told at once.
//!
//! A wake-up costs more than most collectors, so a turn has one on each side. When a job holds the
//! others up, [`Turn::hurry`] gets what is there, and from then on each tells for itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rules::Input;
use tokio::sync::mpsc;

use crate::workers::{JobError, Posted, Workers};

/// Time after which the jobs of a turn are looked after: many times what all of them take.
pub(super) const LOOK_AFTER: Duration = Duration::from_millis(100);

/// What came of a job that could not even begin.
type Refused = Box<dyn FnOnce(&JobError) -> Vec<Input> + Send>;

/// A job that takes no time.
pub(super) struct Quick {
    /// What it is called where it hangs.
    pub name: String,
    /// Time that it may take.
    pub time_box: Duration,
    /// Does it, and gives what came of it.
    pub work: Box<dyn FnOnce() -> Vec<Input> + Send>,
    /// Gives what came of it when it could not even begin.
    pub refused: Refused,
}

/// The jobs of one turn.
pub(super) struct Turn(Arc<Mutex<State>>);

struct State {
    /// Jobs that have not ended.
    left: usize,
    /// What came of those that have.
    told: Vec<Input>,
    is_late: bool,
}

impl Turn {
    /// Hands the jobs of a turn over; gives what came of them when they could not even begin.
    pub(super) fn begin(
        jobs: Vec<Quick>,
        workers: &Workers,
        ended: &mpsc::Sender<Vec<Input>>,
    ) -> Result<Self, Vec<Input>> {
        let state = Arc::new(Mutex::new(State {
            left: jobs.len(),
            told: Vec::new(),
            is_late: false,
        }));
        let mut posted = Vec::with_capacity(jobs.len());
        let mut refusals = Vec::with_capacity(jobs.len());
        for Quick {
            name,
            time_box,
            work,
            refused,
        } in jobs
        {
            let (state, ended) = (Arc::clone(&state), ended.clone());
            posted.push(Posted {
                name,
                time_box,
                work: Box::new(move || {
                    let told = End { state, ended };
                    told.tell(work());
                }),
            });
            refusals.push(refused);
        }
        match workers.post_together(posted) {
            Ok(()) => Ok(Self(state)),
            Err(error) => Err(refusals
                .into_iter()
                .flat_map(|refused| refused(&error))
                .collect()),
        }
    }

    /// Gives what was told so far; from here on each job tells for itself.
    pub(super) fn hurry(&self) -> Vec<Input> {
        let mut state = lock(&self.0);
        state.is_late = true;
        std::mem::take(&mut state.told)
    }

    /// Tells whether all jobs have ended.
    pub(super) fn is_over(&self) -> bool {
        lock(&self.0).left == 0
    }
}

/// The end of a job. One that panics has an end too: nobody waits for it.
struct End {
    state: Arc<Mutex<State>>,
    ended: mpsc::Sender<Vec<Input>>,
}

impl End {
    fn tell(self, inputs: Vec<Input>) {
        lock(&self.state).told.extend(inputs);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let told = {
            let mut state = lock(&self.state);
            state.left -= 1;
            if state.left > 0 && !state.is_late {
                return;
            }
            std::mem::take(&mut state.told)
        };
        // Nobody listens any more when the agent stops.
        let _ = self.ended.blocking_send(told);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
