//! `opsbro collectors run`

use std::time::Duration;

use api::client::With;
use api::collectors::{self, RUN, Step};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::colored;
use super::show::with_unit;
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::tree::{self, Beside};
use crate::output::{Answer, Page, number};
use crate::program::Program;

/// Run a collector once and show what comes of it
///
/// The run is apart from the schedule, and expressions do not see what it gives. When it finds
/// another state than known, the scheduled run comes at once. The exit code is 0 when it gave data,
/// and 1 when it did not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// The name of the collector
    #[arg(add = complete::collectors())]
    name: String,
    /// Show each step: the raw input, how it was parsed, what the script made of it, the cost
    #[arg(long)]
    explain: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors run memory
  opsbro collectors run redis --explain
  opsbro collectors run redis -o json";

/// The longest that a run may take: the largest time box of a collector, and a little.
const TIMEOUT: Duration = Duration::from_secs(130);

impl Run {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let client = program.client()?.with_timeout(TIMEOUT);
        let explain = if self.explain { "true" } else { "false" };
        let with = With {
            path: &[&self.name],
            query: &[("explain", explain)],
        };
        let ran: collectors::Run = client
            .get(&RUN, with)
            .map_err(|error| program.explain(error))?;
        let exit = Exit::when(ran.state == "OK");
        program.printer.show(&Ran(ran))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Ran(collectors::Run);

impl Answer for Ran {
    fn text(&self, page: &mut Page) {
        let Self(ran) = self;
        for (at, one) in ran.steps.iter().enumerate() {
            step(page, at, one);
        }
        page.title(&format!("Collector {}", ran.name));
        let mut headline = format!(
            " {} · took {} ({} of the processor)",
            colored(&ran.state),
            number::took(ran.cost.wall_us),
            number::took(ran.cost.cpu_us)
        );
        if ran.cost.bytes > 0 {
            headline.push_str(&format!(
                ", read {}",
                number::bytes_of(ran.cost.bytes as f64)
            ));
        }
        page.line(headline);
        for line in ran.log.lines() {
            page.line(format!("   | {line}"));
        }
        if !ran.todo.is_empty() {
            page.line(format!("   | → {}", ran.todo));
        }
        if !ran.results.is_null() {
            tree::draw(page, &ran.results, &|at, value| Beside {
                shown: with_unit(&ran.keys, at, value),
                end: String::new(),
            });
        }
    }
}

fn step(page: &mut Page, at: usize, step: &Step) {
    page.title(&format!("{}. {}", at + 1, step.name));
    let took = format!("({} of the processor)", number::took(step.cost.cpu_us));
    page.line(format!(
        " {} · took {} {}",
        step.what,
        number::took(step.cost.wall_us),
        took.dimmed()
    ));
    if let Some(text) = &step.text {
        for line in text.lines() {
            page.line(format!(" │ {}", printable(line)));
        }
    }
    if let Some(value) = &step.value {
        tree::draw(page, value, &|_, _| Beside::default());
    }
    if step.cut_bytes > 0 {
        let rest = number::bytes_of(step.cut_bytes as f64);
        page.line(format!(" … {rest} more").dimmed());
    }
    if let Some(error) = &step.error {
        for line in error.lines() {
            page.line(format!(" {} {line}", "error:".red()));
        }
    }
    page.blank();
}

/// Writes what would be a code for the terminal so that it is seen instead.
fn printable(line: &str) -> String {
    line.chars()
        .map(|letter| match letter {
            '\t' => ' ',
            letter if letter.is_control() => '·',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use api::collectors::{Cost, Key};
    use serde_json::json;

    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_run_is_taken_apart_step_by_step() {
        let cost = |wall_us, cpu_us, bytes| Cost {
            wall_us,
            cpu_us,
            bytes,
        };
        let run = collectors::Run {
            name: "redis".to_owned(),
            state: "OK".to_owned(),
            results: json!({"used_memory": 4096}),
            keys: vec![Key {
                path: "used_memory".to_owned(),
                unit: "bytes".to_owned(),
                doc: String::new(),
            }],
            cost: cost(1_500, 300, 3_000),
            steps: vec![
                Step {
                    name: "source".to_owned(),
                    what: "tcp 127.0.0.1:6379".to_owned(),
                    text: Some("# Memory\nused_memory:4096\u{1b}[2J\r".to_owned()),
                    cut_bytes: 2_048,
                    cost: cost(1_200, 100, 3_000),
                    ..Step::default()
                },
                Step {
                    name: "format".to_owned(),
                    what: "key_value".to_owned(),
                    value: Some(json!({"used_memory": 4096})),
                    cost: cost(100, 100, 0),
                    ..Step::default()
                },
                Step {
                    name: "script".to_owned(),
                    what: "redis/collectors/redis.yml:9".to_owned(),
                    error: Some("redis.yml:10:5: there is no `raww`".to_owned()),
                    ..Step::default()
                },
            ],
            ..collectors::Run::default()
        };
        let expect = "\
──────────── 1. source ─────────────────────────────────────────────────────────
 tcp 127.0.0.1:6379 · took 1.2 ms (0.1 ms of the processor)
 │ # Memory
 │ used_memory:4096·[2J·
 … 2.0 KiB more

──────────── 2. format ─────────────────────────────────────────────────────────
 key_value · took 0.1 ms (0.1 ms of the processor)
 used_memory  4096

──────────── 3. script ─────────────────────────────────────────────────────────
 redis/collectors/redis.yml:9 · took 0 ms (0 ms of the processor)
 error: redis.yml:10:5: there is no `raww`

──────────── Collector redis ───────────────────────────────────────────────────
 OK · took 1.5 ms (0.3 ms of the processor), read 2.9 KiB
 used_memory  4096 bytes  (4.0 KiB)
";
        assert_eq!(text_of(&Ran(run)), expect);
    }
}
