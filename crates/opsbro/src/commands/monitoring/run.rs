//! `opsbro monitoring run`

use std::collections::BTreeMap;

use api::client::With;
use api::monitoring::{Check, RUN};
use clap::Args;
use serde::Serialize;

use super::{colored, find, narrow, output};
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Make a check run at once, and show how it is
///
/// The exit code is 0 when it is OK, and 1 otherwise. A check with `push:` has nothing to run.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// The check: linux/cpu, or its name for people
    #[arg(add = complete::checks())]
    name: String,
}

const EXAMPLES: &str = "Examples:
  opsbro monitoring run linux/cpu";

impl Run {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let id = find(program, &self.name)?;
        let with = With {
            path: &[&id],
            ..With::default()
        };
        let mut things: BTreeMap<String, Check> = program.send(&RUN, with, &())?;
        narrow(&mut things, &self.name);
        let is_ok = things.values().all(|it| it.state == "ok");
        program.printer.show(&Things(things))?;
        Ok(Exit::when(is_ok))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Things(pub(super) BTreeMap<String, Check>);

impl Answer for Things {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            page.line("It looks at nothing: its for_each gives no thing.");
        }
        for (name, check) in &self.0 {
            page.line(format!("{name}  {}", colored(&check.state)));
            output(page, "  ", &check.output, &check.long_output);
        }
    }
}
