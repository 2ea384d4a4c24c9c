//! `opsbro agent reload`

use api::agent::{RELOAD, ReloadReport};
use api::client::With;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Read the configuration and the packs again, and report what came of it
///
/// What is wrong keeps its last good version running, and makes the exit code 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Reload {}

const EXAMPLES: &str = "Examples:
  opsbro agent reload
  opsbro agent reload -o json";

impl Reload {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let report: ReloadReport = program.send(&RELOAD, With::default(), &())?;
        let exit = Exit::when(report.refused.is_empty());
        program.printer.show(&Reported(report))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Reported(ReloadReport);

impl Answer for Reported {
    fn text(&self, page: &mut Page) {
        let Self(report) = self;
        for applied in &report.applied {
            page.line(format!("{} {applied}", "√ applied      ".green()));
        }
        for waiting in &report.needs_restart {
            page.line(format!("{} {waiting}", "‼ needs restart".yellow()));
        }
        for refused in &report.refused {
            page.line(format!("{} {refused}", "Х refused      ".red()));
        }
        if report.applied.is_empty() && report.refused.is_empty() && report.needs_restart.is_empty()
        {
            page.line("Nothing changed.");
        }
    }
}
