//! The series loop: the agent's own figures over time.
//!
//! Every ten seconds it notes what the process costs and publishes the last minute of it. The cost
//! is kept small on purpose: one read of `/proc/self/stat` a turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::Moment;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use crate::clock;
use crate::loops::{self, Room};
use crate::process;

/// Time between two notes.
const INTERVAL: Duration = Duration::from_secs(10);
/// Notes that are kept: those of the last minute.
const NOTES_MAX: usize = 7;

/// What the process cost over the last minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Share of one core, in percent.
    pub cpu_percent: f64,
}

/// The state of the loop.
pub(crate) struct Series {
    interval: Interval,
    notes: VecDeque<(Moment, Duration)>,
    cost: watch::Sender<Arc<Cost>>,
}

/// What happens to the series loop.
pub(crate) enum Event {
    /// It is time for a note.
    Tick,
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["ticks"];

    fn kind(&self) -> usize {
        match self {
            Self::Tick => 0,
        }
    }
}

impl Series {
    /// Makes the state; must be called inside the runtime.
    pub(crate) fn new(cost: watch::Sender<Arc<Cost>>) -> Self {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            notes: VecDeque::new(),
            cost,
        }
    }

    fn note(&mut self, now: Moment, cpu: Duration) {
        if self.notes.len() == NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back((now, cpu));
        let (first, first_cpu) = self.notes.front().copied().unwrap_or((now, cpu));
        let passed = now.since(first).as_secs_f64();
        let used = cpu.saturating_sub(first_cpu).as_secs_f64();
        let cpu_percent = if passed > 0.0 {
            100.0 * used / passed
        } else {
            0.0
        };
        self.cost.send_replace(Arc::new(Cost { cpu_percent }));
    }
}

impl Room for Series {
    type Event = Event;

    const NAME: &'static str = "series";

    async fn next(&mut self) -> Event {
        self.interval.tick().await;
        Event::Tick
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Tick => self.note(clock::now(), process::cpu_time()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_share_is_that_of_the_last_minute() {
        let (cost, shown) = watch::channel(Arc::new(Cost::default()));
        let mut series = Series::new(cost);
        let at = |seconds| Moment::from_start(Duration::from_secs(seconds));
        series.note(at(0), Duration::ZERO);
        assert_eq!(shown.borrow().cpu_percent, 0.0);
        series.note(at(10), Duration::from_secs(1));
        assert_eq!(shown.borrow().cpu_percent, 10.0);
        for turn in 2..20 {
            series.note(at(10 * turn), Duration::from_secs(1));
        }
        assert_eq!(shown.borrow().cpu_percent, 0.0);
    }
}
