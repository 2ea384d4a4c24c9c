//! `opsbro raft`: who leads, who votes, how far each is.

mod recover;

use std::time::{Duration, Instant};

use api::client::With;
use api::raft::{REJOIN, Rejoined, SNAPSHOT, STATE, State as Shown, TRANSFER, Transferred};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::gossip::{address, colored};
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::nodes::Nodes;
use crate::output::{Answer, Page};
use crate::program::{POLL, Program};

/// See how the nodes of the zone agree: who leads, and who votes
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Raft {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro raft state
  opsbro raft wait-leader --timeout 30s";

#[derive(Debug, Subcommand)]
enum Verb {
    State(State),
    WaitLeader(WaitLeader),
    Voters(Voters),
    Transfer(Transfer),
    Snapshot(Snapshot),
    Recover(recover::Recover),
    Adopt(recover::Adopt),
    Rejoin(Rejoin),
}

/// Show who leads, who votes, and how far this node is
///
/// Exits with 1 when nobody leads.
#[derive(Debug, Args)]
#[command(after_help = STATE_EXAMPLES)]
struct State {}

const STATE_EXAMPLES: &str = "Examples:
  opsbro raft state
  opsbro raft state -o json";

/// Wait until somebody leads
///
/// The exit code is 1 when nobody did in time.
#[derive(Debug, Args)]
#[command(after_help = WAIT_EXAMPLES)]
struct WaitLeader {
    /// How long to wait
    #[arg(long, default_value = "30s", value_parser = crate::program::timeout)]
    timeout: Duration,
}

const WAIT_EXAMPLES: &str = "Examples:
  opsbro raft wait-leader
  opsbro raft wait-leader --timeout 5s";

/// List the nodes whose majority decides, and those that copy
#[derive(Debug, Args)]
#[command(after_help = VOTERS_EXAMPLES)]
struct Voters {}

const VOTERS_EXAMPLES: &str = "Examples:
  opsbro raft voters";

/// Let another voter lead
#[derive(Debug, Args)]
#[command(after_help = TRANSFER_EXAMPLES)]
struct Transfer {
    /// That voter: its UUID, the beginning of that, its name or its name for people; without it,
    /// the one of those that answer that has most of the log
    #[arg(add = complete::nodes())]
    to: Option<String>,
}

const TRANSFER_EXAMPLES: &str = "Examples:
  opsbro raft transfer
  opsbro raft transfer web-2";

/// Let this node write a snapshot, and drop the log before it
#[derive(Debug, Args)]
#[command(after_help = SNAPSHOT_EXAMPLES)]
struct Snapshot {}

const SNAPSHOT_EXAMPLES: &str = "Examples:
  opsbro raft snapshot";

/// Let this node forget what it agreed on, and join the group of the others anew
///
/// For a node whose log is damaged, and for the group that is to be dropped when two with data of
/// their own met: run it on each node of that one.
#[derive(Debug, Args)]
#[command(after_help = REJOIN_EXAMPLES)]
struct Rejoin {
    /// Do so though this node may be the only one that has its keys
    #[arg(long)]
    drop_data: bool,
}

const REJOIN_EXAMPLES: &str = "Examples:
  opsbro raft rejoin
  opsbro raft rejoin --drop-data";

impl Raft {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::State(State {}) => show(program, program.get(&STATE, With::default())?),
            Verb::WaitLeader(wait) => wait.run(program),
            Verb::Voters(Voters {}) => {
                let shown: Shown = program.get(&STATE, With::default())?;
                let has_voters = !shown.voters.is_empty();
                program.printer.show(&Members {
                    voters: shown.voters,
                    learners: shown.learners,
                    leader: shown.leader,
                    nodes: Nodes::ask(program),
                })?;
                Ok(Exit::when(has_voters))
            }
            Verb::Transfer(Transfer { to }) => {
                let query: Vec<(&str, &str)> = to.iter().map(|to| ("to", to.as_str())).collect();
                let with = With {
                    query: &query,
                    ..With::default()
                };
                let transferred: Transferred = program.send(&TRANSFER, with, &())?;
                let nodes = Nodes::ask(program);
                program.printer.show(&Leads(transferred, nodes))?;
                Ok(Exit::Yes)
            }
            Verb::Recover(recover) => recover.run(program),
            Verb::Adopt(adopt) => adopt.run(program),
            Verb::Rejoin(Rejoin { drop_data }) => {
                let with = With {
                    query: if drop_data { &[("drop", "yes")] } else { &[] },
                    ..With::default()
                };
                let rejoined: Rejoined = program.send(&REJOIN, with, &())?;
                program.printer.show(&Forgotten(rejoined))?;
                Ok(Exit::Yes)
            }
            Verb::Snapshot(Snapshot {}) => {
                let shown = program.send(&SNAPSHOT, With::default(), &())?;
                show(program, shown)
            }
        }
    }
}

impl WaitLeader {
    fn run(self, program: &Program) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        loop {
            let shown: Shown = program.get(&STATE, With::default())?;
            if shown.leader.is_some() {
                let nodes = Nodes::ask(program);
                program.printer.show(&Found(shown, nodes))?;
                return Ok(Exit::Yes);
            }
            if Instant::now() >= deadline {
                program.printer.say(&format!(
                    "nobody leads after {}: opsbro raft voters tells who must answer",
                    model::format_interval(self.timeout)
                ));
                return Ok(Exit::No);
            }
            std::thread::sleep(POLL);
        }
    }
}

fn show(program: &Program, shown: Shown) -> Outcome {
    let has_leader = shown.leader.is_some();
    let nodes = Nodes::ask(program);
    program.printer.show(&Standing(shown, nodes))?;
    Ok(Exit::when(has_leader))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Standing(Shown, #[serde(skip)] Nodes);

impl Answer for Standing {
    fn text(&self, page: &mut Page) {
        let Self(shown, nodes) = self;
        page.title("Agreement");
        page.line(format!("this node    {}", shown.state));
        let leader = shown.leader.as_deref();
        let leader = leader.map_or_else(|| "none".to_owned(), |uuid| addressed(nodes, uuid));
        page.line(format!("leader       {leader}"));
        page.line(format!("term         {}", shown.term));
        page.line(format!("voters       {}", nodes.names(&shown.voters)));
        if !shown.learners.is_empty() {
            page.line(format!("learners     {}", nodes.names(&shown.learners)));
        }
        if let Some(voter) = &shown.told_by {
            let voter = nodes.name(voter);
            page.line(format!("told by      {voter}: this node holds no copy"));
        }
        page.line(format!(
            "applied      {} of {}",
            shown.last_applied, shown.last_log
        ));
        page.line(format!("revision     {}", shown.revision));
        for other in &shown.meets {
            page.line(format!(
                "meets        {other}: opsbro raft adopt settles which one stays"
            ));
        }
        let (log, snapshot) = (shown.log_bytes, shown.snapshot_bytes);
        page.line(format!("on disk      log {log} B, snapshot {snapshot} B"));
    }
}

/// Names a node, with the address that gossip knows of it.
fn addressed(nodes: &Nodes, uuid: &str) -> String {
    let name = nodes.name(uuid);
    match nodes.get(uuid) {
        Some(member) => format!("{name} ({})", address(&member.addr, member.port)),
        None => name,
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Found(Shown, #[serde(skip)] Nodes);

impl Answer for Found {
    fn text(&self, page: &mut Page) {
        if let Some(leader) = &self.0.leader {
            page.line(format!("{} leads", addressed(&self.1, leader)));
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Leads(Transferred, #[serde(skip)] Nodes);

impl Answer for Leads {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} leads", addressed(&self.1, &self.0.leader)));
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Forgotten(Rejoined);

impl Answer for Forgotten {
    fn text(&self, page: &mut Page) {
        let keys = self.0.keys;
        page.line(format!(
            "{keys} keys are forgotten here; this node waits for the others"
        ));
    }
}

#[derive(Serialize)]
struct Members {
    voters: Vec<String>,
    learners: Vec<String>,
    #[serde(skip)]
    leader: Option<String>,
    #[serde(skip)]
    nodes: Nodes,
}

impl Members {
    fn row(&self, uuid: &str, does: &str) -> Vec<String> {
        let known = self.nodes.get(uuid);
        let state = known.map(|member| colored(&member.state));
        let does = match self.leader.as_deref() == Some(uuid) {
            true => "leads",
            false => does,
        };
        vec![
            self.nodes.name(uuid),
            known
                .map(|member| address(&member.addr, member.port))
                .unwrap_or_default(),
            state.unwrap_or_else(|| "unknown".to_owned()),
            does.to_owned(),
            uuid.to_owned(),
        ]
    }
}

impl Answer for Members {
    fn text(&self, page: &mut Page) {
        let voters = self.voters.iter().map(|uuid| self.row(uuid, "votes"));
        let learners = self.learners.iter().map(|uuid| self.row(uuid, "copies"));
        let rows: Vec<_> = voters.chain(learners).collect();
        if rows.is_empty() {
            return page.line("This node knows of no voter yet.");
        }
        page.table(&["node", "address", "state", "does", "uuid"], &rows);
    }
}
