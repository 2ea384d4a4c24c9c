//! `opsbro explain check`

use api::client::With;
use api::monitoring::{EXPLAIN, Explained, Figure};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::commands::evaluator::eval::tree;
use crate::commands::monitoring::{colored, find, output, since};
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, whole_seconds};
use crate::program::Program;

/// Explain why a check is as it is
///
/// Shows its expressions with the value of each part, its source and age, where each threshold is
/// set, what it depends on, and what happened last.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// The check: linux/cpu, or its name for people
    #[arg(add = complete::checks())]
    name: String,
}

const EXAMPLES: &str = "Examples:
  opsbro explain check linux/cpu
  opsbro explain check disks -o json";

impl Check {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let id = find(program, &self.name)?;
        let with = With {
            path: &[&id],
            ..With::default()
        };
        program.printer.show(&Shown(program.get(&EXPLAIN, with)?))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Explained);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(explained) = self;
        page.title(&format!("Check {}", explained.id));
        page.field(
            "Written in",
            format!("{} ({})", explained.from, explained.level),
        );
        page.field("Timing", explained.timing.join(", "));
        if !explained.why_not.is_empty() {
            page.field("Does not run", &explained.why_not);
        }
        if !explained.runs.is_empty() {
            page.field("Runs", &explained.runs);
        }
        for detail in &explained.details {
            page.field(&detail.name, &detail.value);
        }
        for thing in &explained.things {
            let counts = match thing.is_hard {
                true if thing.state == "pending" => "does not count yet".to_owned(),
                true => "counts".to_owned(),
                false => format!("soft {}/{}", thing.attempt, thing.attempts),
            };
            page.line(format!(
                " {}  {}  {counts}, {}, flapping {} %",
                thing.id.bold(),
                colored(&thing.state),
                since(thing),
                thing.flapping_pct
            ));
            output(page, "   ", &thing.output, &thing.long_output);
            figures(page, &thing.figures);
        }
        for expression in &explained.expressions {
            page.blank();
            let instance = expression.instance.as_deref();
            let of = instance.map_or_else(String::new, |it| format!(" of {it}"));
            page.line(format!(" {}{of}", expression.key.bold()));
            let mut rows = Vec::new();
            tree(&expression.tree, "   ", "   ", &mut rows);
            page.table(&[], &rows);
        }
        if !explained.parameters.is_empty() {
            page.blank();
            let row = |it: &api::monitoring::Threshold| {
                vec![it.name.clone(), it.value.clone(), it.from.clone()]
            };
            let rows: Vec<Vec<String>> = explained.parameters.iter().map(row).collect();
            page.table(&["parameter", "value", "set in"], &rows);
        }
        for parent in &explained.parents {
            page.field("Depends on", format!("{} ({})", parent.name, parent.state));
        }
        if !explained.history.is_empty() {
            page.title("What happened last");
        }
        for transition in &explained.history {
            page.line(whole_seconds(&transition.at).dimmed());
            crate::commands::monitoring::history::show(page, transition);
        }
        for line in &explained.alerts {
            page.field("Alerts", line);
        }
    }
}

/// Writes performance data: what was measured, and the ranges in which it is well.
fn figures(page: &mut Page, figures: &[Figure]) {
    let row = |figure: &Figure| {
        let value = figure
            .value
            .map_or("not known".to_owned(), |it| it.to_string());
        let range = |name: &str, range: &Option<String>| {
            let range = range.as_deref().filter(|it| !it.is_empty());
            range.map_or_else(String::new, |it| format!("{name} {it}"))
        };
        vec![
            format!("   {}", figure.label),
            format!("{value}{}", figure.unit),
            range("warning", &figure.warning),
            range("critical", &figure.critical),
        ]
    };
    let rows: Vec<Vec<String>> = figures.iter().map(row).collect();
    if !rows.is_empty() {
        page.table(&["   figure", "value", "", ""], &rows);
    }
}
