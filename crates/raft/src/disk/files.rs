//! The disk of a real node: the journal, the document and the bulk `raft` of its store.
//!
//! The journal is read as a whole at the start. A torn tail was never acknowledged and is cut.
//! Anything else that is missing means that this node forgot what it had promised: then it takes no
//! part in agreement, and says so.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use model::WallTime;
use model::limits::{
    JOURNAL_SEGMENT_BYTES_MAX, RAFT_CARD_BYTES_MAX, RAFT_LOG_GROW_BYTES, RAFT_RECORD_BYTES_MAX,
    RAFT_WRITE_BYTES_MAX, RAFT_WRITES_BYTES_MAX, RAFT_WRITES_MAX,
};
use store::bulk::{Bulk, Content, Incoming};
use store::commit::{self, Change, Committer, Log};
use store::document::{Document, Loaded};
use store::journal::{self, Check, Order, Position, Query};
use store::{Error, Store};

use super::{Arriving, Disk, DiskError, Fill, Image, Then};

const NAME: &str = "raft";
/// How the log is kept.
const OPTIONS: journal::Options = journal::Options {
    segment_bytes_max: JOURNAL_SEGMENT_BYTES_MAX,
    record_bytes_max: RAFT_RECORD_BYTES_MAX,
    bounds: None,
    grow_bytes: RAFT_LOG_GROW_BYTES,
    check: Check::Everything,
};
/// The format of the card, as its document says.
const CARD_VERSION: u32 = 1;

/// The files of agreement.
#[derive(Debug)]
pub struct Files {
    log: Log,
    card: Document,
    bulk: Bulk,
    /// Writes the log; record 0 has the position 1 there.
    _committer: Committer,
    content: RwLock<Option<Content>>,
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Found {
    /// The disk refused.
    #[error("{0}")]
    Disk(DiskError),
    /// Somebody still has them open; nothing was changed.
    #[error("{0}")]
    InUse(String),
    /// Bytes that had been durable are damaged or gone; nothing was changed.
    #[error(
        "the agreed log of this node is damaged, so it takes no part in agreement: {0}. \
         The other voters have it all: run `opsbro raft rejoin` here to begin anew from them"
    )]
    Damaged(String),
}

impl Files {
    /// Opens the files of a store, and tells what was cut from the end of the log.
    pub fn open(store: &Store) -> Result<(Self, Vec<String>), Found> {
        let disk = Found::from;
        let (journal, recovery) = store.journal(NAME, OPTIONS).map_err(disk)?;
        if recovery.has_lost_records() {
            let damage: Vec<String> = recovery.damage.iter().map(ToString::to_string).collect();
            return Err(Found::Damaged(damage.join("; ")));
        }
        let cut = recovery.damage.iter().map(ToString::to_string).collect();
        let writes = commit::Options {
            changes_max: RAFT_WRITES_MAX,
            bytes_max: RAFT_WRITES_BYTES_MAX,
        };
        let committer = Committer::start("raft-log", writes).map_err(disk)?;
        let log = committer.attach(journal);
        let states = store.dir().join("state");
        store::file::make_dir(&states, 0o700).map_err(disk)?;
        let bulk = store.bulk(NAME).map_err(disk)?;
        let content = bulk.open().map_err(disk)?;
        let files = Self {
            log,
            card: Document::new(&states, NAME, RAFT_CARD_BYTES_MAX).map_err(disk)?,
            bulk,
            _committer: committer,
            content: RwLock::new(content),
        };
        files.check_card()?;
        Ok((files, cut))
    }

    /// Forgets everything, so that the node begins anew, as a stranger to its group.
    pub fn wipe(store: &Store) -> Result<(), Error> {
        // The card first: a log without a card is never taken for the whole.
        store.remove(NAME)?;
        store.bulk(NAME)?.remove()?;
        let (mut journal, _) = store.journal(NAME, OPTIONS)?;
        journal.reset(Position(1))
    }

    /// A log without a card is one whose promises are forgotten.
    fn check_card(&self) -> Result<(), Found> {
        let has_state = self.log.reader().next() > Position(1) || self.content().is_some();
        match self.load_card() {
            Err(error) => Err(Found::Damaged(error.text)),
            Ok(None) if has_state => {
                let path = self.card.path().display().to_string();
                Err(Found::Damaged(format!(
                    "{path}, which has its votes, is gone"
                )))
            }
            Ok(_) => Ok(()),
        }
    }

    fn content(&self) -> Option<Content> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.clone()
    }

    fn apply(&self, change: Change) -> Result<(), DiskError> {
        self.log.apply(change).map(drop).map_err(DiskError::from)
    }

    fn place(&self, content: Content) -> Arc<dyn Image> {
        let mut place = self.content.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(content.clone());
        Arc::new(content)
    }
}

impl Disk for Files {
    fn is_blocking(&self) -> bool {
        true
    }

    fn log_range(&self) -> (u64, u64) {
        let reader = self.log.reader();
        let next = reader.next();
        let first = reader.first().unwrap_or(next);
        (first.0 - 1, next.0 - 1)
    }

    fn log_bytes(&self) -> u64 {
        self.log.reader().stats().bytes
    }

    fn append(&self, records: Vec<Vec<u8>>, then: Then) {
        let now = WallTime::from_millis(0);
        let records = records.into_iter().map(|record| (now, record)).collect();
        let mut told = Told(Some(then));
        // It waits only when the queue is full, when all have to wait for the disk. When it fails,
        // what was not called is dropped, and tells so.
        let _ = self
            .log
            .submit_waiting(Change::Append(records), move |outcome| {
                told.tell(outcome.map(drop).map_err(DiskError::from));
            });
    }

    fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, DiskError> {
        let query = Query::all(Order::OldestFirst, usize::MAX, bytes_max)
            .from(Position(from + 1))
            .before(Position(until + 1));
        let page = self.log.reader().read(&query)?;
        if let Some(damage) = page.damage.first() {
            return Err(DiskError {
                text: damage.to_string(),
                is_full: false,
            });
        }
        Ok(page.records.into_iter().map(|one| one.payload).collect())
    }

    fn truncate_from(&self, index: u64) -> Result<(), DiskError> {
        self.apply(Change::TruncateAfter(Position(index)))
    }

    fn drop_before(&self, index: u64) -> Result<(), DiskError> {
        self.apply(Change::DropBefore(Position(index + 1)))
    }

    fn restart_log(&self, next: u64) -> Result<(), DiskError> {
        self.apply(Change::Reset(Position(next + 1)))
    }

    fn prove_room(&self) -> Result<(), DiskError> {
        let folder = self.card.path().parent().unwrap_or(Path::new("."));
        Ok(store::file::prove_room(folder, RAFT_WRITE_BYTES_MAX)?)
    }

    fn load_card(&self) -> Result<Option<Vec<u8>>, DiskError> {
        match self.card.load()? {
            Loaded::Absent => Ok(None),
            Loaded::Present(content) if content.version == CARD_VERSION => Ok(Some(content.bytes)),
            Loaded::Present(content) => Err(DiskError {
                text: format!(
                    "{} has version {}, this program reads {CARD_VERSION}: update it",
                    self.card.path().display(),
                    content.version
                ),
                is_full: false,
            }),
            Loaded::Corrupt { moved_to, reason } => Err(DiskError {
                text: format!("{}: {reason}", moved_to.display()),
                is_full: false,
            }),
        }
    }

    fn save_card(&self, card: &[u8]) -> Result<(), DiskError> {
        Ok(self.card.save(CARD_VERSION, card)?)
    }

    fn image(&self) -> Result<Option<Arc<dyn Image>>, DiskError> {
        Ok(self.content().map(|one| Arc::new(one) as Arc<dyn Image>))
    }

    fn write_image(&self, fill: Fill<'_>) -> Result<Arc<dyn Image>, DiskError> {
        let content = self.bulk.write(|out| fill(out))?;
        Ok(self.place(content))
    }

    fn receive_image(&self) -> Result<Box<dyn Arriving>, DiskError> {
        Ok(Box::new(self.bulk.receive()?))
    }

    fn accept_image(&self, arrived: Box<dyn Arriving>) -> Result<Arc<dyn Image>, DiskError> {
        let arrived = arrived.into_any().downcast::<Incoming>();
        let arrived = arrived.map_err(|_| DiskError {
            text: "an image of another disk was given to this one".to_owned(),
            is_full: false,
        })?;
        let content = self.bulk.accept(*arrived)?;
        Ok(self.place(content))
    }
}

impl From<Error> for Found {
    fn from(error: Error) -> Self {
        match error {
            Error::InUse { .. } => Self::InUse(error.to_string()),
            error => Self::Disk(error.into()),
        }
    }
}

/// Tells the outcome, also when nobody did.
struct Told(Option<Then>);

impl Told {
    fn tell(&mut self, outcome: Result<(), DiskError>) {
        if let Some(then) = self.0.take() {
            then(outcome);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.tell(Err(DiskError {
            text: "writing the agreed log has been stopped".to_owned(),
            is_full: false,
        }));
    }
}

impl Image for Content {
    fn bytes(&self) -> u64 {
        Self::bytes(self)
    }

    fn part(&self, offset: u64, bytes_max: usize) -> Result<Vec<u8>, DiskError> {
        Ok(Self::part(self, offset, bytes_max)?)
    }

    fn reader(&self) -> Box<dyn Read + Send> {
        Box::new(Self::reader(self))
    }
}

impl Arriving for Incoming {
    fn bytes(&self) -> u64 {
        Self::bytes(self)
    }

    fn push(&mut self, part: &[u8]) -> Result<(), DiskError> {
        Ok(Self::push(self, part)?)
    }

    fn reader(&self) -> Result<Box<dyn Read + Send>, DiskError> {
        Ok(Box::new(Self::reader(self)?))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

impl From<Error> for DiskError {
    fn from(error: Error) -> Self {
        Self {
            text: error.to_string(),
            is_full: error.is_full(),
        }
    }
}
