//! `opsbro gossip members`, `opsbro members`

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use api::agent::{INFO, Info};
use api::client::With;
use api::gossip::{Done, FORGET, MEMBERS, Member};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{address, called, colored};
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::nodes::shown_name;
use crate::output::{Answer, Page, whole_seconds};
use crate::program::Program;

/// Show the nodes of the cluster, by zone
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Members {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Also tell UUIDs, who said a state first, and how old what is known is
    #[arg(long)]
    detail: bool,
    /// Only the nodes of this zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Show them again whenever something changes, until interrupted
    #[arg(long)]
    watch: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro members
  opsbro members --detail --zone internet
  opsbro members --watch
  opsbro members -o json
  opsbro members forget web-7";

#[derive(Debug, Subcommand)]
enum Verb {
    Forget(Forget),
}

/// Forget a node that is dead or has left, on all nodes and for good
#[derive(Debug, Args)]
#[command(after_help = FORGET_EXAMPLES)]
struct Forget {
    /// The node: its UUID, the beginning of that, its name or its name for people
    #[arg(add = complete::nodes())]
    node: String,
}

const FORGET_EXAMPLES: &str = "Examples:
  opsbro members forget web-7
  opsbro gossip members forget 0c7d";

/// How often it is looked at again.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

impl Members {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        if let Some(Verb::Forget(forget)) = self.verb {
            return forget.run(program);
        }
        let mut last = self.ask(program)?;
        program.printer.show(&last)?;
        if !self.watch {
            return Ok(Exit::Yes);
        }
        loop {
            let next = Instant::now() + WATCH_INTERVAL;
            let members = self.ask(program)?;
            if members.marks() != last.marks() {
                program.printer.show_next(&members)?;
                last = members;
            }
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn ask(&self, program: &Program) -> Result<Listed, Failure> {
        let mut query = Vec::new();
        if self.detail {
            query.push(("detail", "true"));
        }
        query.extend(self.zone.as_deref().map(|zone| ("zone", zone)));
        let info: Info = program.get(&INFO, With::default())?;
        let is_open = info.listen.contains_key("gossip") && !info.is_zone_protected;
        Ok(Listed {
            members: all(program, &query)?,
            detail: self.detail,
            open: is_open.then_some(info.zone),
        })
    }
}

/// Asks the agent for the members, by zone and name.
pub(super) fn all(program: &Program, query: &[(&str, &str)]) -> Result<Vec<Member>, Failure> {
    let with = With {
        query,
        ..With::default()
    };
    let all: BTreeMap<String, Member> = program.get(&MEMBERS, with)?;
    let mut members: Vec<Member> = all.into_values().collect();
    members.sort_by(|one, other| {
        let key = |it: &Member| (it.zone.clone(), shown_name(it).to_owned(), it.uuid.clone());
        key(one).cmp(&key(other))
    });
    Ok(members)
}

impl Forget {
    fn run(self, program: &Program) -> Outcome {
        let with = With {
            path: &[&self.node],
            ..With::default()
        };
        program
            .printer
            .show(&Forgotten(program.get(&FORGET, with)?))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Forgotten(Done);

impl Answer for Forgotten {
    fn text(&self, page: &mut Page) {
        let Done { name, uuid } = &self.0;
        page.line(format!("{} {name} ({uuid}) is forgotten", "√".green()));
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed {
    members: Vec<Member>,
    #[serde(skip)]
    detail: bool,
    /// This node's zone, when its gossip is open.
    #[serde(skip)]
    open: Option<String>,
}

impl Listed {
    /// What makes them worth being shown again.
    fn marks(&self) -> Vec<(&str, &str, &str, &[String], &str)> {
        let members = self.members.iter();
        members
            .map(|it| {
                let state = it.health.state.as_str();
                (
                    it.uuid.as_str(),
                    it.state.as_str(),
                    it.zone.as_str(),
                    &it.groups[..],
                    state,
                )
            })
            .collect()
    }
}

impl Answer for Listed {
    fn text(&self, page: &mut Page) {
        let mut zones: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
        for member in &self.members {
            zones.entry(&member.zone).or_default().push(member);
        }
        if zones.is_empty() {
            page.line("No node is known there.");
            page.more("opsbro zone list");
        }
        for (zone, members) in zones {
            page.title(&format!("Zone: {zone}"));
            let rows: Vec<Vec<String>> = members
                .into_iter()
                .map(|member| {
                    if self.detail {
                        detailed(member)
                    } else {
                        row(member)
                    }
                })
                .collect();
            page.table(&[], &rows);
        }
        if let Some(zone) = &self.open {
            page.line(format!(
                "{} gossip is open: the zone {zone} has no key, so whoever reaches the port can \
                 join and listen (opsbro keygen | opsbro keys add - --use)",
                "‼".red()
            ));
        }
    }
}

fn row(member: &Member) -> Vec<String> {
    let name = called(&member.name, &member.display_name);
    vec![
        format!("  - {} > {name}", member.zone.dimmed()),
        colored(&member.state),
        address(&member.addr, member.port),
        if member.is_proxy { "proxy" } else { "" }.to_owned(),
        member.groups.join(","),
    ]
}

fn detailed(member: &Member) -> Vec<String> {
    let mut more = vec![format!("since {}", whole_seconds(&member.since))];
    more.extend(member.accuser.as_ref().map(|by| format!("said by {by}")));
    if let Some(heard) = member.heard_ms {
        more.push(format!("heard {} s ago", heard / 1_000));
    }
    more.extend(
        member
            .through
            .as_ref()
            .map(|zone| format!("through the zone {zone}")),
    );
    more.push(match &member.key {
        Some(key) => format!("key {key}"),
        None => "no key".to_owned(),
    });
    more.push(format!("checks {}", member.health.state));
    more.push(format!("version {}", member.version));
    if let Some(cut) = &member.cut {
        more.push(format!("did not fit: {}", cut.join(", ")));
    }
    let mut row = row(member);
    row[0] = format!(
        " {}  {}",
        member.uuid.dimmed(),
        called(&member.name, &member.display_name)
    );
    row.insert(3, member.incarnation.to_string());
    if let Some(groups) = row.last_mut() {
        *groups = format!("{groups}\n{}", more.join(", ").dimmed());
    }
    row
}

#[cfg(test)]
mod tests {
    use super::super::text_of;
    use super::*;

    #[test]
    fn nodes_stand_below_their_zone() {
        let web = Member {
            name: "web-1".to_owned(),
            display_name: "front".to_owned(),
            zone: "internet".to_owned(),
            addr: "10.0.0.1".to_owned(),
            port: 6768,
            state: "alive".to_owned(),
            groups: vec!["linux".to_owned(), "web".to_owned()],
            ..Member::default()
        };
        let lan = Member {
            name: "db-1".to_owned(),
            display_name: String::new(),
            zone: "lan".to_owned(),
            addr: "fd00::1".to_owned(),
            state: "dead".to_owned(),
            is_proxy: true,
            groups: Vec::new(),
            ..web.clone()
        };
        let listed = Listed {
            members: vec![web, lan],
            detail: false,
            open: None,
        };
        let text = text_of(&listed);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains(" Zone: internet "), "{text}");
        assert_eq!(
            lines[1],
            "  - internet > [ front ]  √ alive  10.0.0.1:6768    linux,web"
        );
        assert!(lines[2].contains(" Zone: lan "), "{text}");
        assert_eq!(lines[3], "  - lan > db-1  Х dead  [fd00::1]:6768  proxy");
    }
}
