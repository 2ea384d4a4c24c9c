//! `opsbro detectors run`

use std::collections::BTreeMap;
use std::time::Duration;

use api::client::With;
use api::detectors::{RUN, RUN_ONE, Trial};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Try detectors and show what they would give; nothing is changed
///
/// With a name, the exit code is 0 when it matches, and 1 when it does not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// The name of a detector, `redis` or `redis/redis`; all of them by default
    #[arg(add = complete::detectors())]
    name: Option<String>,
}

const EXAMPLES: &str = "Examples:
  opsbro detectors run
  opsbro detectors run redis
  opsbro detectors run linux/linux -o json";

/// The longest that a trial of all detectors may take: the agent's own time box, and a little.
const TIMEOUT: Duration = Duration::from_secs(35);

impl Run {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let client = program.client()?.with_timeout(TIMEOUT);
        let tried: Result<BTreeMap<String, Trial>, _> = match &self.name {
            Some(name) => client.get(
                &RUN_ONE,
                With {
                    path: &[name],
                    ..With::default()
                },
            ),
            None => client.get(&RUN, With::default()),
        };
        let tried = Tried(tried.map_err(|error| program.explain(error))?);
        program.printer.show(&tried)?;
        let matched = tried.0.values().any(|trial| trial.matched);
        Ok(Exit::when(matched || self.name.is_none()))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Tried(BTreeMap<String, Trial>);

impl Answer for Tried {
    fn text(&self, page: &mut Page) {
        let of = |matched: bool| self.0.iter().filter(move |(_, it)| it.matched == matched);
        page.title("Detectors that match");
        for (id, trial) in of(true) {
            page.line(format!(" {} {}", "√".green(), id.bold()));
            page.line(format!(
                "   groups:     {}",
                trial.groups.join(", ").green()
            ));
            if !trial.new_groups.is_empty() {
                page.line(format!(
                    "   new groups: {}",
                    trial.new_groups.join(", ").yellow()
                ));
            }
            if !trial.log.is_empty() {
                page.line(format!("   | {}", trial.log));
            }
        }
        let told: Vec<_> = of(false)
            .filter(|(_, trial)| !trial.log.is_empty())
            .collect();
        if !told.is_empty() {
            page.title("Detectors that cannot tell");
        }
        for (id, trial) in &told {
            page.line(format!(" {} {}", "‼".yellow(), id.bold()));
            page.line(format!("   | {}", trial.log));
        }
        let others: Vec<&str> = of(false)
            .filter(|(_, trial)| trial.log.is_empty())
            .map(|(id, _)| id.as_str())
            .collect();
        if !others.is_empty() {
            page.title("Detectors that do not match");
            page.field("Names", others.join(", "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn what_would_be_given_stands_first() {
        let matches = Trial {
            matched: true,
            groups: vec!["linux".to_owned(), "debian".to_owned()],
            new_groups: vec!["debian".to_owned()],
            log: String::new(),
        };
        let unknown = Trial {
            log: "collector.x.y is missing (x: ERROR)".to_owned(),
            ..Trial::default()
        };
        let tried = Tried(BTreeMap::from([
            ("system/os".to_owned(), matches),
            ("geoloc/geoloc".to_owned(), unknown),
            ("redis/redis".to_owned(), Trial::default()),
        ]));
        let expect = "\
──────────── Detectors that match ──────────────────────────────────────────────
 √ system/os
   groups:     linux, debian
   new groups: debian
──────────── Detectors that cannot tell ────────────────────────────────────────
 ‼ geoloc/geoloc
   | collector.x.y is missing (x: ERROR)
──────────── Detectors that do not match ───────────────────────────────────────
 Names:              redis/redis
";
        assert_eq!(text_of(&tried), expect);
    }
}
