//! The memory of the machine, as `/proc/meminfo` tells it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

const PATH: &str = "/proc/meminfo";

pub(super) const COLLECTOR: Native = Native {
    name: "memory",
    doc: "Memory and swap: every line of /proc/meminfo, and what is used and free.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(Memory),
};

const KEYS: &[Key] = &[
    key("phys_total", "kB", "memory of the machine"),
    key(
        "phys_free",
        "kB",
        "memory that is free or given back at once (buffers, cache)",
    ),
    key("phys_used", "%", "the rest of the memory"),
    key("swap_free", "kB", "swap that is free"),
    key("swap_used", "%", "the rest of the swap"),
    key("memtotal", "kB", "memory of the machine"),
    key("memfree", "kB", "memory that is used for nothing"),
    key(
        "memavailable",
        "kB",
        "memory that programs can still get without swapping",
    ),
    key("buffers", "kB", "cache of raw disks"),
    key("cached", "kB", "cache of files, and memory in tmpfs"),
    key("swaptotal", "kB", "swap of the machine"),
    key("swapfree", "kB", "swap that is free"),
    key("dirty", "kB", "what waits to be written to disk"),
    key("writeback", "kB", "what is being written to disk"),
    key("shmem", "kB", "shared memory and tmpfs"),
    key("slab", "kB", "memory of the kernel's objects"),
    key(
        "sreclaimable",
        "kB",
        "the part of it that can be given back",
    ),
    key("hugepages_total", "", "huge pages"),
    key("hugepages_free", "", "huge pages that are free"),
    key(
        "hugepages_rsvd",
        "",
        "free ones that somebody has asked for",
    ),
    key("hugepages_surp", "", "those above the number that is kept"),
    key("*", "kB", "any other line, its name in lower case"),
];

struct Memory;

impl Collector for Memory {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        Ok(parse(&context.text(PATH)?)?)
    }
}

fn parse(text: &str) -> Result<Value, Error> {
    let mut found: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else {
            continue;
        };
        let number = rest.split_ascii_whitespace().next().map(str::parse);
        if let Some(Ok(number)) = number {
            found.insert(name.to_ascii_lowercase().into(), number);
        }
    }
    let summary = summary(&found)?;
    let lines = found
        .into_iter()
        .map(|(name, kilobytes)| (name, Value::count(kilobytes)));
    Ok(Value::map(lines.chain(summary)))
}

/// Sums up what is free. tmpfs and shared memory are counted as cache by the kernel, yet nobody can
/// have them, so they are used.
fn summary(found: &BTreeMap<Arc<str>, u64>) -> Result<Vec<(Arc<str>, Value)>, Error> {
    let get = |name: &str| found.get(name).copied().unwrap_or(0);
    let needed = |name: &str| {
        found.get(name).copied().ok_or_else(|| {
            let problem = format!("has no line {name}: it was cut, or is none of Linux");
            Error::bad_answer(PATH, problem)
        })
    };
    let total = needed("memtotal")?;
    let cached = get("cached").saturating_sub(get("shmem"));
    let free = [
        needed("memfree")?,
        get("buffers"),
        cached,
        get("sreclaimable"),
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
    .min(total);
    let (swap_total, swap_free) = (get("swaptotal"), get("swapfree"));
    Ok(vec![
        ("phys_total".into(), Value::count(total)),
        ("phys_free".into(), Value::count(free)),
        ("phys_used".into(), used(total, free)),
        ("swap_free".into(), Value::count(swap_free)),
        ("swap_used".into(), used(swap_total, swap_free)),
    ])
}

/// Gives the used share in percent; of nothing, nothing is used.
fn used(total: u64, free: u64) -> Value {
    let used = total.saturating_sub(free) as f64;
    Value::Float(if total == 0 {
        0.0
    } else {
        100.0 * used / total as f64
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{number, recorded_run};
    use super::*;

    #[test]
    fn what_is_given_back_at_once_is_free() {
        let value = parse(
            "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\nShmem: 30 kB\n\
             SReclaimable: 80 kB\nActive(anon): 7 kB\nHugePages_Total: 3\n",
        )
        .unwrap();
        assert_eq!(value.get("phys_free"), Some(&Value::Int(400)));
        assert_eq!(number(&value, &["phys_used"]), Some(60.0));
        assert_eq!(value.get("active(anon)"), Some(&Value::Int(7)));
        assert_eq!(value.get("hugepages_total"), Some(&Value::Int(3)));
        assert_eq!(number(&value, &["swap_used"]), Some(0.0));
    }

    #[test]
    fn recorded_machines_are_read() {
        for (host, memtotal) in [
            ("debian-12", 8_131_072),
            ("rhel-7", 3_880_168),
            ("alpine-3.22", 2_013_616),
        ] {
            let value = recorded_run(host, &COLLECTOR).unwrap();
            assert_eq!(value.get("memtotal"), Some(&Value::Int(memtotal)), "{host}");
            let used = number(&value, &["phys_used"]).unwrap();
            assert!((0.0..=100.0).contains(&used), "{host}: {used}");
        }
    }

    #[test]
    fn a_file_that_was_cut_is_told() {
        for text in [
            "",
            "MemTotal: 12 kB\n",
            "MemFree: 12 kB\n",
            "MemTotal 12\nMemFree",
        ] {
            assert!(
                parse(text).unwrap_err().to_string().contains(PATH),
                "{text:?}"
            );
        }
    }
}
