//! `opsbro detectors wait-group`

use std::time::Duration;

use api::client::With;
use api::detectors::STATE;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};
use crate::waiting::until;

/// Wait until a group is detected
///
/// The exit code is 1 when it was not detected in time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WaitGroup {
    /// The group
    #[arg(add = complete::groups())]
    group: String,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro detectors wait-group linux
  opsbro detectors wait-group redis --timeout 2m";

impl WaitGroup {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let what = format!("the group {} to be detected", self.group);
        let is_detected = until(
            what,
            self.timeout,
            |is_detected| *is_detected,
            || {
                let groups: Vec<String> = program.get(&STATE, With::default())?;
                Ok(groups.contains(&self.group))
            },
        )?;
        let group = self.group;
        program.printer.show(&Waited { group, is_detected })?;
        Ok(Exit::when(is_detected))
    }
}

#[derive(Serialize)]
struct Waited {
    group: String,
    is_detected: bool,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        let group = &self.group;
        if self.is_detected {
            page.line(format!("{} The group {group} is detected", "√".green()));
        } else {
            page.line(format!(
                "{} The group {group} was not detected in time",
                "Х".red()
            ));
            page.more(&format!("opsbro explain group {group}"));
        }
    }
}
