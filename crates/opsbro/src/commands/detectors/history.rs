//! `opsbro detectors history`

use api::HistoryEntry;
use api::detectors::{Change, HISTORY};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, date};
use crate::program::Program;

/// Tell when groups of this node came and went, oldest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct History {
    /// How many changes at the most
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    last: usize,
}

const EXAMPLES: &str = "Examples:
  opsbro detectors history
  opsbro detectors history --last 20 -o json";

impl History {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let entries = program.history(&HISTORY, self.last)?;
        program.printer.show(&Entries(entries))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Entries(Vec<HistoryEntry<Change>>);

impl Answer for Entries {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            page.line("No group came or went yet.");
        }
        for entry in &self.0 {
            let date = date(entry.date);
            for change in &entry.entries {
                page.line(format!("{}  {}", date.dimmed(), sign(change)));
            }
        }
    }
}

fn sign(change: &Change) -> String {
    match change.kind.as_str() {
        "group-remove" => format!("- {}", change.group).red().to_string(),
        _ => format!("+ {}", change.group).green().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn what_came_has_a_plus_and_what_went_a_minus() {
        let change = |kind: &str, group: &str| Change {
            kind: kind.to_owned(),
            group: group.to_owned(),
            name: "web-1".to_owned(),
            display_name: String::new(),
            uuid: String::new(),
        };
        let entries = Entries(vec![HistoryEntry {
            date: 1_795_214_373,
            entries: vec![
                change("group-add", "redis"),
                change("group-remove", "mysql"),
            ],
        }]);
        let expect = "2026-11-20T22:39:33Z  + redis\n2026-11-20T22:39:33Z  - mysql\n";
        assert_eq!(text_of(&entries), expect);
    }
}
