//! `opsbro monitoring push`

use std::collections::BTreeMap;

use api::client::With;
use api::monitoring::{Check, PUSH, Push as Body};
use clap::Args;

use super::find;
use super::run::Things;
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::program::Program;

/// Report the result of a check that is told its state
///
/// The check has `push:` in its pack; when nobody reports in time it is a problem.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Push {
    /// The check: import/nightly
    #[arg(add = complete::checks())]
    check: String,
    /// ok, warning, critical or unknown, or the exit code of a plugin: 0 to 3
    state: String,
    /// What is said about it; performance data stands behind |
    #[arg(default_value = "")]
    text: String,
}

const EXAMPLES: &str = "Examples:
  opsbro monitoring push import/nightly OK '12 GiB | size=12GB'
  opsbro monitoring push import/nightly critical 'the disk is full'
  opsbro monitoring push import/nightly $?";

impl Push {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let id = find(program, &self.check)?;
        let with = With {
            path: &[&id],
            ..With::default()
        };
        let body = Body {
            state: self.state,
            output: self.text,
        };
        let things: BTreeMap<String, Check> = program.send(&PUSH, with, &body)?;
        program.printer.show(&Things(things))?;
        Ok(Exit::Yes)
    }
}
