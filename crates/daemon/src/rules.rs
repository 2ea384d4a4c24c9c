//! The rules loop: the packs in force, and the agent's way from `initializing` to `ok`.
//!
//! Reading packs takes disk and time, so the worker pool does it; the loop only takes what comes of
//! it. An edit on disk is seen and taken by itself; what is broken keeps its last good version. The
//! loop also keeps the agent's life on disk, and tries again what a full disk refused.

pub mod listing;
pub mod pack_files;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{AgentState, Diagnostic, Severity};
use packs::{PackFiles, Registry};
use tokio::sync::{mpsc, oneshot, watch as channel};
use tokio::time::{Interval, MissedTickBehavior};
use tracing::{info, warn};

use self::watch::{Seen, Watch};
use crate::agent::Agent;
use crate::clock;
use crate::loops::{self, Room};

/// Time box of reading all packs. Measured: well under a second.
const READ_TIME_BOX: Duration = Duration::from_secs(30);
/// Time between two tries on a disk that refuses writes.
const KEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Turns of that between two notes that the agent is alive: one a minute.
const TURNS_PER_NOTE: u64 = 12;

/// The packs in force, as everybody reads them.
#[derive(Default)]
pub struct Rules {
    /// All that counts, compiled.
    pub registry: Registry,
    /// What is wrong with the files; what is broken keeps its last good version.
    pub problems: Vec<Diagnostic>,
    files: PackFiles,
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

    /// Names the packs whose files differ.
    fn differences(&self, other: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        for (one, two) in [(&self.files, &other.files), (&other.files, &self.files)] {
            for folder in one.folders() {
                let name = format!("pack {}.{}", folder.level, folder.name);
                let before = two.folder(folder.level, &folder.name);
                let is_same = before.is_some_and(|before| before.files == folder.files);
                if !is_same && !changed.contains(&name) {
                    changed.push(name);
                }
            }
        }
        changed
    }
}

/// What others ask of the rules loop.
pub enum Command {
    /// Read the packs again.
    Reload(oneshot::Sender<Outcome>),
}

/// What came of reading the packs.
#[derive(Debug, Default)]
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
    keep_interval: Interval,
    keep_turns: u64,
    read_tx: mpsc::Sender<Read>,
    read_rx: mpsc::Receiver<Read>,
}

/// Packs that were read, and who waits for the outcome.
pub(crate) struct Read {
    rules: Rules,
    folders: Vec<PathBuf>,
    asked: Option<oneshot::Sender<Outcome>>,
}

/// What happens to the rules loop.
pub(crate) enum Event {
    Command(Command),
    Read(Read),
    Keep,
    Watch(Seen),
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["commands", "reads", "keeps", "file_changes"];

    fn kind(&self) -> usize {
        match self {
            Self::Command(_) => 0,
            Self::Read(_) => 1,
            Self::Keep => 2,
            Self::Watch(_) => 3,
        }
    }
}

impl RulesLoop {
    /// Makes the state and begins to read the packs; must be called inside the runtime.
    pub(crate) fn new(
        agent: Arc<Agent>,
        commands: mpsc::Receiver<Command>,
        shown: channel::Sender<Arc<Rules>>,
        life: channel::Sender<AgentState>,
    ) -> Self {
        let mut keep_interval = tokio::time::interval(KEEP_INTERVAL);
        keep_interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (read_tx, read_rx) = mpsc::channel(1);
        let rules = Self {
            agent,
            commands,
            shown,
            life,
            watch: Watch::new(),
            keep_interval,
            keep_turns: 0,
            read_tx,
            read_rx,
        };
        rules.read(None);
        rules
    }

    /// Reads the packs in the worker pool.
    fn read(&self, asked: Option<oneshot::Sender<Outcome>>) {
        let (workers, tx) = (self.agent.workers.clone(), self.read_tx.clone());
        let data = self.agent.configuration.borrow().paths.data.clone();
        let before = Arc::clone(&self.shown.borrow());
        let read = move || {
            let found = pack_files::all(&data);
            let registry = Registry::load(&found.files, Some(&before.registry));
            let mut problems = found.problems;
            problems.extend(registry.diagnostics().iter().cloned());
            (
                Rules {
                    registry,
                    problems,
                    files: found.files,
                },
                found.folders,
            )
        };
        tokio::spawn(async move {
            match workers.run("reading packs", READ_TIME_BOX, read).await {
                Ok((rules, folders)) => drop(
                    tx.send(Read {
                        rules,
                        folders,
                        asked,
                    })
                    .await,
                ),
                Err(error) => warn!(%error, "Cannot read the packs: the last ones stay in force"),
            }
        });
    }

    /// Puts packs in force.
    fn take(
        &self,
        Read {
            rules,
            folders,
            asked,
        }: Read,
    ) {
        let data = self.agent.configuration.borrow().paths.data.clone();
        self.watch.add(&data, &folders);
        let before = Arc::clone(&self.shown.borrow());
        let is_first = *self.life.borrow() == AgentState::Initializing;
        let applied = if is_first {
            Vec::new()
        } else {
            before.differences(&rules)
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
        }
        if let Some(asked) = asked {
            // Whoever asked may be gone.
            let _ = asked.send(Outcome {
                applied,
                problems: rules.problems.clone(),
            });
        }
        let summary = rules.summary();
        self.shown.send_replace(Arc::new(rules));
        if is_first {
            info!(
                packs = summary.packs,
                objects = summary.objects,
                "Initialized"
            );
            self.life.send_replace(AgentState::Ok);
        }
    }

    /// Notes now and then that the agent is alive, and tries again what the disk refused.
    fn keep(&mut self) {
        let is_note_due = self.keep_turns.is_multiple_of(TURNS_PER_NOTE);
        self.keep_turns += 1;
        if !is_note_due && !self.agent.keep.is_troubled() {
            return;
        }
        let agent = Arc::clone(&self.agent);
        tokio::spawn(async move {
            let kept = agent.on_disk("keep", move |keep| {
                keep.flush();
                if is_note_due {
                    keep.save_life("running", clock::wall());
                }
            });
            if let Err(error) = kept.await {
                warn!(%error, "Cannot keep the agent's state");
            }
        });
    }
}

impl Room for RulesLoop {
    type Event = Event;

    const NAME: &'static str = "rules";

    async fn next(&mut self) -> Event {
        tokio::select! {
            Some(command) = self.commands.recv() => Event::Command(command),
            Some(read) = self.read_rx.recv() => Event::Read(read),
            _ = self.keep_interval.tick() => Event::Keep,
            seen = self.watch.next() => Event::Watch(seen),
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Command(Command::Reload(asked)) => self.read(Some(asked)),
            Event::Read(read) => self.take(read),
            Event::Keep => self.keep(),
            Event::Watch(seen) => {
                if self.watch.take(&seen) {
                    self.read(None);
                }
            }
        }
    }
}
