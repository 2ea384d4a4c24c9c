//! Threads for loops that must not wait for others: one loop, or a few, each.
//!
//! A thread of its own is woken for its own loop and nobody else's. (In a pool of threads, whoever
//! finds work wakes another one to look for more: twice the wake-ups, for nothing on an idle
//! machine.)

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread with a runtime; it ends with this.
pub(crate) struct LoopThread {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl LoopThread {
    /// Starts a thread of this name.
    pub(crate) fn start(name: &str) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_on_the_thread_until_it_ends() {
        let thread = LoopThread::start("own").unwrap();
        let name = async { std::thread::current().name().map(str::to_owned) };
        let ran = thread.handle().spawn(name);
        let waits = thread.handle().spawn(std::future::pending::<()>());
        let main = Builder::new_current_thread().build().unwrap();
        assert_eq!(main.block_on(ran).unwrap().as_deref(), Some("own"));
        drop(thread);
        assert!(main.block_on(waits).unwrap_err().is_cancelled());
    }
}
