//! When each collector runs, and what a run of it means.
//!
//! The first look of a collector comes at once (what runs a program or asks a server is spread over
//! a second), so that a fresh agent knows its machine; from the second on those that are cheap look
//! together, at a time that differs between nodes, and the others are spread over their interval.
//! What may take a minute begins when the start is over.
//!
//! A collector never runs twice at a time: one that overran its time box is named and waited for,
//! and stops nobody else. A run that fails keeps the last good result with its age.
//!
//! Start with [`Collectors::define`]; then [`Collectors::tick`] gives [`Output::Collect`] for what
//! is due, and [`Collectors::ended`] takes what came of it.

mod bounds;
mod definition;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{Group, Moment, Value, WallTime, format_interval};

use crate::facts::{self, Cost, Good, Run, State, Taken};
use crate::kept;
use crate::schedule::{self, Schedule};

pub use bounds::bounded;
pub use definition::{Definition, Refusal};

/// Time that a run may take above its box before it is said to hang: what it waited for a thread.
const GRACE: Duration = Duration::from_secs(1);
/// Time from the first look to the second of a collector that gives rates: long enough for a rate
/// that means something, short enough for a person who waits.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// Time over which the first looks of what is not cheap are spread.
const FIRST_SPREAD: Duration = Duration::from_secs(1);

/// A collector that may take this long works hard, as a package manager does: its first look comes
/// when the start of the agent, and often that of the machine, is over.
pub const LONG: Duration = Duration::from_secs(60);
/// Time up to which a run is quick: many times what reading files of the kernel takes.
const QUICK_MAX: Duration = Duration::from_millis(50);

/// All collectors of this node.
#[derive(Debug, Default)]
pub struct Collectors {
    entries: BTreeMap<Arc<str>, Entry>,
    schedule: Schedule<Arc<str>>,
    /// The time in each beat at which this node looks at what is cheap.
    phase: Duration,
    groups: BTreeSet<Group>,
    kept: BTreeMap<Arc<str>, kept::Collector>,
    /// Runs of collectors that are gone. One that comes back waits for its run: never two.
    left: BTreeMap<Arc<str>, UnderWay>,
    runs: u64,
    outputs: VecDeque<Output>,
}

/// What shall be done, or told.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Run a collector, and give what came of it to [`Collectors::ended`].
    Collect(Job),
    /// Drop what a collector remembers from run to run: it is gone, or another one.
    Forget(Arc<str>),
    /// A collector changed its state: for the history.
    Changed(Change),
    /// A collector gave another value than before, or its value is no longer believed.
    Moved(Moved),
}

/// A run that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The collector.
    pub name: Arc<str>,
    /// The number of the run.
    pub run: u64,
    /// Time that it may take.
    pub timeout: Duration,
    /// Whether it ended at once when it ran last: it need not run beside others.
    pub is_quick: bool,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The collector.
    pub name: Arc<str>,
    /// What it was.
    pub old: State,
    /// What it is.
    pub new: State,
    /// Why.
    pub reason: Arc<str>,
    /// What to do about it.
    pub todo: Arc<str>,
    /// When.
    pub wall: WallTime,
}

/// The value of a collector before and after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The collector.
    pub name: Arc<str>,
    /// What it gave before.
    pub old: Option<Value>,
    /// What it gives.
    pub new: Option<Value>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The collector.
    pub name: Arc<str>,
    /// The number of the run.
    pub run: u64,
    /// What it gave, or why nothing.
    pub result: Result<Value, Trouble>,
    /// What it cost.
    pub cost: Cost,
}

/// Why a run gave no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The state that it leads to.
    pub state: State,
    /// What is the matter.
    pub reason: Arc<str>,
    /// What to do; empty when there is nothing to do.
    pub todo: Arc<str>,
}

#[derive(Debug)]
struct Entry {
    definition: Definition,
    fact: Arc<facts::Collector>,
    under_way: Option<UnderWay>,
    /// Runs that ended since it is eligible and defined as it is.
    looks: u32,
    first_due: Moment,
    is_eligible: bool,
    /// The state of the last run before the agent started, so that the same again is no change.
    state_before: Option<(State, WallTime)>,
}

#[derive(Debug)]
struct UnderWay {
    run: u64,
    began: Moment,
    wall: WallTime,
    overdue_at: Moment,
    hangs: bool,
    /// Whether its result counts: not when the collector was defined anew meanwhile.
    counts: bool,
}

impl UnderWay {
    /// Makes it one whose result does not count: it is waited for, as there are never two.
    fn of_another(self) -> Self {
        Self {
            counts: false,
            ..self
        }
    }
}

impl Trouble {
    /// Makes the trouble of something that should have worked.
    pub fn failed(reason: impl Into<Arc<str>>) -> Self {
        Self {
            state: State::Error,
            reason: reason.into(),
            todo: Arc::from(""),
        }
    }
}

impl Collectors {
    /// Makes the collectors of a node that looks at this time in each beat.
    pub fn new(phase: Duration) -> Self {
        Self {
            phase,
            ..Self::default()
        }
    }

    /// Takes what was kept over a restart; to be called before the first definition.
    pub fn restore(&mut self, kept: BTreeMap<Arc<str>, kept::Collector>) {
        self.kept = kept;
    }

    /// Takes all definitions. What did not change goes on as it was; what changed forgets what it
    /// remembers and runs soon; what is gone is forgotten.
    pub fn define(&mut self, now: Moment, wall: WallTime, definitions: Vec<Definition>) {
        let named: BTreeSet<Arc<str>> = definitions.iter().map(|it| it.name.clone()).collect();
        let gone: Vec<Arc<str>> = self
            .entries
            .keys()
            .filter(|name| !named.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            let entry = self.entries.remove(&name);
            if let Some(under_way) = entry.and_then(|entry| entry.under_way) {
                self.left.insert(Arc::clone(&name), under_way);
            }
            self.schedule.remove(&name);
            self.outputs.push_back(Output::Forget(name));
        }
        for definition in definitions {
            let name = Arc::clone(&definition.name);
            match self.entries.get_mut(&name) {
                Some(entry) if entry.definition == definition => continue,
                Some(entry) => {
                    entry.redefine(definition);
                    self.schedule.remove(&name);
                    self.outputs.push_back(Output::Forget(Arc::clone(&name)));
                }
                None => {
                    let kept = self.kept.remove(&name);
                    let mut entry = Entry::new(definition, kept, now, wall);
                    entry.under_way = self.left.remove(&name).map(UnderWay::of_another);
                    self.entries.insert(Arc::clone(&name), entry);
                }
            }
            self.settle(&name, now, wall);
        }
    }

    /// Takes the groups of this node, and starts and stops what asks for them.
    pub fn set_groups(&mut self, now: Moment, wall: WallTime, groups: BTreeSet<Group>) {
        if self.groups == groups {
            return;
        }
        self.groups = groups;
        let names: Vec<Arc<str>> = self.entries.keys().cloned().collect();
        for name in names {
            self.settle(&name, now, wall);
        }
    }

    /// Makes a collector due at once; tells whether there is one that runs here.
    pub fn run_now(&mut self, now: Moment, name: &str) -> bool {
        let Some((name, entry)) = self.entries.get_key_value(name) else {
            return false;
        };
        self.schedule.run_at(name, now);
        entry.is_eligible
    }

    /// Gives what is due, cheap ones first, and names what hangs.
    pub fn tick(&mut self, now: Moment, wall: WallTime) {
        self.name_the_hung(now, wall);
        let mut due = Vec::new();
        while let Some(name) = self.schedule.take_due(now) {
            due.push(name);
        }
        due.sort_by_key(|name| self.entries.get(name).map(Entry::expected_cost));
        for name in due {
            let Some(entry) = self.entries.get_mut(&name) else {
                continue;
            };
            self.runs += 1;
            let timeout = entry.definition.timeout;
            entry.under_way = Some(UnderWay {
                run: self.runs,
                began: now,
                wall,
                overdue_at: now + timeout + GRACE,
                hangs: false,
                counts: true,
            });
            let is_quick = entry.is_quick();
            self.outputs.push_back(Output::Collect(Job {
                name,
                run: self.runs,
                timeout,
                is_quick,
            }));
        }
    }

    /// Takes what came of a run.
    pub fn ended(&mut self, now: Moment, wall: WallTime, ended: Ended) {
        let name = ended.name;
        let Some(entry) = self.entries.get_mut(&name) else {
            if self.left.get(&name).is_some_and(|it| it.run == ended.run) {
                self.left.remove(&name);
            }
            return;
        };
        if entry.under_way.as_ref().map(|it| it.run) != Some(ended.run) {
            return;
        }
        let Some(under_way) = entry.under_way.take() else {
            return;
        };
        self.schedule.done(&name, now);
        if under_way.counts && entry.is_eligible {
            self.take(&name, &under_way, ended.result, ended.cost, wall);
        }
        // One that was stopped and started again meanwhile has no next turn yet.
        self.settle(&name, now, wall);
    }

    fn take(
        &mut self,
        name: &Arc<str>,
        under_way: &UnderWay,
        result: Result<Value, Trouble>,
        cost: Cost,
        wall: WallTime,
    ) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        entry.looks += 1;
        entry.plan_next(&mut self.schedule, under_way.began, self.phase);
        let fact = Arc::make_mut(&mut entry.fact);
        fact.hangs_since = None;
        fact.last_run = Some(Run {
            began: under_way.began,
            wall: under_way.wall,
            cost,
        });
        fact.next_due = self.schedule.due(name);
        match result {
            Ok(value) => {
                let taken = Taken::at(under_way.began, under_way.wall);
                let good = Good { value, taken };
                self.outputs.extend(entry.take_good(good, wall));
            }
            Err(trouble) => self.outputs.extend(entry.take_trouble(trouble, wall)),
        }
    }

    /// Gives the next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells when [`Collectors::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let overdue = self.entries.values().filter_map(|entry| {
            let under_way = entry.under_way.as_ref()?;
            (!under_way.hangs).then_some(under_way.overdue_at)
        });
        overdue.chain(self.schedule.next_deadline()).min()
    }

    /// Gives what is known of each collector.
    pub fn facts(&self) -> BTreeMap<Arc<str>, Arc<facts::Collector>> {
        self.entries
            .iter()
            .map(|(name, entry)| (Arc::clone(name), Arc::clone(&entry.fact)))
            .collect()
    }

    /// Gives the state of a collector.
    pub fn state(&self, name: &str) -> Option<State> {
        self.entries.get(name).map(|entry| entry.fact.state)
    }

    /// Tells whether each cheap collector that can run here has been tried once. What asks a server
    /// does so because of what was detected, not before.
    pub fn have_all_looked(&self) -> bool {
        self.entries.values().all(|entry| {
            let is_awaited = entry.is_eligible && entry.definition.is_cheap;
            !is_awaited || entry.looks > 0 || entry.hangs()
        })
    }

    /// Brings a collector in line with its definition and the groups.
    fn settle(&mut self, name: &Arc<str>, now: Moment, wall: WallTime) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let obstacle = entry.definition.obstacle(&self.groups);
        entry.is_eligible = obstacle.is_none();
        if let Some(trouble) = obstacle {
            entry.looks = 0;
            self.schedule.remove(name);
            let fact = Arc::make_mut(&mut entry.fact);
            fact.next_due = None;
            self.outputs.extend(entry.take_trouble(trouble, wall));
            return;
        }
        // A run that is still under way is waited for: there are never two.
        if entry.under_way.is_some() || self.schedule.due(name).is_some() {
            return;
        }
        if entry.looks == 0 {
            self.outputs.extend(entry.set_pending(wall));
        }
        entry.first_due = now + entry.first_delay();
        let interval = entry.definition.interval;
        let due = entry.first_due;
        self.schedule.insert(Arc::clone(name), interval, due);
        Arc::make_mut(&mut entry.fact).next_due = Some(due);
    }

    fn name_the_hung(&mut self, now: Moment, wall: WallTime) {
        for entry in self.entries.values_mut() {
            let Some(under_way) = &mut entry.under_way else {
                continue;
            };
            if under_way.hangs || under_way.overdue_at > now {
                continue;
            }
            under_way.hangs = true;
            let since = under_way.wall;
            if !under_way.counts || !entry.is_eligible {
                continue;
            }
            Arc::make_mut(&mut entry.fact).hangs_since = Some(since);
            let time_box = format_interval(entry.definition.timeout);
            let trouble = Trouble {
                state: State::Error,
                reason: Arc::from(format!("hangs since {since} (its time box is {time_box})")),
                todo: Arc::from("look at what it reads; it runs again when this run has ended"),
            };
            self.outputs.extend(entry.take_trouble(trouble, wall));
        }
    }
}

impl Entry {
    fn new(
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
    fn redefine(&mut self, definition: Definition) {
        let fact = Arc::make_mut(&mut self.fact);
        fact.defined_at.clone_from(&definition.defined_at);
        fact.interval = definition.interval;
        fact.timeout = definition.timeout;
        self.definition = definition;
        // Counted as looked at: it keeps its state until it has run anew.
        self.looks = self.looks.min(1);
        self.under_way = self.under_way.take().map(UnderWay::of_another);
    }

    fn hangs(&self) -> bool {
        self.under_way.as_ref().is_some_and(|it| it.hangs)
    }

    /// Gives what its last run cost; one that never ran comes after those that are known cheap.
    fn expected_cost(&self) -> Duration {
        let unknown = if self.definition.is_cheap {
            Duration::ZERO
        } else {
            self.definition.timeout
        };
        self.fact.last_run.map_or(unknown, |run| run.cost.wall)
    }

    fn first_delay(&self) -> Duration {
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
    fn is_quick(&self) -> bool {
        let run = self.fact.last_run;
        run.is_some_and(|run| run.cost.wall <= QUICK_MAX)
    }

    /// Moves the second look of a rate near, and the look after the first ones to its place.
    fn plan_next(&self, schedule: &mut Schedule<Arc<str>>, began: Moment, phase: Duration) {
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

    fn take_good(&mut self, good: Good, wall: WallTime) -> Vec<Output> {
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

    fn take_trouble(&mut self, trouble: Trouble, wall: WallTime) -> Vec<Output> {
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

    fn set_pending(&mut self, wall: WallTime) -> Option<Output> {
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

const NOT_YET: &str = "it has not run yet";

#[cfg(test)]
mod tests;
