//! `opsbro evaluator`: the expression language.

pub(super) mod eval;
mod list;
mod wait_eval_true;

use api::ClientError;
use api::client::With;
use api::evaluator::{EVAL, Evaluate, Evaluated};
use clap::{Args, Subcommand};
use daemon::evaluation::World;

use crate::failure::{Failure, Outcome};
use crate::program::Program;

/// Try the expressions that packs are written in
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Evaluator {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro evaluator list
  opsbro evaluator eval \"is_in_group('linux')\"
  opsbro evaluator wait-eval-true \"file_exists('/run/ready')\"";

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Eval(eval::Eval),
    WaitEvalTrue(wait_eval_true::WaitEvalTrue),
}

impl Evaluator {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(command) => command.run(program),
            Verb::Eval(command) => command.run(program),
            Verb::WaitEvalTrue(command) => command.run(program),
        }
    }
}

/// Who evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The running agent, with all that it knows.
    Agent,
    /// This process, which knows the configuration only.
    Ourselves,
}

/// The longest that an evaluation may take: the agent's own time box, and a little.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(25);

/// Evaluates in the running agent; without one, here.
fn evaluate(program: &Program, request: &Evaluate) -> Result<(Evaluated, By), Failure> {
    let client = program.client()?.with_timeout(TIMEOUT);
    match client.send(&EVAL, With::default(), request) {
        Ok(evaluated) => Ok((evaluated, By::Agent)),
        Err(ClientError::NotRunning(_)) => {
            let configuration = program.configuration()?.configuration;
            Ok((World::alone(configuration).evaluate(request), By::Ourselves))
        }
        // The expression is wrong: that is an answer too.
        Err(ClientError::Refused(problem)) if problem.line.is_some() => Ok((
            Evaluated {
                error: Some(problem),
                ..Evaluated::default()
            },
            By::Agent,
        )),
        Err(error) => Err(program.explain(error)),
    }
}
