//! `opsbro monitoring wait-ok`

use std::collections::BTreeMap;
use std::time::Duration;

use api::client::With;
use api::monitoring::{CHECK, Check};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{colored, find, narrow, output};
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};
use crate::waiting::until;

/// Wait until a check is OK
///
/// The exit code is 1 when it was not OK in time, and 2 when there is no such check.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WaitOk {
    /// The check: linux/cpu, one of its things: linux/disks[/srv], or its name for people
    #[arg(add = complete::checks())]
    name: String,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro monitoring wait-ok linux/cpu
  opsbro monitoring wait-ok disks --timeout 2m";

impl WaitOk {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let id = find(program, &self.name)?;
        let with = With {
            path: &[&id],
            ..With::default()
        };
        let what = format!("the check {id} to be OK");
        let is_ok = |waited: &Waited| waited.is_ok;
        let waited = until(what, self.timeout, is_ok, || {
            let mut things: BTreeMap<String, Check> = program.get(&CHECK, with)?;
            narrow(&mut things, &self.name);
            Ok(Waited {
                is_ok: !things.is_empty() && things.values().all(|it| it.state == "ok"),
                name: id.clone(),
                things: things.into_values().collect(),
            })
        })?;
        program.printer.show(&waited)?;
        Ok(Exit::when(waited.is_ok))
    }
}

#[derive(Serialize)]
struct Waited {
    is_ok: bool,
    name: String,
    things: Vec<Check>,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        if self.is_ok {
            page.line(format!("{} The check {} is OK", "√".green(), self.name));
            return;
        }
        let sign = "Х".red();
        page.line(format!("{sign} The check {} is not OK in time", self.name));
        for thing in self.things.iter().filter(|it| it.state != "ok") {
            page.line(format!("  - {}  {}", thing.id, colored(&thing.state)));
            output(page, "    ", &thing.output, &thing.long_output);
        }
    }
}
