//! What the agent keeps on disk about itself: identity, tokens, its life and its history.
//!
//! Everything is small and in memory too, so a full disk stops nothing: what it refuses waits in
//! the store, `agent info` tells so, and [`Keep::flush`] writes it when there is room again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::agent::{Disk, HistoryEntry, PreviousRun};
use model::{NodeId, WallTime};
use ring::rand::{SecureRandom, SystemRandom};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::document::{Content, Loaded};
use store::journal::{Order, Query};
use store::{History, Store};
use tracing::{error, info, warn};

use crate::clock;
use crate::tokens::Kept;

/// Version of the format of all documents here.
const VERSION: u32 = 1;
/// Entries of the history that one request reads at the most.
const HISTORY_ENTRIES_MAX: usize = 10_000;
/// Bytes of history that one request reads at the most.
const HISTORY_PAGE_BYTES_MAX: usize = 4 << 20;

/// What the agent keeps.
pub(crate) struct Keep {
    store: Store,
    history: History,
    seen: Mutex<Seen>,
}

/// What was seen of the disk so far.
#[derive(Default)]
struct Seen {
    repairs: Vec<String>,
    is_troubled: bool,
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
    state: String,
    last_alive: String,
}

impl Keep {
    /// Opens what is there. Fails only when the folder cannot be used at all.
    pub(crate) fn open(data: &Path) -> Result<Self, store::Error> {
        let store = Store::open(data)?;
        let (history, recovery) = store.history("agent", clock::wall())?;
        let repairs: Vec<String> = recovery.damage.iter().map(ToString::to_string).collect();
        for repair in &repairs {
            warn!(%repair, "A journal was damaged");
        }
        let seen = Mutex::new(Seen {
            repairs,
            is_troubled: false,
        });
        Ok(Self {
            store,
            history,
            seen,
        })
    }

    /// Gives the identity of this node and its next incarnation. The first start makes it.
    pub(crate) fn identity(&self) -> anyhow::Result<(NodeId, u64)> {
        let known: Option<Identity> = self.load("identity");
        let known = known.and_then(|it| Some((NodeId::parse(&it.uuid).ok()?, it.incarnation)));
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
    pub(crate) fn previous_run(&self) -> Option<PreviousRun> {
        let life: Life = self.load("life")?;
        let ended = if life.state == "stopped" {
            "stopped"
        } else {
            "killed"
        };
        Some(PreviousRun {
            ended: ended.to_owned(),
            last_alive: life.last_alive,
        })
    }

    /// Notes that the agent is `running` or `stopped`; tells whether that is on disk.
    pub(crate) fn save_life(&self, state: &str, wall: WallTime) -> bool {
        self.save(
            "life",
            &Life {
                state: state.to_owned(),
                last_alive: wall.to_string(),
            },
        )
    }

    /// Gives the tokens that were kept.
    pub(crate) fn tokens(&self) -> BTreeMap<String, Kept> {
        self.load("tokens").unwrap_or_default()
    }

    /// Keeps the tokens; tells whether they are on disk.
    pub(crate) fn save_tokens(&self, tokens: &BTreeMap<String, Kept>) -> bool {
        self.save("tokens", tokens)
    }

    /// Adds an entry to the history, and writes what waits.
    pub(crate) fn note(&self, wall: WallTime, kind: &str, text: &str) {
        let date = wall.to_string();
        let entry = HistoryEntry {
            date,
            kind: kind.to_owned(),
            text: text.to_owned(),
        };
        let bytes = serde_json::to_vec(&entry).expect("three strings are always JSON");
        if let Err(error) = self.history.record(wall, &bytes) {
            warn!(%error, "An entry of the history was refused");
        }
        self.flush();
    }

    /// Gives the last entries of the history, oldest first.
    pub(crate) fn history(&self, last: usize) -> Result<Vec<HistoryEntry>, store::Error> {
        let entries_max = last.min(HISTORY_ENTRIES_MAX);
        let query = Query::all(Order::NewestFirst, entries_max, HISTORY_PAGE_BYTES_MAX);
        let page = self.history.read(&query)?;
        let parse = |record: &store::journal::Record| serde_json::from_slice(&record.payload).ok();
        Ok(page.records.iter().rev().filter_map(parse).collect())
    }

    /// Writes what waits, and tells when the trouble with the disk begins and ends.
    pub(crate) fn flush(&self) {
        self.store.tick(clock::wall());
        let trouble = self.store.health().into_iter().next();
        let mut seen = self.seen();
        match trouble {
            Some((part, trouble)) if !seen.is_troubled => {
                let problem = trouble.error.to_string();
                error!(part, %problem, "The disk does not take writes: going on in memory");
            }
            None if seen.is_troubled => info!("The disk takes writes again"),
            Some(_) | None => {}
        }
        seen.is_troubled = !self.store.health().is_empty();
    }

    /// Tells whether something waits for the disk.
    pub(crate) fn is_troubled(&self) -> bool {
        self.seen().is_troubled
    }

    /// Gives the state of the disk for `agent info`.
    pub(crate) fn disk(&self) -> Disk {
        let troubles = self.store.health();
        let waiting: usize = troubles
            .iter()
            .map(|(_, trouble)| trouble.waiting_bytes)
            .sum();
        Disk {
            healthy: troubles.is_empty(),
            problem: troubles
                .first()
                .map(|(_, trouble)| trouble.error.to_string()),
            buffered_bytes: waiting as u64,
            dropped: troubles.iter().map(|(_, trouble)| trouble.dropped).sum(),
            repairs: self.seen().repairs.clone(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads a document. What cannot be read is told and treated as absent.
    fn load<T: DeserializeOwned>(&self, name: &'static str) -> Option<T> {
        let content = match self.store.load(name) {
            Ok(Loaded::Present(content)) => content,
            Ok(Loaded::Absent) => return None,
            Ok(Loaded::Corrupt { moved_to, reason }) => {
                let moved_to = moved_to.display().to_string();
                error!(name, %reason, %moved_to, "A state file was damaged and is moved aside");
                let repair = format!("{name} was damaged ({reason}); it is kept as {moved_to}");
                self.seen().repairs.push(repair);
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

    /// Saves a document; one that the disk refuses waits. Tells whether it is on disk.
    fn save<T: Serialize>(&self, name: &'static str, value: &T) -> bool {
        let bytes = serde_json::to_vec(value).expect("our own documents are always JSON");
        let saved = self.store.save(
            name,
            Content {
                version: VERSION,
                bytes,
            },
            clock::wall(),
        );
        if saved.is_err() {
            self.flush();
        }
        saved.is_ok()
    }
}

fn new_id() -> anyhow::Result<NodeId> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes for the node's identity"))?;
    Ok(NodeId::from_random(bytes))
}
