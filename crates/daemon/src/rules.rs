//! The rules loop: the packs in force, what runs because of them, and the agent's way from
//! `initializing` to `ok`.
//!
//! Reading packs takes disk and time, so the worker pool does it; the loop only takes what comes of
//! it. An edit on disk is seen and taken by itself; what is broken keeps its last good version. The
//! loop also keeps the agent's life on disk, and tries again what a full disk refused.

mod judging;
pub mod listing;
pub mod pack_files;
mod pump;
mod reading;
mod setup;
mod turn;
mod versions;
mod watch;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::rules::Input;
use ::rules::checks::{PushError, Said, Snapshot};
use ::rules::facts::Facts;
use model::{AgentState, Diagnostic, Group, Place, Severity};
use packs::{PackFiles, Registry};
use tokio::sync::{mpsc, oneshot, watch as channel};
use tokio::time::Instant;
use tracing::{error, info, warn};

use self::pump::Pump;
use self::versions::Versions;
use self::watch::{Seen, Watch};
use crate::agent::Agent;
use crate::clock;
use crate::cluster::{self, Node};
use crate::collect::Task;
use crate::loops::{self, Room};
use crate::threads::behind_others;
use crate::workers::JobError;

/// The name of the job that reads the packs.
const READING: &str = "reading packs";
/// Time box of reading all packs. Measured: well under a second.
const READ_TIME_BOX: Duration = Duration::from_secs(30);
/// Time between two tries on a disk that refuses writes.
const TROUBLE_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two notes that the agent is alive.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);

/// The packs in force, as everybody reads them.
#[derive(Default)]
pub struct Rules {
    /// All that counts, compiled.
    pub registry: Registry,
    /// What is wrong with the files; what is broken keeps its last good version.
    pub problems: Vec<Diagnostic>,
    versions: Versions,
    /// The files on disk, each as it was when it was good last.
    good: PackFiles,
    /// Whether these are not kept yet.
    has_new_good: bool,
}

impl Rules {
    /// Gives the numbers for `agent info`.
    pub fn summary(&self) -> api::agent::PacksSummary {
        let count = |severity| {
            self.problems
                .iter()
                .filter(|problem| problem.severity == severity)
                .count() as u64
        };
        api::agent::PacksSummary {
            packs: self.registry.packs().count() as u64,
            objects: self
                .registry
                .packs()
                .map(|pack| pack.objects_count() as u64)
                .sum(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
        }
    }
}

/// What others ask of the rules loop.
pub(crate) enum Command {
    /// Read the packs again.
    Reload(oneshot::Sender<Outcome>),
    /// Run from here on what the configuration says: its topics changed.
    Configure,
    /// Give a collector to run once by hand, with a memory of its own; none when there is none.
    FindTask(Arc<str>, oneshot::Sender<Option<Task>>),
    /// Run a check at once, as if it were due.
    RunCheck(Arc<str>),
    /// Take the result of a check that somebody reports.
    Push(Arc<str>, Said, oneshot::Sender<Result<(), PushError>>),
    /// Run a collector at once, as if it were due.
    RunCollector(Arc<str>),
}

/// The ends of the channels that the loop holds.
pub(crate) struct Ends {
    /// What others ask.
    pub commands: mpsc::Receiver<Command>,
    /// The packs in force.
    pub rules: channel::Sender<Arc<Rules>>,
    /// What this node knows.
    pub facts: channel::Sender<Arc<Facts>>,
    /// How the checks are.
    pub checks: channel::Sender<Arc<Snapshot>>,
    /// What other nodes shall know of them.
    pub news: channel::Sender<u64>,
    /// Where the agent is in its life.
    pub life: channel::Sender<AgentState>,
}

/// What came of reading the packs.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What changed and is in force.
    pub applied: Vec<String>,
    /// What is wrong.
    pub problems: Vec<Diagnostic>,
}

/// The state of the loop.
pub(crate) struct RulesLoop {
    agent: Arc<Agent>,
    commands: mpsc::Receiver<Command>,
    shown: channel::Sender<Arc<Rules>>,
    life: channel::Sender<AgentState>,
    watch: Watch,
    pump: Pump,
    node: channel::Receiver<Arc<Node>>,
    members: channel::Receiver<Arc<gossip::Snapshot>>,
    seen: cluster::down::Seen,
    /// What was told last of nodes and groups that are down.
    down: BTreeSet<Arc<str>>,
    static_groups: BTreeSet<Group>,
    /// When it was last noted that the agent is alive.
    kept_at: Option<Instant>,
    /// The one reading under way: two at a time could overtake each other.
    reading: Option<Reading>,
    /// Whether something changed since that reading began.
    read_again: bool,
    /// Whether the packs were read once.
    has_read: bool,
    /// Whether the last reading failed, so that files and packs in force may differ.
    has_failed: bool,
    /// Those who wait for the outcome of the next reading to begin.
    asked: Vec<oneshot::Sender<Outcome>>,
}

/// A reading of all packs.
struct Reading {
    packs: Pin<Box<dyn Future<Output = Result<Rules, JobError>> + Send>>,
    asked: Vec<oneshot::Sender<Outcome>>,
}

/// What happens to the rules loop.
pub(crate) enum Event {
    Command(Command),
    Read(Result<Rules, JobError>),
    Keep,
    Watch(Seen),
    Node,
    Members,
    Rules(Vec<Input>),
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &[
        "commands",
        "reads",
        "keeps",
        "file_changes",
        "node_changes",
        "turns",
        "member_changes",
    ];

    fn kind(&self) -> usize {
        match self {
            Self::Command(_) => 0,
            Self::Read(_) => 1,
            Self::Keep => 2,
            Self::Watch(_) => 3,
            Self::Node => 4,
            Self::Rules(_) => 5,
            Self::Members => 6,
        }
    }
}

impl RulesLoop {
    /// Makes the state and begins to read the packs; must be called inside the runtime.
    pub(crate) fn new(agent: Arc<Agent>, ends: Ends) -> Self {
        let kept = agent.keep.facts();
        let mut node = agent.node.clone();
        node.mark_changed();
        let mut rules = Self {
            pump: Pump::new(Arc::clone(&agent), kept, ends.facts, ends.checks, ends.news),
            members: agent.members.clone(),
            seen: cluster::down::Seen::default(),
            down: BTreeSet::new(),
            agent,
            commands: ends.commands,
            shown: ends.rules,
            life: ends.life,
            watch: Watch::new(),
            node,
            static_groups: BTreeSet::new(),
            kept_at: None,
            reading: None,
            read_again: false,
            has_read: false,
            has_failed: false,
            asked: Vec::new(),
        };
        rules.take_node();
        rules.read();
        rules
    }

    /// Begins to read the packs in the worker pool, or notes that it must be done again.
    fn read(&mut self) {
        self.read_again = self.reading.is_some();
        if self.read_again {
            return;
        }
        let workers = self.agent.workers.clone();
        let data = self.agent.configuration.borrow().paths.data.clone();
        let before = Arc::clone(&self.shown.borrow());
        let watched = self.watch.folders();
        let keep = (!self.has_read).then(|| Arc::clone(&self.agent.keep));
        let read =
            move || behind_others(|| reading::read(&data, &before, keep.as_deref(), &watched));
        self.reading = Some(Reading {
            packs: Box::pin(async move { workers.run_alone(READING, READ_TIME_BOX, read).await }),
            asked: std::mem::take(&mut self.asked),
        });
    }

    /// Takes what a reading gave, tells those who asked, and reads again when that is due.
    fn take(&mut self, read: Result<Rules, JobError>) {
        self.has_failed = read.is_err();
        let outcome = match read {
            Ok(rules) => self.put_in_force(rules),
            Err(error) => {
                error!(%error, "Cannot read the packs: the last ones stay in force");
                let place = Place::new("(packs)", 1, 1);
                let problem = Diagnostic::error(place, format!("the packs were not read: {error}"));
                if !self.has_read {
                    // What is built in needs no pack.
                    self.pump.define(&Rules::default());
                }
                Outcome {
                    applied: Vec::new(),
                    problems: vec![problem],
                }
            }
        };
        for asked in self
            .reading
            .take()
            .into_iter()
            .flat_map(|reading| reading.asked)
        {
            // Whoever asked may be gone.
            let _ = asked.send(outcome.clone());
        }
        if self.read_again {
            self.read();
        }
    }

    /// Tells everybody once when this node knows itself.
    fn live_on(&self) {
        let is_new = *self.life.borrow() == AgentState::Initializing;
        if !is_new || !self.pump.has_looked() || self.agent.waits_for_seeds() {
            return;
        }
        // Not `ok` again where the end has begun meanwhile.
        let is_new = self.life.send_if_modified(|life| {
            let is_new = *life == AgentState::Initializing;
            if is_new {
                *life = AgentState::Ok;
            }
            is_new
        });
        if is_new {
            let summary = self.shown.borrow().summary();
            info!(
                packs = summary.packs,
                objects = summary.objects,
                "Initialized"
            );
        }
    }

    /// Takes the static groups of this node.
    fn take_node(&mut self) {
        let (groups, name) = {
            let node = self.node.borrow_and_update();
            (node.static_groups.clone(), Arc::from(node.name.as_str()))
        };
        self.pump.handle(Input::Renamed(name));
        if groups != self.static_groups {
            self.static_groups.clone_from(&groups);
            self.pump.handle(Input::StaticGroups(groups));
        }
    }

    /// Takes which nodes and groups are down.
    fn take_members(&mut self) {
        let known = Arc::clone(&self.members.borrow_and_update());
        let uptime = clock::now().since(self.agent.started.0);
        if !self.seen.is_news(&known, uptime) {
            return;
        }
        let down = cluster::down::names(&known, uptime);
        let down: BTreeSet<Arc<str>> = down.into_iter().map(Arc::from).collect();
        if down != self.down {
            self.down.clone_from(&down);
            self.pump.handle(Input::ParentsDown(down));
        }
    }

    fn put_in_force(&mut self, rules: Rules) -> Outcome {
        let before = Arc::clone(&self.shown.borrow());
        let applied = if std::mem::replace(&mut self.has_read, true) {
            before.versions.differences(&rules.versions)
        } else {
            Vec::new()
        };
        for problem in rules
            .problems
            .iter()
            .filter(|new| !before.problems.contains(new))
        {
            warn!(%problem, "A pack has a problem");
        }
        if !applied.is_empty() {
            info!(changed = applied.join(", "), "Packs changed");
            self.agent.note("packs", applied.join(", "));
            let text = format!("changed: {}", applied.join(", "));
            self.agent.alerts.changed(text);
        }
        let problems = rules.problems.clone();
        let rules = Arc::new(rules);
        if rules.has_new_good {
            let good = Arc::clone(&rules);
            self.agent.on_disk_later("packs", move |keep| {
                keep.save_good_packs(&good.good);
            });
        }
        self.shown.send_replace(Arc::clone(&rules));
        self.pump.define(&rules);
        Outcome { applied, problems }
    }

    /// Tells when [`RulesLoop::keep`] is due. A disk that refuses writes is seen with the next
    /// event, which there is every few seconds: no timer wakes up for a disk that is well.
    fn keep_at(&self) -> Instant {
        let interval = match self.agent.keep.is_troubled() {
            true => TROUBLE_INTERVAL,
            false => NOTE_INTERVAL,
        };
        self.kept_at.map_or_else(Instant::now, |at| at + interval)
    }

    /// Notes now and then that the agent is alive, and tries again what the disk refused.
    fn keep(&mut self) {
        self.kept_at = Some(Instant::now());
        self.agent.on_disk_later("keep", |keep| {
            keep.flush();
            keep.save_life("running", clock::wall());
        });
        // A reading that hangs is waited for: one more would only hang beside it.
        if self.has_failed && self.agent.workers.count(READING) == 0 {
            self.read();
        }
    }
}

impl Room for RulesLoop {
    type Event = Event;

    const NAME: &'static str = "rules";

    async fn next(&mut self) -> Event {
        let keep_at = self.keep_at();
        let Self {
            commands,
            reading,
            watch,
            node,
            members,
            pump,
            ..
        } = self;
        let read = async {
            match reading {
                Some(reading) => reading.packs.as_mut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(command) = commands.recv() => Event::Command(command),
            rules = read => Event::Read(rules),
            () = tokio::time::sleep_until(keep_at) => Event::Keep,
            seen = watch.next() => Event::Watch(seen),
            Ok(()) = node.changed() => Event::Node,
            Ok(()) = members.changed() => Event::Members,
            inputs = pump.next() => Event::Rules(inputs),
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Command(Command::Reload(asked)) => {
                self.asked.push(asked);
                self.read();
            }
            Event::Command(Command::Configure) => {
                // Before the packs were read it is taken with them.
                if self.has_read {
                    let rules = Arc::clone(&self.shown.borrow());
                    self.pump.define(&rules);
                }
            }
            Event::Command(Command::FindTask(name, asked)) => {
                // Whoever asked may be gone.
                let _ = asked.send(self.pump.task(&name));
            }
            Event::Command(Command::RunCheck(id)) => self.pump.handle(Input::RunCheck(id)),
            Event::Command(Command::Push(id, said, asked)) => {
                // Whoever asked may be gone.
                let _ = asked.send(self.pump.push(&id, &said));
            }
            Event::Command(Command::RunCollector(name)) => {
                self.pump.handle(Input::RunCollector(name));
            }
            Event::Read(read) => self.take(read),
            Event::Keep => self.keep(),
            Event::Watch(seen) => {
                if self.watch.take(&seen) {
                    self.read();
                }
            }
            Event::Node => self.take_node(),
            Event::Members => self.take_members(),
            Event::Rules(inputs) => self.pump.handle_all(inputs),
        }
        self.live_on();
    }
}
