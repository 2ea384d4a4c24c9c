//! The rules loop: the packs in force, and the agent's way from `initializing` to `ok`.
//!
//! Reading packs takes disk and time, so the worker pool does it; the loop only takes what comes of
//! it. It also keeps the agent's life on disk, and tries again what a full disk refused.

use std::sync::Arc;
use std::time::Duration;

use model::{AgentState, Diagnostic};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior};
use tracing::{info, warn};

use crate::agent::{Agent, DISK_TIME_BOX};
use crate::clock;
use crate::loops::{self, Room};

/// Time between two tries on a disk that refuses writes.
const KEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Turns of that between two notes that the agent is alive: one a minute.
const TURNS_PER_NOTE: u64 = 12;

/// The packs in force, as everybody reads them.
#[derive(Default)]
pub struct Rules {
    /// What is wrong with the files; what is broken keeps its last good version.
    pub problems: Vec<Diagnostic>,
}

impl Rules {
    /// Gives the numbers for `agent info`.
    pub fn summary(&self) -> api::agent::PacksSummary {
        api::agent::PacksSummary::default()
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
    shown: watch::Sender<Arc<Rules>>,
    life: watch::Sender<AgentState>,
    keep_interval: Interval,
    keep_turns: u64,
    read_tx: mpsc::Sender<Read>,
    read_rx: mpsc::Receiver<Read>,
}

/// Packs that were read, and who waits for the outcome.
pub(crate) struct Read {
    rules: Rules,
    asked: Option<oneshot::Sender<Outcome>>,
}

/// What happens to the rules loop.
pub(crate) enum Event {
    /// Somebody asks for something.
    Command(Command),
    /// The packs were read.
    Read(Read),
    /// It is time to keep the agent's life.
    Keep,
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["commands", "reads", "keeps"];

    fn kind(&self) -> usize {
        match self {
            Self::Command(_) => 0,
            Self::Read(_) => 1,
            Self::Keep => 2,
        }
    }
}

impl RulesLoop {
    /// Makes the state and begins to read the packs; must be called inside the runtime.
    pub(crate) fn new(
        agent: Arc<Agent>,
        commands: mpsc::Receiver<Command>,
        shown: watch::Sender<Arc<Rules>>,
        life: watch::Sender<AgentState>,
    ) -> Self {
        let mut keep_interval = tokio::time::interval(KEEP_INTERVAL);
        keep_interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (read_tx, read_rx) = mpsc::channel(1);
        let rules = Self {
            agent,
            commands,
            shown,
            life,
            keep_interval,
            keep_turns: 0,
            read_tx,
            read_rx,
        };
        rules.read(None);
        rules
    }

    /// Notes now and then that the agent is alive, and tries again what the disk refused.
    fn keep(&mut self) {
        let is_note_due = self.keep_turns % TURNS_PER_NOTE == 0;
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

    fn read(&self, asked: Option<oneshot::Sender<Outcome>>) {
        let (workers, tx) = (self.agent.workers.clone(), self.read_tx.clone());
        tokio::spawn(async move {
            match workers.run("packs", DISK_TIME_BOX, Rules::default).await {
                Ok(rules) => drop(tx.send(Read { rules, asked }).await),
                Err(error) => warn!(%error, "Cannot read the packs"),
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
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Command(Command::Reload(asked)) => self.read(Some(asked)),
            Event::Read(Read { rules, asked }) => {
                if let Some(asked) = asked {
                    let problems = rules.problems.clone();
                    drop(asked.send(Outcome {
                        applied: Vec::new(),
                        problems,
                    }));
                }
                self.shown.send_replace(Arc::new(rules));
                self.life.send_if_modified(|state| {
                    let is_first = *state == AgentState::Initializing;
                    if is_first {
                        info!("Initialized");
                        *state = AgentState::Ok;
                    }
                    is_first
                });
            }
            Event::Keep => self.keep(),
        }
    }
}
