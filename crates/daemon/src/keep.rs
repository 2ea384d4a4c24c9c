//! What the agent keeps on disk about itself: identity, tokens, its life and its history.
//!
//! Everything is small and in memory too, so a full disk stops nothing: what it refuses waits in
//! the store, `agent info` tells so, and [`Keep::flush`] writes it when there is room again.

pub(crate) mod alerts;
mod checks;
mod facts;
mod inventory;
mod keys;
pub(crate) mod nodes;
mod packs;
mod services;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use api::agent::{Disk, HistoryEntry, PreviousRun};
use model::{NodeId, WallTime};
use raft::disk::{Files, Found};
use ring::rand::{SecureRandom, SystemRandom};
use rules::facts::Facts;
use rules::kept::Kept as KeptFacts;
use rules::{collectors, detectors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::document::{Content, Loaded};
use store::health::Trouble;
use store::journal::{Order, Query};
use store::{History, Store};
use tracing::{error, info, warn};

use crate::clock;
use crate::cluster::Node;
use crate::process;
use crate::tokens::{Kept, Tokens};

pub(crate) use checks::{to_api as transition_to_api, word as state_word};
pub(crate) use inventory::Baseline;

/// Version of the format of all documents here.
const VERSION: u32 = 1;
/// Where who this node is stands a second time.
const IDENTITY_COPY: &str = "identity-copy";
/// Entries of the history that one request reads at the most.
const HISTORY_ENTRIES_MAX: usize = 10_000;
/// Bytes of history that one request reads at the most.
const HISTORY_PAGE_BYTES_MAX: usize = 4 << 20;

/// What the agent keeps.
pub(crate) struct Keep {
    store: Store,
    history: History,
    collectors: History,
    groups: History,
    inventory: History,
    checks: History,
    nodes: History,
    /// What the core of the cluster wants kept and is not written yet.
    cluster: Mutex<Option<Vec<u8>>>,
    /// What applications registered and is not written yet.
    services: Mutex<Option<Vec<crate::services::registered::Kept>>>,
    /// Held while that is written, so that an older one never replaces a newer one.
    cluster_written: Mutex<()>,
    seen: Mutex<Seen>,
    /// Held while zone keys are written, so that an older ring never replaces a newer one.
    keys_written: Mutex<()>,
    /// Held while tokens are written, so that an older list never replaces a newer one.
    tokens_written: Mutex<()>,
}

/// What was seen of the disk so far. Requests and loops read this and not the store, whose locks
/// are held while it writes: a disk that hangs must not hang them.
struct Seen {
    repairs: Vec<String>,
    troubles: Vec<(String, Trouble)>,
}

/// Who this node is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Identity {
    uuid: String,
    incarnation: u64,
}

/// What was found of a document.
enum Document<T> {
    Present(T),
    Absent,
    /// It is moved aside.
    Damaged,
}

/// How the agent lives, for the run after this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Life {
    state: String,
    last_alive: String,
    /// The boot of the machine, as the kernel names it; empty when it does not.
    #[serde(default)]
    boot: String,
}

impl Keep {
    /// Opens what is there. Fails only when the folder cannot be used at all.
    pub(crate) fn open(data: &Path) -> Result<Self, store::Error> {
        let store = Store::open(data)?;
        let mut repairs = Vec::new();
        let mut history = |kind| -> Result<History, store::Error> {
            let (history, recovery) = store.history(kind, clock::wall())?;
            repairs.extend(recovery.damage.iter().map(ToString::to_string));
            Ok(history)
        };
        let agent = history("agent")?;
        let (collectors, groups) = (history("collectors")?, history("groups")?);
        let inventory = history("inventory")?;
        let checks = history("checks")?;
        let nodes = history("nodes")?;
        for repair in &repairs {
            warn!(%repair, "A journal was damaged");
        }
        let keep = Self {
            store,
            history: agent,
            collectors,
            groups,
            inventory,
            checks,
            nodes,
            cluster: Mutex::default(),
            services: Mutex::default(),
            cluster_written: Mutex::default(),
            seen: Mutex::new(Seen {
                repairs,
                troubles: Vec::new(),
            }),
            keys_written: Mutex::default(),
            tokens_written: Mutex::default(),
        };
        keep.look();
        Ok(keep)
    }

    /// Opens the files of agreement, and tells what was cut from the end of its log.
    pub(crate) fn agreement_files(&self) -> Result<(Files, Vec<String>), Found> {
        Files::open(&self.store)
    }

    /// Gives the folder of all that is kept.
    pub(crate) fn folder(&self) -> &Path {
        self.store.dir()
    }

    /// Forgets what this node agreed on with others.
    pub(crate) fn wipe_agreement(&self) -> Result<(), store::Error> {
        Files::wipe(&self.store)
    }

    /// Gives the identity of this node and its next incarnation. The first start makes it. A
    /// damaged one is taken from its copy: as another node this one would lose its voice and, when
    /// alone, its keys. Fails when it is whole and cannot be read: a new one would replace it for
    /// good.
    pub(crate) fn identity(&self) -> anyhow::Result<(NodeId, u64)> {
        let known: Option<Identity> = match self.look_up("identity")? {
            Document::Present(known) => Some(known),
            Document::Damaged => self.load(IDENTITY_COPY)?,
            // Who removed the file wants another node.
            Document::Absent => None,
        };
        let (id, incarnation) = match known {
            Some(known) => {
                let id = NodeId::parse(&known.uuid).context("the identity on disk is no UUID")?;
                (id, known.incarnation.saturating_add(1))
            }
            None => (new_id()?, 1),
        };
        let identity = Identity {
            uuid: id.to_string(),
            incarnation,
        };
        self.save("identity", &identity);
        self.save(IDENTITY_COPY, &identity);
        Ok((id, incarnation))
    }

    /// Tells how the run before this one ended.
    pub(crate) fn previous_run(&self) -> Option<PreviousRun> {
        let life: Life = match self.load("life") {
            Ok(life) => life?,
            Err(error) => {
                warn!(
                    error = format!("{error:#}"),
                    "How the last run ended is not known"
                );
                return None;
            }
        };
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
                boot: process::boot(),
            },
        )
    }

    /// Tells whether the machine was started anew since the run before this one; false when that
    /// is not known.
    pub(crate) fn has_rebooted(&self, boot: &str) -> bool {
        // What cannot be read was told by the question how that run ended.
        let life: Option<Life> = self.load("life").ok().flatten();
        life.is_some_and(|life| !life.boot.is_empty() && !boot.is_empty() && life.boot != boot)
    }

    /// Gives the tokens that were kept. Fails when they are there and cannot be read.
    pub(crate) fn tokens(&self) -> anyhow::Result<BTreeMap<String, Kept>> {
        Ok(self.load("tokens")?.unwrap_or_default())
    }

    /// Keeps the tokens as they are when the disk is ready for them; tells whether they are there.
    pub(crate) fn save_tokens(&self, tokens: &Tokens) -> bool {
        let _one = self
            .tokens_written
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.save("tokens", &tokens.all())
    }

    /// Adds an entry to the history, which [`Keep::flush`] writes. Never waits for the disk.
    pub(crate) fn note(&self, wall: WallTime, kind: &str, text: &str) {
        let date = wall.to_string();
        let entry = HistoryEntry {
            date,
            kind: kind.to_owned(),
            text: text.to_owned(),
        };
        record(&self.history, wall, &entry);
    }

    /// Gives the last entries of the history, oldest first.
    pub(crate) fn history(&self, last: usize) -> Result<Vec<HistoryEntry>, store::Error> {
        let entries = last_of(&self.history, last)?;
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Adds a change of a collector to its history, which [`Keep::flush`] writes.
    pub(crate) fn note_collector(&self, change: &collectors::Change) {
        let entry = api::collectors::Change {
            name: change.name.to_string(),
            old_state: change.old.to_string(),
            state: change.new.to_string(),
            log: change.reason.to_string(),
        };
        record(&self.collectors, change.wall, &entry);
    }

    /// Gives the last changes of collectors, oldest first.
    pub(crate) fn collector_history(
        &self,
        last: usize,
    ) -> Result<Vec<(WallTime, api::collectors::Change)>, store::Error> {
        last_of(&self.collectors, last)
    }

    /// Adds a change of the detected groups to their history, which [`Keep::flush`] writes.
    pub(crate) fn note_groups(&self, change: &detectors::Change, node: &Node) {
        let added = change.added.keys().map(|group| ("group-add", group));
        let removed = change.removed.keys().map(|group| ("group-remove", group));
        for (kind, group) in added.chain(removed) {
            let entry = api::detectors::Change {
                kind: kind.to_owned(),
                group: group.to_string(),
                name: node.name.clone(),
                display_name: node.display_name.clone(),
                uuid: node.id.to_string(),
            };
            record(&self.groups, change.wall, &entry);
        }
    }

    /// Gives the last changes of detected groups, oldest first.
    pub(crate) fn group_history(
        &self,
        last: usize,
    ) -> Result<Vec<(WallTime, api::detectors::Change)>, store::Error> {
        last_of(&self.groups, last)
    }

    /// Gives what the node knew before this start. What cannot be read is forgotten: it comes back
    /// with the first looks.
    pub(crate) fn facts(&self) -> KeptFacts {
        match self.load::<facts::Document>("facts") {
            Ok(document) => document.unwrap_or_default().into_kept(),
            Err(error) => {
                let error = format!("{error:#}");
                warn!(error, "What the node knew before this start is not known");
                KeptFacts::default()
            }
        }
    }

    /// Keeps what the node knows for the next start.
    pub(crate) fn save_facts(&self, facts: &Facts) {
        self.save("facts", &facts::Document::of(&KeptFacts::of(facts)));
    }

    /// Writes what waits.
    pub(crate) fn flush(&self) {
        self.store.tick(clock::wall());
        self.look();
    }

    /// Looks how the disk is, and tells when the trouble with it begins and ends.
    fn look(&self) {
        let troubles = self.store.health();
        let mut seen = self.seen();
        match troubles.first() {
            Some((part, trouble)) if seen.troubles.is_empty() => {
                let problem = trouble.error.to_string();
                error!(part, %problem, "The disk does not take writes: going on in memory");
            }
            None if !seen.troubles.is_empty() => info!("The disk takes writes again"),
            Some(_) | None => {}
        }
        seen.troubles = troubles;
    }

    /// Tells whether something waits for the disk.
    pub(crate) fn is_troubled(&self) -> bool {
        !self.seen().troubles.is_empty()
    }

    /// Gives the state of the disk for `agent info`.
    pub(crate) fn disk(&self) -> Disk {
        let seen = self.seen();
        let troubles = seen.troubles.iter().map(|(_, trouble)| trouble);
        let waiting: usize = troubles.clone().map(|it| it.waiting_bytes).sum();
        Disk {
            healthy: seen.troubles.is_empty(),
            problem: troubles.clone().next().map(|it| it.error.to_string()),
            buffered_bytes: waiting as u64,
            dropped: troubles.map(|it| it.dropped).sum(),
            repairs: seen.repairs.clone(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads a document. A damaged one is moved aside and told, and then absent; one that is whole
    /// and cannot be read is an error.
    fn load<T: DeserializeOwned>(&self, name: &'static str) -> anyhow::Result<Option<T>> {
        Ok(match self.look_up(name)? {
            Document::Present(value) => Some(value),
            Document::Absent | Document::Damaged => None,
        })
    }

    fn look_up<T: DeserializeOwned>(&self, name: &'static str) -> anyhow::Result<Document<T>> {
        let content = match self.store.load(name)? {
            Loaded::Present(content) => content,
            Loaded::Absent => return Ok(Document::Absent),
            Loaded::Corrupt { moved_to, reason } => {
                let moved_to = moved_to.display().to_string();
                error!(name, %reason, %moved_to, "A state file was damaged and is moved aside");
                let repair = format!("{name} was damaged ({reason}); it is kept as {moved_to}");
                self.seen().repairs.push(repair);
                return Ok(Document::Damaged);
            }
        };
        let parsed = serde_json::from_slice(&content.bytes);
        Ok(Document::Present(parsed.with_context(|| {
            format!("the state `{name}` on disk is of another version of the program")
        })?))
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
        self.look();
        saved.is_ok()
    }
}

/// Adds an entry to a history. Never waits for the disk.
fn record<T: Serialize>(history: &History, wall: WallTime, entry: &T) {
    let bytes = serde_json::to_vec(entry).expect("structs of texts are always JSON");
    if let Err(error) = history.record(wall, &bytes) {
        warn!(%error, "An entry of the history was refused");
    }
}

/// Reads the last entries of a history, oldest first.
fn last_of<T: DeserializeOwned>(
    history: &History,
    last: usize,
) -> Result<Vec<(WallTime, T)>, store::Error> {
    let entries_max = last.min(HISTORY_ENTRIES_MAX);
    let query = Query::all(Order::NewestFirst, entries_max, HISTORY_PAGE_BYTES_MAX);
    let page = history.read(&query)?;
    let parse = |record: &store::journal::Record| {
        let entry = serde_json::from_slice(&record.payload).ok()?;
        Some((record.time, entry))
    };
    Ok(page.records.iter().rev().filter_map(parse).collect())
}

fn new_id() -> anyhow::Result<NodeId> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes for the node's identity"))?;
    Ok(NodeId::from_random(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_that_cannot_be_read_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let (id, _) = keep.identity().unwrap();
        keep.save("identity", &"of another shape");
        let error = format!("{:#}", keep.identity().unwrap_err());
        assert!(error.contains("`identity`"), "{error}");
        let uuid = id.to_string();
        let whole = Identity {
            uuid,
            incarnation: u64::MAX,
        };
        assert!(keep.save("identity", &whole));
        assert_eq!(keep.identity().unwrap(), (id, u64::MAX));
    }

    #[test]
    fn a_damaged_identity_is_taken_from_its_copy_and_a_removed_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join("state").join(name);
        let (id, _) = Keep::open(folder.path()).unwrap().identity().unwrap();
        for (file, incarnation) in [("identity.document", 2), ("identity-copy.document", 3)] {
            let mut bytes = std::fs::read(of(file)).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            store::file::replace(&of(file), &bytes, store::file::PRIVATE).unwrap();
            let keep = Keep::open(folder.path()).unwrap();
            assert_eq!(keep.identity().unwrap(), (id, incarnation));
        }
        assert!(of("identity.corrupt").exists());
        // This is how an operator makes another node of a copied disk.
        std::fs::remove_file(of("identity.document")).unwrap();
        let (other, incarnation) = Keep::open(folder.path()).unwrap().identity().unwrap();
        assert_ne!(other, id);
        assert_eq!(incarnation, 1);
    }

    #[test]
    fn a_reboot_is_known_by_the_boot_of_the_run_before() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let boot = process::boot();
        assert!(!boot.is_empty());
        assert!(!keep.has_rebooted(&boot), "the first start of all");
        assert!(keep.save_life("running", WallTime::from_millis(0)));
        assert!(!keep.has_rebooted(&boot));
        assert!(!keep.has_rebooted(""), "it is not known");
        assert!(keep.has_rebooted("another"));
        // An older version did not note it.
        let old = serde_json::json!({"state": "running", "last_alive": ""});
        assert!(keep.save("life", &old));
        assert!(!keep.has_rebooted(&boot));
    }

    #[test]
    fn the_newest_tokens_are_those_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let tokens = Tokens::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let made = tokens.create(api::Role::Read, "", WallTime::from_millis(0));
                    made.unwrap();
                    assert!(keep.save_tokens(&tokens));
                });
            }
        });
        assert_eq!(keep.tokens().unwrap(), tokens.all());
    }
}
