//! What the processors do, in percent of their time.
//!
//! `/proc/stat` counts ticks for each kind of work. Shares of all ticks between two looks are
//! given, so neither the length of a tick nor the time between the looks matters. Time of guests is
//! part of `%user`, and that of niced guests part of `%nice`, as the kernel counts them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::Value;
use model::limits::PROCESSORS_MAX;

use super::counters::{Last, growth};
use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

const PATH: &str = "/proc/stat";

pub(super) const COLLECTOR: Native = Native {
    name: "cpustats",
    doc: "What the processors do, each and all together (cpu_all), in percent of their time.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: true,
    keys: KEYS,
    make: || Box::new(CpuStats::default()),
};

const KEYS: &[Key] = &[
    key("*.%user", "%", "programs, guests included"),
    key("*.%nice", "%", "programs of low priority"),
    key("*.%system", "%", "the kernel"),
    key("*.%idle", "%", "nothing"),
    key("*.%iowait", "%", "nothing, while a disk was waited for"),
    key("*.%irq", "%", "interrupts"),
    key("*.%softirq", "%", "what interrupts left to do"),
    key("*.%steal", "%", "taken by the hypervisor"),
    key("*.%guest", "%", "virtual machines"),
    key("*.%guest_nice", "%", "virtual machines of low priority"),
];

/// The columns of a line, in the order of the kernel (proc(5)); older ones have fewer.
const COLUMNS: [&str; 10] = [
    "%user",
    "%nice",
    "%system",
    "%idle",
    "%iowait",
    "%irq",
    "%softirq",
    "%steal",
    "%guest",
    "%guest_nice",
];

/// The last two columns are part of the first two.
const GUEST: usize = 8;

/// The ticks of one processor, by column.
type Ticks = Vec<u64>;

#[derive(Default)]
struct CpuStats {
    last: Last<BTreeMap<Arc<str>, Ticks>>,
}

impl Collector for CpuStats {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let ticks = parse(&context.text(PATH)?)?;
        let Some((_, before)) = self.last.replace(context.now, ticks.clone()) else {
            return Ok(Value::map::<Arc<str>>([]));
        };
        let shares = ticks.into_iter().filter_map(|(name, after)| {
            let shares = shares(before.get(&name)?, &after)?;
            Some((name, shares))
        });
        Ok(Value::map(shares))
    }
}

/// Reads the lines `cpu …` and `cpu0 …`, with which the file begins.
fn parse(text: &str) -> Result<BTreeMap<Arc<str>, Ticks>, Error> {
    let lines = text.lines().take_while(|line| line.starts_with("cpu"));
    let mut found = BTreeMap::new();
    for line in lines.take(PROCESSORS_MAX + 1) {
        let mut words = line.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let ticks: Result<Ticks, _> = words.take(COLUMNS.len()).map(str::parse).collect();
        // Linux 2.6 and later have at least the first seven; fewer are a line that was cut.
        let Some(ticks) = ticks.ok().filter(|ticks| ticks.len() >= 7) else {
            let problem = format!("has a line {name} that is not made of numbers");
            return Err(Error::bad_answer(PATH, problem));
        };
        let name = if name == "cpu" { "cpu_all" } else { name };
        found.insert(Arc::from(name), ticks);
    }
    if found.is_empty() {
        return Err(Error::bad_answer(PATH, "does not begin with cpu"));
    }
    Ok(found)
}

/// Gives the share of each column. A column that went back (iowait does on some kernels) is left
/// out; when nothing moved, there are none.
fn shares(before: &[u64], after: &[u64]) -> Option<Value> {
    let columns = COLUMNS.iter().zip(before.iter().zip(after)).enumerate();
    let grown: Vec<(usize, &str, u64)> = columns
        .filter_map(|(index, (name, (before, after)))| {
            Some((index, *name, growth(*before, *after)?))
        })
        .collect();
    let own = grown.iter().filter(|(index, ..)| *index < GUEST);
    let all: u64 = own.fold(0, |all, (.., ticks)| all.saturating_add(*ticks));
    if all == 0 {
        return None;
    }
    let share = |ticks: u64| Value::Float(100.0 * ticks as f64 / all as f64);
    Some(Value::map(
        grown
            .into_iter()
            .map(|(_, name, ticks)| (name, share(ticks))),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number};
    use super::*;

    #[test]
    fn shares_of_two_looks_are_percentages() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(
            PATH,
            "cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 5 0 5 40 0 0 0 0 0 0\nintr 1 2\n",
        );
        assert_eq!(runs.run(10).unwrap(), Value::map::<Arc<str>>([]));
        runs.file(
            PATH,
            "cpu  60 0 20 110 5 0 0 5 20 0\ncpu0 5 0 5 40 0 0 0 0 0 0\nintr 1 2\n",
        );
        let value = runs.run(10).unwrap();
        assert_eq!(number(&value, &["cpu_all", "%user"]), Some(50.0));
        assert_eq!(number(&value, &["cpu_all", "%idle"]), Some(30.0));
        assert_eq!(number(&value, &["cpu_all", "%guest"]), Some(20.0));
        // One that was switched off counts nothing at all.
        assert_eq!(value.get("cpu0"), None);
    }

    #[test]
    fn what_went_back_is_left_out() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(PATH, "cpu  10 0 10 80 50 0 0 0 0 0\n");
        runs.run(10).unwrap();
        runs.file(PATH, "cpu  20 0 20 160 40 0 0 0 0 0\n");
        let value = runs.run(10).unwrap();
        assert_eq!(number(&value, &["cpu_all", "%user"]), Some(10.0));
        assert_eq!(number(&value, &["cpu_all", "%iowait"]), None);
    }

    #[test]
    fn old_kernels_have_fewer_columns() {
        let ticks = parse("cpu  1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\n").unwrap();
        assert_eq!(ticks["cpu_all"].len(), 7);
    }

    #[test]
    fn junk_is_told() {
        for text in ["", "intr 1", "cpu", "cpu 1 2 3", "cpu a b c d e f g"] {
            assert!(
                parse(text).unwrap_err().to_string().contains(PATH),
                "{text:?}"
            );
        }
    }
}
