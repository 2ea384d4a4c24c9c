//! The loops: each is the only owner of its state, and no state has a lock.
//!
//! A loop waits for its next event, then applies it at once, then waits again. What it wants others
//! to see it publishes as a snapshot; what it wants others to do it sends through a bounded
//! channel.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::tasks::Stop;

/// What happens to a loop: a closed set of events.
pub(crate) trait Event: Send {
    /// The names of all kinds.
    const KINDS: &'static [&'static str];

    /// Tells which of [`Event::KINDS`] this is.
    fn kind(&self) -> usize;
}

/// The state of one loop, and how it waits and changes.
pub(crate) trait Room: Send {
    /// What happens here.
    type Event: Event;

    /// The name of the loop.
    const NAME: &'static str;

    /// Waits for the next event. Must lose nothing when it is dropped.
    fn next(&mut self) -> impl Future<Output = Self::Event> + Send;

    /// Applies an event. Never blocks.
    fn apply(&mut self, event: Self::Event);
}

/// What a loop counts about itself.
pub(crate) struct Figures {
    name: &'static str,
    kinds: &'static [&'static str],
    events: Vec<AtomicU64>,
    busy_us: AtomicU64,
    longest_turn_us: AtomicU64,
}

impl Figures {
    /// Makes the figures of one kind of loop.
    pub(crate) fn of<R: Room>() -> Arc<Self> {
        Arc::new(Self {
            name: R::NAME,
            kinds: R::Event::KINDS,
            events: R::Event::KINDS.iter().map(|_| AtomicU64::new(0)).collect(),
            busy_us: AtomicU64::new(0),
            longest_turn_us: AtomicU64::new(0),
        })
    }

    /// Gives what was counted.
    pub(crate) fn read(&self) -> api::threads::LoopFigures {
        let count = |at: &AtomicU64| at.load(Ordering::Relaxed);
        let events = self.kinds.iter().zip(&self.events);
        api::threads::LoopFigures {
            name: self.name.to_owned(),
            events: events
                .map(|(kind, at)| ((*kind).to_owned(), count(at)))
                .collect(),
            busy_us: count(&self.busy_us),
            longest_turn_us: count(&self.longest_turn_us),
        }
    }

    fn turned(&self, kind: usize, began: Instant) {
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.events[kind].fetch_add(1, Ordering::Relaxed);
        self.busy_us.fetch_add(took_us, Ordering::Relaxed);
        self.longest_turn_us.fetch_max(took_us, Ordering::Relaxed);
    }
}

/// Runs a loop until the agent stops.
pub(crate) async fn run<R: Room>(mut room: R, figures: Arc<Figures>, mut stop: Stop) {
    loop {
        let event = tokio::select! {
            biased;
            () = stop.wait() => return,
            event = room.next() => event,
        };
        let (kind, began) = (event.kind(), Instant::now());
        room.apply(event);
        figures.turned(kind, began);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::tasks::Tasks;

    struct Adder {
        numbers: mpsc::Receiver<u64>,
        sums: mpsc::Sender<u64>,
        sum: u64,
    }

    enum Number {
        Even(u64),
        Odd(u64),
    }

    impl Event for Number {
        const KINDS: &'static [&'static str] = &["even", "odd"];

        fn kind(&self) -> usize {
            match self {
                Self::Even(_) => 0,
                Self::Odd(_) => 1,
            }
        }
    }

    impl Room for Adder {
        type Event = Number;

        const NAME: &'static str = "adder";

        async fn next(&mut self) -> Number {
            match self.numbers.recv().await {
                Some(number) if number % 2 == 0 => Number::Even(number),
                Some(number) => Number::Odd(number),
                None => std::future::pending().await,
            }
        }

        fn apply(&mut self, event: Number) {
            let (Number::Even(number) | Number::Odd(number)) = event;
            self.sum += number;
            self.sums.try_send(self.sum).unwrap();
        }
    }

    #[tokio::test]
    async fn events_are_applied_in_order_and_counted_by_kind() {
        let mut tasks = Tasks::default();
        let (numbers_tx, numbers) = mpsc::channel(8);
        let (sums, mut sums_rx) = mpsc::channel(8);
        let figures = Figures::of::<Adder>();
        let room = Adder {
            numbers,
            sums,
            sum: 0,
        };
        tasks.spawn(
            "adder",
            run(room, Arc::clone(&figures), tasks.stop_signal()),
        );
        for number in [1, 2, 3] {
            numbers_tx.send(number).await.unwrap();
        }
        assert_eq!(sums_rx.recv().await, Some(1));
        assert_eq!(sums_rx.recv().await, Some(3));
        assert_eq!(sums_rx.recv().await, Some(6));
        assert!(
            tasks
                .stop(std::time::Duration::from_secs(20))
                .await
                .is_empty()
        );
        let read = figures.read();
        assert_eq!((read.events["odd"], read.events["even"]), (2, 1));
    }
}
