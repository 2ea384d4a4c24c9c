//! One detector, what it refers to, and what its looks told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use expr::{Reference, Root};
use model::{Moment, Value, WallTime, limits};

use super::look::Look;
use super::{Definition, PAUSE, Pace};
use crate::collectors::Moved;
use crate::facts::{self, Outcome, Run};
use crate::schedule::{self, Schedule};

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) definition: Definition,
    /// References to collectors.
    pub(super) references: Vec<Reference>,
    pub(super) asks_groups: bool,
    pub(super) touches_machine: bool,
    pub(super) fact: Arc<facts::Detector>,
    pub(super) under_way: Option<UnderWay>,
    pub(super) last_began: Option<Moment>,
    /// Since when it cannot be told whether it matches.
    pub(super) unknown_since: Option<Moment>,
    pub(super) first_due: Moment,
    /// Whether something that it refers to changed since its last look began.
    pub(super) looks_again: bool,
    /// Whether something that it refers to changed and no look that saw it has ended.
    pub(super) is_behind: bool,
}

#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) run: u64,
    pub(super) began: Moment,
    pub(super) wall: WallTime,
    pub(super) overdue_at: Moment,
    pub(super) hangs: bool,
    pub(super) counts: bool,
}

impl Entry {
    pub(super) fn new(id: Arc<str>, definition: Definition, first_due: Moment) -> Self {
        let detector = &definition.detector;
        let in_condition = detector.apply_if.references().map(|(it, _)| it.clone());
        let in_groups = detector
            .add_groups
            .iter()
            .flat_map(|text| text.references());
        let references: Vec<Reference> = in_condition
            .chain(in_groups.map(|(it, _)| it.clone()))
            .collect();
        let calls = |name| {
            detector
                .apply_if
                .program()
                .calls()
                .any(|it| it.name == name)
        };
        let asks_groups = calls("is_in_group")
            || calls("is_in_static_group")
            || references.iter().any(|it| it.root == Root::Node);
        let touches_machine = detector
            .apply_if
            .program()
            .calls()
            .any(|function| function.touches_machine());
        let fact = facts::Detector {
            id,
            outcome: Outcome::Pending,
            groups: BTreeSet::new(),
            refused: Vec::new(),
            last_run: None,
            next_due: Some(first_due),
            interval: detector.interval,
            hangs_since: None,
        };
        Self {
            references,
            asks_groups,
            touches_machine,
            fact: Arc::new(fact),
            under_way: None,
            last_began: None,
            unknown_since: None,
            first_due,
            looks_again: false,
            is_behind: false,
            definition,
        }
    }

    fn collector_references(&self) -> impl Iterator<Item = &Reference> {
        let references = self.references.iter();
        references.filter(|reference| reference.root == Root::Collector)
    }

    /// Tells whether something that it refers to differs between the old and the new value.
    pub(super) fn is_moved_by(&self, moved: &Moved) -> bool {
        self.collector_references().any(|reference| {
            let Some(name) = reference.first() else {
                return true;
            };
            let walk = |value: &Option<Value>| {
                let value = value.as_ref()?;
                reference.walk_behind_first(value)
            };
            name == &*moved.name && walk(&moved.old) != walk(&moved.new)
        })
    }

    /// Tells how long it takes, by its last look.
    pub(super) fn pace(&self) -> Pace {
        let is_quick = |run: Run| run.cost.wall <= schedule::QUICK_MAX;
        match (
            self.touches_machine,
            self.fact.last_run.is_some_and(is_quick),
        ) {
            (false, _) => Pace::AtOnce,
            (true, true) => Pace::Quick,
            (true, false) => Pace::Slow,
        }
    }

    /// Gives the place of its looks in its interval, and the time of the second one.
    pub(super) fn place(&self, id: &str, now: Moment, phase: Duration) -> (Duration, Moment) {
        let interval = self.fact.interval;
        let place = match self.pace() {
            Pace::AtOnce | Pace::Quick => schedule::place(id, interval, schedule::BEAT, phase),
            Pace::Slow => schedule::own_place(id, interval, phase),
        };
        let earliest = now.max(self.first_due + PAUSE);
        (place, schedule::next_at(place, interval, earliest))
    }

    pub(super) fn look_soon(
        &mut self,
        id: &Arc<str>,
        schedule: &mut Schedule<Arc<str>>,
        now: Moment,
    ) {
        self.looks_again = true;
        self.is_behind = true;
        if self.under_way.is_some() {
            return;
        }
        let earliest = self.last_began.map_or(now, |began| began + PAUSE);
        self.look_at(id, schedule, earliest.max(now));
    }

    /// Brings the next look forward to a time, if it is later.
    pub(super) fn look_at(&mut self, id: &Arc<str>, schedule: &mut Schedule<Arc<str>>, at: Moment) {
        if schedule.due(id).is_some_and(|due| due > at) {
            schedule.run_at(id, at);
            Arc::make_mut(&mut self.fact).next_due = Some(at);
        }
    }

    pub(super) fn name_if_hung(&mut self, now: Moment) {
        let Some(under_way) = &mut self.under_way else {
            return;
        };
        if under_way.hangs || under_way.overdue_at > now {
            return;
        }
        under_way.hangs = true;
        let since = under_way.wall;
        let fact = Arc::make_mut(&mut self.fact);
        fact.hangs_since = Some(since);
        fact.outcome = Outcome::Error(Arc::from(format!(
            "hangs since {since}: what it asks of the machine does not answer"
        )));
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.fact.outcome, Outcome::Unknown(_))
    }

    /// Tells whether it refers to a collector that has not run yet.
    pub(super) fn waits(&self, is_pending: &dyn Fn(&str) -> bool) -> bool {
        let mut references = self.collector_references();
        references.any(|reference| reference.first().is_some_and(is_pending))
    }

    pub(super) fn take(&mut self, now: Moment, look: Look, is_pending: &dyn Fn(&str) -> bool) {
        let keeps = match &look.outcome {
            Outcome::Unknown(_) => {
                let waits = self.waits(is_pending);
                let since = *self.unknown_since.get_or_insert(now);
                waits || now.since(since) < limits::FACT_AGE_MIN
            }
            Outcome::Pending | Outcome::Matches | Outcome::Differs | Outcome::Error(_) => {
                self.unknown_since = None;
                false
            }
        };
        self.is_behind = self.looks_again;
        let fact = Arc::make_mut(&mut self.fact);
        fact.hangs_since = None;
        fact.outcome = look.outcome;
        fact.refused = look.refused;
        if keeps {
            fact.groups.extend(look.groups);
        } else {
            fact.groups = look.groups;
        }
    }
}
