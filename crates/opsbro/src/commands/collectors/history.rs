//! `opsbro collectors history`

use api::HistoryEntry;
use api::collectors::{Change, HISTORY};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::colored;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, date};
use crate::program::Program;

/// Tell when collectors changed their state, and why, oldest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct History {
    /// How many changes at the most
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    last: usize,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors history
  opsbro collectors history --last 20 -o json";

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
            page.line("No collector changed its state yet.");
        }
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .flat_map(|entry| {
                let date = date(entry.date);
                entry.entries.iter().map(move |change| row(&date, change))
            })
            .collect();
        page.table(&[], &rows);
    }
}

fn row(date: &str, change: &Change) -> Vec<String> {
    vec![
        date.dimmed().to_string(),
        change.name.bold().to_string(),
        format!(
            "{} → {}",
            colored(&change.old_state),
            colored(&change.state)
        ),
        change.log.dimmed().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_change_stands_on_one_line() {
        let change = Change {
            name: "redis".to_owned(),
            old_state: "OK".to_owned(),
            state: "ERROR".to_owned(),
            log: "127.0.0.1:6379 refuses connections".to_owned(),
        };
        let entries = Entries(vec![HistoryEntry {
            date: 1_795_214_368,
            entries: vec![change],
        }]);
        let expect =
            "2026-11-20T22:39:28Z  redis  OK → ERROR  127.0.0.1:6379 refuses connections\n";
        assert_eq!(text_of(&entries), expect);
        assert!(text_of(&Entries(Vec::new())).contains("No collector"));
    }
}
