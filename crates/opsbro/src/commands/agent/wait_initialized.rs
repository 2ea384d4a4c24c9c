//! `opsbro agent wait-initialized`

use std::time::{Duration, Instant};

use api::ClientError;
use api::agent::STATE;
use api::client::With;
use clap::Args;
use model::AgentState;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::progress::Progress;
use crate::output::{Answer, Page};
use crate::program::{POLL, Program, timeout};
use crate::waiting::WAIT_SLICE;

/// Wait until the agent is fully initialized
///
/// It also waits for an agent that is only about to start. The exit code is 0 when it is ok, 1 when
/// it is not by then, and 2 when no agent came.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WaitInitialized {
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
    /// An option of 0.5
    #[arg(long, hide = true)]
    show_init_header: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro agent wait-initialized
  opsbro agent wait-initialized --timeout 2m";

impl WaitInitialized {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let reached = Reached {
            agent_state: wait(program, self.timeout)?,
        };
        program.printer.show(&reached)?;
        Ok(reached.exit())
    }
}

/// Waits until an agent is there and past its initialization; gives the state it is in then.
pub(super) fn wait(
    program: &Program,
    timeout: Duration,
) -> Result<String, crate::failure::Failure> {
    let deadline = Instant::now() + timeout;
    let mut progress = Progress::new("the agent to be initialized");
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let slice = format!("{}ms", left.min(WAIT_SLICE).as_millis());
        let with = With {
            query: &[("wait", &slice)],
            ..With::default()
        };
        // The configuration may change while the agent is not there yet: look again each time.
        match program.client()?.get::<String>(&STATE, with) {
            Ok(state) if state != AgentState::Initializing.as_str() => return Ok(state),
            Ok(state) if left.is_zero() => return Ok(state),
            Ok(_) => {}
            Err(ClientError::NotRunning(_) | ClientError::Broken(_)) if !left.is_zero() => {
                std::thread::sleep(POLL.min(left));
            }
            Err(error) => return Err(program.explain(error)),
        }
        progress.turn();
    }
}

/// The state of the agent.
#[derive(Serialize)]
pub(super) struct Reached {
    pub(super) agent_state: String,
}

impl Reached {
    /// Gives the exit code: yes only when the agent is ok.
    pub(super) fn exit(&self) -> Exit {
        Exit::when(self.agent_state == AgentState::Ok.as_str())
    }
}

impl Answer for Reached {
    fn text(&self, page: &mut Page) {
        let state = &self.agent_state;
        match self.exit() {
            Exit::Yes => page.line(state.green()),
            Exit::No | Exit::Failed | Exit::Usage => page.line(state.yellow()),
        }
    }
}
