//! The things of one check, each asked at the same time as others.
//!
//! Whoever runs the check asks one after the other, and the threads of the pool that are free take
//! things off the same list. So a thing that does not answer holds one thread, not all the others
//! up, and nobody waits for a thread that the pool has not got.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::limits;

use crate::workers::Workers;

/// The list: what is still to be asked, and what was said.
struct Fan<Thing, Said> {
    state: Mutex<State<Said>>,
    all_said: Condvar,
    things: Vec<Thing>,
}

struct State<Said> {
    next: usize,
    said: Vec<Option<Said>>,
    left: usize,
}

/// Asks all things, and gives what each said, in order; none of one that did not answer until the
/// end. What is not begun until then is not asked.
pub(super) fn ask_all<Thing, Said>(
    workers: &Workers,
    name: &str,
    time_box: Duration,
    things: Vec<Thing>,
    ask: impl Fn(&Thing) -> Said + Send + Sync + 'static,
) -> Vec<Option<Said>>
where
    Thing: Send + Sync + 'static,
    Said: Send + 'static,
{
    let count = things.len();
    let end = Instant::now() + time_box;
    let fan = Arc::new(Fan {
        state: Mutex::new(State {
            next: 0,
            said: (0..count).map(|_| None).collect(),
            left: count,
        }),
        all_said: Condvar::new(),
        things,
    });
    let ask = Arc::new(ask);
    for _ in 1..count.min(limits::PROBES_OF_CHECK_MAX) {
        let (fan, ask) = (Arc::clone(&fan), Arc::clone(&ask));
        let help = move || fan.work(end, &*ask);
        // Without help it only takes longer.
        if workers.post(name, time_box, help).is_err() {
            break;
        }
    }
    fan.work(end, &*ask);
    fan.wait(end)
}

impl<Thing, Said> Fan<Thing, Said> {
    /// Asks one thing after the other until there is none, or no time.
    fn work(&self, end: Instant, ask: &(impl Fn(&Thing) -> Said + ?Sized)) {
        while let Some(at) = self.take(end) {
            // One that panics must not make the others wait for it.
            let said = catch_unwind(AssertUnwindSafe(|| ask(&self.things[at]))).ok();
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.said[at] = said;
            state.left -= 1;
            if state.left == 0 {
                self.all_said.notify_all();
            }
        }
    }

    fn take(&self, end: Instant) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at = state.next;
        let is_one = at < self.things.len() && Instant::now() < end;
        is_one.then(|| {
            state.next += 1;
            at
        })
    }

    /// Waits for those that others ask.
    fn wait(&self, end: Instant) -> Vec<Option<Said>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.left > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.all_said.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.said.iter_mut().map(Option::take).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn things_that_wait_for_each_other_are_asked_at_the_same_time() {
        let workers = Workers::default();
        let (tx, rx) = sync_channel::<()>(0);
        let rx = Mutex::new(rx);
        // The first one answers only when the last was asked.
        let said = ask_all(&workers, "test", LONG, vec![0, 1, 2], move |thing| {
            match thing {
                0 => rx.lock().unwrap().recv_timeout(LONG).unwrap(),
                2 => tx.send(()).unwrap(),
                _ => {}
            }
            thing * 10
        });
        assert_eq!(said, [Some(0), Some(10), Some(20)]);
    }

    #[test]
    fn without_a_free_thread_it_only_takes_longer() {
        let workers = Workers::default();
        workers.stop();
        let said = ask_all(&workers, "test", LONG, vec![1, 2, 3], |thing| thing + 1);
        assert_eq!(said, [Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn one_that_panics_says_nothing_and_the_others_are_asked() {
        let said = ask_all(&Workers::default(), "test", LONG, vec![1, 2, 3], |thing| {
            assert_ne!(*thing, 2);
            *thing
        });
        assert_eq!(said, [Some(1), None, Some(3)]);
    }

    #[test]
    fn what_is_not_begun_in_time_is_not_asked() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let workers = Workers::default();
        let said = ask_all(&workers, "test", Duration::ZERO, vec![1, 2], move |_| {
            count.fetch_add(1, Ordering::Relaxed)
        });
        assert_eq!(said, [None, None]);
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }
}
