//! `opsbro gossip`: the cluster.

mod zone;
mod zone_key;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::program::Program;

/// Look at the cluster, and set it up
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Gossip {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip zone key generate --zone internet";

#[derive(Debug, Subcommand)]
enum Verb {
    Zone(zone::Zone),
}

impl Gossip {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Zone(command) => command.run(program),
        }
    }
}
