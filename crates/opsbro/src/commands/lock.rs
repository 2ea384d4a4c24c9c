//! `opsbro lock`: one at a time, wherever in the zone.

pub(super) mod hold;
mod keep;
mod line;
mod running;

use api::client::With;
use api::kv::Written;
use api::locks::{FORCE, Force, LIST, Lock as Listed};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::nodes::Nodes;
use crate::output::{Answer, Page};
use crate::program::Program;

/// Do something while no other node does
///
/// Runs the command while it holds the lock. When the lock is lost, the command and what it started
/// are ended, but for daemons, which left its session. Signals reach them. The command finds its
/// fencing token in OPSBRO_LOCK_TOKEN: writes that name it are refused when somebody else holds the
/// lock. Exits with 1 when the lock did not come in time, or the command did not end well.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct Lock {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: hold::Run,
}

const EXAMPLES: &str = "Examples:
  opsbro lock deploy -- make deploy
  opsbro lock restart --slots 2 --ttl 30s -- systemctl restart nginx
  opsbro lock backup --note 'nightly dump' -- pg_dump shop
  opsbro lock list";

#[derive(Debug, Subcommand)]
enum Verb {
    Acquire(keep::Acquire),
    Release(keep::Release),
    List(List),
    ForceRelease(ForceRelease),
}

/// List the locks in use: who holds them, who waits
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro lock list
  opsbro lock list -o json";

/// Take a lock away from who holds it
///
/// What the holder does goes on until it hears of it, within its lease. Writes that name the lock
/// and its token are refused at once.
#[derive(Debug, Args)]
#[command(after_help = FORCE_EXAMPLES)]
struct ForceRelease {
    /// The lock
    name: String,
    /// The token of the holder that loses it; all of them when absent
    #[arg(long)]
    token: Option<u64>,
}

const FORCE_EXAMPLES: &str = "Examples:
  opsbro lock force-release deploy
  opsbro lock force-release deploy --token 17";

impl Lock {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            None => self.run.run(program),
            Some(Verb::Acquire(acquire)) => acquire.run(program),
            Some(Verb::Release(release)) => release.run(program),
            Some(Verb::List(List {})) => {
                let locks = program.get(&LIST, With::default())?;
                program.printer.show(&All(locks, Nodes::ask(program)))?;
                Ok(Exit::Yes)
            }
            Some(Verb::ForceRelease(ForceRelease { name, token })) => {
                let force = Force { name, token };
                let written: Written = program.send(&FORCE, With::default(), &force)?;
                program.printer.show(&Released(written))?;
                Ok(Exit::Yes)
            }
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct All(Vec<Listed>, #[serde(skip)] Nodes);

impl Answer for All {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            return page.line("No lock is in use.");
        }
        let mut rows = Vec::new();
        for lock in &self.0 {
            for holder in &lock.holders {
                rows.push(vec![
                    lock.name.clone(),
                    self.1.name(&holder.node),
                    holder.name.clone(),
                    holder.token.to_string(),
                    holder.since.clone(),
                    format!("{} of {}", lock.holders.len(), lock.slots),
                    lock.waiters.len().to_string(),
                ]);
            }
        }
        let header = ["lock", "node", "for", "token", "since", "held", "waiting"];
        page.table(&header, &rows);
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Released(Written);

impl Answer for Released {
    fn text(&self, page: &mut Page) {
        page.line(format!("released at revision {}", self.0.revision));
    }
}
