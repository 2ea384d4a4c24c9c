//! `opsbro inventory`: what this machine is made of, and what changed in it.

mod diff;
mod show;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::program::Program;

/// Show what this machine is made of, or what changed in it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Inventory {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    show: show::Show,
}

const EXAMPLES: &str = "Examples:
  opsbro inventory
  opsbro inventory packages
  opsbro inventory -o json
  opsbro inventory diff --since 1h";

#[derive(Debug, Subcommand)]
enum Verb {
    Diff(diff::Diff),
}

impl Inventory {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            None => self.show.run(program),
            Some(Verb::Diff(command)) => command.run(program),
        }
    }
}
