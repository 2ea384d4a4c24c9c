//! `opsbro gossip join`, `opsbro join`

use std::time::{Duration, Instant};

use api::agent::{INFO, Info};
use api::client::With;
use api::gossip::{JOIN, Joined};
use api::raft::{ADOPT, Adopted, STATE, State};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::zone_key;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::{POLL, Program};

/// Join the cluster of whoever listens there
///
/// Several are tried in turn, until one lets this node in. It may be done again at any time. The
/// exit code is 2 when none does, with the reason of each.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Join {
    /// A node of the cluster: its host name or address, with :PORT when that is another
    #[arg(required = true, value_name = "HOST[:PORT]")]
    seeds: Vec<String>,
    /// The key of the zone, when this node does not have it yet: what is in the file
    /// zone_keys/ZONE.gossip.key of any of its nodes; `-` reads it from stdin
    #[arg(long)]
    key: Option<String>,
    /// When both sides have keys and locks of their own, let the younger ones give way: their nodes
    /// write their keys to files and take those of the older side
    #[arg(long)]
    adopt: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro join web-1
  opsbro join web-1:7000 10.0.0.2
  opsbro join '[fd00::1]:6768'
  ssh web-1 cat /etc/opsbro/zone_keys/internet.gossip.key | opsbro join web-1 --key -";

/// The longest that one join may take, the check of this node's own address included.
pub(super) const TIMEOUT: Duration = Duration::from_secs(40);

impl Join {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        if let Some(key) = &self.key {
            bring(program, key)?;
        }
        let mut failures = Vec::new();
        for seed in &self.seeds {
            match join(program, seed) {
                Ok(joined) => {
                    program.printer.show(&Shown(joined))?;
                    if self.adopt {
                        adopt(program)?;
                    }
                    return Ok(Exit::Yes);
                }
                Err(failure) => failures.push(failure),
            }
        }
        let last = failures.pop();
        for failure in failures {
            failure.report();
        }
        Err(last.unwrap_or_else(|| Failure::usage("there is nobody to join")))
    }
}

/// Time in which two sides that have met know each other's groups.
const MEET_TIME: Duration = Duration::from_secs(15);

/// Settles which group stays, when two with data meet by the join.
fn adopt(program: &Program) -> Result<(), Failure> {
    let deadline = Instant::now() + MEET_TIME;
    while Instant::now() < deadline {
        let state: State = program.get(&STATE, With::default())?;
        if let Some(other) = state.meets.first() {
            let with = With {
                query: &[("group", other)],
                ..With::default()
            };
            let adopted: Adopted = program.send(&ADOPT, with, &())?;
            let (stays, goes) = (adopted.stays, adopted.goes);
            program
                .printer
                .say(&format!("The group {goes} gives way to {stays}."));
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    program.printer.say("No two groups with data meet.");
    Ok(())
}

/// Takes the key of the zone before the join. A node among others has theirs: what changes that is
/// an order to all of them.
fn bring(program: &Program, key: &str) -> Result<(), Failure> {
    let key = match key {
        "-" => zone_key::from_stdin()?,
        key => key.to_owned(),
    };
    let members = super::members::all(program, &[])?;
    let facts: Info = program.get(&INFO, With::default())?;
    let others = members
        .iter()
        .filter(|it| it.uuid != facts.uuid && it.state == "alive" && it.zone == facts.zone);
    if others.count() > 0 {
        let note = "This node is in a cluster already: the key that it has there is kept.";
        program.printer.say(note);
        return Ok(());
    }
    zone_key::bring(program, &facts.zone, &key)
}

/// Joins one node.
pub(super) fn join(program: &Program, seed: &str) -> Result<Joined, Failure> {
    let with = With {
        path: &[seed],
        ..With::default()
    };
    let client = program.client()?.with_timeout(TIMEOUT);
    client
        .get(&JOIN, with)
        .map_err(|error| program.explain(error))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Joined);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        page.line(told(&self.0));
        page.more("opsbro members");
    }
}

/// Tells of a join that came about.
pub(super) fn told(joined: &Joined) -> String {
    let who = match joined.name.as_str() {
        "" => &joined.uuid,
        name => name,
    };
    let (address, members) = (&joined.address, joined.members);
    format!(
        "{} Joined {who} at {address}: {members} nodes are known",
        "√".green()
    )
}
