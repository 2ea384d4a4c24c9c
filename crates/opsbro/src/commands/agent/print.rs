//! `opsbro agent print`

use api::agent::{INFO, Info};
use api::client::With;
use clap::{Args, ValueEnum};

use crate::failure::{Exit, Outcome};
use crate::output::Bare;
use crate::program::Program;

/// Print one fact of the node, bare, for scripts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Print {
    /// The fact
    fact: Fact,
}

const EXAMPLES: &str = "Examples:
  opsbro agent print uuid
  ADDRESS=$(opsbro agent print local-addr)";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fact {
    /// The identity of the node
    Uuid,
    /// The address that the node uses inside its network
    LocalAddr,
    /// The address that other nodes are told
    PublicAddr,
}

impl Print {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let fact = match self.fact {
            Fact::Uuid => program.get(&api::agent::UUID, With::default())?,
            Fact::LocalAddr => program.get::<Info>(&INFO, With::default())?.local_addr,
            Fact::PublicAddr => program.get::<Info>(&INFO, With::default())?.public_addr,
        };
        program.printer.show(&Bare(fact))?;
        Ok(Exit::Yes)
    }
}
