//! `opsbro inventory diff`

use std::time::Duration;

use api::client::With;
use api::inventory::{Change, DIFF, Difference};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};

/// Show what changed on this machine: packages, services, ports, disks, certificates
///
/// What was changed and changed back is left out, unless --steps is given. The exit code is 0 when
/// something changed, and 1 when nothing did.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Diff {
    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = timeout)]
    since: Duration,
    /// Each change by itself, also those that were undone
    #[arg(long)]
    steps: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro inventory diff
  opsbro inventory diff --since 2d
  opsbro inventory diff --since 15m --steps -o json";

impl Diff {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let since = format!("{}s", self.since.as_secs());
        let steps = if self.steps { "true" } else { "false" };
        let with = With {
            query: &[("since", &since), ("steps", steps)],
            ..With::default()
        };
        let difference: Difference = program.get(&DIFF, with)?;
        let exit = Exit::when(!difference.changes.is_empty());
        program.printer.show(&Shown(difference))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Difference);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(difference) = self;
        if let Some(known) = &difference.known_since {
            page.line(format!("What changed before {known} is not known.").yellow());
        }
        if difference.changes.is_empty() {
            page.line(format!("Nothing changed since {}.", difference.since));
        }
        page.table(&[], &difference.changes.iter().map(row).collect::<Vec<_>>());
    }
}

fn row(change: &Change) -> Vec<String> {
    let text = match (&change.old, &change.new) {
        (None, _) => format!("+ {}", change.text).green().to_string(),
        (Some(_), None) => format!("- {}", change.text).red().to_string(),
        (Some(_), Some(_)) => format!("~ {}", change.text).yellow().to_string(),
    };
    vec![change.at.dimmed().to_string(), text]
}

#[cfg(test)]
mod tests {
    use api::inventory::Item;

    use super::*;
    use crate::output::text_of;

    #[test]
    fn changes_are_told_in_words() {
        let change = |text: &str, old: bool, new: bool| Change {
            at: "2026-11-25T19:00:00.000Z".to_owned(),
            section: "packages".to_owned(),
            name: "x".to_owned(),
            old: old.then(Item::new),
            new: new.then(Item::new),
            text: text.to_owned(),
        };
        let difference = Difference {
            since: "2026-11-25T18:30:00.000Z".to_owned(),
            known_since: Some("2026-11-25T18:45:00.000Z".to_owned()),
            changes: vec![
                change("package openssl upgraded 3.0.11 → 3.0.13", true, true),
                change("port tcp 0.0.0.0:80 opened by nginx", false, true),
                change("unit exim4.service gone", true, false),
            ],
            ..Difference::default()
        };
        let expect = "\
What changed before 2026-11-25T18:45:00.000Z is not known.
2026-11-25T19:00:00.000Z  ~ package openssl upgraded 3.0.11 → 3.0.13
2026-11-25T19:00:00.000Z  + port tcp 0.0.0.0:80 opened by nginx
2026-11-25T19:00:00.000Z  - unit exim4.service gone
";
        assert_eq!(text_of(&Shown(difference)), expect);
    }
}
