//! The parts of the rules put together: what one of them finds out, the others learn at once.
//!
//! One input is handled, then the outputs are polled until there are none, then nothing happens
//! until the next deadline. What shall be done comes out as a job, and what came of it goes back in
//! as the input of the same part.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{Group, Moment, WallTime, limits};

use packs::check::Check;

use crate::alerts::OwnGroups;
use crate::checks::{self, Checks, Definitions, PushError, Said};
use crate::collectors::{self, Collectors};
use crate::detectors::{self, Detectors};
use crate::facts::{Facts, State};
use crate::kept::Kept;
use crate::schedule::{self, end_of_turn};

/// Time after which the first look is taken as done, whatever hangs.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(10);
/// Collectors and detectors that are due within one of these run together: a wake-up costs more
/// than what is done in it (measured: with turns of 100 ms the agent took 0.12 % of a core for
/// them). What changed is looked at within a second.
const TURN: Duration = Duration::from_millis(500);

/// What is to be done about what is seen.
#[derive(Debug)]
pub struct Core {
    collectors: Collectors,
    detectors: Detectors,
    checks: Checks,
    /// What is to be checked; none where monitoring is switched off.
    to_check: Option<Vec<Arc<Check>>>,
    /// Whether the checks were told that the groups of this node are known.
    is_settled: bool,
    static_groups: Arc<BTreeSet<Group>>,
    facts: Arc<Facts>,
    /// Whether the facts are older than the parts.
    is_stale: bool,
    /// When the first definitions came.
    defined: Option<Moment>,
    /// Whether the detectors were told that the collectors have run.
    is_open: bool,
    outputs: VecDeque<Output>,
}

/// What happens to the rules.
#[derive(Debug)]
pub enum Input {
    /// The packs or the topics changed: all that is to run from here on.
    Define(Setup),
    /// The configuration gave this node these groups.
    StaticGroups(BTreeSet<Group>),
    /// A run of a collector ended.
    Collected(collectors::Ended),
    /// A look of a detector ended.
    Looked(detectors::Ended),
    /// Runs of checks ended.
    Judged(Vec<checks::Ended>),
    /// Somebody wants a check, by its id, to run at once.
    RunCheck(Arc<str>),
    /// The node has another name.
    Renamed(Arc<str>),
    /// These nodes and groups are down, as `depends_on` names them: `node:db1`, `group:db`.
    ParentsDown(BTreeSet<Arc<str>>),
    /// Somebody wants a collector to run at once.
    RunCollector(Arc<str>),
    /// Somebody wants a detector, by its id, to look at once.
    RunDetector(Arc<str>),
    /// The next deadline has come.
    Tick,
}

/// All that is to run.
#[derive(Debug, Default)]
pub struct Setup {
    /// The collectors; one that may not run says why.
    pub collectors: Vec<collectors::Definition>,
    /// The detectors; none where detection is switched off.
    pub detectors: Vec<detectors::Definition>,
    /// The checks, those of services too; none where monitoring is switched off.
    pub checks: Option<Vec<Arc<Check>>>,
}

/// What shall be done, or told.
#[derive(Debug)]
pub enum Output {
    /// Run a collector; [`Input::Collected`] is the answer.
    Collect(collectors::Job),
    /// Drop what a collector remembers from run to run.
    Forget(Arc<str>),
    /// Look with a detector; [`Input::Looked`] is the answer.
    Look(detectors::Job),
    /// A collector changed its state.
    CollectorChanged(collectors::Change),
    /// The detected groups changed.
    GroupsChanged(detectors::Change),
    /// Judge something, or hear of a transition; [`Input::Judged`] is the answer to a run.
    Check(checks::Output),
}

impl Core {
    /// Makes the rules of a node that knows nothing but what was kept over a restart.
    pub fn new(kept: Kept, checks: Checks) -> Self {
        let mut collectors = Collectors::new(checks.phase());
        let mut detectors = Detectors::new(checks.phase() + schedule::BEAT_MIN);
        collectors.restore(kept.collectors.clone());
        detectors.restore(kept);
        Self {
            collectors,
            detectors,
            checks,
            to_check: None,
            is_settled: false,
            static_groups: Arc::default(),
            facts: Arc::default(),
            is_stale: false,
            defined: None,
            is_open: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Then [`Core::poll_output`] until there is none.
    pub fn handle(&mut self, now: Moment, wall: WallTime, input: Input) {
        self.handle_all(now, wall, [input]);
    }

    /// Takes what happened in one turn. Then [`Core::poll_output`] until there is none.
    pub fn handle_all(
        &mut self,
        now: Moment,
        wall: WallTime,
        inputs: impl IntoIterator<Item = Input>,
    ) {
        let mut concerns_all = false;
        for input in inputs {
            // Nobody but the checks cares for what they said, or that one is due, so what this
            // costs does not grow with what else is known.
            concerns_all |= match input {
                Input::Judged(_) => false,
                Input::Tick => !self.is_settled || self.next_look().is_some_and(|at| at <= now),
                _ => true,
            };
            self.take(now, wall, input);
        }
        if concerns_all {
            self.open_detectors(now);
            self.collectors.tick(now, wall);
            self.detectors.tick(now, wall);
            self.pump(now, wall);
            self.settle(now, wall);
            self.is_stale = true;
        }
        self.checks.tick(now, wall);
        self.pump(now, wall);
    }

    fn take(&mut self, now: Moment, wall: WallTime, input: Input) {
        match input {
            Input::Judged(all) => {
                for ended in all {
                    self.checks.ended(now, wall, ended);
                }
            }
            Input::Define(setup) => self.define(now, wall, setup),
            Input::StaticGroups(groups) => {
                self.static_groups = Arc::new(groups);
                self.spread_groups(now, wall);
            }
            Input::Collected(ended) => self.collectors.ended(now, wall, ended),
            Input::Looked(ended) => {
                let collectors = &self.collectors;
                let is_pending = |name: &str| collectors.state(name) == Some(State::Pending);
                self.detectors.ended(now, wall, ended, &is_pending);
            }
            Input::RunCheck(id) => {
                self.checks.run_now(now, &id);
            }
            Input::Renamed(name) => self.checks.rename(name),
            Input::ParentsDown(down) => self.checks.parents_down(down),
            Input::RunCollector(name) => {
                self.collectors.run_now(now, &name);
            }
            Input::RunDetector(id) => {
                self.detectors.run_now(now, &id);
            }
            Input::Tick => {}
        }
    }

    /// Takes the result of a check that somebody reports. Then [`Core::poll_output`] until there is
    /// none.
    pub fn push(
        &mut self,
        now: Moment,
        wall: WallTime,
        id: &str,
        said: &Said,
    ) -> Result<(), PushError> {
        self.checks.pushed(now, wall, id, said)?;
        self.pump(now, wall);
        Ok(())
    }

    /// Gives the next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells when [`Input::Tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let looks = self.next_look().map(|at| end_of_turn(at, TURN));
        looks.into_iter().chain(self.checks.next_deadline()).min()
    }

    /// Tells when a collector or a detector has something to do.
    fn next_look(&self) -> Option<Moment> {
        let looks = [
            self.collectors.next_deadline(),
            self.detectors.next_deadline(),
        ];
        looks.into_iter().flatten().min()
    }

    /// Gives what this node knows.
    pub fn facts(&mut self) -> Arc<Facts> {
        if std::mem::take(&mut self.is_stale) {
            self.facts = Arc::new(Facts {
                collectors: self.collectors.facts(),
                static_groups: Arc::clone(&self.static_groups),
                detected_groups: Arc::clone(self.detectors.groups()),
                detectors: self.detectors.facts(),
            });
        }
        Arc::clone(&self.facts)
    }

    /// Tells whether [`Core::checks`] would give something new.
    pub fn has_new_checks(&self) -> bool {
        self.checks.has_changed()
    }

    /// Gives what the checks say.
    pub fn checks(&mut self) -> Arc<checks::Snapshot> {
        self.checks.snapshot()
    }

    /// Tells whether this node has looked at itself once, so that its groups are known.
    pub fn has_looked(&self, now: Moment) -> bool {
        let Some(defined) = self.defined else {
            return false;
        };
        // It is asked at each wake-up, so what costs nothing comes first.
        now.since(defined) >= FIRST_LOOK_MAX
            || (self.collectors.have_all_looked() && self.detectors.have_all_looked())
    }

    /// Gives the groups of this node, and what is not known of them yet.
    pub fn own_groups(&self, now: Moment) -> OwnGroups {
        let is_young = |defined| now.since(defined) < limits::FACT_AGE_MIN;
        let is_pending = |name: &str| self.collectors.state(name) == Some(State::Pending);
        let undecided = self.detectors.undecided(&is_pending);
        OwnGroups {
            given: Arc::clone(&self.static_groups),
            detected: Arc::clone(self.detectors.groups()),
            is_certain: undecided.is_empty() || !self.defined.is_none_or(is_young),
            undecided,
        }
    }

    fn define(&mut self, now: Moment, wall: WallTime, setup: Setup) {
        self.defined.get_or_insert(now);
        // The groups come first, also those that were kept: collectors ask for them.
        self.detectors.define(now, wall, setup.detectors);
        self.pump(now, wall);
        self.spread_groups(now, wall);
        self.collectors.define(now, wall, setup.collectors);
        self.to_check = setup.checks;
        self.link_checks(now, wall);
        if self.is_open {
            self.detectors.open(now);
        }
    }

    /// Gives the checks that this node's groups ask for. Before the groups are known nothing is
    /// checked: everything would be missing, and somebody would be told.
    fn link_checks(&mut self, now: Moment, wall: WallTime) {
        if !self.is_settled {
            return;
        }
        let Some(to_check) = &self.to_check else {
            self.checks.pause();
            return;
        };
        let definitions = Definitions {
            checks: to_check.clone(),
            groups: self.groups(),
            is_settled: true,
        };
        self.checks.define(now, wall, definitions);
    }

    fn settle(&mut self, now: Moment, wall: WallTime) {
        if !self.is_settled && self.has_looked(now) {
            self.is_settled = true;
            self.link_checks(now, wall);
        }
    }

    fn groups(&self) -> BTreeSet<Group> {
        let detected = self.detectors.groups().keys();
        self.static_groups.iter().chain(detected).cloned().collect()
    }

    /// Lets the detectors look when the collectors have run for the first time.
    fn open_detectors(&mut self, now: Moment) {
        if !self.is_open && self.defined.is_some() && self.collectors.have_all_looked() {
            self.is_open = true;
            self.detectors.open(now);
        }
    }

    /// Passes what the parts tell to each other and to the outside.
    fn pump(&mut self, now: Moment, wall: WallTime) {
        loop {
            if let Some(output) = self.collectors.poll_output() {
                match output {
                    collectors::Output::Collect(job) => {
                        self.outputs.push_back(Output::Collect(job));
                    }
                    collectors::Output::Forget(name) => {
                        self.outputs.push_back(Output::Forget(name));
                    }
                    collectors::Output::Changed(change) => {
                        self.outputs.push_back(Output::CollectorChanged(change));
                    }
                    collectors::Output::Moved(moved) => {
                        self.detectors.collector_moved(now, &moved);
                        self.detectors.tick(now, wall);
                    }
                }
            } else if let Some(output) = self.detectors.poll_output() {
                match output {
                    detectors::Output::Look(job) => self.outputs.push_back(Output::Look(job)),
                    detectors::Output::Changed(change) => {
                        self.outputs.push_back(Output::GroupsChanged(change));
                        self.spread_groups(now, wall);
                    }
                }
            } else if let Some(output) = self.checks.poll_output() {
                self.outputs.push_back(Output::Check(output));
            } else {
                return;
            }
        }
    }

    /// Tells all parts which groups this node has.
    fn spread_groups(&mut self, now: Moment, wall: WallTime) {
        self.collectors.set_groups(now, wall, self.groups());
        self.link_checks(now, wall);
        self.detectors.groups_changed(now);
        self.collectors.tick(now, wall);
        self.detectors.tick(now, wall);
    }
}

#[cfg(test)]
mod tests;
