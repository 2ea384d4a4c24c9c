//! `opsbro agent state`

use api::ClientError;
use api::agent::STATE;
use api::client::With;
use clap::Args;
use model::AgentState;

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
        let agent_state = match program.client()?.get(&STATE, With::default()) {
            Err(ClientError::NotRunning(_)) => AgentState::Stopped.to_string(),
            answer => answer.map_err(|error| program.explain(error))?,
        };
        let reached = Reached { agent_state };
        program.printer.show(&reached)?;
        Ok(reached.exit())
    }
}
