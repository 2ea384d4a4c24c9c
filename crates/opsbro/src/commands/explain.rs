//! `opsbro explain`: why things are as they are.

mod check;
mod dns;
mod group;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::program::Program;

/// Explain why things are as they are on this node
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Explain {
    #[command(subcommand)]
    subject: Subject,
}

const EXAMPLES: &str = "Examples:
  opsbro explain check linux/cpu
  opsbro explain group redis
  opsbro explain dns web.service";

#[derive(Debug, Subcommand)]
enum Subject {
    Check(check::Check),
    Dns(dns::Dns),
    Group(group::Group),
}

impl Explain {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.subject {
            Subject::Check(command) => command.run(program),
            Subject::Dns(command) => command.run(program),
            Subject::Group(command) => command.run(program),
        }
    }
}
