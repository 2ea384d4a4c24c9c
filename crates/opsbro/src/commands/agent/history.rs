//! `opsbro agent history`

use api::agent::{HISTORY, HistoryEntry};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Tell the life of the agent: starts, stops, reloads and changes, oldest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct History {
    /// How many entries at the most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    last: usize,
}

const EXAMPLES: &str = "Examples:
  opsbro agent history
  opsbro agent history --last 5 -o json";

impl History {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let entries = program.history(&HISTORY, self.last)?;
        program.printer.show(&Entries(entries))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Entries(Vec<HistoryEntry>);

impl Answer for Entries {
    fn text(&self, page: &mut Page) {
        let row = |entry: &HistoryEntry| {
            vec![
                entry.date.dimmed().to_string(),
                entry.kind.cyan().to_string(),
                entry.text.clone(),
            ]
        };
        let rows: Vec<_> = self.0.iter().map(row).collect();
        page.table(&[], &rows);
    }
}
