//! Named tasks: each is owned, watched, and joins when the agent stops.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::threads::LoopThread;

/// Tells everybody that the agent stops.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until the agent stops.
    pub(crate) async fn wait(&mut self) {
        // A sender that is gone means the same: nobody is left to stop us.
        drop(self.0.wait_for(|stopped| *stopped).await);
    }
}

/// The tasks of the agent.
#[derive(Default)]
pub(crate) struct Tasks {
    set: JoinSet<()>,
    names: BTreeMap<Id, &'static str>,
    shown: watch::Sender<Vec<String>>,
    stop: watch::Sender<bool>,
}

/// A task that ended, and whether it panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The task.
    pub name: &'static str,
    /// Whether it panicked.
    pub panicked: bool,
}

impl Tasks {
    /// Gives what tells a task to stop.
    pub(crate) fn stop_signal(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Gives the names of the running tasks, for `/threads`.
    pub(crate) fn names(&self) -> watch::Receiver<Vec<String>> {
        self.shown.subscribe()
    }

    /// Starts a task.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
        self.show();
    }

    /// Starts a task on another thread.
    pub(crate) fn spawn_on(
        &mut self,
        thread: &LoopThread,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.set.spawn_on(task, thread.handle());
        self.names.insert(handle.id(), name);
        self.show();
    }

    /// Waits for the next task that ends; `None` when there is none left.
    pub(crate) async fn next_ended(&mut self) -> Option<Ended> {
        let (id, panicked) = match self.set.join_next_with_id().await? {
            Ok((id, ())) => (id, false),
            Err(error) => (error.id(), JoinError::is_panic(&error)),
        };
        let name = self.names.remove(&id).unwrap_or("unnamed");
        self.show();
        Some(Ended { name, panicked })
    }

    /// Tells all tasks to stop and waits for them; gives the names of those that did not make it.
    pub(crate) async fn stop(mut self, deadline: Duration) -> Vec<&'static str> {
        self.stop.send_replace(true);
        let all = async { while self.next_ended().await.is_some() {} };
        match tokio::time::timeout(deadline, all).await {
            Ok(()) => Vec::new(),
            Err(_) => {
                let late = self.names.values().copied().collect();
                self.set.abort_all();
                late
            }
        }
    }

    fn show(&self) {
        self.shown
            .send_replace(self.names.values().map(|&name| name.to_owned()).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_join_when_they_are_told_to_stop() {
        let mut tasks = Tasks::default();
        let mut stop = tasks.stop_signal();
        tasks.spawn("good", async move { stop.wait().await });
        assert_eq!(*tasks.names().borrow(), ["good"]);
        assert_eq!(
            tasks.stop(Duration::from_secs(20)).await,
            Vec::<&str>::new()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_named_after_the_deadline() {
        let mut tasks = Tasks::default();
        tasks.spawn("deaf", std::future::pending());
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, ["deaf"]);
    }

    #[tokio::test]
    async fn a_panic_is_told_with_the_name_of_the_task() {
        let mut tasks = Tasks::default();
        tasks.spawn("broken", async { assert_eq!(1, 2) });
        let ended = tasks.next_ended().await;
        assert_eq!(
            ended,
            Some(Ended {
                name: "broken",
                panicked: true
            })
        );
    }
}
