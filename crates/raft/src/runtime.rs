//! The runtime that openraft works on: tokio's, with a ticker that can rest.
//!
//! openraft looks at the clock all the time, for heartbeats and for elections. A node that has
//! neither to make needs no clock, and a node at rest should not wake its machine. openraft can
//! be told to ignore its ticks, but not to make none; so the ticker sleeps here for as long as it
//! is told to.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft::AsyncRuntime;
use openraft::impls::TokioRuntime;
use tokio::sync::watch;

use crate::news::tell_new;

tokio::task_local! {
    /// The ticker of the group that is being made, and later of the ticker's own task.
    static TICKER: Ticker;
}

/// What lets the ticker of a group go or rest; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Ticker {
    goes: watch::Sender<bool>,
    ticks: Arc<AtomicU64>,
}

impl Ticker {
    /// Gives one that goes.
    pub(crate) fn new() -> Self {
        Self {
            goes: watch::Sender::new(true),
            ticks: Arc::default(),
        }
    }

    /// Makes a group whose ticker this is.
    pub(crate) async fn drive<T>(&self, making: impl Future<Output = T>) -> T {
        TICKER.scope(self.clone(), making).await
    }

    /// Lets it go, or rest.
    pub(crate) fn let_go(&self, goes: bool) {
        tell_new(&self.goes, goes);
    }

    /// Tells how often it ticked.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    async fn sleep_until(self, deadline: tokio::time::Instant) {
        tokio::time::sleep_until(deadline).await;
        // An error means that nobody can let it go any more: then it is not needed either.
        let _ = self.goes.subscribe().wait_for(|goes| *goes).await;
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Runtime;

type Tokio = TokioRuntime;

impl AsyncRuntime for Runtime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: Send + 'static> = <Tokio as AsyncRuntime>::JoinHandle<T>;
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + Send> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <Tokio as AsyncRuntime>::ThreadLocalRng;
    type OneshotSender<T: Send> = <Tokio as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiverError = <Tokio as AsyncRuntime>::OneshotReceiverError;
    type OneshotReceiver<T: Send> = <Tokio as AsyncRuntime>::OneshotReceiver<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        // The ticker is one task of several; were it not known by its name, it would never rest.
        let is_ticker = std::any::type_name::<T>().contains("tick_loop");
        match TICKER.try_with(Ticker::clone) {
            Ok(ticker) if is_ticker => Tokio::spawn(TICKER.scope(ticker, future)),
            Ok(_) | Err(_) => Tokio::spawn(future),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Box::pin(Tokio::sleep(duration))
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        match TICKER.try_with(Ticker::clone) {
            Ok(ticker) => Box::pin(ticker.sleep_until(deadline)),
            Err(_) => Box::pin(Tokio::sleep_until(deadline)),
        }
    }

    fn timeout<R, F: Future<Output = R> + Send>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + Send>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout_at(deadline, future)
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        Tokio::is_panic(error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        Tokio::thread_rng()
    }

    fn oneshot<T: Send>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>) {
        Tokio::oneshot()
    }
}
