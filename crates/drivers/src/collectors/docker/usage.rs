//! What a container uses, from the files of its control group, version 1 or 2.

use std::collections::BTreeMap;

use super::engine::Container;
use crate::collectors::Context;
use crate::collectors::rates::{Rates, rounded};

/// The control group of a container below the root of a hierarchy: by the engine's own driver, by
/// systemd's, and Podman's.
const PLACES: &[(&str, &str)] = &[
    ("docker/", ""),
    ("system.slice/docker-", ".scope"),
    ("machine.slice/libpod-", ".scope"),
];
const FILE_BYTES_MAX: usize = 16 << 10;

/// Numbers of `memory.stat` as version 1 names them, and as version 2 does.
const GAUGES: &[(&str, &str)] = &[
    ("cache", "file"),
    ("rss", "anon"),
    ("swap", "swap"),
    ("active_anon", "active_anon"),
    ("inactive_anon", "inactive_anon"),
    ("active_file", "active_file"),
    ("inactive_file", "inactive_file"),
    ("mapped_file", "file_mapped"),
    ("unevictable", "unevictable"),
];
const COUNTERS: &[&str] = &["pgfault", "pgmajfault", "pgpgin", "pgpgout"];

/// Numbers by name, as `memory.rss` and `cpu.user`.
pub(super) type Usage = BTreeMap<String, f64>;

/// Reads what a container uses; nothing when it does not run.
pub(super) fn of(context: &Context<'_>, rates: &mut Rates, container: &Container) -> Usage {
    let mut usage = Usage::new();
    let id = container.id.as_str();
    // An id is a part of a path here, and comes from somebody else.
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if container.state != "running" || !is_plain {
        return usage;
    }
    let mut read = Reading {
        context,
        rates,
        id,
        usage: &mut usage,
    };
    if context.host.has("/sys/fs/cgroup/cgroup.controllers") {
        read.version_2();
    } else {
        read.version_1();
    }
    usage
}

struct Reading<'a> {
    context: &'a Context<'a>,
    rates: &'a mut Rates,
    id: &'a str,
    usage: &'a mut Usage,
}

impl Reading<'_> {
    fn version_2(&mut self) {
        let Some(folder) = self.folder("/sys/fs/cgroup") else {
            return;
        };
        let memory = self.fields(&format!("{folder}/memory.stat"));
        for (name, of_version_2) in GAUGES {
            self.gauge(name, memory.get(*of_version_2).copied());
        }
        let swap = self.number(&format!("{folder}/memory.swap.current"));
        self.gauge("swap", swap);
        self.gauge("usage", self.number(&format!("{folder}/memory.current")));
        self.gauge("limit", self.number(&format!("{folder}/memory.max")));
        self.counters(&memory);
        let cpu = self.fields(&format!("{folder}/cpu.stat"));
        self.cpu("user", cpu.get("user_usec"), 1e6);
        self.cpu("system", cpu.get("system_usec"), 1e6);
    }

    fn version_1(&mut self) {
        if let Some(folder) = self.folder("/sys/fs/cgroup/memory") {
            let memory = self.fields(&format!("{folder}/memory.stat"));
            for (name, _) in GAUGES {
                self.gauge(name, memory.get(*name).copied());
            }
            let usage = self.number(&format!("{folder}/memory.usage_in_bytes"));
            self.gauge("usage", usage);
            // Without a limit it is told as the largest number there is.
            let limit = self.number(&format!("{folder}/memory.limit_in_bytes"));
            self.gauge("limit", limit.filter(|limit| *limit < 1 << 60));
            self.counters(&memory);
        }
        let folder = ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct"]
            .iter()
            .find_map(|root| self.folder(root));
        if let Some(folder) = folder {
            let cpu = self.fields(&format!("{folder}/cpuacct.stat"));
            let hertz = rustix::param::clock_ticks_per_second().max(1) as f64;
            self.cpu("user", cpu.get("user"), hertz);
            self.cpu("system", cpu.get("system"), hertz);
        }
    }

    fn folder(&self, root: &str) -> Option<String> {
        PLACES
            .iter()
            .map(|(before, after)| format!("{root}/{before}{}{after}", self.id))
            .find(|folder| self.context.host.has(folder))
    }

    fn read(&self, path: &str) -> String {
        let host = self.context.host;
        let bytes = host.read_start(path, FILE_BYTES_MAX, self.context.deadline);
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.read(path).trim().parse().ok()
    }

    /// Reads lines of `name number`.
    fn fields(&self, path: &str) -> BTreeMap<String, u64> {
        self.read(path)
            .lines()
            .filter_map(|line| {
                let (name, number) = line.split_once(' ')?;
                Some((name.to_owned(), number.trim().parse().ok()?))
            })
            .collect()
    }

    fn gauge(&mut self, name: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.usage.insert(format!("memory.{name}"), number as f64);
        }
    }

    fn counters(&mut self, memory: &BTreeMap<String, u64>) {
        for name in COUNTERS {
            let Some(count) = memory.get(*name) else {
                continue;
            };
            if let Some(rate) = self.rate(name, *count) {
                self.usage.insert(format!("memory.{name}"), rounded(rate));
            }
        }
    }

    fn cpu(&mut self, name: &str, count: Option<&u64>, in_a_second: f64) {
        let rate = count.and_then(|count| self.rate(name, *count));
        if let Some(rate) = rate {
            self.usage
                .insert(format!("cpu.{name}"), rounded(rate / in_a_second));
        }
    }

    fn rate(&mut self, name: &str, count: u64) -> Option<f64> {
        self.rates.per_second(format!("{} {name}", self.id), count)
    }
}
