//! `opsbro evaluator wait-eval-true`

use std::time::Duration;

use api::evaluator::{Evaluate, Evaluated};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::eval::pointed_at;
use super::evaluate;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};
use crate::waiting::until;

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
        let what = format!("{} to be True", request.expr);
        let is_over = |last: &Evaluated| last.error.is_some() || is_true(last);
        let last = until(what, self.timeout, is_over, || {
            evaluate(program, &request).map(|(evaluated, _)| evaluated)
        })?;
        if let Some(problem) = &last.error {
            program
                .printer
                .say(pointed_at(problem, &request.expr).trim_end());
            return Err(Failure::told(Exit::Failed));
        }
        let is_true = is_true(&last);
        let expr = request.expr;
        program.printer.show(&Waited {
            expr,
            is_true,
            last,
        })?;
        Ok(Exit::when(is_true))
    }
}

fn is_true(evaluated: &Evaluated) -> bool {
    evaluated.value == Some(serde_json::Value::Bool(true))
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
