//! `opsbro downtime` and `opsbro silence`: times in which nobody is told.

mod unknown;

use api::alerts::{MUTE, MUTES, Mute, NewMute, UNMUTE};
use api::client::With;
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, whole_seconds};
use crate::program::Program;

/// Plan work: nobody is told of what is in downtime
#[derive(Debug, Args)]
#[command(after_help = DOWNTIME_EXAMPLES)]
pub(crate) struct Downtime {
    #[command(subcommand)]
    verb: Verb,
}

const DOWNTIME_EXAMPLES: &str = "Examples:
  opsbro downtime add --check 'linux/*' --for 2h --comment 'new kernel'
  opsbro downtime add --node db-1 --from '2026-11-30 22:00' --until '2026-11-30 23:00'
  opsbro downtime add --group backup --every 'sun 02:00-04:00'
  opsbro downtime list
  opsbro downtime remove d3";

/// Keep handlers quiet for a while, without calling it planned work
#[derive(Debug, Args)]
#[command(after_help = SILENCE_EXAMPLES)]
pub(crate) struct Silence {
    #[command(subcommand)]
    verb: Verb,
}

const SILENCE_EXAMPLES: &str = "Examples:
  opsbro silence add --check 'linux/swap*' --for 1d
  opsbro silence add --handler 'slack/*' --for 1h
  opsbro silence list
  opsbro silence remove s4";

#[derive(Debug, Subcommand)]
enum Verb {
    Add(Box<Add>),
    List(List),
    Remove(Remove),
}

/// Begin one, now or later
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct Add {
    /// Nodes; * stands for any text, and !NAME takes one away
    #[arg(long = "node", value_name = "NODE", add = complete::nodes())]
    nodes: Vec<String>,
    /// Groups of nodes
    #[arg(long = "group", value_name = "GROUP", add = complete::groups())]
    groups: Vec<String>,
    /// Checks
    #[arg(long = "check", value_name = "CHECK", add = complete::checks())]
    checks: Vec<String>,
    /// Handlers, of a silence
    #[arg(long = "handler", value_name = "HANDLER", add = complete::handlers())]
    handlers: Vec<String>,
    /// When it begins; now without it
    #[arg(long)]
    from: Option<String>,
    /// For how long
    #[arg(long = "for", value_name = "TIME")]
    lasts: Option<String>,
    /// Until when: 2026-11-30T08:00:00Z, or "2026-11-30 08:00" of the node's own clock
    #[arg(long, conflicts_with = "lasts")]
    until: Option<String>,
    /// The hours in which it holds, again and again: 'sun 02:00-04:00'
    #[arg(long)]
    every: Vec<String>,
    /// The time zone of these hours
    #[arg(long, default_value = "")]
    timezone: String,
    /// What for
    #[arg(long, default_value = "")]
    comment: String,
}

const ADD_EXAMPLES: &str = "Examples:
  opsbro downtime add --check 'linux/*' --for 2h --comment 'new kernel'
  opsbro silence add --handler 'slack/*' --for 1h";

/// List them
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro downtime list
  opsbro silence list -o json";

/// End one
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct Remove {
    /// Its name, as the list shows it
    id: String,
}

const REMOVE_EXAMPLES: &str = "Examples:
  opsbro downtime remove d3
  opsbro silence remove s4";

impl Downtime {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        self.verb.run("downtime", program)
    }
}

impl Silence {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        self.verb.run("silence", program)
    }
}

impl Verb {
    fn run(self, kind: &str, program: &Program) -> Outcome {
        match self {
            Self::Add(add) => {
                let asked = NewMute {
                    kind: kind.to_owned(),
                    nodes: add.nodes,
                    groups: add.groups,
                    checks: add.checks,
                    handlers: add.handlers,
                    from: add.from,
                    lasts: add.lasts,
                    until: add.until,
                    every: add.every,
                    timezone: add.timezone,
                    comment: add.comment,
                };
                let made: Mute = program.send(&MUTE, With::default(), &asked)?;
                for note in unknown::notes(program, &made) {
                    program.printer.say(&note);
                }
                program.printer.show(&Mutes(vec![made]))?;
            }
            Self::List(List {}) => {
                let mut all: Vec<Mute> = program.get(&MUTES, With::default())?;
                all.retain(|mute| mute.kind == kind);
                if all.is_empty() && !program.printer.is_for_programs() {
                    program.printer.say(&format!("There is no {kind}."));
                }
                program.printer.show(&Mutes(all))?;
            }
            Self::Remove(remove) => {
                let with = With {
                    path: &[&remove.id],
                    ..With::default()
                };
                let ended: Mute = program.get(&UNMUTE, with)?;
                program.printer.show(&Ended(ended))?;
            }
        }
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Ended(Mute);

impl Answer for Ended {
    fn text(&self, page: &mut Page) {
        let Mute { kind, id, .. } = &self.0;
        page.line(format!("The {kind} {id} is over: {}", about(&self.0)));
    }
}

/// Says what somebody is not told of.
fn about(mute: &Mute) -> String {
    let what = [
        ("nodes", &mute.nodes),
        ("groups", &mute.groups),
        ("checks", &mute.checks),
        ("handlers", &mute.handlers),
    ];
    let named = what.iter().filter(|(_, patterns)| !patterns.is_empty());
    let named = named.map(|(kind, patterns)| format!("{kind} {}", patterns.join(", ")));
    named.collect::<Vec<_>>().join("; ")
}

#[derive(Serialize)]
#[serde(transparent)]
struct Mutes(Vec<Mute>);

impl Answer for Mutes {
    fn text(&self, page: &mut Page) {
        let row = |mute: &Mute| {
            let mut when: Vec<String> = Vec::new();
            if !mute.is_active {
                when.push(format!("from {}", whole_seconds(&mute.from)));
            }
            let until = mute.until.as_deref().map(whole_seconds);
            when.extend(until.map(|until| format!("until {until}")));
            when.extend((!mute.every.is_empty()).then(|| mute.every.join("; ")));
            vec![
                mute.id.bold().to_string(),
                if mute.is_active {
                    "active"
                } else {
                    "not active"
                }
                .to_owned(),
                about(mute),
                when.join(", "),
                mute.by.clone(),
                mute.comment.clone(),
            ]
        };
        let rows: Vec<_> = self.0.iter().map(row).collect();
        if !rows.is_empty() {
            page.table(&["id", "", "about", "when", "by", "comment"], &rows);
        }
    }
}
