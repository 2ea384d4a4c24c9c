//! `opsbro collectors wait-ok`

use std::time::Duration;

use api::collectors::Collector;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::show::one;
use super::{colored, reasons};
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};
use crate::waiting::until;

/// Wait until a collector is OK
///
/// The exit code is 1 when it was not OK in time, and 2 when there is no such collector.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WaitOk {
    /// The name of the collector
    #[arg(add = complete::collectors())]
    name: String,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors wait-ok memory
  opsbro collectors wait-ok redis --timeout 2m";

impl WaitOk {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let what = format!("the collector {} to be OK", self.name);
        let is_ok = |waited: &Waited| waited.is_ok;
        let waited = until(what, self.timeout, is_ok, || {
            let collector = one(program, &self.name)?;
            let is_ok = collector.state == "OK";
            Ok(Waited { is_ok, collector })
        })?;
        program.printer.show(&waited)?;
        Ok(Exit::when(waited.is_ok))
    }
}

#[derive(Serialize)]
struct Waited {
    is_ok: bool,
    collector: Collector,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        let (name, state) = (&self.collector.name, colored(&self.collector.state));
        if self.is_ok {
            page.line(format!("{} The collector {name} is {state}", "√".green()));
            return;
        }
        let sign = "Х".red();
        page.line(format!(
            "{sign} The collector {name} is not OK in time; it is {state}"
        ));
        for reason in reasons(&self.collector) {
            page.line(format!("  | {reason}"));
        }
    }
}
