//! `opsbro collectors state`

use api::collectors::Collector;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{TOPIC, colored, counted, reasons, states};
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, topic_color};
use crate::program::Program;

/// Show how each collector does, and why
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct State {
    /// Only those in this state: ok, error, not-eligible, missing-configuration, pending
    #[arg(long, value_name = "STATE", value_parser = state)]
    only: Option<String>,
}

const EXAMPLES: &str = "Examples:
  opsbro collectors state
  opsbro collectors state --only error
  opsbro collectors state -o json";

/// Every state, as it is written.
pub(super) const ALL: [&str; 5] = [
    "PENDING",
    "OK",
    "NOT-ELIGIBLE",
    "MISSING-CONFIGURATION",
    "ERROR",
];

fn state(text: &str) -> Result<String, String> {
    let wanted = text.to_uppercase();
    match ALL.iter().find(|state| **state == wanted) {
        Some(state) => Ok((*state).to_owned()),
        None => Err(format!("it is one of {}", ALL.join(", ").to_lowercase())),
    }
}

impl State {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut all = states(program)?;
        all.retain(|it| self.only.as_ref().is_none_or(|state| it.state == *state));
        program.printer.show(&States(all))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct States(Vec<Collector>);

impl Answer for States {
    fn text(&self, page: &mut Page) {
        page.title("Collectors");
        let widest = self.0.iter().map(|it| it.name.chars().count()).max();
        let width = widest.unwrap_or(0).max(20);
        for collector in &self.0 {
            let name = format!("{:width$}", collector.name);
            page.line(format!(
                " - {} → {}",
                name.color(topic_color(TOPIC)),
                colored(&collector.state)
            ));
            for reason in reasons(collector) {
                page.line(format!("   | {reason}").dimmed());
            }
        }
        let states = self.0.iter().map(|it| it.state.as_str());
        page.line(format!(" {}", counted(states)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::sample;
    use super::*;
    use crate::output::text_of;

    #[test]
    fn each_state_tells_why_and_what_to_do() {
        let redis = Collector {
            log: "the group redis is missing".to_owned(),
            todo: "add the group redis".to_owned(),
            ..sample("redis", "NOT-ELIGIBLE", Value::Null)
        };
        let nfs = Collector {
            log: "it did not end within 5s".to_owned(),
            hangs_since: Some("2026-11-25T19:00:00Z".to_owned()),
            ..sample("nfs", "ERROR", Value::Null)
        };
        let expect = "\
──────────── Collectors ────────────────────────────────────────────────────────
 - memory               → OK
 - nfs                  → ERROR
   | it did not end within 5s
   | a run hangs since 2026-11-25T19:00:00Z; there is no other until it ends
 - redis                → NOT-ELIGIBLE
   | the group redis is missing
   | → add the group redis
 1 OK / 1 NOT-ELIGIBLE / 1 ERROR
";
        let all = vec![sample("memory", "OK", Value::Null), nfs, redis];
        assert_eq!(text_of(&States(all)), expect);
    }

    #[test]
    fn a_wrong_state_is_told_the_right_ones() {
        assert_eq!(state("not-eligible").unwrap(), "NOT-ELIGIBLE");
        assert!(
            state("broken")
                .unwrap_err()
                .contains("missing-configuration")
        );
    }
}
