//! Checks: which is due, what a run of it means, and what is told of it.
//!
//! Whatever judges comes out as an [`Output`] and goes back in with [`Checks::ended`]: evaluated
//! checks in batches, plugins and probes one by one. Pushed results come in by themselves, and
//! their silence is judged here. A change comes out as a [`Transition`], numbered over restarts.
//! Start with [`Checks::define`].

mod definitions;
mod flapping;
mod kept;
mod lateness;
mod links;
mod orphans;
mod said;
mod saying;
mod thing;
mod watched;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{Group, Moment, NodeId, WallTime, limits};
use packs::check::{Check, Method};

use self::lateness::Lateness;
use self::links::Links;
use self::orphans::Orphans;
use crate::schedule::{self, BEAT_MIN, Schedule, end_of_turn};
use crate::transition::Transition;

pub use flapping::Flapping;
pub use kept::{Kept, KeptThing};
pub use lateness::Late;
pub use said::Said;
pub use thing::Thing;
pub use watched::{Snapshot, Watched};

/// Checks that are due within one of these are judged together: it is far below what a check may
/// be late, and makes ten batches a second at the most.
const TURN: Duration = Duration::from_millis(100);
/// Evaluated checks are judged this long after the collectors of their beat looked, so that they
/// see what these found.
const BEHIND_COLLECTORS: Duration = BEAT_MIN;
/// First runs are spread over the interval, and over this at the most.
const FIRST_RUN_MAX: Duration = Duration::from_secs(30);
/// Time beyond its own that a run has to come back before it is taken as lost.
const LOST_AFTER: Duration = Duration::from_secs(30);
/// Time after which a run is tried again when there was nobody to do it.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Time that a problem waits for its parents to say how they are.
const EXPLAIN_MAX: Duration = Duration::from_secs(60);

/// A check among those of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// The checks of a node.
#[derive(Debug)]
pub struct Checks {
    node: NodeId,
    node_name: Arc<str>,
    groups: Arc<[Group]>,
    watched: BTreeMap<Slot, Arc<Watched>>,
    runs: BTreeMap<Slot, UnderWay>,
    by_id: BTreeMap<Arc<str>, Slot>,
    links: Links,
    schedule: Schedule<Slot>,
    /// The runs that are under way, those first that are taken as lost first.
    under_way: BTreeSet<(Moment, Slot)>,
    orphans: Orphans,
    next_slot: u32,
    next_run: u64,
    /// The number of the last transition.
    number: u64,
    /// What was kept over a restart and is not watched yet.
    kept: BTreeMap<Key, Thing>,
    outputs: VecDeque<Output>,
    lateness: Lateness,
    snapshot: Option<Arc<Snapshot>>,
    /// Goes up with [`Snapshot::news`].
    news: u64,
    /// As [`Snapshot::is_settled`] says it.
    is_settled: bool,
}

/// A run that is under way.
#[derive(Clone, Debug)]
struct UnderWay {
    number: u64,
    /// When it was due.
    due: Moment,
    /// When it is taken as lost.
    lost_at: Moment,
    /// The things that it said something about already.
    said: BTreeSet<Option<Arc<str>>>,
}

type Key = (Arc<str>, Option<Arc<str>>);

/// Everything that is to be checked.
#[derive(Clone, Debug)]
pub struct Definitions {
    /// All checks of all packs, those of services too.
    pub checks: Vec<Arc<Check>>,
    /// The groups of this node.
    pub groups: BTreeSet<Group>,
    /// Whether the node has looked at itself, so that a group it has not got is none that it had.
    pub is_settled: bool,
}

/// A run of a check that is to be made.
#[derive(Clone, Debug)]
pub struct Run {
    /// The check.
    pub check: Arc<Check>,
    /// Which it is here.
    pub slot: Slot,
    /// The number of the run: what comes of an older one is nobody's.
    pub number: u64,
    /// Whether it took little time when it was run last, so that others need not wait for it long.
    pub is_quick: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Which check.
    pub slot: Slot,
    /// Which run.
    pub number: u64,
    /// When it began, which may be long after it was handed out.
    pub began: Moment,
    /// How long it took.
    pub took: Duration,
    /// What it said.
    pub outcome: Outcome,
}

/// What a run said.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The state of each thing; of a check without `for_each`, of one.
    Said(Vec<Said>),
    /// The state of some of the things; the run goes on, and says the state of all at its end.
    Part(Vec<Said>),
    /// The things are not known: this is said about the check as a whole.
    NoThings(Said),
    /// Nobody could do it now.
    Postponed,
}

/// What shall be done, or told.
#[derive(Clone, Debug)]
pub enum Output {
    /// Evaluate these; [`Checks::ended`] takes what comes of each.
    Judge(Vec<Run>),
    /// Run a plugin; the quick ones of one turn one after the other, as that takes less.
    RunPlugin(Run),
    /// Probe something.
    Probe(Run),
    /// Something changed.
    Transition(Arc<Transition>),
}

/// Why a pushed result is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushError {
    /// No check of this name is watched here.
    NoSuchCheck,
    /// The check judges by itself.
    NotPushed,
}

impl Checks {
    /// Makes the checks of a node, with what was kept over a restart.
    pub fn new(node: NodeId, node_name: Arc<str>, kept: Kept) -> Self {
        let things = kept.things.iter().map(|it| {
            let key = (Arc::clone(&it.check), it.instance.clone());
            (key, it.thing())
        });
        Self {
            node,
            node_name,
            groups: Arc::default(),
            watched: BTreeMap::new(),
            runs: BTreeMap::new(),
            by_id: BTreeMap::new(),
            links: Links::default(),
            schedule: Schedule::default(),
            under_way: BTreeSet::new(),
            orphans: Orphans::default(),
            next_slot: 0,
            next_run: 0,
            number: kept.number,
            kept: things.collect(),
            outputs: VecDeque::new(),
            lateness: Lateness::default(),
            snapshot: None,
            news: 0,
            is_settled: false,
        }
    }

    /// Gives the time in each beat at which this node looks at what is cheap.
    pub fn phase(&self) -> Duration {
        schedule::phase(&self.node.to_string())
    }

    /// Tells the name of the node from here on.
    pub fn rename(&mut self, node_name: Arc<str>) {
        self.node_name = node_name;
    }

    /// Tells which parents that are not checks of this node are down: `node:db1`, `group:db`.
    pub fn parents_down(&mut self, down: BTreeSet<Arc<str>>) {
        self.links.outside_down = down;
    }

    /// Hands out what is due.
    pub fn tick(&mut self, now: Moment, wall: WallTime) {
        self.take_lost(now, wall);
        let mut batch = Vec::new();
        while let Some((due, slot)) = self.schedule.take_due_at(now) {
            let watched = &self.watched[&slot];
            let is_quick = watched.is_quick();
            let check = Arc::clone(&watched.check);
            if let Method::Push(push) = &check.method {
                self.silent(now, wall, slot, push);
                continue;
            }
            if let Some(until) = self.orphans.holds(&check.id, now) {
                self.schedule.done(&slot, now);
                self.schedule.run_at(&slot, until);
                continue;
            }
            self.next_run += 1;
            let lost_at = now + check.timing.timeout + LOST_AFTER;
            let under_way = UnderWay {
                number: self.next_run,
                due,
                lost_at,
                said: BTreeSet::new(),
            };
            self.runs.insert(slot, under_way);
            self.under_way.insert((lost_at, slot));
            let run = Run {
                check,
                slot,
                number: self.next_run,
                is_quick,
            };
            match &run.check.method {
                Method::Script(_) => self.outputs.push_back(Output::RunPlugin(run)),
                Method::Probe(_) => self.outputs.push_back(Output::Probe(run)),
                // One that waits for the machine must not make others wait.
                _ if run.check.touches_machine() => {
                    self.outputs.push_back(Output::Judge(vec![run]));
                }
                _ => batch.push(run),
            }
        }
        for runs in batch.chunks(limits::CHECK_BATCH_MAX) {
            self.outputs.push_back(Output::Judge(runs.to_vec()));
        }
    }

    /// Takes what came of a run.
    pub fn ended(&mut self, now: Moment, wall: WallTime, ended: Ended) {
        let Ended { slot, number, .. } = ended;
        if let Outcome::Part(said) = ended.outcome {
            return self.say_part(now, wall, (slot, number), &said);
        }
        let Some(run) = self.runs.get(&slot).filter(|run| run.number == number) else {
            let orphan = self.orphans.ended(slot, number);
            if let Some(heir) = orphan.and_then(|id| self.find(&id)) {
                self.schedule.run_at(&heir, now);
            }
            return;
        };
        let late = ended.began.since(run.due);
        let said_before = self.end_run(slot);
        self.schedule.done(&slot, now);
        match ended.outcome {
            Outcome::Part(_) => return,
            Outcome::Postponed => {
                // It is at least as late when it runs at last.
                self.lateness.note(now, late + RETRY_AFTER);
                self.schedule.run_at(&slot, now + RETRY_AFTER);
                return;
            }
            Outcome::Said(_) | Outcome::NoThings(_) => self.lateness.note(now, late),
        }
        match ended.outcome {
            Outcome::Postponed | Outcome::Part(_) => {}
            Outcome::Said(said) => {
                self.ran(now, wall, slot, ended.took);
                self.say_all(now, wall, slot, said, &said_before);
                self.plan(now, slot);
            }
            Outcome::NoThings(said) => {
                self.ran(now, wall, slot, ended.took);
                self.say(now, wall, slot, &said);
                self.plan(now, slot);
            }
        }
    }

    /// Takes a result that somebody pushed.
    pub fn pushed(
        &mut self,
        now: Moment,
        wall: WallTime,
        id: &str,
        said: &Said,
    ) -> Result<(), PushError> {
        let slot = self.find(id).ok_or(PushError::NoSuchCheck)?;
        let Method::Push(push) = &self.watched[&slot].check.method else {
            return Err(PushError::NotPushed);
        };
        if let Some(expect_every) = push.expect_every {
            self.schedule.run_at(&slot, now + expect_every);
        }
        self.ran(now, wall, slot, Duration::ZERO);
        self.say(now, wall, slot, said);
        Ok(())
    }

    /// Makes a check run at once; tells whether there is such a check.
    pub fn run_now(&mut self, now: Moment, id: &str) -> bool {
        let Some(slot) = self.find(id) else {
            return false;
        };
        let is_pushed = matches!(self.watched[&slot].check.method, Method::Push(_));
        if !is_pushed {
            self.schedule.run_at(&slot, now);
        }
        true
    }

    /// Gives the next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells when [`Checks::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let due = self
            .schedule
            .next_deadline()
            .map(|at| end_of_turn(at, TURN));
        let lost = self.under_way.first().map(|(lost_at, _)| *lost_at);
        due.into_iter().chain(lost).min()
    }

    /// Tells whether something changed since [`Checks::snapshot`] was asked.
    pub fn has_changed(&self) -> bool {
        self.snapshot.is_none()
    }

    /// Gives what readers see.
    pub fn snapshot(&mut self) -> Arc<Snapshot> {
        let watched = &self.watched;
        let kept = &self.kept;
        let (number, news) = (self.number, self.news);
        let (running, late) = (self.runs.len(), self.lateness.figures());
        let is_settled = self.is_settled;
        let snapshot = self.snapshot.get_or_insert_with(|| {
            Arc::new(Snapshot {
                checks: watched.values().cloned().collect(),
                number,
                news,
                running,
                late,
                is_settled,
                waiting: kept
                    .iter()
                    .map(|((id, _), it)| KeptThing::of(id, it))
                    .collect(),
            })
        });
        Arc::clone(snapshot)
    }
}

#[cfg(test)]
mod tests;
