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
mod entry;
mod exchange;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{Group, Moment, Value, WallTime, format_interval};

use self::entry::{Entry, UnderWay};
use crate::facts::{self, Cost, Good, Run, State, Taken};
use crate::kept;
use crate::schedule::Schedule;

pub use bounds::bounded;
pub use definition::{Definition, Refusal};
pub use entry::LONG;
pub use exchange::{Change, Ended, Job, Moved, Output, Trouble};

/// Time that a run may take above its box before it is said to hang: what it waited for a thread.
const GRACE: Duration = Duration::from_secs(1);

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
        fact.awaits_rates = entry.definition.has_rates && entry.looks < 2;
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

#[cfg(test)]
mod tests;
