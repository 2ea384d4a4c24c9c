//! `opsbro collectors show`

use std::collections::BTreeMap;
use std::time::Duration;

use api::client::With;
use api::collectors::{Collector, Key, LIST, SHOW};
use clap::Args;
use model::format_interval;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use serde_json::Value;

use super::{colored, reasons};
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::tree::{self, Beside};
use crate::output::{Answer, Page, date, number, written};
use crate::program::Program;

/// Show what collectors gave: values with units, their age, and how numbers moved lately
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// The name of a collector; all that run here by default
    #[arg(add = complete::collectors())]
    name: Option<String>,
    /// Also those that do not run here, with the reason
    #[arg(long)]
    all: bool,
    /// One line for each value, as expressions name it
    #[arg(long)]
    flat: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors show
  opsbro collectors show memory
  opsbro collectors show diskusage --flat
  opsbro collectors show redis -o json";

impl Show {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let collectors = match &self.name {
            Some(name) => vec![one(program, name)?],
            None => {
                let all: BTreeMap<String, Collector> = program.get(&LIST, With::default())?;
                all.into_values().collect()
            }
        };
        let shown = Shown {
            rest: self.all || self.name.is_some(),
            flat: self.flat,
            collectors,
        };
        if program.printer.is_for_programs() && self.name.is_some() {
            // One was asked for, one is answered.
            let one = shown.collectors.into_iter().next().unwrap_or_default();
            program.printer.show(&One(one))?;
        } else {
            program.printer.show(&shown)?;
        }
        Ok(Exit::Yes)
    }
}

/// Asks the agent for one collector.
pub(super) fn one(program: &Program, name: &str) -> Result<Collector, Failure> {
    let with = With {
        path: &[name],
        ..With::default()
    };
    program.get(&SHOW, with)
}

#[derive(Serialize)]
#[serde(transparent)]
struct One(Collector);

impl Answer for One {
    fn text(&self, page: &mut Page) {
        show(page, &self.0, false);
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown {
    collectors: Vec<Collector>,
    #[serde(skip)]
    rest: bool,
    #[serde(skip)]
    flat: bool,
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let has_data = |it: &&Collector| !it.results.is_null();
        let mut is_first = true;
        for collector in self.collectors.iter().filter(has_data) {
            if !is_first {
                page.blank();
            }
            is_first = false;
            show(page, collector, self.flat);
        }
        let without: Vec<&Collector> = self.collectors.iter().filter(|it| !has_data(it)).collect();
        if !self.rest || without.is_empty() {
            return;
        }
        if !is_first {
            page.blank();
        }
        page.title("Collectors without data");
        for collector in without {
            page.line(format!(
                " {} → {}",
                collector.name,
                colored(&collector.state)
            ));
            for reason in reasons(collector) {
                page.line(format!("   | {reason}").dimmed());
            }
        }
    }
}

fn show(page: &mut Page, collector: &Collector, flat: bool) {
    page.title(&format!("Collector {}", collector.name));
    page.line(headline(collector));
    for reason in reasons(collector) {
        page.line(format!("   | {reason}").dimmed());
    }
    if flat {
        let leaves = tree::leaves(&collector.results).into_iter();
        let rows: Vec<Vec<String>> = leaves
            .map(|(at, value)| {
                let path = format!("collector.{}.{}", collector.name, tree::path(&at));
                vec![path, format!("= {}", written(value))]
            })
            .collect();
        page.table(&[], &rows);
    } else {
        values(page, collector);
    }
}

/// Draws the values with their units and curves.
fn values(page: &mut Page, collector: &Collector) {
    tree::draw(page, &collector.results, &|at, value| {
        let recent = collector.recent.get(&tree::path(at));
        let curve = recent
            .map(|recent| number::curve(recent))
            .unwrap_or_default();
        Beside {
            shown: with_unit(&collector.keys, at, value),
            end: if curve.is_empty() {
                curve
            } else {
                curve.cyan().to_string()
            },
        }
    });
}

/// Tells state, age, interval and cost in one line.
fn headline(collector: &Collector) -> String {
    let mut parts = vec![colored(&collector.state)];
    if let Some(age) = collector.age_seconds {
        // Of one that fails, what is shown is from before.
        let age = match collector.state.as_str() {
            "OK" => number::ago(age),
            _ => format!("last good {}", number::ago(age)),
        };
        parts.push(match collector.is_current {
            true => age,
            false => format!("{age} (too old: expressions do not believe it)")
                .yellow()
                .to_string(),
        });
    }
    let every = Duration::from_secs_f64(collector.interval_seconds.clamp(0.0, 1e9));
    parts.push(format!("every {}", format_interval(every)));
    if let Some(cost) = &collector.cost {
        let mut text = format!("took {}", number::took(cost.wall_us));
        text.push_str(&format!(
            " ({} of the processor)",
            number::took(cost.cpu_us)
        ));
        if cost.bytes > 0 {
            text.push_str(&format!(", read {}", number::bytes_of(cost.bytes as f64)));
        }
        parts.push(text);
    }
    if let Some(place) = &collector.defined_at {
        parts.push(place.clone());
    }
    format!(" {}", parts.join(&" · ".dimmed().to_string()))
}

/// Writes a value with the unit that is known for its path; `None` when there is nothing to add.
pub(super) fn with_unit(keys: &[Key], at: &[&str], value: &Value) -> Option<String> {
    let plain = value.as_f64()?;
    let digits = match value.is_f64() {
        true => number::number(plain),
        false => value.to_string(),
    };
    let unit = keys
        .iter()
        .find(|key| fits(&key.path, at))
        .map_or("", |key| key.unit.as_str());
    if unit == "epoch" {
        // 0 stands for never.
        let seconds = value.as_u64().filter(|seconds| *seconds > 0);
        return Some(match seconds {
            Some(seconds) => format!("{digits}  ({})", date(seconds)),
            None => digits,
        });
    }
    let unit = if unit == "1/s" { "/s" } else { unit };
    let counted = [digits.as_str(), unit].join(" ");
    Some(match number::size(plain, unit) {
        Some(size) => format!("{counted}  ({size})"),
        None => counted.trim_end().to_owned(),
    })
}

/// Tells whether a path is meant by a pattern: `*` stands for one part of it.
fn fits(pattern: &str, at: &[&str]) -> bool {
    match at.split_first() {
        None => pattern.is_empty(),
        Some((first, rest)) => {
            // A part may hold a dot of its own, so the pattern is eaten from the front.
            let behind = |text: &str| {
                let left = pattern.strip_prefix(text)?;
                match rest.is_empty() {
                    true => left.is_empty().then_some(""),
                    false => left.strip_prefix('.'),
                }
            };
            [*first, "*"]
                .into_iter()
                .filter_map(behind)
                .any(|left| fits(left, rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;
    use super::*;
    use crate::output::text_of;

    fn key(path: &str, unit: &str) -> Key {
        Key {
            path: path.to_owned(),
            unit: unit.to_owned(),
            doc: String::new(),
        }
    }

    fn disks() -> Collector {
        let results = json!({
            "/": {"pct_used": 41.5, "total": 24_000, "type": "ext4"},
            "/srv/a.b": {"pct_used": 3},
        });
        Collector {
            keys: vec![key("*.pct_used", "%"), key("*.total", "MiB")],
            recent: BTreeMap::from([("/.pct_used".to_owned(), vec![40.0, 41.0, 41.5])]),
            defined_at: Some("linux/collectors/diskusage.yml:1".to_owned()),
            ..sample("diskusage", "OK", results)
        }
    }

    #[test]
    fn units_are_told_as_people_read_them() {
        let keys = [
            key("ends", "epoch"),
            key("reads/s", "1/s"),
            key("top.*.rss_bytes", "bytes"),
        ];
        for (at, value, expect) in [
            (
                &["ends"][..],
                json!(2_094_654_448_u64),
                "2094654448  (2036-05-17T16:27:28Z)",
            ),
            (&["ends"], json!(0), "0"),
            (&["reads/s"], json!(182.44), "182.4 /s"),
            (
                &["top", "*", "rss_bytes"],
                json!(4_096),
                "4096 bytes  (4.0 KiB)",
            ),
        ] {
            assert_eq!(with_unit(&keys, at, &value).as_deref(), Some(expect));
        }
    }

    #[test]
    fn values_stand_in_a_tree_with_units_and_curves() {
        let rest = Collector {
            todo: "add the group redis".to_owned(),
            ..sample("redis", "NOT-ELIGIBLE", Value::Null)
        };
        let shown = Shown {
            collectors: vec![disks(), rest],
            rest: true,
            flat: false,
        };
        let expect = "\
──────────── Collector diskusage ───────────────────────────────────────────────
 OK · 4s ago · every 10s · took 0.42 ms (0.35 ms of the processor), read 1.5 KiB · \
linux/collectors/diskusage.yml:1
 /
   pct_used  41.5 %                 ▁▆█
   total     24000 MiB  (23.4 GiB)
   type      ext4
 /srv/a.b
   pct_used  3 %

──────────── Collectors without data ───────────────────────────────────────────
 redis → NOT-ELIGIBLE
   | → add the group redis
";
        assert_eq!(text_of(&shown), expect);
    }

    #[test]
    fn a_flat_line_is_what_an_expression_says() {
        let shown = Shown {
            collectors: vec![disks()],
            rest: false,
            flat: true,
        };
        let text = text_of(&shown);
        assert!(
            text.contains("collector.diskusage.\"/srv/a.b\".pct_used  = 3\n"),
            "{text}"
        );
    }

    #[test]
    fn a_value_that_is_too_old_says_so() {
        let old = Collector {
            is_current: false,
            age_seconds: Some(4_000),
            ..disks()
        };
        assert!(
            headline(&old).contains("1h6m ago (too old"),
            "{}",
            headline(&old)
        );
    }

    #[test]
    fn units_are_found_by_patterns() {
        for (pattern, at, expect) in [
            ("load1", vec!["load1"], true),
            ("*.read_bytes/s", vec!["vda", "read_bytes/s"], true),
            ("*.read_bytes/s", vec!["a.b", "read_bytes/s"], true),
            ("a.b", vec!["a.b"], true),
            ("*", vec!["x", "y"], false),
            ("x.y", vec!["x"], false),
            ("x", vec!["x", "y"], false),
        ] {
            assert_eq!(fits(pattern, &at), expect, "{pattern} {at:?}");
        }
    }
}
