//! `opsbro collectors`: what this node measures, and how it does.

mod history;
mod list;
mod run;
mod show;
mod state;
mod wait_ok;

use api::client::With;
use api::collectors::{Collector, LIST};
use clap::{Args, Subcommand};
use model::Topic;
use owo_colors::OwoColorize as _;

use crate::failure::{Failure, Outcome};
use crate::program::Program;

/// Look at what this node measures: values, states, costs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Collectors {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors state
  opsbro collectors show memory
  opsbro collectors run redis --explain
  opsbro collectors wait-ok redis --timeout 1m";

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Show(show::Show),
    State(state::State),
    Run(run::Run),
    WaitOk(wait_ok::WaitOk),
    History(history::History),
}

impl Collectors {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(command) => command.run(program),
            Verb::Show(command) => command.run(program),
            Verb::State(command) => command.run(program),
            Verb::Run(command) => command.run(program),
            Verb::WaitOk(command) => command.run(program),
            Verb::History(command) => command.run(program),
        }
    }
}

/// The topic that collectors belong to.
const TOPIC: Topic = Topic::Metrology;

/// Asks the agent how its collectors do, without what they gave.
fn states(program: &Program) -> Result<Vec<Collector>, Failure> {
    let with = With {
        query: &[("results", "false")],
        ..With::default()
    };
    let all: std::collections::BTreeMap<String, Collector> = program.get(&LIST, with)?;
    Ok(all.into_values().collect())
}

/// Writes a state in its colour.
fn colored(state: &str) -> String {
    match state {
        "OK" => state.green().to_string(),
        "ERROR" => state.red().to_string(),
        "MISSING-CONFIGURATION" => state.yellow().to_string(),
        _ => state.dimmed().to_string(),
    }
}

/// Tells how many collectors are in each state; those in which none is are left out.
pub(super) fn counted<'a>(states: impl Iterator<Item = &'a str> + Clone) -> String {
    let counted = state::ALL.iter().filter_map(|state| {
        let count = states.clone().filter(|it| it == state).count();
        (count > 0).then(|| format!("{count} {}", colored(state)))
    });
    let counted: Vec<String> = counted.collect();
    match counted.is_empty() {
        true => "none".to_owned(),
        false => counted.join(" / "),
    }
}

/// Tells why a collector is as it is, and what to do.
fn reasons(collector: &Collector) -> Vec<String> {
    let mut lines: Vec<String> = collector.log.lines().map(str::to_owned).collect();
    if !collector.todo.is_empty() {
        lines.push(format!("→ {}", collector.todo));
    }
    if let Some(since) = &collector.hangs_since {
        lines.push(format!(
            "a run hangs since {since}; there is no other until it ends"
        ));
    }
    lines
}

/// Makes a collector for the tests of the texts.
#[cfg(test)]
fn sample(name: &str, state: &str, results: serde_json::Value) -> Collector {
    Collector {
        name: name.to_owned(),
        state: state.to_owned(),
        active: state == "OK",
        age_seconds: (!results.is_null()).then_some(4),
        is_current: !results.is_null(),
        results,
        interval_seconds: 10.0,
        timeout_seconds: 5.0,
        cost: (state == "OK").then_some(api::collectors::Cost {
            wall_us: 420,
            cpu_us: 350,
            bytes: 1_500,
        }),
        ..Collector::default()
    }
}
