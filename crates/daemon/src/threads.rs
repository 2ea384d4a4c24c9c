//! Threads for loops that must not wait for others: one loop, or a few, each.
//!
//! A thread of its own is woken for its own loop and nobody else's. (In a pool of threads, whoever
//! finds work wakes another one to look for more: twice the wake-ups, for nothing on an idle
//! machine.)

use std::time::Duration;

use model::Moment;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::clock;

/// How much kinder the system is to a thread that others wait for on the network: neighbours give
/// it a quarter of a second. It works for a thousandth of the time.
const NICE_FIRST: i32 = -10;

/// How much less kind the system is to what nobody waits for on the network: where a hundred agents
/// start at once on two cores, they know each other before they know their packs.
const NICE_BEHIND: i32 = 5;
/// What a thread has that was not told otherwise.
const NICE_USUAL: i32 = 0;

/// Time between two looks at how much a thread works that goes first.
const WORK_LOOK: Duration = Duration::from_millis(100);
/// Percent of a core: a thread that needs more is asked more than it can do, and what it is given
/// others lack.
const WORK_PERCENT_MAX: u128 = 80;
/// How long such a one waits like all others before it may go first again.
const BEHIND_TIME: Duration = Duration::from_millis(500);

/// Whether a thread has its turn before others where the machine is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// It has, where the agent may ask for that, as root may.
    First,
    /// It waits like all others.
    Usual,
}

/// A thread with a runtime; it ends with this.
pub(crate) struct LoopThread {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl LoopThread {
    /// Starts a thread of this name.
    pub(crate) fn start(name: &str, rank: Rank) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if rank == Rank::First {
                    go_first();
                }
                // A sender that is gone is what ends it.
                let _ = runtime.block_on(ended);
                // A hung job must not hold up the end of the process.
                runtime.shutdown_background();
            })?;
        Ok(Self { handle, _end: end })
    }

    /// Gives what tasks are started with.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Lets this thread have its turn before others, where the agent may ask for that.
fn go_first() {
    // Without the right to it the thread goes on as it is. Where the kernel does not know of short
    // turns, what comes waits longer on a busy machine.
    let _ = rustix::process::setpriority_process(None, NICE_FIRST);
    let _ = drivers::take_short_turns();
}

/// The turn of a thread before others, which it has as long as it leaves them something: whoever
/// asks without end must not take the machine from all that runs there.
#[derive(Debug)]
pub(crate) struct Precedence {
    /// When it was looked last, and how long the processor had worked for the thread by then.
    looked: (Moment, Duration),
    /// Until when it waits like all others.
    behind_until: Option<Moment>,
}

impl Precedence {
    /// Takes it for this thread.
    pub(crate) fn take(now: Moment) -> Self {
        go_first();
        Self {
            looked: (now, clock::thread_cpu()),
            behind_until: None,
        }
    }

    /// Looks now and then how much this thread works, and gives it the place that it is due.
    pub(crate) fn look(&mut self, now: Moment) {
        if now.since(self.looked.0) < WORK_LOOK {
            return;
        }
        if let Some(nice) = self.weigh(now, clock::thread_cpu()) {
            // Without the right to it the thread goes on as it is.
            let _ = rustix::process::setpriority_process(None, nice);
        }
    }

    /// Gives the place that the thread is due, when that is another one than it has.
    fn weigh(&mut self, now: Moment, used: Duration) -> Option<i32> {
        let (before, used_before) = std::mem::replace(&mut self.looked, (now, used));
        match self.behind_until {
            Some(until) if now < until => None,
            Some(_) => {
                self.behind_until = None;
                Some(NICE_FIRST)
            }
            None => {
                let worked = used.saturating_sub(used_before).as_nanos() * 100;
                let is_too_much = worked > now.since(before).as_nanos() * WORK_PERCENT_MAX;
                is_too_much.then(|| {
                    self.behind_until = Some(now + BEHIND_TIME);
                    NICE_USUAL
                })
            }
        }
    }
}

/// Does some work behind that of others, where this thread may come back from there.
pub(crate) fn behind_others<T>(work: impl FnOnce() -> T) -> T {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            // It was allowed a moment ago.
            let _ = rustix::process::setpriority_process(None, NICE_USUAL);
        }
    }
    let is_usual = rustix::process::getpriority_process(None) == Ok(NICE_USUAL);
    // Who may go before others may come back, too.
    let _back = (is_usual && rustix::process::setpriority_process(None, NICE_FIRST).is_ok())
        .then(|| rustix::process::setpriority_process(None, NICE_BEHIND).map(|()| Back));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_as_it_was_after_work_behind_others() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let meanwhile = behind_others(nice);
        assert!(meanwhile >= before);
        assert_eq!(nice(), before);
        let panicked = std::panic::catch_unwind(|| behind_others(|| panic!("it fails")));
        assert!(panicked.is_err());
        assert_eq!(nice(), before);
    }

    #[test]
    fn who_takes_all_of_a_core_goes_first_no_more_for_a_while() {
        let at = |millis| Moment::from_start(Duration::from_millis(millis));
        let ms = Duration::from_millis;
        let mut precedence = Precedence {
            looked: (at(0), ms(0)),
            behind_until: None,
        };
        assert_eq!(precedence.weigh(at(100), ms(60)), None);
        assert_eq!(precedence.weigh(at(200), ms(155)), Some(NICE_USUAL));
        assert_eq!(precedence.weigh(at(300), ms(255)), None);
        assert_eq!(precedence.weigh(at(700), ms(300)), Some(NICE_FIRST));
        // It is as busy as before.
        assert_eq!(precedence.weigh(at(800), ms(400)), Some(NICE_USUAL));
        assert_eq!(precedence.weigh(at(9_000), ms(400)), Some(NICE_FIRST));
        assert_eq!(precedence.weigh(at(9_100), ms(410)), None);
    }

    #[test]
    fn precedence_is_given_back_and_taken_again() {
        let work = || {
            let nice = || rustix::process::getpriority_process(None).unwrap();
            let before = nice();
            let began = clock::now();
            let mut precedence = Precedence::take(began);
            let first = nice();
            precedence.looked.1 = Duration::ZERO;
            precedence.behind_until = Some(began);
            precedence.look(began + WORK_LOOK);
            assert_eq!(nice(), first);
            // Nothing of a second is left to others.
            precedence.looked = (began, Duration::ZERO);
            precedence.weigh(began + Duration::from_secs(1), Duration::from_secs(1));
            assert!(precedence.behind_until.is_some());
            (before, first)
        };
        let (before, first) = std::thread::spawn(work).join().unwrap();
        assert!(first == NICE_FIRST || first == before, "{first}");
    }

    #[test]
    fn tasks_run_on_the_thread_until_it_ends() {
        let thread = LoopThread::start("own", Rank::First).unwrap();
        let name = async { std::thread::current().name().map(str::to_owned) };
        let ran = thread.handle().spawn(name);
        let waits = thread.handle().spawn(std::future::pending::<()>());
        let main = Builder::new_current_thread().build().unwrap();
        assert_eq!(main.block_on(ran).unwrap().as_deref(), Some("own"));
        drop(thread);
        assert!(main.block_on(waits).unwrap_err().is_cancelled());
    }
}
