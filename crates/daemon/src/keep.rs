//! What the agent keeps on disk about itself: identity, tokens, its life and its history.
//!
//! Everything is small and in memory too, so a full disk stops nothing: what could not be written
//! waits here, `agent info` tells so, and [`Keep::flush`] writes it when there is room again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{NodeId, WallTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::Document;
use store::document::Loaded;
use tracing::{error, info};

use crate::tokens::Kept;

/// Largest document. Measured: 256 tokens take 50 KiB.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Version of the format of all documents here.
const VERSION: u32 = 1;
/// Entries of the history that one request reads at the most.
const HISTORY_ENTRIES_MAX: usize = 10_000;

/// What the agent keeps.
pub struct Keep {
    documents: BTreeMap<&'static str, Document>,
    state: Mutex<State>,
}

struct State {
    /// Contents that the disk did not take.
    pending: BTreeMap<&'static str, Vec<u8>>,
    problem: Option<String>,
    history: Vec<api::agent::HistoryEntry>,
    repairs: Vec<String>,
}

/// Who this node is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Identity {
    uuid: String,
    incarnation: u64,
}

/// How the agent lives, for the run after this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Life {
    /// `running` or `stopped`.
    state: String,
    last_alive: String,
}

impl Keep {
    /// Opens what is there. Fails only when the folder cannot be used at all.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let mut documents = BTreeMap::new();
        for name in ["identity", "life", "tokens"] {
            documents.insert(name, Document::new(data, name, DOCUMENT_BYTES_MAX)?);
        }
        store::file::clean(data)?;
        let (history, repairs) = (Vec::new(), Vec::new());
        let state = State {
            pending: BTreeMap::new(),
            problem: None,
            history,
            repairs,
        };
        Ok(Self {
            documents,
            state: Mutex::new(state),
        })
    }

    /// Gives the identity of this node and its next incarnation. The first start makes it.
    pub fn identity(&self) -> anyhow::Result<(NodeId, u64)> {
        let known: Option<Identity> = self.load("identity");
        let known =
            known.and_then(|known| Some((NodeId::parse(&known.uuid).ok()?, known.incarnation)));
        let (id, incarnation) = match known {
            Some((id, incarnation)) => (id, incarnation + 1),
            None => (new_id()?, 1),
        };
        self.save(
            "identity",
            &Identity {
                uuid: id.to_string(),
                incarnation,
            },
        );
        Ok((id, incarnation))
    }

    /// Tells how the run before this one ended.
    pub fn previous_run(&self) -> Option<api::agent::PreviousRun> {
        let life: Life = self.load("life")?;
        let ended = if life.state == "stopped" {
            "stopped"
        } else {
            "killed"
        };
        Some(api::agent::PreviousRun {
            ended: ended.to_owned(),
            last_alive: life.last_alive,
        })
    }

    /// Notes that the agent is alive, or that it stops; tells whether that is on disk.
    pub fn save_life(&self, state: &str, wall: WallTime) -> bool {
        self.save(
            "life",
            &Life {
                state: state.to_owned(),
                last_alive: wall.to_string(),
            },
        )
    }

    /// Gives the tokens that were kept.
    pub fn tokens(&self) -> BTreeMap<String, Kept> {
        self.load("tokens").unwrap_or_default()
    }

    /// Keeps the tokens; tells whether they are on disk.
    pub fn save_tokens(&self, tokens: &BTreeMap<String, Kept>) -> bool {
        self.save("tokens", tokens)
    }

    /// Adds an entry to the history.
    pub fn note(&self, wall: WallTime, kind: &str, text: &str) {
        let date = wall.to_string();
        let entry = api::agent::HistoryEntry {
            date,
            kind: kind.to_owned(),
            text: text.to_owned(),
        };
        self.lock().history.push(entry);
    }

    /// Gives the last entries of the history, oldest first.
    pub fn history(&self, last: usize) -> Result<Vec<api::agent::HistoryEntry>, store::Error> {
        let entries = self.lock().history.clone();
        Ok(entries
            .into_iter()
            .rev()
            .take(last.min(HISTORY_ENTRIES_MAX))
            .rev()
            .collect())
    }

    /// Writes what waits. Called now and then, so that a disk that has room again is used.
    pub fn flush(&self) {
        let waiting = std::mem::take(&mut self.lock().pending);
        for (name, bytes) in waiting {
            self.write(name, bytes);
        }
        let mut state = self.lock();
        if state.pending.is_empty() && state.problem.take().is_some() {
            info!("The disk takes writes again");
        }
    }

    /// Gives the state of the disk for `agent info`.
    pub fn disk(&self) -> api::agent::Disk {
        let state = self.lock();
        let pending: usize = state.pending.values().map(Vec::len).sum();
        let problem = state.problem.clone();
        api::agent::Disk {
            healthy: problem.is_none(),
            problem,
            buffered_bytes: pending as u64,
            dropped: 0,
            repairs: state.repairs.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads a document. What cannot be read is told and treated as absent.
    fn load<T: DeserializeOwned>(&self, name: &'static str) -> Option<T> {
        let content = match self.documents[name].load() {
            Ok(Loaded::Present(content)) => content,
            Ok(Loaded::Absent) => return None,
            Ok(Loaded::Corrupt { moved_to, reason }) => {
                let moved_to = moved_to.display().to_string();
                error!(name, %reason, %moved_to, "A state file was damaged and is moved aside");
                self.lock()
                    .repairs
                    .push(format!("{name} was damaged ({reason}), see {moved_to}"));
                return None;
            }
            Err(error) => {
                error!(name, %error, "A state file cannot be read");
                return None;
            }
        };
        let parsed = serde_json::from_slice(&content.bytes);
        parsed
            .map_err(|error| error!(name, %error, "A state file makes no sense"))
            .ok()
    }

    fn save<T: Serialize>(&self, name: &'static str, value: &T) -> bool {
        let bytes = serde_json::to_vec(value).expect("our own documents are always JSON");
        self.write(name, bytes)
    }

    /// Writes a document; what the disk does not take waits. Tells whether it is on disk.
    fn write(&self, name: &'static str, bytes: Vec<u8>) -> bool {
        let outcome = self.documents[name].save(VERSION, &bytes);
        let mut state = self.lock();
        match outcome {
            Ok(()) => {
                state.pending.remove(name);
                true
            }
            Err(error) => {
                let problem = error.to_string();
                if state.problem.as_ref() != Some(&problem) {
                    error!(%problem, "The disk does not take writes: going on in memory");
                }
                state.problem = Some(problem);
                state.pending.insert(name, bytes);
                false
            }
        }
    }
}

fn new_id() -> anyhow::Result<NodeId> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes for the node's identity"))?;
    Ok(NodeId::from_random(bytes))
}
