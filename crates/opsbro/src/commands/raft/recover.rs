//! When a majority is gone for good, and when two groups meet.

use api::client::With;
use api::raft::{ADOPT, Adopted, RECOVER, Recovered, SURVEY, Survey};
use clap::Args;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::nodes::Nodes;
use crate::output::{Answer, Page};
use crate::program::Program;

/// Make a new group of what this node has, when a majority of the voters is gone for good
///
/// Without --yes it changes nothing, and tells who of the voters answers and what may be lost.
/// Nodes of the old group that come back join the new one; what they have is dropped, after it was
/// written to a file on each.
#[derive(Debug, Args)]
#[command(after_help = RECOVER_EXAMPLES)]
pub(super) struct Recover {
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Do it on this node though another one that answers has more of the log
    #[arg(long, requires = "yes")]
    any: bool,
}

const RECOVER_EXAMPLES: &str = "Examples:
  opsbro raft recover
  opsbro raft recover --yes";

/// Settle which of two groups with data stays, when nodes that worked alone have met
///
/// The older group stays unless --keep says otherwise. Each node of the other one writes its keys
/// to a file, which `opsbro kv-store import` reads, and joins.
#[derive(Debug, Args)]
#[command(after_help = ADOPT_EXAMPLES)]
pub(super) struct Adopt {
    /// The other group; may be left out when there is only one
    group: Option<String>,
    /// The group that stays: `ours`, of this node, or `theirs`
    #[arg(long, value_parser = ["ours", "theirs"])]
    keep: Option<String>,
}

const ADOPT_EXAMPLES: &str = "Examples:
  opsbro raft adopt
  opsbro raft adopt --keep theirs";

impl Recover {
    pub(super) fn run(self, program: &Program) -> Outcome {
        if !self.yes {
            let survey: Survey = program.get(&SURVEY, With::default())?;
            let is_lost = survey.leader.is_none();
            program.printer.show(&Told(survey, Nodes::ask(program)))?;
            return Ok(Exit::when(!is_lost));
        }
        let with = With {
            query: if self.any { &[("any", "yes")] } else { &[] },
            ..With::default()
        };
        let recovered: Recovered = program.send(&RECOVER, with, &())?;
        program.printer.show(&Made(recovered))?;
        Ok(Exit::Yes)
    }
}

impl Adopt {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let named = |name, value: &'_ Option<String>| value.clone().map(|value| (name, value));
        let given: Vec<(&str, String)> = [named("group", &self.group), named("keep", &self.keep)]
            .into_iter()
            .flatten()
            .collect();
        let query: Vec<(&str, &str)> = given
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let with = With {
            query: &query,
            ..With::default()
        };
        let adopted: Adopted = program.send(&ADOPT, with, &())?;
        program.printer.show(&Settled(adopted))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Told(Survey, #[serde(skip)] Nodes);

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        let Self(survey, nodes) = self;
        page.title("Recovery");
        for one in &survey.survivors {
            let name = nodes.name(&one.uuid);
            let what = if one.votes { "votes" } else { "copies" };
            let how = match one.answers {
                true => format!("answers, log up to {} (term {})", one.last_log, one.term),
                false => "does not answer".to_owned(),
            };
            page.line(format!("{name}  {what}  {how}"));
        }
        if let Some(leader) = &survey.leader {
            let leader = nodes.name(leader);
            page.line(format!("{leader} leads: there is nothing to recover"));
            return;
        }
        page.line(format!("this node has {} keys", survey.keys));
        page.line(
            "lost may be: what was acknowledged by voters that do not answer and is not in this \
             node's log; kept may be: what was never acknowledged"
                .to_owned(),
        );
        page.line(match &survey.better {
            Some(better) => {
                let better = nodes.name(better);
                format!("{better} has more of the log: recover there")
            }
            None => "opsbro raft recover --yes makes a new group of what this node has".to_owned(),
        });
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Made(Recovered);

impl Answer for Made {
    fn text(&self, page: &mut Page) {
        let made = &self.0;
        page.line(format!(
            "this node leads the new group {} with {} keys; others join it by themselves",
            made.group, made.keys
        ));
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Settled(Adopted);

impl Answer for Settled {
    fn text(&self, page: &mut Page) {
        page.line(format!(
            "{} stays, the nodes of {} join it",
            self.0.stays, self.0.goes
        ));
    }
}
