//! `opsbro monitoring history`

use api::HistoryEntry;
use api::client::With;
use api::monitoring::{HISTORY, Transition};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{beginning, colored, find};
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, date};
use crate::program::Program;

/// Tell what happened to checks, oldest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct History {
    /// How many changes at the most
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    last: usize,
    /// Only those of this check: linux/disks, or linux/disks[/srv]
    #[arg(long, value_name = "CHECK", add = complete::checks())]
    check: Option<String>,
}

const EXAMPLES: &str = "Examples:
  opsbro monitoring history
  opsbro monitoring history --check linux/cpu --last 20 -o json";

impl History {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut entries = self.entries(program, self.check.as_deref())?;
        if let (true, Some(check)) = (entries.is_empty(), &self.check) {
            // It may be the name for people, or misspelled; of one that is gone nothing is known.
            let id = find(program, check)?;
            entries = self.entries(program, Some(&id))?;
        }
        program.printer.show(&Entries(entries))?;
        Ok(Exit::Yes)
    }

    fn entries(
        &self,
        program: &Program,
        check: Option<&str>,
    ) -> Result<Vec<HistoryEntry<Transition>>, Failure> {
        let last = self.last.to_string();
        let mut query = vec![("last", last.as_str())];
        query.extend(check.map(|check| ("check", check)));
        let with = With {
            query: &query,
            ..With::default()
        };
        program.get(&HISTORY, with)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Entries(Vec<HistoryEntry<Transition>>);

impl Answer for Entries {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            page.line("Nothing happened to a check yet.");
        }
        for entry in &self.0 {
            page.line(date(entry.date).bold());
            for transition in &entry.entries {
                show(page, transition);
            }
        }
    }
}

/// Writes one change.
pub(crate) fn show(page: &mut Page, transition: &Transition) {
    let soft = |is_hard: bool| if is_hard { "" } else { " (soft)" };
    let (old, new) = (colored(&transition.old_state), colored(&transition.state));
    let change = match transition.change.as_str() {
        "state" => format!(
            "{old}{} → {new}{}",
            soft(transition.old_is_hard),
            soft(transition.is_hard)
        ),
        "hardened" => format!("{new} counts now"),
        other => format!("{old} {}", other.replace('-', " ")),
    };
    page.line(format!("  - {:44}  {change}", transition.name));
    let (first, rest) = (&transition.output, &transition.long_output);
    beginning(page, "    ", first, rest, &transition.check);
    if !transition.blocked_by.is_empty() {
        let parents = transition.blocked_by.join(", ");
        page.line(format!("    because of {parents}").dimmed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_change_tells_both_states_and_what_was_said() {
        let transition = Transition {
            name: "linux/cpu".to_owned(),
            change: "state".to_owned(),
            old_state: "ok".to_owned(),
            old_is_hard: true,
            state: "critical".to_owned(),
            output: "CRITICAL: cpu is at 99 %".to_owned(),
            blocked_by: vec!["node:db1".to_owned()],
            ..Transition::default()
        };
        let entries = Entries(vec![HistoryEntry {
            date: 1_795_214_368,
            entries: vec![transition],
        }]);
        let text = text_of(&entries);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "2026-11-20T22:39:28Z");
        assert!(lines[1].ends_with("√ OK → Х CRITICAL (soft)"), "{text}");
        assert_eq!(lines[2], "    | CRITICAL: cpu is at 99 %");
        assert_eq!(lines[3], "    because of node:db1");
    }
}
