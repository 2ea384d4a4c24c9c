//! The process that is killed: it writes as fast as it can and prints what was acknowledged.
//!
//! It is this test binary, started again with `STORE_WRITER` set to a directory. Its five threads
//! use the store in the five ways that promise something. What they print is the only thing that
//! the verifier believes, see [`Acknowledged`].

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use model::WallTime;
use store::commit::{self, Change, Committer};
use store::document::{Content, Loaded};
use store::journal::{self, Check, Order, Query, Reader, Record};
use store::view::Entries;
use store::{Journal, Position, Store};

use crate::Random;

const DIR: &str = "STORE_WRITER";
const SEED: &str = "STORE_WRITER_SEED";
const MODE: &str = "STORE_WRITER_MODE";
/// What a writer prints that has nothing more to do.
const WAITING: &str = "waiting";
/// Longest time that a writer may take for its acknowledgements on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a writer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Uses the store.
    Store,
    /// Appends to a plain file and acknowledges without a sync: must lose under power loss.
    Careless,
}

/// A running writer.
pub(crate) struct Writer {
    pub(crate) child: Child,
    lines: Receiver<String>,
    reading: JoinHandle<()>,
    seen: Vec<String>,
}

impl Writer {
    pub(crate) fn start(dir: &Path, seed: u64, mode: Mode) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "writer::writes_when_it_is_asked_to",
                "--nocapture",
            ])
            .env(DIR, dir)
            .env(SEED, seed.to_string())
            .env(MODE, format!("{mode:?}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = sync_channel(1 << 16);
        let reading = std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if tx.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            reading,
            seen: Vec::new(),
        }
    }

    /// Waits until this many lines were printed, or the last one of a writer that ends its work.
    pub(crate) fn wait_for(&mut self, lines: u64) {
        let is_last = |line: &String| line.starts_with(WAITING);
        while (self.seen.len() as u64) < lines && !self.seen.last().is_some_and(is_last) {
            let line = self.lines.recv_timeout(DEADLINE);
            self.seen
                .push(line.expect("the writer goes on until it is killed"));
        }
    }

    /// Kills the writer and gives all that it had printed.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.seen.extend(self.lines.iter());
        self.reading.join().unwrap();
        std::mem::take(&mut self.seen)
    }
}

/// What writers were told to be durable, over all rounds on one directory.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Seed of the payload by position, of the journal with many callers.
    shared: BTreeMap<u64, u64>,
    /// The same of the journal that is also cut, and the change that was under way at the end.
    cut: BTreeMap<u64, u64>,
    under_way: Option<u64>,
    document: u64,
    history: u64,
}

impl Acknowledged {
    pub(crate) fn take_in(&mut self, lines: &[String]) {
        for line in lines {
            let mut words = line.split(' ');
            let word = words.next().unwrap_or_default();
            // A line that was torn by the kill was not said.
            let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            match (word, &numbers[..]) {
                ("shared", [position, seed, 0]) => drop(self.shared.insert(*position, *seed)),
                ("cut-append", [position, seed, 0]) => drop(self.cut.insert(*position, *seed)),
                ("cut-begin", [position, 0]) => self.under_way = Some(*position),
                ("cut-end", [position, 0]) => {
                    self.cut.retain(|at, _| at <= position);
                    self.under_way = None;
                }
                ("document", [count, 0]) => self.document = *count,
                ("history", [count, 0]) => self.history = *count,
                _ => {}
            }
        }
    }

    /// Gives the number of things that were acknowledged.
    pub(crate) fn len(&self) -> u64 {
        (self.shared.len() + self.cut.len()) as u64 + self.document + self.history
    }

    /// Opens the store and compares. Takes in what was durable without having been acknowledged.
    pub(crate) fn verify(&mut self, dir: &Path, place: &str) {
        let store = Store::open(dir).unwrap();
        let open = |name| {
            let (journal, recovery) = store.journal(name, options()).unwrap();
            assert!(!recovery.has_lost_records(), "{place}: {recovery:?}");
            journal
        };
        let journal = open("shared");
        let shared = read(&journal);
        verify_view(&store, &journal, &shared, place);
        for (position, seed) in &self.shared {
            let record = shared.get(position);
            let payload = record.map(|record| &record.payload);
            assert_eq!(
                payload,
                Some(&payload_of(*seed)),
                "{place}: shared {position}"
            );
        }
        self.verify_cut(&read(&open("cut")), place);
        self.verify_document(&store, place);
        self.verify_history(&store, place);
    }

    fn verify_cut(&mut self, records: &BTreeMap<u64, Record>, place: &str) {
        // All of a cut that was under way happened, or nothing of it.
        if let Some(position) = self.under_way.take()
            && self
                .cut
                .keys()
                .any(|at| *at > position && !records.contains_key(at))
        {
            self.cut.retain(|at, _| *at <= position);
        }
        for (position, seed) in &self.cut {
            let payload = records.get(position).map(|record| &record.payload);
            assert_eq!(payload, Some(&payload_of(*seed)), "{place}: cut {position}");
        }
        // One append of up to three records may have been under way.
        let last = self.cut.last_key_value().map_or(0, |(at, _)| *at);
        for (position, record) in records.range(last + 1..) {
            assert!(
                *position <= last + 3,
                "{place}: {position} after {last} was taken back"
            );
            self.cut.insert(*position, seed_of(&record.payload));
        }
    }

    fn verify_document(&mut self, store: &Store, place: &str) {
        match store.load("counter").unwrap() {
            Loaded::Present(content) => {
                let count = u64::from(content.version);
                assert!(
                    (self.document..=self.document + 1).contains(&count),
                    "{place}"
                );
                assert_eq!(content.bytes, payload_of(count), "{place}");
                self.document = count;
            }
            Loaded::Absent => assert_eq!(self.document, 0, "{place}"),
            Loaded::Corrupt { reason, .. } => panic!("{place}: {reason}"),
        }
    }

    fn verify_history(&mut self, store: &Store, place: &str) {
        let (history, recovery) = store.history("events", WallTime::from_millis(0)).unwrap();
        assert!(!recovery.has_lost_records(), "{place}: {recovery:?}");
        let query = Query::all(Order::OldestFirst, usize::MAX, usize::MAX);
        let page = history.read(&query).unwrap();
        assert!(page.damage.is_empty(), "{place}: {:?}", page.damage);
        let counts: Vec<u64> = page
            .records
            .iter()
            .map(|one| one.time.as_millis())
            .collect();
        assert!(
            counts.iter().copied().eq(1..=counts.len() as u64),
            "{place}: {counts:?}"
        );
        let count = counts.len() as u64;
        assert!(
            (self.history..=self.history + 5).contains(&count),
            "{place}: {count}"
        );
        self.history = count;
    }
}

/// Opens the view of the shared journal and lets it follow: it must say what the records say.
fn verify_view(store: &Store, journal: &Journal, records: &BTreeMap<u64, Record>, place: &str) {
    let (mut view, damaged) = store.view("shared").unwrap();
    assert!(damaged.is_empty(), "{place}: {damaged:?}");
    let found = view.catch_up(&journal.reader(), apply).unwrap();
    assert!(
        found.missing.is_empty() && !found.was_ahead,
        "{place}: {found:?}"
    );
    let mut expect = Entries::new();
    records
        .values()
        .for_each(|record| apply(&mut expect, record));
    assert!(*view.entries() == expect, "{place}: {found:?}");
}

/// Lets a record set one of some hundred keys.
fn apply(entries: &mut Entries, record: &Record) {
    let key = record.payload[..1].to_vec();
    entries.insert(key, record.payload.clone());
}

/// Tells whether every line that a careless writer acknowledged is in its file.
pub(crate) fn careless_is_intact(dir: &Path, lines: &[String]) -> bool {
    let written = std::fs::read_to_string(dir.join("careless")).unwrap_or_default();
    let mut acknowledged = lines
        .iter()
        .filter_map(|line| line.strip_prefix("careless "));
    acknowledged
        .next_back()
        .is_none_or(|last| written.lines().any(|line| line == last))
}

/// Small segments, so that one is completed often, each with room for a few batches.
fn options() -> journal::Options {
    journal::Options {
        segment_bytes_max: 16 << 10,
        record_bytes_max: 8 << 10,
        bounds: None,
        grow_bytes: 6 << 10,
        check: Check::Everything,
    }
}

fn read(journal: &Journal) -> BTreeMap<u64, Record> {
    let query = Query::all(Order::OldestFirst, usize::MAX, usize::MAX);
    let page = journal.reader().read(&query).unwrap();
    assert!(page.damage.is_empty(), "{:?}", page.damage);
    page.records
        .into_iter()
        .map(|record| (record.position.0, record))
        .collect()
}

/// Makes up to 4 KiB that follow from the seed, which is in the first bytes.
fn payload_of(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let bytes = match random.below(10) {
        0 => random.below(4_096),
        _ => random.below(300),
    };
    let mut payload = seed.to_le_bytes().to_vec();
    payload.resize_with(8 + bytes as usize, || random.next() as u8);
    payload
}

fn seed_of(payload: &[u8]) -> u64 {
    let seed = u64::from_le_bytes(*payload.first_chunk().unwrap());
    assert_eq!(payload, payload_of(seed));
    seed
}

/// Prints one line in one piece; the zero at its end shows that it is whole.
fn tell(line: &str) {
    let line = format!("{line} 0\n");
    // When nobody listens any more the process is about to be killed.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

#[test]
fn writes_when_it_is_asked_to() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    if std::env::var(MODE).unwrap() == format!("{:?}", Mode::Careless) {
        return write_carelessly(dir);
    }
    let store = Store::open(dir).unwrap();
    let options = commit::Options {
        changes_max: 64,
        bytes_max: 1 << 20,
    };
    let committer = Committer::start("commit", options).unwrap();
    if seed % 3 == 0 {
        return save_and_wait(&store, seed);
    }
    let shared = committer.attach(store.journal("shared", self::options()).unwrap().0);
    std::thread::scope(|scope| {
        let cut = store.journal("cut", self::options()).unwrap().0;
        scope.spawn(|| follow_for_ever(&store, shared.reader()));
        scope.spawn(|| keep_for_ever(&store, seed));
        for caller in 0..2 {
            let log = shared.clone();
            scope.spawn(move || append_for_ever(&log, seed ^ (caller << 32)));
        }
        scope.spawn(|| cut_for_ever(cut, seed));
    });
}

fn append_for_ever(log: &commit::Log, seed: u64) {
    let mut random = Random(seed);
    loop {
        let seed = random.next();
        let records = vec![(WallTime::from_millis(1), payload_of(seed))];
        let range = log.apply(Change::Append(records)).unwrap();
        tell(&format!("shared {} {seed}", range.start));
    }
}

fn follow_for_ever(store: &Store, journal: &Reader) {
    let mut view = store.view("shared").unwrap().0;
    loop {
        view.catch_up(journal, apply).unwrap();
        view.checkpoint().unwrap();
    }
}

/// Appends batches, and takes some back as a follower of a new leader does.
fn cut_for_ever(mut journal: Journal, seed: u64) {
    let mut random = Random(!seed);
    loop {
        let seeds: Vec<u64> = (0..=random.below(3)).map(|_| random.next()).collect();
        let time = WallTime::from_millis(1);
        let batch: Vec<_> = seeds.iter().map(|seed| (time, payload_of(*seed))).collect();
        let range = journal.append(&batch).unwrap();
        for (position, seed) in (range.start.0..).zip(seeds) {
            tell(&format!("cut-append {position} {seed}"));
        }
        if random.below(8) == 0 {
            let position = Position(range.end.0.saturating_sub(1 + random.below(20)));
            tell(&format!("cut-begin {position}"));
            journal.truncate_after(position).unwrap();
            tell(&format!("cut-end {position}"));
        }
    }
}

fn keep_for_ever(store: &Store, seed: u64) {
    let mut random = Random(seed);
    let now = WallTime::from_millis(0);
    let history = store.history("events", now).unwrap().0;
    let newest = history
        .read(&Query::all(Order::NewestFirst, 1, 1 << 20))
        .unwrap();
    let mut events = newest
        .records
        .first()
        .map_or(0, |record| record.time.as_millis());
    let mut version = match store.load("counter").unwrap() {
        Loaded::Present(content) => content.version,
        Loaded::Absent | Loaded::Corrupt { .. } => 0,
    };
    loop {
        version += 1;
        let bytes = payload_of(u64::from(version));
        store
            .save("counter", Content { version, bytes }, now)
            .unwrap();
        tell(&format!("document {version}"));
        for _ in 0..=random.below(5) {
            events += 1;
            history
                .record(WallTime::from_millis(events), b"{\"state\": \"OK\"}")
                .unwrap();
        }
        assert!(history.flush(now).is_healthy());
        tell(&format!("history {events}"));
    }
}

/// Saves documents and then does nothing at all: no later sync makes a document durable that
/// forgot its own.
fn save_and_wait(store: &Store, seed: u64) {
    for _ in 0..Random(seed).below(20) {
        save_next(store);
    }
    tell(WAITING);
    loop {
        std::thread::park();
    }
}

fn save_next(store: &Store) {
    let version = match store.load("counter").unwrap() {
        Loaded::Present(content) => content.version + 1,
        Loaded::Absent | Loaded::Corrupt { .. } => 1,
    };
    let bytes = payload_of(u64::from(version));
    let now = WallTime::from_millis(0);
    store
        .save("counter", Content { version, bytes }, now)
        .unwrap();
    tell(&format!("document {version}"));
}

fn write_carelessly(dir: &Path) {
    let mut file = std::fs::File::create(dir.join("careless")).unwrap();
    for count in 0_u64.. {
        writeln!(file, "{count} 0").unwrap();
        tell(&format!("careless {count}"));
    }
}
