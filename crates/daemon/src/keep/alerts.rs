//! The journal of alerts: what is open, who was told, what is on its way. It is the truth, and on
//! disk before anybody is told; a view of it makes the next start quick.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::{WallTime, limits};
use rules::alerts::kept::Record;
use serde_json::value::RawValue;
use store::journal::{Check, Options};
use store::view::Entries;
use store::{Journal, View};
use tracing::{error, warn};

use super::Keep;

/// What changed, by key.
pub(crate) type Batch = Vec<(String, Option<Record>)>;

/// The journal and its view.
pub(crate) struct AlertJournal {
    open: Mutex<Open>,
}

struct Open {
    journal: Journal,
    view: View,
    since_checkpoint: u64,
}

/// A record of the journal: the new text under each key, or none.
type Change = BTreeMap<String, Option<Box<RawValue>>>;

impl Keep {
    /// Opens the journal of alerts and gives what it holds. What cannot be read is told and left
    /// out.
    pub(crate) fn alerts(&self) -> Result<(AlertJournal, Vec<Record>), store::Error> {
        let options = Options {
            segment_bytes_max: limits::JOURNAL_SEGMENT_BYTES_MAX,
            record_bytes_max: limits::JOURNAL_RECORD_BYTES_MAX,
            bounds: None,
            grow_bytes: 0,
            check: Check::Tail,
        };
        let (journal, recovery) = self.store.journal("alerts", options)?;
        for repair in &recovery.damage {
            warn!(%repair, "The journal of alerts was damaged");
        }
        let (mut view, damaged) = self.store.view("alerts")?;
        for path in damaged {
            let path = path.display();
            warn!(%path, "A checkpoint of the alerts was damaged and is moved aside");
        }
        view.catch_up(
            &journal.reader(),
            |entries, record| match serde_json::from_slice::<Change>(&record.payload) {
                Ok(change) => apply(entries, &change),
                Err(error) => error!(%error, "A record of the alerts cannot be read"),
            },
        )?;
        let mut records = Vec::new();
        for (key, value) in view.entries() {
            match serde_json::from_slice(value) {
                Ok(record) => records.push(record),
                Err(error) => {
                    let key = String::from_utf8_lossy(key);
                    error!(%key, %error, "What was kept of an alert cannot be read");
                }
            }
        }
        let open = Mutex::new(Open {
            journal,
            view,
            since_checkpoint: 0,
        });
        Ok((AlertJournal { open }, records))
    }
}

impl AlertJournal {
    /// Puts changes on disk, all or none.
    pub(crate) fn write(&self, batch: &Batch, wall: WallTime) -> Result<(), store::Error> {
        let changes = changes(batch);
        let payloads: Vec<(WallTime, Vec<u8>)> = changes
            .iter()
            .map(|change| {
                let bytes = serde_json::to_vec(change).expect("texts of JSON are JSON");
                (wall, bytes)
            })
            .collect();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open {
            journal,
            view,
            since_checkpoint,
        } = &mut *open;
        let positions = journal.append(&payloads)?;
        let mut at = positions.start;
        for change in &changes {
            view.apply(at, |entries| apply(entries, change));
            at = at.following();
        }
        *since_checkpoint += changes.len() as u64;
        if *since_checkpoint >= limits::ALERT_RECORDS_PER_CHECKPOINT {
            *since_checkpoint = 0;
            // The changes are on disk; what fails here is tried again by the next checkpoint.
            let done = view
                .checkpoint()
                .and_then(|before| journal.drop_before(before));
            if let Err(error) = done {
                warn!(%error, "Cannot make a checkpoint of the alerts");
            }
        }
        Ok(())
    }
}

fn apply(entries: &mut Entries, change: &Change) {
    for (key, value) in change {
        match value {
            Some(value) => {
                entries.insert(key.clone().into_bytes(), value.get().as_bytes().to_vec());
            }
            None => {
                entries.remove(key.as_bytes());
            }
        }
    }
}

/// Splits a batch so that no record is too large.
fn changes(batch: &Batch) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut change, mut bytes) = (Change::new(), 0);
    for (key, record) in batch {
        let value = record.as_ref().map(|record| {
            serde_json::value::to_raw_value(record).expect("our own records are always JSON")
        });
        bytes += key.len() + value.as_ref().map_or(0, |value| value.get().len());
        change.insert(key.clone(), value);
        if bytes >= limits::ALERT_RECORD_BYTES_MAX {
            changes.push(std::mem::take(&mut change));
            bytes = 0;
        }
    }
    if !change.is_empty() {
        changes.push(change);
    }
    changes
}
