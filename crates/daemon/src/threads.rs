//! Threads for loops that must not wait for others: one loop, or a few, each.
//!
//! A thread of its own is woken for its own loop and nobody else's. (In a pool of threads, whoever
//! finds work wakes another one to look for more: twice the wake-ups, for nothing on an idle
//! machine.)

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// How much kinder the system is to a thread that others wait for on the network: neighbours give
/// it a quarter of a second. It works for a thousandth of the time.
const NICE_FIRST: i32 = -10;

/// How much less kind the system is to what nobody waits for on the network: where a hundred agents
/// start at once on two cores, they know each other before they know their packs.
const NICE_BEHIND: i32 = 5;
/// What a thread has that was not told otherwise.
const NICE_USUAL: i32 = 0;

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
                    // Without the right to it the thread goes on as it is.
                    let _ = rustix::process::setpriority_process(None, NICE_FIRST);
                    let _ = drivers::take_short_turns();
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
