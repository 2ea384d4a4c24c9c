//! `opsbro version`

use clap::Args;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Print the version of the program
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Version {}

const EXAMPLES: &str = "Examples:
  opsbro version
  opsbro version -o json";

impl Version {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        program.printer.show(&Answered {
            version: env!("CARGO_PKG_VERSION"),
        })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
struct Answered {
    version: &'static str,
}

impl Answer for Answered {
    fn text(&self, page: &mut Page) {
        page.line(self.version);
    }
}
