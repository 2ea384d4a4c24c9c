//! The series loop: the agent's own figures over time.
//!
//! Every ten seconds it notes what the process costs and publishes the last minute of it, and notes
//! how the numbers of collectors moved, for people who look. The cost is kept small on purpose: one
//! read of `/proc/self/stat` a turn, and a walk over what the collectors gave.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::Moment;
use rules::facts::{Collector, Facts};
use rules::recent::Recent;
use tokio::sync::{mpsc, oneshot, watch};
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
    commands: mpsc::Receiver<Command>,
    facts: watch::Receiver<Arc<Facts>>,
    recent: Recent,
}

/// What others ask of the series loop.
pub(crate) enum Command {
    /// Tell how the numbers of a collector moved lately, by their path.
    Recent(Arc<Collector>, oneshot::Sender<BTreeMap<String, Vec<f64>>>),
}

/// What happens to the series loop.
pub(crate) enum Event {
    /// It is time for a note.
    Tick,
    /// Somebody asks.
    Command(Command),
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["ticks", "commands"];

    fn kind(&self) -> usize {
        match self {
            Self::Tick => 0,
            Self::Command(_) => 1,
        }
    }
}

impl Series {
    /// Makes the state; must be called inside the runtime.
    pub(crate) fn new(
        cost: watch::Sender<Arc<Cost>>,
        commands: mpsc::Receiver<Command>,
        facts: watch::Receiver<Arc<Facts>>,
    ) -> Self {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            notes: VecDeque::new(),
            cost,
            commands,
            facts,
            recent: Recent::default(),
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
        tokio::select! {
            _ = self.interval.tick() => Event::Tick,
            Some(command) = self.commands.recv() => Event::Command(command),
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Tick => {
                self.note(clock::now(), process::cpu_time());
                let facts = Arc::clone(&self.facts.borrow());
                self.recent.note(&facts);
            }
            Event::Command(Command::Recent(collector, asked)) => {
                let good = collector.good.as_ref();
                let told = good.map(|good| self.recent.of(&collector.name, &good.value));
                // Whoever asked may be gone.
                let _ = asked.send(told.unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_share_is_that_of_the_last_minute() {
        let (cost, shown) = watch::channel(Arc::new(Cost::default()));
        let (_asked, commands) = mpsc::channel(1);
        let (_facts, facts) = watch::channel(Arc::default());
        let mut series = Series::new(cost, commands, facts);
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
