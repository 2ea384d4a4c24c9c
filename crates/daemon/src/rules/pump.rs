//! The core of the rules and its hands: what it wants done goes to the worker pool, what came of it
//! goes back in, and what it knows is published.

use std::sync::Arc;
use std::time::Duration;

use model::{Group, Moment, WallTime};
use rules::alerts::OwnGroups;
use rules::checks::{Checks, Snapshot};
use rules::detectors::Pace;
use rules::facts::{Cost, Facts};
use rules::kept::Kept;
use rules::{Core, Input, Output, collectors, detectors};
use tokio::sync::{mpsc, watch as channel};
use tracing::{debug, info, warn};

use super::turn::{LOOK_AFTER, Quick, Turn};
use super::{Rules, setup};
use crate::agent::Agent;
use crate::alarm::Alarm;
use crate::clock;
use crate::cluster;
use crate::collect::{Steps, Task, Tasks};
use crate::evaluation::World;
use crate::workers::{JobError, Workers};

/// Time box of a look of a detector that names none.
const LOOK_TIME_BOX: Duration = Duration::from_millis(500);
/// Time between two snapshots of the checks while results come and nothing changes by them: one
/// holds them all, so making it for each result would cost more than the result.
const SHOW_INTERVAL: Duration = Duration::from_millis(250);
/// Time between two writings of what is kept, when states changed.
const KEEP_CHANGES: Duration = Duration::from_secs(30);
/// Time between two writings of what is kept, when only values moved.
const KEEP_VALUES: Duration = Duration::from_secs(300);

/// The core, its hands, and what it publishes.
pub(super) struct Pump {
    pub(super) agent: Arc<Agent>,
    pub(super) core: Core,
    tasks: Tasks,
    facts: channel::Sender<Arc<Facts>>,
    /// Workers send here what came of their jobs.
    pub(super) ended_tx: mpsc::Sender<Vec<Input>>,
    ended: mpsc::Receiver<Vec<Input>>,
    alarm: Alarm,
    /// The quick jobs that are to be handed over at the end of this turn.
    pub(super) quick: Vec<Quick>,
    /// Those of them that ask others, and so are for the threads that may be held up.
    pub(super) quick_outside: Vec<Quick>,
    /// The turns that are under way, and when they are looked after.
    turns: Vec<Turn>,
    look_after: Option<Moment>,
    kept_at: Moment,
    pub(super) checks: channel::Sender<Arc<Snapshot>>,
    pub(super) news: channel::Sender<u64>,
    /// Whether something happened to a check since that was last written.
    pub(super) has_transitions: bool,
    /// Whether how the checks are is newer than what was written of it.
    pub(super) checks_to_keep: bool,
    pub(super) checks_kept: WallTime,
    has_changes: bool,
    /// Whether the detected groups changed since they were last written.
    has_new_groups: bool,
    /// The groups as the alerts were told of them.
    told: Option<OwnGroups>,
    /// When how the checks are was published last.
    shown_at: Moment,
    /// When it is published next, as it changed since.
    show_at: Option<Moment>,
}

impl Pump {
    /// Makes the rules go on from what was kept.
    pub(super) fn new(
        agent: Arc<Agent>,
        kept: Kept,
        facts: channel::Sender<Arc<Facts>>,
        checks: channel::Sender<Arc<Snapshot>>,
        news: channel::Sender<u64>,
    ) -> Self {
        let node = Arc::clone(&agent.node.borrow());
        let name = Arc::from(node.name.as_str());
        let core = Core::new(kept, Checks::new(node.id, name, agent.keep.checks()));
        let (ended_tx, ended) = mpsc::channel(model::limits::LOOP_QUEUE_MAX);
        Self {
            agent,
            core,
            tasks: Tasks::default(),
            facts,
            ended_tx,
            ended,
            alarm: Alarm::new(),
            quick: Vec::new(),
            quick_outside: Vec::new(),
            turns: Vec::new(),
            look_after: None,
            kept_at: clock::now(),
            checks,
            news,
            has_transitions: false,
            checks_to_keep: false,
            checks_kept: clock::wall(),
            has_changes: false,
            has_new_groups: false,
            told: None,
            shown_at: Moment::default(),
            show_at: None,
        }
    }

    /// Waits for something to handle. Loses nothing when it is dropped.
    pub(super) async fn next(&mut self) -> Vec<Input> {
        let deadlines = [self.core.next_deadline(), self.show_at, self.look_after];
        let deadline = deadlines.into_iter().flatten().min();
        tokio::select! {
            Some(ended) = self.ended.recv() => ended,
            () = self.alarm.wait(deadline) => vec![Input::Tick],
        }
    }

    /// Runs from here on what the packs and the configuration say.
    pub(super) fn define(&mut self, rules: &Rules) {
        let configuration = Arc::clone(&self.agent.configuration.borrow());
        let (setup, works) = setup::setup(rules, &configuration);
        self.tasks.define(works);
        self.handle(Input::Define(setup));
    }

    /// Publishes how the checks are, at once or with what follows soon.
    fn show(&mut self, now: Moment, wall: WallTime, is_urgent: bool) {
        let next = self.shown_at + SHOW_INTERVAL;
        let is_changed = self.core.has_new_checks();
        if !is_urgent && !self.has_transitions && now < next {
            self.show_at = is_changed.then_some(next);
            return;
        }
        self.show_at = None;
        if is_changed {
            self.shown_at = now;
        }
        self.publish_checks(wall);
    }

    /// Makes the next publication wait for nothing: somebody looks at what it shows.
    pub(super) fn show_now(&mut self) {
        self.shown_at = Moment::default();
    }

    /// Handles one input, and does what the core wants done.
    pub(super) fn handle(&mut self, input: Input) {
        self.handle_all(vec![input]);
    }

    /// Handles what happened, and does what the core wants done.
    pub(super) fn handle_all(&mut self, mut inputs: Vec<Input>) {
        let (now, wall) = (clock::now(), clock::wall());
        let is_usual = |input: &Input| {
            use Input::{Collected, Judged, Looked, Tick};
            matches!(input, Collected(_) | Judged(_) | Looked(_) | Tick)
        };
        let is_urgent = !inputs.iter().all(is_usual);
        inputs.extend(self.look_after(now));
        // What a check says gives no groups, and there are many of them.
        let mut may_have_groups = !self.told.as_ref().is_some_and(|told| told.is_certain);
        while !inputs.is_empty() {
            // What ended meanwhile is taken in the same turn.
            while let Ok(ended) = self.ended.try_recv() {
                inputs.extend(ended);
            }
            self.core.handle_all(now, wall, inputs.drain(..));
            // What was found out is published before it is acted on: a look reads the facts.
            let facts = self.core.facts();
            may_have_groups |= self.facts.send_if_modified(|shown| {
                let is_new = !Arc::ptr_eq(shown, &facts);
                *shown = facts;
                is_new
            });
            let mut quick = Vec::new();
            while let Some(output) = self.core.poll_output() {
                match output {
                    Output::Collect(job) => inputs.extend(self.collect(job)),
                    Output::Look(job) => match job.pace {
                        Pace::AtOnce => quick.push(job),
                        Pace::Quick => self.quick.push(self.look(vec![job])),
                        Pace::Slow => inputs.extend(self.post(self.look(vec![job]))),
                    },
                    Output::Forget(name) => self.tasks.forget(&name),
                    Output::CollectorChanged(change) => self.collector_changed(&change),
                    Output::GroupsChanged(change) => self.groups_changed(&change),
                    Output::Check(output) => inputs.extend(self.check(output)),
                }
            }
            if !quick.is_empty() {
                self.quick.push(self.look(quick));
            }
            inputs.extend(self.begin_turn(now));
        }
        if may_have_groups {
            self.tell_groups(now);
        }
        self.show(now, wall, is_urgent);
        self.keep(now);
    }

    /// Gives a collector to run once by hand, beside its schedule.
    pub(super) fn task(&mut self, name: &Arc<str>) -> Option<Task> {
        let facts = self.core.facts();
        let timeout = facts.collectors.get(name)?.timeout;
        self.tasks.task(name, timeout).map(|task| task.apart())
    }

    /// Tells whether this node has looked at itself once.
    pub(super) fn has_looked(&self) -> bool {
        self.core.has_looked(clock::now())
    }

    /// Hands over the quick jobs; gives what came of them when they could not even begin.
    fn begin_turn(&mut self, now: Moment) -> Vec<Input> {
        let quick = std::mem::take(&mut self.quick);
        let outside = std::mem::take(&mut self.quick_outside);
        let mut refused = Vec::new();
        for (jobs, workers) in [
            (quick, &self.agent.workers),
            (outside, &self.agent.outside_workers),
        ] {
            if jobs.is_empty() {
                continue;
            }
            match Turn::begin(jobs, workers, &self.ended_tx) {
                Ok(turn) => {
                    self.turns.push(turn);
                    self.look_after.get_or_insert(now + LOOK_AFTER);
                }
                Err(inputs) => refused.extend(inputs),
            }
        }
        refused
    }

    /// Gives what quick jobs told that are held up by one that is not, and has another thread do
    /// those that wait.
    fn look_after(&mut self, now: Moment) -> Vec<Input> {
        self.turns.retain(|turn| !turn.is_over());
        if self.turns.is_empty() {
            self.look_after = None;
        }
        if self.look_after.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.look_after = Some(now + LOOK_AFTER);
        self.agent.workers.relieve();
        self.agent.outside_workers.relieve();
        self.turns.iter().flat_map(Turn::hurry).collect()
    }

    /// Hands a job to a thread of its own; gives what came of it when it could not even begin.
    pub(super) fn post(&self, job: Quick) -> Vec<Input> {
        self.post_to(&self.agent.workers, job)
    }

    /// Hands a job to a thread of its own among these.
    pub(super) fn post_to(&self, workers: &Workers, job: Quick) -> Vec<Input> {
        let Quick {
            name,
            time_box,
            work,
            refused,
        } = job;
        let ended = self.ended_tx.clone();
        let work = move || {
            // Nobody listens any more when the agent stops.
            let _ = ended.blocking_send(work());
        };
        match workers.post(name, time_box, work) {
            Ok(()) => Vec::new(),
            Err(error) => refused(&error),
        }
    }

    /// Posts a run; gives what came of it when it could not even begin.
    fn collect(&mut self, job: collectors::Job) -> Vec<Input> {
        let collectors::Job {
            name,
            run,
            timeout,
            is_quick,
        } = job;
        let Some(task) = self.tasks.task(&name, timeout) else {
            let trouble = collectors::Trouble::failed("there is nothing to run");
            return vec![collected(name, run, Err(trouble), Cost::default())];
        };
        let agent = Arc::clone(&self.agent);
        let told = Arc::clone(&name);
        let job = Quick {
            name: format!("collector {name}"),
            time_box: timeout,
            work: Box::new(move || {
                let done = Task::run(&task, &agent, &mut Steps::none());
                vec![collected(told, run, done.result, done.cost)]
            }),
            refused: Box::new(move |error| {
                let trouble = Err(no_thread(error));
                vec![collected(name, run, trouble, Cost::default())]
            }),
        };
        if is_quick {
            self.quick.push(job);
            return Vec::new();
        }
        self.post(job)
    }

    /// Makes one job of looks.
    fn look(&self, jobs: Vec<detectors::Job>) -> Quick {
        let agent = Arc::clone(&self.agent);
        let name = match &*jobs {
            [one] => format!("detector {}", one.id),
            _ => "detectors".to_owned(),
        };
        let time_box = jobs.first().map_or(LOOK_TIME_BOX, |job| job.timeout);
        let refused_ones: Vec<(Arc<str>, u64)> = jobs
            .iter()
            .map(|job| (Arc::clone(&job.id), job.run))
            .collect();
        let work = move || {
            let world = World::of(&agent);
            let look = |job: detectors::Job| {
                let (began, cpu) = (clock::now(), clock::thread_cpu());
                let look = detectors::look(&job.detector, &world);
                let cost = Cost {
                    wall: clock::now().since(began),
                    cpu: clock::thread_cpu().saturating_sub(cpu),
                    bytes: 0,
                };
                looked(job.id, job.run, look, cost)
            };
            jobs.into_iter().map(look).collect()
        };
        let refused = move |error: &JobError| {
            let unknown = rules::facts::Outcome::Unknown(no_thread(error).reason);
            let none = |(id, run)| {
                let look = detectors::Look::without_groups(unknown.clone());
                looked(id, run, look, Cost::default())
            };
            refused_ones.into_iter().map(none).collect()
        };
        Quick {
            name,
            time_box,
            work: Box::new(work),
            refused: Box::new(refused),
        }
    }

    fn collector_changed(&mut self, change: &collectors::Change) {
        self.has_changes = true;
        let collectors::Change {
            name,
            old,
            new,
            reason,
            ..
        } = change;
        if *new == rules::facts::State::Error {
            warn!(collector = %name, %reason, "A collector fails");
        } else {
            debug!(collector = %name, %old, %new, %reason, "A collector changed its state");
        }
        self.agent.keep.note_collector(change);
        self.agent
            .on_disk_later("history", crate::keep::Keep::flush);
    }

    /// Tells the alerts which groups this node has, as soon as it knows itself.
    fn tell_groups(&mut self, now: Moment) {
        if !self.core.has_looked(now) {
            return;
        }
        let new = self.core.own_groups(now);
        if self.told.as_ref() != Some(&new) && self.agent.alerts.groups(new.clone()) {
            if self.told.is_none() {
                let groups: Vec<String> = new.detected.keys().map(Group::to_string).collect();
                info!(groups = groups.join(", "), "This node knows what it is");
            }
            self.told = Some(new);
        }
    }

    fn groups_changed(&mut self, change: &detectors::Change) {
        self.has_new_groups = true;
        let names = |groups: &mut dyn Iterator<Item = &Group>| {
            groups
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let added = names(&mut change.added.keys());
        let removed = names(&mut change.removed.keys());
        // The first look gives many, one after the other: they are told together when it is over.
        if self.told.is_some() {
            info!(added, removed, "The detected groups changed");
        } else {
            debug!(added, removed, "The detected groups changed");
        }
        let groups = self.core.facts().detected_groups.keys().cloned().collect();
        let told = self
            .agent
            .cluster
            .try_send(cluster::Command::Detected(groups));
        if told.is_err() {
            // It is told again with the next change, and the facts hold the truth.
            warn!("The cluster loop did not take the detected groups");
        }
        self.agent
            .keep
            .note_groups(change, &self.agent.node.borrow());
        self.agent
            .on_disk_later("history", crate::keep::Keep::flush);
    }

    /// Writes what shall survive a crash, seldom enough to wear no disk out.
    fn keep(&mut self, now: Moment) {
        let interval = match (self.has_new_groups, self.has_changes) {
            // Checks come and go with them, so a crash must not bring the old ones back.
            (true, _) => Duration::ZERO,
            (false, true) => KEEP_CHANGES,
            (false, false) => KEEP_VALUES,
        };
        if now.since(self.kept_at) < interval {
            return;
        }
        self.kept_at = now;
        self.has_changes = false;
        self.has_new_groups = false;
        // What is known when it is written: a job that waits writes for those that come after it.
        let facts = self.agent.facts.clone();
        self.agent.on_disk_later("facts", move |keep| {
            let facts = Arc::clone(&facts.borrow());
            keep.save_facts(&facts);
        });
    }
}

fn collected(
    name: Arc<str>,
    run: u64,
    result: Result<model::Value, collectors::Trouble>,
    cost: Cost,
) -> Input {
    Input::Collected(collectors::Ended {
        name,
        run,
        result,
        cost,
    })
}

fn looked(id: Arc<str>, run: u64, look: detectors::Look, cost: Cost) -> Input {
    Input::Looked(detectors::Ended {
        id,
        run,
        look,
        cost,
    })
}

fn no_thread(error: &JobError) -> collectors::Trouble {
    collectors::Trouble::failed(error.to_string())
}
