//! `opsbro gossip ping`

use std::time::Duration;

use api::client::With;
use api::gossip::{PING, Pong};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::colored;
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, number};
use crate::program::Program;

/// See whether a node answers now, by itself or through others
///
/// The exit code is 1 when it does not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Ping {
    /// The node: its UUID, the beginning of that, its name or its name for people
    #[arg(add = complete::nodes())]
    node: String,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip ping web-1
  opsbro gossip ping web-1 -o json";

/// The longest that a ping may take, the way through others included.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Ping {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let with = With {
            path: &[&self.node],
            ..With::default()
        };
        let client = program.client()?.with_timeout(TIMEOUT);
        let pong: Pong = client
            .get(&PING, with)
            .map_err(|error| program.explain(error))?;
        let exit = Exit::when(pong.answered);
        program.printer.show(&Shown(pong))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Pong);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Pong { name, state, .. } = &self.0;
        let took = self.0.took_us.map(number::took).unwrap_or_default();
        match (self.0.answered, &self.0.relay) {
            (true, None) => page.line(format!("{} {name} is: {state}, {took}", "√".green())),
            (true, Some(relay)) => page.line(format!(
                "{} {name} is: {state}, {took}, but only through {relay}",
                "‼".yellow()
            )),
            (false, _) => {
                page.line(format!(
                    "{name} does not answer, and is: {}",
                    colored(state)
                ));
                if let Some(error) = &self.0.error {
                    page.note(error);
                }
            }
        }
    }
}
