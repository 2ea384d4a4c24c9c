//! What each disk does, as `/proc/diskstats` counts it. Partitions are parts of their disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::Value;
use model::limits::DISKS_MAX;

use super::counters::{Last, growth, per_second};
use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

const PATH: &str = "/proc/diskstats";

pub(super) const COLLECTOR: Native = Native {
    name: "iostats",
    doc: "Reads and writes of each disk per second, and how busy it is.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: true,
    keys: KEYS,
    make: || Box::new(IoStats::default()),
};

const KEYS: &[Key] = &[
    key("*.reads/s", "1/s", "reads that were done"),
    key(
        "*.reads_merged/s",
        "1/s",
        "reads that were joined to others before",
    ),
    key("*.writes/s", "1/s", "writes that were done"),
    key(
        "*.writes_merged/s",
        "1/s",
        "writes that were joined to others before",
    ),
    key("*.read_bytes/s", "B/s", "bytes read"),
    key("*.write_bytes/s", "B/s", "bytes written"),
    key("*.util%", "%", "time in which the disk had something to do"),
    key(
        "*.read_wait_ms",
        "ms",
        "time that a read took, on average, waiting included",
    ),
    key(
        "*.write_wait_ms",
        "ms",
        "time that a write took, on average, waiting included",
    ),
    key(
        "*.queue",
        "",
        "reads and writes that were under way, on average",
    ),
    key(
        "*.discards/s",
        "1/s",
        "discards (trims) that were done, from Linux 4.18 on",
    ),
    key(
        "*.flushes/s",
        "1/s",
        "flushes that were done, from Linux 5.5 on",
    ),
];

/// The kernel counts in sectors of this size, whatever the disk has.
const SECTOR_BYTES: f64 = 512.0;

/// Columns behind the name, by the kernel's documentation (iostats.rst). Linux 2.6 has the first
/// eleven, 4.18 adds four of discards, 5.5 two of flushes; there may be more to come.
const COLUMNS_MIN: usize = 11;
const COLUMNS_MAX: usize = 17;
const READS: usize = 0;
const READS_MERGED: usize = 1;
const SECTORS_READ: usize = 2;
const MS_READING: usize = 3;
const WRITES: usize = 4;
const WRITES_MERGED: usize = 5;
const SECTORS_WRITTEN: usize = 6;
const MS_WRITING: usize = 7;
const MS_BUSY: usize = 9;
const MS_WEIGHTED: usize = 10;
const DISCARDS: usize = 11;
const FLUSHES: usize = 15;

/// The columns of one disk.
type Columns = Vec<u64>;

#[derive(Default)]
struct IoStats {
    last: Last<BTreeMap<Arc<str>, Columns>>,
}

impl Collector for IoStats {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let disks = parse(&context.text(PATH)?)?;
        let Some((elapsed, before)) = self.last.replace(context.now, disks.clone()) else {
            return Ok(Value::map::<Arc<str>>([]));
        };
        let activity = disks.into_iter().filter_map(|(name, after)| {
            let activity = activity(before.get(&name)?, &after, elapsed);
            Some((name, activity))
        });
        Ok(Value::map(activity))
    }
}

/// Reads `   8       0 sda 1 2 3 …`, and keeps what is a disk.
fn parse(text: &str) -> Result<BTreeMap<Arc<str>, Columns>, Error> {
    let mut found: BTreeMap<&str, Columns> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace().skip(2);
        let name = words.next().unwrap_or_default();
        let columns: Result<Columns, _> = words.take(COLUMNS_MAX).map(str::parse).collect();
        match columns {
            Ok(columns) if columns.len() >= COLUMNS_MIN => {
                found.insert(name, columns);
            }
            // Up to Linux 2.6.24 a partition had four columns.
            Ok(columns) if columns.len() == 4 => {}
            Ok(_) | Err(_) => {
                let problem = format!("has a line {name:?} that is not {COLUMNS_MIN} numbers");
                return Err(Error::bad_answer(PATH, problem));
            }
        }
    }
    let names: BTreeSet<&str> = found.keys().copied().collect();
    let disks = found
        .into_iter()
        .filter(|(name, _)| !is_partition(name, &names) && !is_no_disk(name));
    Ok(disks
        .take(DISKS_MAX)
        .map(|(name, columns)| (name.into(), columns))
        .collect())
}

/// Tells whether another device of the list is the whole of this one: `sda1` of `sda`, and
/// `nvme0n1p1` of `nvme0n1`, as a name that ends with a digit takes a `p`.
fn is_partition(name: &str, names: &BTreeSet<&str>) -> bool {
    let whole = name.trim_end_matches(|sign: char| sign.is_ascii_digit());
    if whole.len() == name.len() {
        return false;
    }
    let of_numbered = whole
        .strip_suffix('p')
        .filter(|disk| disk.ends_with(|sign: char| sign.is_ascii_digit()));
    names.contains(whole) || of_numbered.is_some_and(|disk| names.contains(disk))
}

/// Tells whether a block device is memory, another file, or a drive whose disk comes and goes.
fn is_no_disk(name: &str) -> bool {
    ["ram", "loop", "sr", "fd", "zram"]
        .iter()
        .filter_map(|kind| name.strip_prefix(kind))
        .any(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Gives what one disk did. Where a counter went back (32 bits of an old kernel, another disk of
/// the same name) what hangs on it is left out.
fn activity(before: &[u64], after: &[u64], elapsed: Duration) -> Value {
    let grown = |column: usize| growth(*before.get(column)?, *after.get(column)?);
    let rate = |column: usize| per_second(*before.get(column)?, *after.get(column)?, elapsed);
    let share_of_time = |column: usize| Some(rate(column)? / 1_000.0);
    let wait = |ms: usize, done: usize| {
        let done = grown(done).filter(|done| *done > 0)?;
        Some(grown(ms)? as f64 / done as f64)
    };
    let numbers = [
        ("reads/s", rate(READS)),
        ("reads_merged/s", rate(READS_MERGED)),
        ("writes/s", rate(WRITES)),
        ("writes_merged/s", rate(WRITES_MERGED)),
        (
            "read_bytes/s",
            rate(SECTORS_READ).map(|sectors| sectors * SECTOR_BYTES),
        ),
        (
            "write_bytes/s",
            rate(SECTORS_WRITTEN).map(|sectors| sectors * SECTOR_BYTES),
        ),
        // The kernel rounds up, so that a busy disk may seem to be busy for longer than it was.
        (
            "util%",
            share_of_time(MS_BUSY).map(|share| (100.0 * share).min(100.0)),
        ),
        ("read_wait_ms", wait(MS_READING, READS)),
        ("write_wait_ms", wait(MS_WRITING, WRITES)),
        ("queue", share_of_time(MS_WEIGHTED)),
        ("discards/s", rate(DISCARDS)),
        ("flushes/s", rate(FLUSHES)),
    ];
    let known = numbers
        .into_iter()
        .filter_map(|(name, number)| Some((name, number?)));
    Value::map(known.map(|(name, number)| (name, Value::Float(number))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number};
    use super::*;

    #[track_caller]
    fn check(text: &str, disks: &[&str]) {
        let found = parse(text).unwrap();
        let names: Vec<&str> = found.keys().map(|name| &**name).collect();
        assert_eq!(names, disks);
    }

    fn line(name: &str, columns: usize) -> String {
        format!("   8  0 {name}{}\n", " 7".repeat(columns))
    }

    #[test]
    fn partitions_and_what_is_no_disk_are_left_out() {
        let names = [
            "sda",
            "sda1",
            "sda12",
            "nvme0n1",
            "nvme0n1p1",
            "mmcblk0",
            "mmcblk0p2",
            "md127",
            "md0",
            "md0p1",
            "dm-0",
            "dm-12",
            "xvda1",
            "loop0",
            "ram3",
            "sr0",
            "zram0",
            "nbd0p1",
        ];
        let text: String = names.iter().map(|name| line(name, 17)).collect();
        check(
            &text,
            &[
                "dm-0", "dm-12", "md0", "md127", "mmcblk0", "nbd0p1", "nvme0n1", "sda", "xvda1",
            ],
        );
    }

    #[test]
    fn kernels_of_all_ages_are_read() {
        for columns in [11, 15, 17, 20] {
            check(&line("sda", columns), &["sda"]);
        }
        check(&(line("hda", 11) + &line("hda1", 4)), &["hda"]);
        check("", &[]);
    }

    #[test]
    fn counters_become_rates() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(
            PATH,
            " 259 0 nvme0n1 100 5 800 50 200 10 1600 400 0 1000 3000 0 0 0 0 7 7\n",
        );
        assert_eq!(runs.run(10).unwrap(), Value::map::<Arc<str>>([]));
        runs.file(
            PATH,
            " 259 0 nvme0n1 110 5 1800 70 200 30 1600 400 0 6000 13000 0 0 0 0 17 9\n",
        );
        let value = runs.run(10).unwrap();
        let of = |name| number(&value, &["nvme0n1", name]);
        assert_eq!(of("reads/s"), Some(1.0));
        assert_eq!(of("read_bytes/s"), Some(51_200.0));
        assert_eq!(of("writes_merged/s"), Some(2.0));
        assert_eq!(of("util%"), Some(50.0));
        assert_eq!(of("queue"), Some(1.0));
        assert_eq!(of("read_wait_ms"), Some(2.0));
        assert_eq!(of("write_wait_ms"), None);
        assert_eq!(of("flushes/s"), Some(1.0));
    }

    #[test]
    fn a_disk_that_was_replaced_begins_anew() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(PATH, line("sda", 11) + &line("sdb", 11));
        runs.run(10).unwrap();
        runs.file(PATH, format!("   8  0 sda{}\n", " 3".repeat(11)));
        let value = runs.run(10).unwrap();
        assert_eq!(value, Value::map([("sda", Value::map::<Arc<str>>([]))]));
    }

    #[test]
    fn junk_is_told() {
        for text in ["8 0 sda 1 2", "8 0 sda a b c d e f g h i j k", "8"] {
            assert!(
                parse(text).unwrap_err().to_string().contains(PATH),
                "{text:?}"
            );
        }
    }
}
