//! `opsbro collectors list`

use std::time::Duration;

use api::collectors::Collector;
use clap::Args;
use model::format_interval;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{colored, states};
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, number};
use crate::program::Program;

/// List the collectors: how often each runs, what a run costs, where it is defined
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Those that take most time of the processor first
    #[arg(long)]
    by_cost: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors list
  opsbro collectors list --by-cost
  opsbro collectors list -o json";

impl List {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut all = states(program)?;
        if self.by_cost {
            // Per second: a cheap run each second costs more than a dear one each hour.
            all.sort_by(|one, two| load(two).total_cmp(&load(one)));
        }
        program.printer.show(&Listed(all))?;
        Ok(Exit::Yes)
    }
}

/// Gives the time of the processor that a collector takes, per second.
fn load(collector: &Collector) -> f64 {
    let per_run = collector.cost.map_or(0.0, |cost| cost.cpu_us as f64);
    match collector.active {
        true => per_run / collector.interval_seconds.max(1.0),
        false => 0.0,
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<Collector>);

impl Answer for Listed {
    fn text(&self, page: &mut Page) {
        let rows: Vec<Vec<String>> = self.0.iter().map(row).collect();
        let header = [
            " collector",
            "state",
            "every",
            "age",
            "took",
            "cpu",
            "bytes",
            "about",
        ];
        page.table(&header, &rows);
    }
}

fn row(collector: &Collector) -> Vec<String> {
    let cost = |part: fn(&api::collectors::Cost) -> String| {
        collector.cost.as_ref().map_or_else(|| "-".to_owned(), part)
    };
    let every = Duration::from_secs_f64(collector.interval_seconds.clamp(0.0, 1e9));
    let about = match &collector.defined_at {
        Some(place) if collector.doc.is_empty() => place.clone(),
        Some(place) => format!("{}, {place}", collector.doc.trim_end_matches('.')),
        None => collector.doc.clone(),
    };
    vec![
        format!(" {}", collector.name.bold()),
        colored(&collector.state),
        format_interval(every),
        collector
            .age_seconds
            .map_or_else(|| "-".to_owned(), number::ago),
        cost(|cost| number::took(cost.wall_us)),
        cost(|cost| number::took(cost.cpu_us)),
        cost(|cost| match cost.bytes {
            0 => "-".to_owned(),
            bytes => number::bytes_of(bytes as f64),
        }),
        about.trim().dimmed().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::sample;
    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_row_tells_interval_cost_and_origin() {
        let memory = Collector {
            doc: "The memory.".to_owned(),
            ..sample("memory", "OK", serde_json::json!({"free": 1}))
        };
        let redis = Collector {
            defined_at: Some("redis/collectors/redis.yml:3".to_owned()),
            ..sample("redis", "NOT-ELIGIBLE", Value::Null)
        };
        let expect = [
            " collector  state         every  age     took     cpu      bytes    about",
            " memory     OK            10s    4s ago  0.42 ms  0.35 ms  1.5 KiB  The memory.",
            " redis      NOT-ELIGIBLE  10s    -       -        -        -        \
             redis/collectors/redis.yml:3",
        ];
        let text = text_of(&Listed(vec![memory, redis]));
        assert_eq!(text.lines().collect::<Vec<_>>(), expect);
    }
}
