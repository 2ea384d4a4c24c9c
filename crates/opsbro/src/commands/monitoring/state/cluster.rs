//! `opsbro state --cluster`

use std::time::Instant;

use api::client::With;
use api::gossip::{ClusterState, NodeState, STATE};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::WATCH_INTERVAL;
use crate::commands::gossip;
use crate::commands::monitoring::colored;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, whole_seconds};
use crate::program::Program;

/// Shows how all nodes are; the exit code is 1 when something is a problem.
pub(super) fn run(program: &Program, only_problems: bool, watch: bool) -> Outcome {
    let mut last = ask(program, only_problems)?;
    program.printer.show(&last)?;
    if !watch {
        let is_well = !last.state.nodes.iter().any(is_problem);
        return Ok(Exit::when(is_well));
    }
    loop {
        let next = Instant::now() + WATCH_INTERVAL;
        let state = ask(program, only_problems)?;
        if state.marks() != last.marks() {
            program.printer.show_next(&state)?;
            last = state;
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn ask(program: &Program, only_problems: bool) -> Result<States, Failure> {
    let mut state: ClusterState = program.get(&STATE, With::default())?;
    if only_problems {
        state.nodes.retain(is_problem);
    }
    Ok(States {
        state,
        only_problems,
    })
}

fn is_problem(node: &NodeState) -> bool {
    matches!(node.state.as_str(), "dead" | "suspect") || !node.health.problems.is_empty()
}

#[derive(Serialize)]
struct States {
    #[serde(flatten)]
    state: ClusterState,
    #[serde(skip)]
    only_problems: bool,
}

impl States {
    /// What makes it worth being shown again.
    fn marks(&self) -> Vec<(&str, &str, &api::gossip::Health)> {
        let nodes = self.state.nodes.iter();
        nodes
            .map(|it| (it.uuid.as_str(), it.state.as_str(), &it.health))
            .collect()
    }
}

impl Answer for States {
    fn text(&self, page: &mut Page) {
        page.title("Cluster");
        for node in &self.state.nodes {
            show(page, node);
        }
        if self.only_problems && self.state.nodes.is_empty() {
            page.line(format!("{} No problem", "√".green()));
        }
        let nodes = self.state.states.iter();
        let nodes: Vec<String> = nodes
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        let states = ["critical", "warning", "unknown", "ok", "pending"];
        let checks = states.iter().filter_map(|state| {
            let count = self.state.checks.get(*state)?;
            Some(format!("{count} {}", colored(state)))
        });
        let checks = checks.collect::<Vec<_>>();
        let counts = [nodes, checks].map(|counts| counts.join(" / "));
        let counts: Vec<_> = counts.into_iter().filter(|it| !it.is_empty()).collect();
        page.line(format!(" {}", counts.join(" · ")));
    }
}

fn show(page: &mut Page, node: &NodeState) {
    let name = gossip::called(&node.name, &node.display_name);
    let health = match node.state.as_str() {
        "alive" | "suspect" => colored(&node.health.state),
        _ => format!("since {}", whole_seconds(&node.since))
            .dimmed()
            .to_string(),
    };
    let zone = node.zone.dimmed();
    page.line(format!(
        " - {zone} > {name}  {}  {health}",
        gossip::colored(&node.state)
    ));
    for problem in &node.health.problems {
        let handled = if problem.handled { ", handled" } else { "" };
        page.line(format!(
            "     {}  {} {}",
            problem.check,
            colored(&problem.state),
            format!("since {}{handled}", whole_seconds(&problem.since)).dimmed()
        ));
        if !problem.output.is_empty() {
            page.line(format!("       {} {}", "|".dimmed(), problem.output));
        }
    }
    let told = node.health.problems.len();
    let bad: u32 = ["critical", "warning", "unknown"]
        .iter()
        .filter_map(|state| node.health.counts.get(*state))
        .sum();
    if bad as usize > told {
        let more = bad as usize - told;
        page.line(format!("     … and {more} more: opsbro state {}", node.name).dimmed());
    }
}
