//! `opsbro gossip zone`, `opsbro zone`

use std::collections::BTreeMap;

use api::client::With;
use api::gossip::{ZONE_CHANGE, ZONES, Zone as Known, ZoneChanged};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::zone_key;
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// See the zones, and go to another
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Zone {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip zone list
  opsbro gossip zone change customer-1
  opsbro gossip zone key generate --zone internet";

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Change(Change),
    Key(zone_key::ZoneKey),
}

impl Zone {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(_) => {
                program
                    .printer
                    .show(&Tree(program.get(&ZONES, With::default())?))?;
                Ok(Exit::Yes)
            }
            Verb::Change(change) => change.run(program),
            Verb::Key(command) => command.run(program),
        }
    }
}

/// Show the tree of zones, and how each lies to this node's
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro gossip zone list
  opsbro zone list -o json";

/// Take this node to another zone, for good
#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXAMPLES)]
struct Change {
    /// The zone
    #[arg(add = complete::zones())]
    zone: String,
}

const CHANGE_EXAMPLES: &str = "Examples:
  opsbro gossip zone change lan
  opsbro zone change customer-1";

impl Change {
    fn run(self, program: &Program) -> Outcome {
        let changed = program.send(&ZONE_CHANGE, With::default(), &self.zone)?;
        program.printer.show(&Changed(changed))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Changed(ZoneChanged);

impl Answer for Changed {
    fn text(&self, page: &mut Page) {
        let zone = &self.0.zone;
        page.line(format!(
            "{} The node is in the zone {zone} now",
            "√".green()
        ));
        page.note("it holds until node-zone in agent.yml says something new");
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Tree(BTreeMap<String, Known>);

/// Zones below each other that are shown; files that make a ring end here.
const DEPTH_MAX: usize = 32;

impl Answer for Tree {
    fn text(&self, page: &mut Page) {
        page.title("Known zones");
        let all = || self.0.values();
        let is_below = |zone: &Known| all().any(|other| other.sub_zones.contains(&zone.name));
        for zone in all().filter(|zone| !is_below(zone)) {
            self.branch(page, zone, 0);
        }
        page.blank();
        page.title("Zones types legend");
        for (name, what) in [
            ("Your zone", "all its nodes are known here"),
            ("Lower zone", "all its nodes are known here"),
            (
                "Higher zone",
                "of the one right above, its proxies are known here",
            ),
            ("Other zone", "nothing of it is known here"),
        ] {
            page.line(format!(" - {name:12}: {}", what.dimmed()));
        }
    }
}

impl Tree {
    fn branch(&self, page: &mut Page, zone: &Known, depth: usize) {
        let kind = match zone.relation.as_str() {
            "own" => "Your zone".green().to_string(),
            "lower" => "Lower zone".cyan().to_string(),
            "higher" => "Higher zone".yellow().to_string(),
            _ => "Other zone".dimmed().to_string(),
        };
        let key = match zone.have_gossip_key {
            true => format!(" [ {} ]", "has a gossip key".green()),
            false => String::new(),
        };
        let nodes = match zone.members {
            0 => String::new(),
            1 => ", 1 node".to_owned(),
            count => format!(", {count} nodes"),
        };
        let indent = "  |".repeat(depth);
        page.line(format!(
            "{indent} * {}{key} ( {kind}{nodes} )",
            zone.name.bold()
        ));
        if depth < DEPTH_MAX {
            for below in zone.sub_zones.iter().filter_map(|name| self.0.get(name)) {
                self.branch(page, below, depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text_of;
    use super::*;

    #[test]
    fn zones_stand_below_the_one_above() {
        let zone = |name: &str, relation: &str, below: &[&str]| {
            let zone = Known {
                name: name.to_owned(),
                relation: relation.to_owned(),
                sub_zones: below.iter().map(|it| (*it).to_owned()).collect(),
                have_gossip_key: relation == "own",
                members: 2,
                is_our_zone: relation == "own",
            };
            (name.to_owned(), zone)
        };
        let tree = Tree(BTreeMap::from([
            zone("lan", "higher", &["internet"]),
            zone("internet", "own", &["customer-1"]),
            zone("customer-1", "lower", &[]),
        ]));
        let text = text_of(&tree);
        let lines: Vec<&str> = text.lines().skip(1).take(3).collect();
        assert_eq!(lines[0], " * lan ( Higher zone, 2 nodes )");
        assert_eq!(
            lines[1],
            "  | * internet [ has a gossip key ] ( Your zone, 2 nodes )"
        );
        assert_eq!(lines[2], "  |  | * customer-1 ( Lower zone, 2 nodes )");
    }
}
