//! `opsbro gossip leave`, `opsbro leave`

use api::agent::UUID;
use api::client::With;
use api::gossip::{LEAVE, Left};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Make a node leave the cluster; this one when none is named
///
/// The agent of a node that leaves stops; until it starts again, all others show it as `leave`. A
/// node that is dead is said to have left.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Leave {
    /// The node: its UUID, the beginning of that, its name or its name for people
    #[arg(add = complete::nodes())]
    node: Option<String>,
}

const EXAMPLES: &str = "Examples:
  opsbro leave
  opsbro leave web-7";

impl Leave {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let node = match self.node {
            Some(node) => node,
            None => program.get(&UUID, With::default())?,
        };
        let with = With {
            path: &[&node],
            ..With::default()
        };
        program.printer.show(&Shown(program.get(&LEAVE, with)?))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Left);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let name = &self.0.name;
        page.line(format!("{} {name} leaves the cluster", "√".green()));
        if self.0.is_this {
            page.note("its agent stops, which is this machine's");
        }
    }
}
