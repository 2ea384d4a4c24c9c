//! `opsbro election`: one node of those who want it, until it is gone.

use api::client::With;
use api::locks::{LIST, Lock};
use clap::Args;
use serde::Serialize;

use super::lock::hold::Run;
use crate::failure::{Exit, Outcome};
use crate::nodes::Nodes;
use crate::output::{Answer, Page};
use crate::program::Program;

/// Elect one node for a task, or tell who won
///
/// With a command: waits until this node wins, runs the command as long as it is the winner, and
/// ends it when it is so no more. Without one: tells who won; the exit code is 1 when nobody did.
/// Expressions see it: `is_leader('NAME')` and `lock_owner('election/NAME')`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Election {
    /// What it is for
    name: String,
    /// Time after which another node may win when this machine is gone, 2s to 1d
    #[arg(long, default_value = "15s", value_parser = crate::program::timeout)]
    ttl: std::time::Duration,
    /// How long to wait to win
    #[arg(long, default_value = "365d", value_parser = crate::program::timeout)]
    timeout: std::time::Duration,
    /// The command that the winner runs
    #[arg(last = true)]
    command: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  opsbro election cron -- run-parts /etc/cron.hourly
  opsbro election cron";

/// The beginning of the names of the locks behind elections.
const PREFIX: &str = "election/";

impl Election {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let lock = format!("{PREFIX}{}", self.name);
        if !self.command.is_empty() {
            return Run::new(lock, self.ttl, self.timeout, self.command).run(program);
        }
        let with = With {
            query: &[("prefix", &lock)],
            ..With::default()
        };
        let locks: Vec<Lock> = program.get(&LIST, with)?;
        let lock = locks.into_iter().find(|one| one.name == lock);
        let winner = lock.as_ref().and_then(|lock| lock.holders.first());
        let Some(winner) = winner else {
            program.printer.say(&format!("nobody won {}", self.name));
            return Ok(Exit::No);
        };
        program.printer.show(&Won {
            election: self.name,
            node: winner.node.clone(),
            token: winner.token,
            since: winner.since.clone(),
            nodes: Nodes::ask(program),
        })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
struct Won {
    election: String,
    node: String,
    token: u64,
    since: String,
    #[serde(skip)]
    nodes: Nodes,
}

impl Answer for Won {
    fn text(&self, page: &mut Page) {
        page.field("node", self.nodes.name(&self.node));
        page.field("since", &self.since);
        page.field("token", self.token);
    }
}
