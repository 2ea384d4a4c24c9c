//! All that one agent keeps, under one directory.
//!
//! [`Store`] gives every room its part by name and keeps the parts apart: histories, documents,
//! journals. It retries what the disk refused with each [`Store::tick`], and [`Store::health`]
//! tells what is in memory only. [`FILES`] lists everything that is ever written here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{WallTime, limits};

use crate::bulk::Bulk;
use crate::document::{Content, Document, Loaded};
use crate::health::{Health, Trouble};
use crate::history::{self, History};
use crate::journal::{self, Journal, Recovery};
use crate::lock::Lock;
use crate::view::View;
use crate::{Error, file, name};

/// A kind of file that the store writes, for people who look into the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// The path under the directory of the store.
    pub path: &'static str,
    /// What is in it.
    pub what: &'static str,
    /// How it is read without the agent.
    pub format: &'static str,
    /// When it goes away.
    pub retention: &'static str,
}

/// Every kind of file under the directory of a store; a test compares it with what is written.
pub const FILES: &[FileKind] = &[
    FileKind {
        path: "bulk/NAME.bulk",
        what: "a large state of one part of the agent, such as the agreed keys and locks",
        format: "one line, then blocks with length and CRC-32",
        retention: "replaced as a whole",
    },
    FileKind {
        path: "bulk/NAME.incoming",
        what: "such a state while it comes from another node",
        format: "the same, unfinished",
        retention: "becomes the bulk, or is removed at the next start",
    },
    FileKind {
        path: "history/KIND/*.journal",
        what: "what happened to the objects of one kind",
        format: "journal: checksummed records of time and JSON",
        retention: "the oldest are dropped over 16 MiB and after 90 days",
    },
    FileKind {
        path: "journal/NAME/*.journal",
        what: "what must not be lost, such as the log of the agreed state",
        format: "journal: checksummed records",
        retention: "kept until its owner has no more need of it",
    },
    FileKind {
        path: "state/NAME.document",
        what: "the last state of one part of the agent",
        format: "one line with version, length and CRC-32, then JSON",
        retention: "replaced as a whole",
    },
    FileKind {
        path: "state/NAME.corrupt",
        what: "a damaged document, moved aside to be looked at",
        format: "as it was found",
        retention: "replaced by the next damaged one; may be removed at any time",
    },
    FileKind {
        path: "view/NAME.N.view",
        what: "a checkpoint of a map that follows a journal",
        format: "one line with position and count, then entries and a CRC-32",
        retention: "two, written in turn; rebuilt from the journal when removed",
    },
    FileKind {
        path: "view/NAME.N.corrupt",
        what: "a damaged checkpoint, moved aside to be looked at",
        format: "as it was found",
        retention: "replaced by the next damaged one; may be removed at any time",
    },
];

/// The directory of one agent. Its parts are handles that may go to other threads.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    histories: Mutex<BTreeMap<String, History>>,
    unsaved: Mutex<Unsaved>,
    _lock: Lock,
}

/// Documents that the disk refused, the newest content of each.
#[derive(Debug, Default)]
struct Unsaved {
    documents: BTreeMap<String, Content>,
    trouble: Option<(Error, WallTime)>,
}

impl Store {
    /// Opens the store in a directory, which is made when it is absent, and removes what crashed
    /// writes have left. Fails when there can be no such directory, and when another process has
    /// it open.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        file::make_dir(dir, 0o700)?;
        let lock = Lock::take(dir)?;
        for dir in [dir, &dir.join("state"), &dir.join("view")] {
            // What cannot be removed now takes a little room until the next start, no more.
            let _ = file::clean(dir);
        }
        Ok(Self {
            dir: dir.to_owned(),
            histories: Mutex::default(),
            unsaved: Mutex::default(),
            _lock: lock,
        })
    }

    /// Gives the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Gives the history of a kind of object; the first call opens it and tells the damage.
    pub fn history(&self, kind: &str, now: WallTime) -> Result<(History, Recovery), Error> {
        let dir = self.dir.join("history").join(name::check(kind)?);
        let mut histories = self.histories();
        if let Some(history) = histories.get(kind) {
            return Ok((history.clone(), Recovery::default()));
        }
        let options = history::Options {
            bytes_max: limits::HISTORY_BYTES_MAX,
            age_max: limits::HISTORY_AGE_MAX,
            record_bytes_max: limits::JOURNAL_RECORD_BYTES_MAX,
            buffer_bytes_max: limits::DISK_FULL_BUFFER_BYTES_MAX,
        };
        let (history, recovery) = History::open(&dir, options, now);
        histories.insert(kind.to_owned(), history.clone());
        Ok((history, recovery))
    }

    /// Opens a journal by name. Its owner keeps it within bounds.
    pub fn journal(
        &self,
        name: &str,
        options: journal::Options,
    ) -> Result<(Journal, Recovery), Error> {
        Journal::open(&self.dir.join("journal").join(name::check(name)?), options)
    }

    /// Opens a view by name, and tells which damaged checkpoints were moved aside. Its owner lets
    /// it follow a journal and makes the checkpoints.
    pub fn view(&self, name: &str) -> Result<(View, Vec<PathBuf>), Error> {
        View::open(&self.dir.join("view"), name, limits::VIEW_BYTES_MAX)
    }

    /// Names a bulk.
    pub fn bulk(&self, name: &str) -> Result<Bulk, Error> {
        Bulk::new(&self.dir.join("bulk"), name)
    }

    /// Loads a document: the newest content that was saved, on disk or not.
    pub fn load(&self, name: &str) -> Result<Loaded, Error> {
        let document = self.document(name)?;
        match self.unsaved().documents.get(name) {
            Some(content) => Ok(Loaded::Present(content.clone())),
            None => document.load(),
        }
    }

    /// Saves a document durably. When the disk refuses, that is the error, the content is kept in
    /// memory, and each tick tries again.
    pub fn save(&self, name: &str, content: Content, now: WallTime) -> Result<(), Error> {
        let document = self.document(name)?;
        let mut unsaved = self.unsaved();
        match self.write(&document, &content) {
            Ok(()) => {
                unsaved.documents.remove(name);
                Ok(())
            }
            Err(error @ Error::TooLarge { .. }) => Err(error),
            Err(error) => {
                unsaved.documents.insert(name.to_owned(), content);
                unsaved.fail(error.clone(), now);
                Err(error)
            }
        }
    }

    /// Removes a document durably; it may be absent.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let document = self.document(name)?;
        self.unsaved().documents.remove(name);
        document.remove()
    }

    /// Writes everything that waits and drops what is over its bounds. Blocks on the disk; to be
    /// called about once a second and before the end.
    pub fn tick(&self, now: WallTime) {
        let histories: Vec<History> = self.histories().values().cloned().collect();
        for history in histories {
            history.flush(now);
        }
        self.save_again(now);
    }

    /// Tells what is in memory only, by the path of the part under the directory; nothing when
    /// all is well.
    pub fn health(&self) -> Vec<(String, Trouble)> {
        let mut troubles = Vec::new();
        for (kind, history) in self.histories().iter() {
            if let Health::InMemory(trouble) = history.health() {
                troubles.push((format!("history/{kind}"), trouble));
            }
        }
        let unsaved = self.unsaved();
        if let Some((error, since)) = &unsaved.trouble {
            let bytes = unsaved
                .documents
                .values()
                .map(|content| content.bytes.len());
            troubles.push((
                "state".to_owned(),
                Trouble {
                    error: error.clone(),
                    since: *since,
                    waiting: unsaved.documents.len(),
                    waiting_bytes: bytes.sum(),
                    dropped: 0,
                },
            ));
        }
        troubles
    }

    fn document(&self, name: &str) -> Result<Document, Error> {
        Document::new(&self.dir.join("state"), name, limits::DOCUMENT_BYTES_MAX)
    }

    fn write(&self, document: &Document, content: &Content) -> Result<(), Error> {
        file::make_dir(&self.dir.join("state"), 0o700)?;
        document.save(content.version, &content.bytes)
    }

    fn save_again(&self, now: WallTime) {
        let mut unsaved = self.unsaved();
        let mut refused = BTreeMap::new();
        for (name, content) in std::mem::take(&mut unsaved.documents) {
            let saved = self
                .document(&name)
                .and_then(|document| self.write(&document, &content));
            if let Err(error) = saved {
                unsaved.fail(error, now);
                refused.insert(name, content);
            }
        }
        unsaved.documents = refused;
        if unsaved.documents.is_empty() {
            unsaved.trouble = None;
        }
    }

    fn histories(&self) -> MutexGuard<'_, BTreeMap<String, History>> {
        self.histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn unsaved(&self) -> MutexGuard<'_, Unsaved> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsaved {
    fn fail(&mut self, error: Error, now: WallTime) {
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        self.trouble = Some((error, since));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Check, Order, Query};

    fn now() -> WallTime {
        WallTime::from_millis(1_000)
    }

    fn content(bytes: &[u8]) -> Content {
        Content {
            version: 1,
            bytes: bytes.to_vec(),
        }
    }

    /// Lists the files under a directory with the changing parts of their names left out.
    fn kinds(dir: &Path) -> Vec<String> {
        let mut kinds = Vec::new();
        let mut dirs = vec![dir.to_owned()];
        while let Some(next) = dirs.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                    continue;
                }
                let text = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                let (folder, name) = text.rsplit_once('/').unwrap_or(("", &text));
                let name = match name.strip_suffix(".journal") {
                    Some(_) => "*.journal",
                    None => name,
                };
                kinds.push(format!("{folder}/{name}"));
            }
        }
        kinds.sort();
        kinds.dedup();
        kinds
    }

    #[test]
    fn everything_that_is_written_is_listed() {
        let dir = crate::scratch::dir();
        let store = Store::open(dir.path()).unwrap();
        store
            .history("kind", now())
            .unwrap()
            .0
            .record(now(), b"{}")
            .unwrap();
        let options = journal::Options {
            segment_bytes_max: 1_000,
            record_bytes_max: 1_000,
            bounds: None,
            grow_bytes: 0,
            check: Check::Tail,
        };
        store
            .journal("name", options)
            .unwrap()
            .0
            .append(&[(now(), b"x")])
            .unwrap();
        let bulk = store.bulk("name").unwrap();
        bulk.write(|out| out.write_all(b"x")).unwrap();
        bulk.receive().unwrap();
        let damage = |path: &str| {
            file::replace(&dir.path().join(path), b"damaged", file::PRIVATE).unwrap();
        };
        store.save("name", content(b"{}"), now()).unwrap();
        damage("state/name.document");
        assert!(matches!(
            store.load("name").unwrap(),
            Loaded::Corrupt { .. }
        ));
        store.save("name", content(b"{}"), now()).unwrap();
        store.view("name").unwrap().0.checkpoint().unwrap();
        damage("view/name.0.view");
        let (mut view, damaged) = store.view("name").unwrap();
        assert_eq!(damaged.len(), 1);
        view.checkpoint().unwrap();
        store.tick(now());
        let mut listed: Vec<String> = FILES.iter().map(|kind| kind.path.to_owned()).collect();
        listed.sort();
        let written: Vec<String> = kinds(dir.path())
            .iter()
            .map(|path| path.replace("/kind/", "/KIND/").replace("/name", "/NAME"))
            .map(|path| path.replace(".0.", ".N."))
            .collect();
        assert_eq!(written, listed);
    }

    #[test]
    fn parts_are_found_again_by_name() {
        let dir = crate::scratch::dir();
        let store = Store::open(dir.path()).unwrap();
        store
            .history("checks", now())
            .unwrap()
            .0
            .record(now(), b"one")
            .unwrap();
        store
            .history("checks", now())
            .unwrap()
            .0
            .record(now(), b"two")
            .unwrap();
        store.save("retention", content(b"{}"), now()).unwrap();
        store.tick(now());
        assert!(store.health().is_empty());
        assert!(matches!(Store::open(dir.path()), Err(Error::InUse { .. })));
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        let (history, recovery) = store.history("checks", now()).unwrap();
        assert_eq!(recovery, Recovery::default());
        let page = history
            .read(&Query::all(Order::OldestFirst, 10, 100))
            .unwrap();
        assert_eq!(page.records.len(), 2);
        assert_eq!(
            store.load("retention").unwrap(),
            Loaded::Present(content(b"{}"))
        );
        store.remove("retention").unwrap();
        assert_eq!(store.load("retention").unwrap(), Loaded::Absent);
        for name in ["../x", "", "A"] {
            assert!(matches!(
                store.history(name, now()),
                Err(Error::Name { .. })
            ));
            assert!(matches!(store.load(name), Err(Error::Name { .. })));
        }
    }

    #[test]
    fn a_document_that_the_disk_refuses_is_kept_and_saved_later() {
        let dir = crate::scratch::dir();
        let store = Store::open(dir.path()).unwrap();
        let state = dir.path().join("state");
        std::fs::File::create(&state).unwrap();
        let error = store
            .save("a", content(b"1"), now())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot make directory"), "{error}");
        store
            .save("a", content(b"22"), WallTime::from_millis(2_000))
            .unwrap_err();
        assert_eq!(store.load("a").unwrap(), Loaded::Present(content(b"22")));
        store.tick(WallTime::from_millis(3_000));
        let health = store.health();
        let (part, trouble) = &health[0];
        assert_eq!((part.as_str(), trouble.since), ("state", now()));
        assert_eq!(
            (trouble.waiting, trouble.waiting_bytes, trouble.dropped),
            (1, 2, 0)
        );
        std::fs::remove_file(&state).unwrap();
        store.tick(WallTime::from_millis(4_000));
        assert!(store.health().is_empty());
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.load("a").unwrap(), Loaded::Present(content(b"22")));
        let error = store
            .save("a", content(&vec![0; (16 << 20) + 1]), now())
            .unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }));
        assert!(store.health().is_empty());
    }

    #[test]
    fn what_a_crash_left_is_removed_at_opening() {
        let dir = crate::scratch::dir();
        drop(
            Store::open(dir.path())
                .unwrap()
                .save("a", content(b"1"), now()),
        );
        let left = dir.path().join("state/.a.document.999999999-0.unfinished");
        std::fs::File::create(&left).unwrap();
        Store::open(dir.path()).unwrap();
        assert!(!left.exists());
    }
}
