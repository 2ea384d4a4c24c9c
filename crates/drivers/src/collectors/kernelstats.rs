//! Counters of the kernel: `/proc/stat` beside its processors, and `/proc/vmstat`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::Value;

use super::counters::{Last, per_second};
use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

const STAT: &str = "/proc/stat";
const VMSTAT: &str = "/proc/vmstat";

pub(super) const COLLECTOR: Native = Native {
    name: "kernelstats",
    doc: "Counters of the kernel: switches, processes, paging, and every line of /proc/vmstat.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: true,
    keys: KEYS,
    make: || Box::new(KernelStats::default()),
};

const KEYS: &[Key] = &[
    key(
        "btime",
        "epoch",
        "when the machine was started, in seconds since 1970",
    ),
    key("procs_running", "", "processes that run or could"),
    key("procs_blocked", "", "processes that wait for a disk"),
    key("ctxt/s", "1/s", "switches from one process to another"),
    key("processes/s", "1/s", "processes that were started"),
    key(
        "pgfault/s",
        "1/s",
        "pages that were not there when they were needed",
    ),
    key("pgmajfault/s", "1/s", "those that had to be read from disk"),
    key(
        "*",
        "",
        "any other line of /proc/vmstat as it is: a counter or a number of pages",
    ),
];

/// What is given as a rate, and its name as one. The bare counters say nothing.
const RATES: [(&str, &str); 4] = [
    ("ctxt", "ctxt/s"),
    ("processes", "processes/s"),
    ("pgfault", "pgfault/s"),
    ("pgmajfault", "pgmajfault/s"),
];

#[derive(Default)]
struct KernelStats {
    last: Last<[Option<u64>; RATES.len()]>,
}

impl Collector for KernelStats {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let (stat, vmstat) = (context.text(STAT)?, context.text(VMSTAT)?);
        let mut lines = parse(&stat, &vmstat)?;
        let counters = RATES.map(|(name, _)| lines.remove(name));
        let mut values: BTreeMap<Arc<str>, Value> = lines
            .into_iter()
            .map(|(name, number)| (name.into(), Value::count(number)))
            .collect();
        if let Some((elapsed, before)) = self.last.replace(context.now, counters) {
            let rates = RATES.iter().zip(before.into_iter().zip(counters));
            values.extend(rates.filter_map(|((_, name), (before, after))| {
                let rate = per_second(before?, after?, elapsed)?;
                Some((Arc::from(*name), Value::Float(rate)))
            }));
        }
        Ok(Value::Map(Arc::new(values)))
    }
}

/// Reads the lines of a name and one number, of both files.
fn parse<'a>(stat: &'a str, vmstat: &'a str) -> Result<BTreeMap<&'a str, u64>, Error> {
    let single = |line: &'a str| {
        let (name, number) = line.split_once(' ')?;
        Some((name, number.trim_end().parse().ok()?))
    };
    let of_stat: BTreeMap<_, _> = stat.lines().filter_map(single).collect();
    if !of_stat.contains_key("btime") {
        return Err(Error::bad_answer(STAT, "has no line btime: it was cut"));
    }
    let of_vmstat: BTreeMap<_, _> = vmstat.lines().filter_map(single).collect();
    if of_vmstat.is_empty() {
        return Err(Error::bad_answer(
            VMSTAT,
            "has no line of a name and a number",
        ));
    }
    Ok(of_vmstat.into_iter().chain(of_stat).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number, recorded_run};
    use super::*;

    #[test]
    fn counters_become_rates() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(
            STAT,
            "cpu 1 2\nintr 5 6\nctxt 100\nbtime 1700000000\nprocesses 7\n",
        );
        runs.file(VMSTAT, "nr_free_pages 42\npgfault 10\npgmajfault 5\n");
        let value = runs.run(10).unwrap();
        assert_eq!(value.get("nr_free_pages"), Some(&Value::Int(42)));
        assert_eq!(value.get("btime"), Some(&Value::Int(1_700_000_000)));
        assert_eq!(value.get("ctxt/s").or(value.get("ctxt")), None);
        runs.file(STAT, "ctxt 200\nbtime 1700000000\nprocesses 6\n");
        runs.file(VMSTAT, "pgfault 35\npgmajfault 5\n");
        let value = runs.run(10).unwrap();
        assert_eq!(number(&value, &["ctxt/s"]), Some(10.0));
        assert_eq!(number(&value, &["pgfault/s"]), Some(2.5));
        assert_eq!(number(&value, &["pgmajfault/s"]), Some(0.0));
        // It went back.
        assert_eq!(value.get("processes/s"), None);
    }

    #[test]
    fn recorded_machines_are_read() {
        for host in ["debian-12", "rhel-7", "alpine-3.22"] {
            let value = recorded_run(host, &COLLECTOR).unwrap();
            assert!(value.get("procs_blocked").is_some(), "{host}");
            assert!(value.get("nr_free_pages").is_some(), "{host}");
            assert!(value.get("intr").is_none(), "{host}");
        }
    }

    #[test]
    fn files_that_were_cut_are_told() {
        assert!(parse("", "a 1").unwrap_err().to_string().contains(STAT));
        assert!(
            parse("btime 1", "a")
                .unwrap_err()
                .to_string()
                .contains(VMSTAT)
        );
    }
}
