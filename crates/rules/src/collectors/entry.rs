//! One collector, its turns, and what its runs gave.

use std::sync::Arc;
use std::time::Duration;

use model::{Moment, WallTime};

use super::{Change, Definition, Moved, Output, Trouble};
use crate::facts::{self, Good, State};
use crate::kept;
use crate::schedule::{self, Schedule};

/// Time from the first look to the second of a collector that gives rates: long enough for a rate
/// that means something, short enough for a person who waits.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// Time over which the first looks of what is not cheap are spread.
const FIRST_SPREAD: Duration = Duration::from_secs(1);

/// A collector that may take this long works hard, as a package manager does: its first look comes
/// when the start of the agent, and often that of the machine, is over.
pub const LONG: Duration = Duration::from_secs(60);

const NOT_YET: &str = "it has not run yet";

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) definition: Definition,
    pub(super) fact: Arc<facts::Collector>,
    pub(super) under_way: Option<UnderWay>,
    /// Runs that ended since it is eligible and defined as it is.
    pub(super) looks: u32,
    pub(super) first_due: Moment,
    pub(super) is_eligible: bool,
    /// The state of the last run before the agent started, so that the same again is no change.
    state_before: Option<(State, WallTime)>,
}

#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) run: u64,
    pub(super) began: Moment,
    pub(super) wall: WallTime,
    pub(super) overdue_at: Moment,
    pub(super) hangs: bool,
    /// Whether its result counts: not when the collector was defined anew meanwhile.
    pub(super) counts: bool,
}

impl UnderWay {
    /// Makes it one whose result does not count: it is waited for, as there are never two.
    pub(super) fn of_another(self) -> Self {
        Self {
            counts: false,
            ..self
        }
    }
}

impl Entry {
    pub(super) fn new(
        definition: Definition,
        kept: Option<kept::Collector>,
        now: Moment,
        wall: WallTime,
    ) -> Self {
        let fact = facts::Collector {
            name: Arc::clone(&definition.name),
            defined_at: definition.defined_at.clone(),
            state: State::Pending,
            reason: Arc::from(NOT_YET),
            todo: Arc::from(""),
            good: kept.as_ref().and_then(|kept| kept.good.clone()),
            last_run: None,
            next_due: None,
            interval: definition.interval,
            timeout: definition.timeout,
            hangs_since: None,
            since: wall,
            awaits_rates: definition.has_rates,
        };
        Self {
            definition,
            fact: Arc::new(fact),
            under_way: None,
            looks: 0,
            first_due: now,
            is_eligible: false,
            state_before: kept.map(|kept| (kept.state, kept.since)),
        }
    }

    /// Takes a new definition and what it says to readers; the data stays.
    pub(super) fn redefine(&mut self, definition: Definition) {
        let fact = Arc::make_mut(&mut self.fact);
        fact.defined_at.clone_from(&definition.defined_at);
        fact.interval = definition.interval;
        fact.timeout = definition.timeout;
        self.definition = definition;
        // Counted as looked at: it keeps its state until it has run anew.
        self.looks = self.looks.min(1);
        self.under_way = self.under_way.take().map(UnderWay::of_another);
    }

    pub(super) fn hangs(&self) -> bool {
        self.under_way.as_ref().is_some_and(|it| it.hangs)
    }

    /// Gives what its last run cost; one that never ran comes after those that are known cheap.
    pub(super) fn expected_cost(&self) -> Duration {
        let unknown = if self.definition.is_cheap {
            Duration::ZERO
        } else {
            self.definition.timeout
        };
        self.fact.last_run.map_or(unknown, |run| run.cost.wall)
    }

    pub(super) fn first_delay(&self) -> Duration {
        if self.definition.is_cheap {
            return Duration::ZERO;
        }
        let Definition {
            name,
            interval,
            timeout,
            ..
        } = &self.definition;
        if *timeout < LONG {
            return schedule::spread(name, FIRST_SPREAD.min(*interval));
        }
        let half = (*timeout / 2).min(*interval);
        half + schedule::spread(name, half)
    }

    /// Tells whether it can be taken to end at once, as it did the last time.
    pub(super) fn is_quick(&self) -> bool {
        let run = self.fact.last_run;
        run.is_some_and(|run| run.cost.wall <= schedule::QUICK_MAX)
    }

    /// Moves the second look of a rate near, and the look after the first ones to its place.
    pub(super) fn plan_next(
        &self,
        schedule: &mut Schedule<Arc<str>>,
        began: Moment,
        phase: Duration,
    ) {
        let Definition { name, interval, .. } = &self.definition;
        let second = SECOND_LOOK.min(*interval);
        let first_looks = if self.definition.has_rates { 2 } else { 1 };
        if self.looks < first_looks {
            schedule.run_at(name, began + second);
        } else if self.looks == first_looks {
            let place = if self.definition.is_cheap {
                schedule::place(name, *interval, schedule::BEAT, phase)
            } else {
                schedule::own_place(name, *interval, phase)
            };
            schedule.set_place(name, place);
            schedule.run_at(name, schedule::next_at(place, *interval, began + second));
        }
    }

    pub(super) fn take_good(&mut self, good: Good, wall: WallTime) -> Vec<Output> {
        let fact = Arc::make_mut(&mut self.fact);
        let was_believed = fact.state.is_believed();
        let old = fact.good.replace(good).map(|good| good.value);
        let old = old.filter(|_| was_believed);
        let new = fact.good.as_ref().map(|good| good.value.clone());
        let mut outputs = Vec::new();
        if old != new {
            let name = Arc::clone(&fact.name);
            outputs.push(Output::Moved(Moved { name, old, new }));
        }
        outputs.extend(self.change(State::Ok, Arc::from(""), Arc::from(""), wall));
        outputs
    }

    pub(super) fn take_trouble(&mut self, trouble: Trouble, wall: WallTime) -> Vec<Output> {
        let mut outputs = Vec::new();
        let is_lost = self.fact.state.is_believed() && !trouble.state.is_believed();
        if is_lost && let Some(good) = &self.fact.good {
            outputs.push(Output::Moved(Moved {
                name: Arc::clone(&self.fact.name),
                old: Some(good.value.clone()),
                new: None,
            }));
        }
        let Trouble {
            state,
            reason,
            todo,
        } = trouble;
        outputs.extend(self.change(state, reason, todo, wall));
        outputs
    }

    pub(super) fn set_pending(&mut self, wall: WallTime) -> Option<Output> {
        self.change(State::Pending, Arc::from(NOT_YET), Arc::from(""), wall)
    }

    fn change(
        &mut self,
        new: State,
        reason: Arc<str>,
        todo: Arc<str>,
        wall: WallTime,
    ) -> Option<Output> {
        let fact = Arc::make_mut(&mut self.fact);
        if fact.reason != reason {
            fact.reason = Arc::clone(&reason);
        }
        if fact.todo != todo {
            fact.todo = Arc::clone(&todo);
        }
        let old = std::mem::replace(&mut fact.state, new);
        if old == new {
            return None;
        }
        fact.since = wall;
        let before = match new {
            State::Pending => None,
            _ => self.state_before.take(),
        };
        if let Some((state, since)) = before
            && state == new
        {
            // As it was before the agent started: nothing changed.
            fact.since = since;
            return None;
        }
        if new == State::Pending {
            return None;
        }
        Some(Output::Changed(Change {
            name: Arc::clone(&fact.name),
            old: before.map_or(old, |(state, _)| state),
            new,
            reason,
            todo,
            wall,
        }))
    }
}
