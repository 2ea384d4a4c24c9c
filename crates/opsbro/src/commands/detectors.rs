//! `opsbro detectors`: which groups this node has because of what it is.

mod history;
pub(super) mod list;
mod run;
mod state;
mod wait_group;

use clap::{Args, Subcommand};
use model::Topic;

use crate::failure::Outcome;
use crate::program::Program;

/// Look at what detects the groups of this node
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Detectors {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro detectors state
  opsbro detectors run redis
  opsbro detectors wait-group redis --timeout 1m
  opsbro explain group redis";

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Run(run::Run),
    State(state::State),
    History(history::History),
    WaitGroup(wait_group::WaitGroup),
}

impl Detectors {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(command) => command.run(program),
            Verb::Run(command) => command.run(program),
            Verb::State(command) => command.run(program),
            Verb::History(command) => command.run(program),
            Verb::WaitGroup(command) => command.run(program),
        }
    }
}

/// The topic that detectors belong to.
const TOPIC: Topic = Topic::AutomaticDetection;
