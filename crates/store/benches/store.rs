//! What the store costs: `cargo bench -p store` prints one line `name value unit` a figure.
//!
//! `STORE_BENCH_DIR` names the disk to measure; the default is the directory for temporary files.
//! `cargo bench -p store -- growing` runs one part.
//! Without `--bench`, as under `cargo test`, it runs small and its figures mean nothing.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use model::WallTime;
use store::commit::{self, Change, Committer};
use store::journal::{Check, Journal, Options, Order, Query};
use store::{Position, View};

/// A typical record: the state change of a check as JSON.
const PAYLOAD_BYTES: usize = 200;

fn main() -> io::Result<()> {
    let scale = Scale::from_arguments();
    let dir = match std::env::var_os("STORE_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    // What is named on the command line runs alone.
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| {
        let mut names = wanted
            .iter()
            .filter(|word| !word.starts_with('-'))
            .peekable();
        names.peek().is_none() || names.any(|word| word == name)
    };
    let result = PARTS
        .iter()
        .filter(|(name, _)| is_wanted(name))
        .try_for_each(|(_, part)| part(dir.path(), &scale));
    result.map_err(io::Error::other)
}

/// What is measured.
const PARTS: &[(&str, Part)] = &[
    ("sync", sync_alone),
    ("appends", appends),
    ("growing", growing),
    ("room", open_with_room),
    ("commit", group_commits),
    ("large", large_journal),
    ("views", views),
];

type Part = fn(&Path, &Scale) -> Result<()>;

/// How much is done.
struct Scale {
    syncs: u64,
    appends_each: u64,
    journal_bytes: u64,
    view_entries: u64,
}

impl Scale {
    fn from_arguments() -> Self {
        if std::env::args().any(|argument| argument == "--bench") {
            return Self {
                syncs: 2_000,
                appends_each: 2_000,
                journal_bytes: 100 << 20,
                view_entries: 100_000,
            };
        }
        Self {
            syncs: 3,
            appends_each: 3,
            journal_bytes: 1 << 20,
            view_entries: 1_000,
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn report(name: &str, value: f64, unit: &str) -> Result<()> {
    writeln!(io::stdout(), "{name} {value:.1} {unit}")?;
    Ok(())
}

fn options(check: Check) -> Options {
    Options {
        segment_bytes_max: model::limits::JOURNAL_SEGMENT_BYTES_MAX,
        record_bytes_max: model::limits::JOURNAL_RECORD_BYTES_MAX,
        bounds: None,
        grow_bytes: 0,
        check,
    }
}

fn time(count: u64) -> WallTime {
    WallTime::from_millis(1_700_000_000_000 + count)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// What the disk itself takes for a write that grows a file, and its sync.
fn sync_alone(dir: &Path, scale: &Scale) -> Result<()> {
    let mut file = File::create(dir.join("plain"))?;
    let mut took = Vec::new();
    for _ in 0..scale.syncs {
        let started = Instant::now();
        file.write_all(&[7; PAYLOAD_BYTES])?;
        file.sync_data()?;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    report(
        "write_and_fdatasync_median",
        micros(took[took.len() / 2]),
        "us",
    )
}

fn appends(dir: &Path, scale: &Scale) -> Result<()> {
    let mut journal = Journal::open(&dir.join("appends"), options(Check::Tail))?.0;
    let started = Instant::now();
    for count in 0..scale.syncs {
        journal.append(&[(time(count), [7; PAYLOAD_BYTES])])?;
    }
    let rate = scale.syncs as f64 / started.elapsed().as_secs_f64();
    report("appends_direct", rate, "appends/s")
}

/// What a durable append takes with each step by which the file may grow; the steps take turns, so
/// that the disk's moods meet all of them.
fn growing(dir: &Path, scale: &Scale) -> Result<()> {
    const TURNS: u64 = 20;
    const STEPS: [u64; 4] = [0, 64 << 10, 256 << 10, 1 << 20];
    let mut open = Vec::new();
    for grow_bytes in STEPS {
        let options = Options {
            grow_bytes,
            ..options(Check::Tail)
        };
        let journal = Journal::open(&dir.join(format!("growing-{grow_bytes}")), options)?.0;
        open.push((grow_bytes, journal, Vec::new()));
    }
    for _ in 0..TURNS {
        for (_, journal, took) in &mut open {
            for count in 0..scale.syncs.div_ceil(TURNS) {
                let started = Instant::now();
                journal.append(&[(time(count), [7; PAYLOAD_BYTES])])?;
                took.push(started.elapsed());
            }
        }
    }
    for (grow_bytes, _, mut took) in open {
        took.sort_unstable();
        for (name, at) in [("median", took.len() / 2), ("p99", took.len() * 99 / 100)] {
            let name = format!("append_growing_by_{}_kib_{name}", grow_bytes >> 10);
            report(&name, micros(took[at]), "us")?;
        }
    }
    Ok(())
}

/// Opens a journal that has little but room.
fn open_with_room(dir: &Path, _: &Scale) -> Result<()> {
    let dir = dir.join("room");
    let options = || Options {
        grow_bytes: model::limits::JOURNAL_SEGMENT_BYTES_MAX,
        ..options(Check::Everything)
    };
    Journal::open(&dir, options())?
        .0
        .append(&[(time(1), [7; PAYLOAD_BYTES])])?;
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        drop(Journal::open(&dir, options())?);
        took.push(started.elapsed());
    }
    took.sort_unstable();
    report("open_with_4_mib_of_room", micros(took[2]) / 1e3, "ms")
}

fn group_commits(dir: &Path, scale: &Scale) -> Result<()> {
    for callers in [1, 64] {
        let journal = Journal::open(&dir.join(format!("group-{callers}")), options(Check::Tail))?.0;
        let options = commit::Options {
            changes_max: 1_024,
            bytes_max: 16 << 20,
        };
        let committer = Committer::start("commit", options)?;
        let log = committer.attach(journal);
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..callers {
                let log = log.clone();
                scope.spawn(move || {
                    for count in 0..scale.appends_each {
                        let records = vec![(time(count), vec![7; PAYLOAD_BYTES])];
                        log.apply(Change::Append(records))
                            .expect("the disk takes it");
                    }
                });
            }
        });
        let rate = (callers * scale.appends_each) as f64 / started.elapsed().as_secs_f64();
        report(&format!("appends_{callers}_callers"), rate, "appends/s")?;
        let stats = committer.stats();
        let shared = stats.changes as f64 / stats.writes as f64;
        report(
            &format!("appends_{callers}_callers_a_sync"),
            shared,
            "appends",
        )?;
    }
    Ok(())
}

/// Fills a journal, opens it again in both ways, and reads from it.
fn large_journal(dir: &Path, scale: &Scale) -> Result<()> {
    let dir = dir.join("large");
    let mut journal = Journal::open(&dir, options(Check::Tail))?.0;
    let batch: Vec<_> = (0..1_000)
        .map(|count| (time(count), [7; PAYLOAD_BYTES]))
        .collect();
    let started = Instant::now();
    while journal.reader().stats().bytes < scale.journal_bytes {
        journal.append(&batch)?;
    }
    let stats = journal.reader().stats();
    let rate = stats.bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
    report("appends_in_batches_of_1000", rate, "MB/s")?;
    let overhead = stats.bytes as f64 / stats.records as f64 - PAYLOAD_BYTES as f64;
    report("overhead_a_record", overhead, "bytes")?;
    drop(journal);
    for (name, check) in [("tail", Check::Tail), ("everything", Check::Everything)] {
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..5 {
            let started = Instant::now();
            drop(Journal::open(&dir, options(check))?);
            took.push(started.elapsed());
        }
        took.sort_unstable();
        report(
            &format!("open_100_mb_checking_{name}"),
            micros(took[2]) / 1e3,
            "ms",
        )?;
    }
    let journal = Journal::open(&dir, options(Check::Tail))?.0;
    let reader = journal.reader();
    let started = Instant::now();
    let newest = Query::all(Order::NewestFirst, 100, 1 << 20);
    for _ in 0..scale.syncs {
        assert_eq!(reader.read(&newest)?.records.len(), 100);
    }
    let each = micros(started.elapsed()) / scale.syncs as f64;
    report("read_newest_100", each, "us")?;
    let started = Instant::now();
    let mut records = 0_u64;
    reader.replay(Position(1), |_| {
        records += 1;
        Ok(())
    })?;
    assert_eq!(records, stats.records);
    report("replay_100_mb", micros(started.elapsed()) / 1e3, "ms")
}

/// Fills a view, writes its checkpoint, and opens it again.
fn views(dir: &Path, scale: &Scale) -> Result<()> {
    let open = || View::open(dir, "kv", model::limits::VIEW_BYTES_MAX);
    let mut view = open()?.0;
    let started = Instant::now();
    for count in 1..=scale.view_entries {
        let key = format!(
            "service/{:08}",
            count.wrapping_mul(2_654_435_761) % 100_000_007
        );
        view.apply(Position(count), |entries| {
            entries.insert(key.into_bytes(), vec![7; PAYLOAD_BYTES]);
        });
    }
    let rate = scale.view_entries as f64 / started.elapsed().as_secs_f64();
    report("view_puts", rate, "puts/s")?;
    let started = Instant::now();
    view.checkpoint()?;
    report(
        "view_checkpoint_100_000",
        micros(started.elapsed()) / 1e3,
        "ms",
    )?;
    let started = Instant::now();
    assert_eq!(open()?.0.entries().len(), view.entries().len());
    report("view_open_100_000", micros(started.elapsed()) / 1e3, "ms")
}
