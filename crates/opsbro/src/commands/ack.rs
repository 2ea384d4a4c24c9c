//! `opsbro ack`: say that somebody takes care of a problem.

use api::alerts::{ACKNOWLEDGE, Acknowledged, NewAcknowledgement, UNACKNOWLEDGE};
use api::client::With;
use clap::Args;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Say that you take care of problems: no reminder, no escalation
///
/// It holds until the problem is over or worse, or until the time that is given. Your name, as the
/// system knows it, is kept with it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ack {
    /// Checks or numbers of problems; * stands for any text
    #[arg(required = true, add = complete::problems())]
    checks: Vec<String>,
    /// Only on these nodes
    #[arg(long = "node", value_name = "NODE")]
    nodes: Vec<String>,
    /// For how long
    #[arg(long = "for", value_name = "TIME")]
    lasts: Option<String>,
    /// Until when: 2026-11-30T08:00:00Z, or "2026-11-30 08:00" of the node's own clock
    #[arg(long, conflicts_with = "lasts")]
    until: Option<String>,
    /// What you want to say
    #[arg(long, default_value = "")]
    comment: String,
    /// Take the acknowledgement back
    #[arg(long)]
    remove: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro ack linux/disks --comment 'deleting old logs'
  opsbro ack 17 --for 4h
  opsbro ack '*' --node 'web-*' --until 2026-11-30T08:00:00Z
  opsbro ack 17 --remove";

impl Ack {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let route = if self.remove {
            &UNACKNOWLEDGE
        } else {
            &ACKNOWLEDGE
        };
        let asked = NewAcknowledgement {
            checks: self.checks,
            nodes: self.nodes,
            lasts: self.lasts,
            until: self.until,
            comment: self.comment,
        };
        let done: Acknowledged = program.send(route, With::default(), &asked)?;
        program.printer.show(&Done(done, self.remove))?;
        Ok(Exit::Yes)
    }
}

/// Problems that are named one by one; of more, the count says more.
const NAMED_MAX: usize = 20;

#[derive(Serialize)]
#[serde(transparent)]
struct Done(Acknowledged, #[serde(skip)] bool);

impl Answer for Done {
    fn text(&self, page: &mut Page) {
        let numbers: Vec<String> = self.0.problems.iter().map(ToString::to_string).collect();
        let noun = if numbers.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        let done = if self.1 {
            "No longer acknowledged"
        } else {
            "Acknowledged"
        };
        page.line(match numbers.len() {
            0..=NAMED_MAX => format!("{done}: {noun} {}", numbers.join(", ")),
            many => format!("{done}: {many} problems"),
        });
    }
}
