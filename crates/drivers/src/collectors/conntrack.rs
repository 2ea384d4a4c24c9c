//! The table in which the kernel tracks connections for firewall and address translation: when it
//! is full, new connections are dropped.

use std::time::Duration;

use model::Value;

use super::rates::{Rates, rounded};
use super::{Collector, Context, Native, Trouble, key};
use crate::Error;

const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const STATISTICS: &str = "/proc/net/stat/nf_conntrack";

/// A line for each processor, of about 200 bytes.
const STATISTICS_BYTES_MAX: usize = 1 << 20;

pub(super) const COLLECTOR: Native = Native {
    name: "conntrack",
    doc: "How full the kernel's table of tracked connections is.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: true,
    keys: &[
        key("count", "", "connections in the table"),
        key("max", "", "connections that it can hold"),
        key("pct_used", "%", "how full it is"),
        key(
            "drops/s",
            "packets/s",
            "packets dropped, or connections evicted early, as there was no room",
        ),
        key(
            "insert_failed/s",
            "packets/s",
            "connections that could not be entered",
        ),
    ],
    make: || Box::<Conntrack>::default(),
};

#[derive(Default)]
struct Conntrack {
    rates: Rates,
}

impl Collector for Conntrack {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let (Some(count), Some(max)) = (context.host.word(COUNT), context.host.word(MAX)) else {
            return Err(Trouble::not_eligible(
                "the kernel tracks no connections here (the module nf_conntrack is not in use)",
                "",
            ));
        };
        let (count, max) = (number(COUNT, &count)?, number(MAX, &max)?);
        let mut found = vec![("count", Value::count(count)), ("max", Value::count(max))];
        if max > 0 {
            let used = rounded(count as f64 * 100.0 / max as f64);
            found.push(("pct_used", Value::from(used)));
        }
        self.rates.begin(context.now);
        let statistics =
            context
                .host
                .read_start(STATISTICS, STATISTICS_BYTES_MAX, context.deadline);
        if let Some(bytes) = statistics {
            let totals = parse(&String::from_utf8_lossy(&bytes));
            for (name, total) in [
                ("drops/s", totals.drops),
                ("insert_failed/s", totals.insert_failed),
            ] {
                if let Some(rate) = self.rates.per_second(name, total) {
                    found.push((name, Value::from(rounded(rate))));
                }
            }
        }
        Ok(Value::map(found))
    }
}

fn number(path: &str, text: &str) -> Result<u64, Error> {
    text.parse()
        .map_err(|_| Error::bad_answer(path, format!("holds no number: {text:.40}")))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    drops: u64,
    insert_failed: u64,
}

/// Adds up the lines of all processors: hexadecimal columns below a line of their names.
fn parse(text: &str) -> Totals {
    let mut lines = text.lines();
    let names: Vec<_> = lines
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let mut totals = Totals::default();
    for line in lines {
        for (name, word) in names.iter().zip(line.split_ascii_whitespace()) {
            let Ok(count) = u64::from_str_radix(word, 16) else {
                continue;
            };
            match *name {
                "drop" | "early_drop" => totals.drops = totals.drops.saturating_add(count),
                "insert_failed" => {
                    totals.insert_failed = totals.insert_failed.saturating_add(count);
                }
                _ => {}
            }
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::super::tests::{recorded_run, recorded_runs};
    use super::*;

    #[test]
    fn the_table_is_measured() {
        let value = recorded_runs("debian-12", &COLLECTOR, 2).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(812)));
        assert_eq!(value.get("max"), Some(&Value::Int(65_536)));
        assert_eq!(value.get("pct_used"), Some(&Value::from(1.239)));
        assert_eq!(value.get("drops/s"), Some(&Value::from(0.0)));
    }

    #[test]
    fn all_processors_are_added_up() {
        let text =
            "entries searched drop early_drop insert_failed\n0a 0 1 2 ff\n0a 0 3 0 1\n0a 0 z";
        let expect = Totals {
            drops: 6,
            insert_failed: 256,
        };
        assert_eq!(parse(text), expect);
        assert_eq!(parse(""), Totals::default());
    }

    #[test]
    fn junk_is_told_and_absence_is_not_eligible() {
        assert!(
            number(COUNT, "many")
                .unwrap_err()
                .to_string()
                .contains("many")
        );
        let trouble = recorded_run("alpine-3.22", &COLLECTOR).unwrap_err();
        assert!(matches!(trouble, Trouble::NotEligible { .. }));
    }
}
