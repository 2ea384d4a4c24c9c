//! `opsbro gossip`: the cluster, its nodes, zones and events.

pub(crate) mod detect;
mod events;
mod history;
pub(crate) mod join;
pub(crate) mod leave;
pub(crate) mod members;
mod ping;
mod wait_members;
pub(crate) mod zone;
pub(crate) mod zone_key;

use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;

use crate::failure::Outcome;
use crate::program::Program;

/// See and change the cluster: its nodes, zones and events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Gossip {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip members
  opsbro gossip join web-1
  opsbro gossip detect --auto-join
  opsbro gossip events wait deployed --timeout 1m";

#[derive(Debug, Subcommand)]
enum Verb {
    Members(members::Members),
    Join(join::Join),
    Leave(leave::Leave),
    Ping(ping::Ping),
    Detect(detect::Detect),
    History(history::History),
    WaitMembers(wait_members::WaitMembers),
    Zone(zone::Zone),
    Events(events::Events),
}

impl Gossip {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Members(command) => command.run(program),
            Verb::Join(command) => command.run(program),
            Verb::Leave(command) => command.run(program),
            Verb::Ping(command) => command.run(program),
            Verb::Detect(command) => command.run(program),
            Verb::History(command) => command.run(program),
            Verb::WaitMembers(command) => command.run(program),
            Verb::Zone(command) => command.run(program),
            Verb::Events(command) => command.run(program),
        }
    }
}

/// Writes the state of a node in its colour, with its sign.
pub(crate) fn colored(state: &str) -> String {
    match state {
        "alive" => format!("√ {state}").green().to_string(),
        "suspect" => format!("‼ {state}").yellow().to_string(),
        "dead" => format!("Х {state}").red().to_string(),
        "leave" => format!("↓ {state}").cyan().to_string(),
        _ => format!("… {state}").dimmed().to_string(),
    }
}

/// Writes where something is reached.
pub(crate) fn address(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Writes the name of a node: one that people gave stands in brackets.
pub(crate) fn called(name: &str, display_name: &str) -> String {
    match display_name {
        "" => name.bold().to_string(),
        shown => format!("[ {shown} ]").bold().to_string(),
    }
}

/// Lays out an answer as it is without a terminal.
#[cfg(test)]
fn text_of(answer: &impl crate::output::Answer) -> String {
    let mut page = crate::output::Page::new(None);
    answer.text(&mut page);
    anstream::adapter::strip_str(&page.finish()).to_string()
}
