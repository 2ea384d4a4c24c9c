//! `opsbro agent state`

use api::agent::STATE;
use api::client::With;
use clap::Args;

use super::wait_initialized::Reached;
use crate::failure::Outcome;
use crate::program::Program;

/// Print where the agent is in its life: initializing, ok or stopped
///
/// The exit code is 0 for ok and 1 for the others.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct State {}

const EXAMPLES: &str = "Examples:
  opsbro agent state
  opsbro agent state -o json";

impl State {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let reached = Reached {
            agent_state: program.get(&STATE, With::default())?,
        };
        program.printer.show(&reached)?;
        Ok(reached.exit())
    }
}
