//! `opsbro docker`: containers and images of this machine.

mod show;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::program::Program;

/// Look at the containers of this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Docker {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro docker show
  opsbro docker show -o json";

#[derive(Debug, Subcommand)]
enum Verb {
    Show(show::Show),
}

impl Docker {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Show(command) => command.run(program),
        }
    }
}
