//! `opsbro gossip zone`: the zones.

use clap::{Args, Subcommand};

use super::zone_key;
use crate::failure::Outcome;
use crate::program::Program;

/// Look at zones, and set up what seals them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Zone {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip zone key generate --zone internet";

#[derive(Debug, Subcommand)]
enum Verb {
    Key(zone_key::ZoneKey),
}

impl Zone {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Key(command) => command.run(program),
        }
    }
}
