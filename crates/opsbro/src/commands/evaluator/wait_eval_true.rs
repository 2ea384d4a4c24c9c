//! `opsbro evaluator wait-eval-true`

use std::time::{Duration, Instant};

use api::evaluator::{Evaluate, Evaluated};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::eval::pointed_at;
use super::evaluate;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::progress::Progress;
use crate::output::{Answer, Page};
use crate::program::{Program, WAIT_SLICE, timeout};

/// Wait until an expression is True
///
/// Only True itself counts; what is unknown may become known. The exit code is 1 when it was not
/// True in time, and 2 when the expression is wrong.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WaitEvalTrue {
    /// The expression
    #[arg(allow_hyphen_values = true)]
    expr: String,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro evaluator wait-eval-true \"is_in_group('redis')\"
  opsbro evaluator wait-eval-true \"{{collector.redis.available}} == True\" --timeout 2m";

impl WaitEvalTrue {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let request = Evaluate {
            expr: self.expr,
            explain: false,
        };
        let deadline = Instant::now() + self.timeout;
        let mut progress = Progress::new(format!("{} to be True", request.expr));
        loop {
            let (evaluated, _) = evaluate(program, &request)?;
            if let Some(problem) = &evaluated.error {
                drop(progress);
                program
                    .printer
                    .say(pointed_at(problem, &request.expr).trim_end());
                return Err(Failure::told(Exit::Failed));
            }
            let is_true = evaluated.value == Some(serde_json::Value::Bool(true));
            let left = deadline.saturating_duration_since(Instant::now());
            if is_true || left.is_zero() {
                drop(progress);
                let expr = request.expr;
                program.printer.show(&Waited {
                    expr,
                    is_true,
                    last: evaluated,
                })?;
                return Ok(if is_true { Exit::Yes } else { Exit::No });
            }
            progress.turn();
            std::thread::sleep(WAIT_SLICE.min(left));
        }
    }
}

#[derive(Serialize)]
struct Waited {
    expr: String,
    is_true: bool,
    last: Evaluated,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        if self.is_true {
            page.line(format!("{} {} is True", "√".green(), self.expr));
            return;
        }
        let last = match (&self.last.unknown, &self.last.text) {
            (Some(reason), _) => format!("unknown: {reason}"),
            (None, Some(text)) => text.clone(),
            (None, None) => "nothing".to_owned(),
        };
        page.line(format!(
            "{} {} is not True in time; it is {last}",
            "Х".red(),
            self.expr
        ));
    }
}
