//! Processes: how many in which state, and which use most of the machine.
//!
//! One pass over `/proc`, two system calls and a look for each process; nothing is read that the
//! kernel would have to stop a process for. Kernel threads are counted and not told apart.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::time::Duration;

use model::limits::{PROCESS_NAMES_MAX, PROCESSES_MAX};
use model::{Moment, Value};

use super::rates::rounded;
use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use walk::{Process, walk};

mod walk;

/// How many processes a list of the hungriest holds.
const TOP: usize = 10;

pub(super) const COLLECTOR: Native = Native {
    name: "processes",
    doc: "Processes by state and by name, and those that use most processor, memory and files.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    has_rates: true,
    keys: &[
        key("total", "", "processes, kernel threads included"),
        key("kernel", "", "kernel threads"),
        key("threads", "", "threads of all processes"),
        key("running", "", "that run or wait for a processor"),
        key("sleeping", "", "that wait for something to happen"),
        key(
            "blocked",
            "",
            "that wait for a disk and cannot be interrupted",
        ),
        key(
            "zombie",
            "",
            "that have ended and whose parent did not ask how",
        ),
        key("stopped", "", "that were stopped by a signal or a debugger"),
        key("idle", "", "kernel threads with nothing to do"),
        key(
            "fds",
            "",
            "open files of all processes that may be looked at",
        ),
        key(
            "is_cut",
            "",
            "whether there are more processes than are looked at",
        ),
        key("names.*.count", "", "processes of this name"),
        key(
            "names.*.cpu%",
            "%",
            "of one processor, all of this name together",
        ),
        key(
            "names.*.rss_bytes",
            "bytes",
            "resident memory, shared parts counted each time",
        ),
        key("names.*.threads", "", "their threads"),
        key("names.*.fds", "", "their open files"),
        key(
            "names_left_out",
            "",
            "names that are not told, as there are too many",
        ),
        key("top_cpu", "", "the ten that use most processor"),
        key("top_cpu.*.cpu%", "%", "how much of one processor"),
        key("top_rss", "", "the ten that use most memory"),
        key("top_rss.*.rss_bytes", "bytes", "how much"),
        key("top_fds", "", "the ten that have most files open"),
        key("top_fds.*.fds", "", "how many"),
    ],
    make: || Box::<Processes>::default(),
};

#[derive(Default)]
struct Processes {
    before: Option<Before>,
}

/// The run before.
struct Before {
    at: Moment,
    /// Start and processor time of each process, by its id; the start tells whether the id still
    /// stands for the same process.
    ticks: HashMap<u32, (u64, u64)>,
}

impl Collector for Processes {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let proc: OwnedFd = rustix::fs::open(
            context.host.path("/proc")?,
            rustix::fs::OFlags::RDONLY
                | rustix::fs::OFlags::DIRECTORY
                | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map_err(|errno| Error::system("list", "/proc")(errno.into()))?;
        let hertz = rustix::param::clock_ticks_per_second().max(1) as f64;
        let (seconds, before) = match self.before.take() {
            Some(before) => (context.now.since(before.at).as_secs_f64(), before.ticks),
            None => (0.0, HashMap::new()),
        };
        let mut now = HashMap::with_capacity(before.len());
        let mut totals = Totals::default();
        let is_cut = walk(&proc, PROCESSES_MAX, context.deadline, &mut |process| {
            let cpu = before
                .get(&process.id)
                .filter(|(start, _)| *start == process.start && seconds > 0.0)
                .map(|(_, ticks)| {
                    process.ticks.saturating_sub(*ticks) as f64 * 100.0 / hertz / seconds
                });
            now.insert(process.id, (process.start, process.ticks));
            totals.add(process, cpu);
        })?;
        self.before = Some(Before {
            at: context.now,
            ticks: now,
        });
        Ok(totals.into_value(is_cut))
    }
}

#[derive(Default)]
struct Totals {
    states: BTreeMap<&'static str, u64>,
    all: Sums,
    kernel: u64,
    names: HashMap<Box<[u8]>, Sums>,
    top_cpu: Top,
    top_rss: Top,
    top_fds: Top,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    count: u64,
    cpu: Option<f64>,
    rss_bytes: u64,
    threads: u64,
    fds: Option<u64>,
}

impl Sums {
    fn add(&mut self, process: &Process<'_>, cpu: Option<f64>) {
        self.count += 1;
        self.threads += process.threads;
        self.rss_bytes = self.rss_bytes.saturating_add(process.rss_bytes);
        if let Some(cpu) = cpu {
            *self.cpu.get_or_insert_default() += cpu;
        }
        if let Some(fds) = process.fds {
            *self.fds.get_or_insert_default() += fds;
        }
    }

    fn to_value(self) -> Value {
        let mut found = vec![
            ("count", Value::count(self.count)),
            ("rss_bytes", Value::count(self.rss_bytes)),
            ("threads", Value::count(self.threads)),
        ];
        found.extend(self.cpu.map(|cpu| ("cpu%", Value::from(rounded(cpu)))));
        found.extend(self.fds.map(|fds| ("fds", Value::count(fds))));
        Value::map(found)
    }
}

/// Every state, so that one without a process is told as zero.
const STATES: &[&str] = &[
    "running", "sleeping", "blocked", "zombie", "stopped", "idle",
];

impl Totals {
    fn add(&mut self, process: &Process<'_>, cpu: Option<f64>) {
        *self.states.entry(process.state).or_default() += 1;
        self.all.add(process, cpu);
        if process.is_kernel {
            self.kernel += 1;
            return;
        }
        match self.names.get_mut(process.name) {
            Some(sums) => sums.add(process, cpu),
            None => {
                let mut sums = Sums::default();
                sums.add(process, cpu);
                self.names.insert(process.name.into(), sums);
            }
        }
        self.top_cpu.offer(process, cpu.unwrap_or_default());
        self.top_rss.offer(process, process.rss_bytes as f64);
        self.top_fds
            .offer(process, process.fds.unwrap_or_default() as f64);
    }

    fn into_value(self, is_cut: bool) -> Value {
        let mut names: Vec<_> = self.names.into_iter().collect();
        let left_out = names.len().saturating_sub(PROCESS_NAMES_MAX);
        if left_out > 0 {
            // The hungriest are told.
            names.sort_unstable_by(|(one, a), (two, b)| {
                let hunger = |sums: &Sums| (sums.cpu.unwrap_or_default(), sums.rss_bytes as f64);
                hunger(b)
                    .partial_cmp(&hunger(a))
                    .unwrap_or(std::cmp::Ordering::Equal)
                    .then_with(|| one.cmp(two))
            });
            names.truncate(PROCESS_NAMES_MAX);
        }
        let names = names
            .into_iter()
            .map(|(name, sums)| (String::from_utf8_lossy(&name).into_owned(), sums.to_value()));
        let mut found = vec![
            ("total", Value::count(self.all.count)),
            ("kernel", Value::count(self.kernel)),
            ("threads", Value::count(self.all.threads)),
            ("is_cut", Value::from(is_cut)),
            ("names", Value::map(names)),
            ("names_left_out", Value::count(left_out)),
            (
                "top_cpu",
                self.top_cpu
                    .into_value("cpu%", |cpu| Value::from(rounded(cpu))),
            ),
            (
                "top_rss",
                self.top_rss
                    .into_value("rss_bytes", |rss| Value::Int(rss as i64)),
            ),
            (
                "top_fds",
                self.top_fds.into_value("fds", |fds| Value::Int(fds as i64)),
            ),
        ];
        found.extend(self.all.fds.map(|fds| ("fds", Value::count(fds))));
        for state in STATES {
            let count = self.states.get(state).copied().unwrap_or_default();
            found.push((*state, Value::count(count)));
        }
        Value::map(found)
    }
}

/// The few processes with the largest number, in falling order.
#[derive(Default)]
struct Top(Vec<(f64, u32, Box<[u8]>)>);

impl Top {
    fn offer(&mut self, process: &Process<'_>, number: f64) {
        let is_full = self.0.len() == TOP;
        if number <= 0.0 || is_full && self.0.last().is_some_and(|last| last.0 >= number) {
            return;
        }
        let place = self.0.partition_point(|(other, _, _)| *other >= number);
        if is_full {
            self.0.pop();
        }
        self.0
            .insert(place, (number, process.id, process.name.into()));
    }

    fn into_value(self, name: &'static str, number: fn(f64) -> Value) -> Value {
        Value::list(self.0.into_iter().map(|(found, id, process)| {
            Value::map([
                ("pid", Value::Int(id.into())),
                ("name", Value::from(&*String::from_utf8_lossy(&process))),
                (name, number(found)),
            ])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{collect, collect_times, recorded_run, write};
    use super::*;
    use crate::Host;

    #[test]
    fn processes_are_counted_by_state_and_name() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        let number = |name: &str| value.get(name).cloned();
        assert_eq!(number("kernel"), Some(Value::Int(1)));
        assert_eq!(number("zombie"), Some(Value::Int(1)));
        assert_eq!(number("is_cut"), Some(Value::Bool(false)));
        let nginx = value
            .get("names")
            .and_then(|names| names.get("nginx"))
            .unwrap();
        assert!(nginx.get("count").is_some());
        // Without a run before, there is no use of a processor.
        assert_eq!(nginx.get("cpu%"), None);
        assert!(
            value
                .get("names")
                .and_then(|names| names.get("a) Z (b"))
                .is_some()
        );
    }

    #[test]
    fn this_machine_has_us_and_our_use_of_it() {
        let value = collect_times(&Host::real(), &COLLECTOR, 2).unwrap();
        let total = value.get("total").unwrap();
        assert!(matches!(total, Value::Int(1..)), "{total:?}");
        let names = value.get("names").unwrap();
        let Value::Map(names) = names else {
            panic!("{names:?}")
        };
        assert!(names.values().any(|sums| sums.get("cpu%").is_some()));
        assert!(value.get("top_rss").and_then(|top| top.get("0")).is_some());
        assert!(
            matches!(value.get("fds"), Some(Value::Int(3..))),
            "we have three at least"
        );
    }

    fn processes(count: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for id in 1..=count {
            let process = folder.path().join(format!("proc/{id}"));
            let stat = format!(
                "{id} (worker{id}) S 1 1 1 0 -1 4194560 1 0 0 0 {id} 0 0 0 20 0 1 0 5 1000 {id} 1"
            );
            write(&process.join("stat"), &stat);
        }
        folder
    }

    #[test]
    fn a_crowd_of_names_is_cut_to_the_hungriest() {
        let folder = processes(PROCESS_NAMES_MAX + 5);
        let value = collect(&Host::at(folder.path()), &COLLECTOR).unwrap();
        assert_eq!(value.get("names_left_out"), Some(&Value::Int(5)));
        let names = value.get("names").unwrap();
        assert!(names.get("worker1").is_none());
        assert!(
            names
                .get(&format!("worker{}", PROCESS_NAMES_MAX + 5))
                .is_some()
        );
        let Some(Value::List(top)) = value.get("top_rss") else {
            panic!()
        };
        assert_eq!(top.len(), TOP);
    }

    #[test]
    fn what_is_broken_or_vanishes_is_passed_over() {
        let folder = processes(3);
        for (id, stat) in [
            ("7", ""),
            ("8", "8 (x"),
            ("9", "9 (x) S 1 1"),
            ("10", ") ( 1 2"),
        ] {
            let process = folder.path().join("proc").join(id);
            write(&process.join("stat"), stat);
        }
        std::fs::create_dir_all(folder.path().join("proc/11/stat")).unwrap();
        std::fs::create_dir_all(folder.path().join("proc/99999999999")).unwrap();
        let value = collect(&Host::at(folder.path()), &COLLECTOR).unwrap();
        assert_eq!(value.get("total"), Some(&Value::Int(3)));
    }

    #[test]
    fn no_proc_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let trouble = collect(&Host::at(folder.path()), &COLLECTOR).unwrap_err();
        assert!(trouble.to_string().contains("/proc"), "{trouble}");
    }
}
