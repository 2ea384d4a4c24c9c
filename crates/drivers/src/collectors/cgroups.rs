//! What each slice and unit uses, by its control group (cgroup v2).

use std::collections::BTreeMap;
use std::time::Duration;

use model::Value;
use model::limits::{CGROUPS_DEPTH_MAX, CGROUPS_MAX};

use super::rates::{Rates, rounded};
use super::{Collector, Context, Native, Trouble, key};
use crate::{Deadline, Error, Host};

const ROOT: &str = "/sys/fs/cgroup";
/// `slice/unit`.
const DEPTH: usize = 2;
/// Folders that are opened to find the groups that have processes.
const FOLDERS_MAX: usize = CGROUPS_MAX * 8;
/// `io.stat` has a line for each disk.
const FILE_BYTES_MAX: usize = 16 << 10;

pub(super) const COLLECTOR: Native = Native {
    name: "cgroups",
    doc: "Processor, memory, disk and processes of each slice and unit (cgroup v2).",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(10),
    has_rates: true,
    keys: &[
        key("count", "", "groups that have processes"),
        key(
            "is_cut",
            "",
            "whether there are more groups than are looked at",
        ),
        key("groups.*.cpu%", "%", "of one processor"),
        key(
            "groups.*.throttled%",
            "%",
            "of the time in which it had to wait for its quota",
        ),
        key(
            "groups.*.memory_bytes",
            "bytes",
            "memory, page cache included",
        ),
        key(
            "groups.*.memory_max_bytes",
            "bytes",
            "its limit, where it has one",
        ),
        key("groups.*.memory_pct_used", "%", "of its limit"),
        key(
            "groups.*.oom_kills",
            "",
            "processes killed as the memory was used up, since it exists",
        ),
        key("groups.*.read_bytes/s", "bytes/s", "read from disks"),
        key("groups.*.write_bytes/s", "bytes/s", "written to disks"),
        key("groups.*.pids", "", "processes and threads"),
    ],
    make: || Box::<Cgroups>::default(),
};

#[derive(Default)]
struct Cgroups {
    rates: Rates,
}

impl Collector for Cgroups {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !context.host.has(&format!("{ROOT}/cgroup.controllers")) {
            return Err(Trouble::not_eligible(
                "/sys/fs/cgroup is no cgroup v2",
                "boot with systemd.unified_cgroup_hierarchy=1 to have the use of each unit",
            ));
        }
        let depth = match context.options.get("depth") {
            Some(Value::Int(depth)) => usize::try_from(*depth).unwrap_or(DEPTH),
            Some(_) | None => DEPTH,
        };
        let folders = folders(
            context.host,
            depth.clamp(1, CGROUPS_DEPTH_MAX),
            context.deadline,
        )?;
        self.rates.begin(context.now);
        let mut groups = BTreeMap::new();
        let mut is_cut = folders.len() >= FOLDERS_MAX;
        for folder in folders {
            context
                .deadline
                .check("reading the control groups in", ROOT)?;
            if groups.len() == CGROUPS_MAX {
                is_cut = true;
                break;
            }
            if let Some(group) = self.group(context, &folder) {
                let name = if folder.is_empty() { "/" } else { &folder };
                groups.insert(name.to_owned(), group);
            }
        }
        Ok(Value::map([
            ("count", Value::count(groups.len())),
            ("is_cut", Value::from(is_cut)),
            ("groups", Value::map(groups)),
        ]))
    }
}

impl Cgroups {
    /// Reads one group; none when it has no process, or has ended.
    fn group(&mut self, context: &Context<'_>, folder: &str) -> Option<Value> {
        let path = format!("{ROOT}/{folder}");
        let read = |file: &str| {
            let path = format!("{path}/{file}");
            let bytes = context
                .host
                .read_start(&path, FILE_BYTES_MAX, context.deadline)?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let number = |file: &str| read(file)?.trim().parse::<u64>().ok();
        let pids = number("pids.current");
        if pids == Some(0) || field(&read("cgroup.events")?, "populated") == Some(0) {
            return None;
        }
        let mut found = Vec::new();
        found.extend(pids.map(|pids| ("pids", Value::count(pids))));
        if let Some(cpu) = read("cpu.stat") {
            for (name, counter) in [("cpu%", "usage_usec"), ("throttled%", "throttled_usec")] {
                let rate = field(&cpu, counter)
                    .and_then(|count| self.rates.per_second(format!("{folder} {name}"), count));
                // A million microseconds a second are all of one processor.
                found.extend(rate.map(|rate| (name, Value::from(rounded(rate / 10_000.0)))));
            }
        }
        if let Some(bytes) = number("memory.current") {
            found.push(("memory_bytes", Value::count(bytes)));
            if let Some(max) = number("memory.max").filter(|max| *max > 0) {
                let used = rounded(bytes as f64 * 100.0 / max as f64);
                found.push(("memory_max_bytes", Value::count(max)));
                found.push(("memory_pct_used", Value::from(used)));
            }
            let kills = read("memory.events").and_then(|events| field(&events, "oom_kill"));
            found.extend(kills.map(|kills| ("oom_kills", Value::count(kills))));
        }
        if let Some(io) = read("io.stat") {
            let (reads, writes) = disk_bytes(&io);
            for (name, count) in [("read_bytes/s", reads), ("write_bytes/s", writes)] {
                let rate = self.rates.per_second(format!("{folder} {name}"), count);
                found.extend(rate.map(|rate| (name, Value::from(rounded(rate)))));
            }
        }
        Some(Value::map(found))
    }
}

/// Lists the groups down to a depth, as paths from the root, which itself is `""`.
fn folders(host: &Host, depth: usize, deadline: Deadline) -> Result<Vec<String>, Error> {
    let mut found = vec![String::new()];
    let mut level = vec![String::new()];
    for _ in 0..depth {
        let mut below = Vec::new();
        for folder in &level {
            deadline.check("looking through", ROOT)?;
            let Ok(entries) = std::fs::read_dir(host.path(&format!("{ROOT}/{folder}"))?) else {
                // It ended meanwhile.
                continue;
            };
            for entry in entries.flatten() {
                if found.len() + below.len() >= FOLDERS_MAX {
                    break;
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    below.push(if folder.is_empty() {
                        name
                    } else {
                        format!("{folder}/{name}")
                    });
                }
            }
        }
        below.sort_unstable();
        found.extend(below.iter().cloned());
        level = below;
    }
    Ok(found)
}

/// Finds a number in lines of `name number`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Adds up what was read and written on all disks: `8:0 rbytes=90112 wbytes=4096 rios=…`. What
/// is on a disk of a disk (259:1 on 259:0) is told once by the kernel.
fn disk_bytes(text: &str) -> (u64, u64) {
    let mut bytes = (0_u64, 0_u64);
    for (name, number) in text
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once('='))
    {
        let number = number.parse::<u64>().unwrap_or_default();
        match name {
            "rbytes" => bytes.0 = bytes.0.saturating_add(number),
            "wbytes" => bytes.1 = bytes.1.saturating_add(number),
            _ => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::tests::{collect, recorded_run, recorded_runs, write};
    use super::*;

    #[test]
    fn units_are_measured() {
        let value = recorded_runs("debian-12", &COLLECTOR, 2).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(2)));
        let groups = value.get("groups").unwrap();
        let nginx = groups.get("system.slice/nginx.service").unwrap();
        let number = |name: &str| nginx.get(name).cloned();
        assert_eq!(number("memory_bytes"), Some(Value::Int(9_412_608)));
        assert_eq!(number("memory_max_bytes"), Some(Value::Int(536_870_912)));
        assert_eq!(number("memory_pct_used"), Some(Value::from(1.753)));
        assert_eq!(number("oom_kills"), Some(Value::Int(1)));
        assert_eq!(number("pids"), Some(Value::Int(3)));
        assert_eq!(number("cpu%"), Some(Value::from(0.0)));
        assert_eq!(number("write_bytes/s"), Some(Value::from(0.0)));
        assert!(groups.get("system.slice/dead.service").is_none());
    }

    #[test]
    fn a_container_is_measured_against_its_own_limits() {
        let value = recorded_runs("alpine-3.22", &COLLECTOR, 2).unwrap();
        let own = value.get("groups").unwrap().get("/").unwrap();
        assert_eq!(own.get("memory_max_bytes"), Some(&Value::Int(268_435_456)));
        assert_eq!(own.get("memory_pct_used"), Some(&Value::from(75.0)));
        assert_eq!(own.get("throttled%"), Some(&Value::from(0.0)));
        assert_eq!(own.get("oom_kills"), Some(&Value::Int(1)));
        assert_eq!(own.get("pids"), Some(&Value::Int(9)));
    }

    #[test]
    fn numbers_are_found_in_what_may_be_junk() {
        assert_eq!(field("oom 3\noom_kill 7\n", "oom_kill"), Some(7));
        assert_eq!(field("oom_kill x", "oom_kill"), None);
        assert_eq!(field("oom_kill", "oom_kill"), None);
        assert_eq!(
            disk_bytes("8:0 rbytes=5 wbytes=7\n8:16 rbytes=1 = x="),
            (6, 7)
        );
        let flood = format!("rbytes={0} rbytes={0}", u64::MAX);
        assert_eq!(disk_bytes(&flood), (u64::MAX, 0));
    }

    #[test]
    fn a_thousand_groups_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("sys/fs/cgroup");
        for number in 0..CGROUPS_MAX + 10 {
            let group = root.join(format!("system.slice/{number}.service"));
            write(&group.join("cgroup.events"), "populated 1\nfrozen 0\n");
        }
        write(&root.join("cgroup.controllers"), "cpu\n");
        let value = collect(&Host::at(folder.path()), &COLLECTOR).unwrap();
        assert_eq!(value.get("count"), Some(&Value::count(CGROUPS_MAX)));
        assert_eq!(value.get("is_cut"), Some(&Value::Bool(true)));
    }

    #[test]
    fn the_old_hierarchy_is_not_eligible() {
        let trouble = recorded_run("rhel-9", &COLLECTOR).unwrap_err();
        assert!(matches!(trouble, Trouble::NotEligible { .. }));
    }
}
