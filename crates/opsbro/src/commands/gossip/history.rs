//! `opsbro gossip history`

use api::HistoryEntry;
use api::gossip::{HISTORY, NodeChange};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{called, colored};
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, date};
use crate::program::Program;

/// Tell when nodes came and went, and who said so, oldest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct History {
    /// How many changes at the most
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    last: usize,
    /// Also changes of groups
    #[arg(long)]
    all: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip history
  opsbro gossip history --all --last 50
  opsbro gossip history -o json";

impl History {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut entries: Vec<HistoryEntry<NodeChange>> = program.history(&HISTORY, self.last)?;
        if !self.all {
            for entry in &mut entries {
                entry
                    .entries
                    .retain(|change| !change.kind.starts_with("group-"));
            }
            entries.retain(|entry| !entry.entries.is_empty());
        }
        program.printer.show(&Entries(entries))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Entries(Vec<HistoryEntry<NodeChange>>);

impl Answer for Entries {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            page.line("Nothing happened to a node yet.");
        }
        for entry in &self.0 {
            let date = date(entry.date);
            for change in &entry.entries {
                let name = called(&change.name, &change.display_name);
                page.line(format!("{}  {name}  {}", date.dimmed(), what(change)));
            }
        }
    }
}

fn what(change: &NodeChange) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    match change.kind.as_str() {
        "node-state-change" => {
            let others = change.accuser_uuid.as_ref() != Some(&change.uuid);
            let by = change.accuser.as_ref().filter(|_| others);
            let by = by.map(|name| format!(", said {name}")).unwrap_or_default();
            let (old, new) = (text(&change.old_state), text(&change.state));
            format!("{} → {}{}", old.dimmed(), colored(&new), by.dimmed())
        }
        "node-zone-change" => format!("zone {} → {}", text(&change.old_zone), text(&change.zone)),
        "node-forgotten" => "forgotten".red().to_string(),
        "group-remove" => format!("- {}", text(&change.group)).red().to_string(),
        _ => format!("+ {}", text(&change.group)).green().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text_of;
    use super::*;

    #[test]
    fn a_death_is_told_with_who_said_so() {
        let change = NodeChange {
            kind: "node-state-change".to_owned(),
            name: "web-1".to_owned(),
            old_state: Some("suspect".to_owned()),
            state: Some("dead".to_owned()),
            accuser: Some("db-1".to_owned()),
            ..NodeChange::default()
        };
        let entries = Entries(vec![HistoryEntry {
            date: 1_795_214_373,
            entries: vec![change],
        }]);
        let expect = "2026-11-20T22:39:33Z  web-1  suspect → Х dead, said db-1\n";
        assert_eq!(text_of(&entries), expect);
    }
}
