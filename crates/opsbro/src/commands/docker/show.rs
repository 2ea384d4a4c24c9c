//! `opsbro docker show`

use api::client::With;
use api::docker::{STATS, Stats};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, number, written};
use crate::program::Program;

/// Show what each container takes, and the containers of each image together
///
/// The exit code is 0 when there are containers, and 1 when there are none.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {}

const EXAMPLES: &str = "Examples:
  opsbro docker show
  opsbro docker show -o yaml";

impl Show {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let stats: Stats = program.get(&STATS, With::default())?;
        let exit = Exit::when(!stats.containers.is_empty());
        program.printer.show(&Shown(stats))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Stats);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        if self.0.containers.is_empty() {
            page.line("No running containers");
        }
        let all = [
            ("Container", &self.0.containers),
            ("Image (sum)", &self.0.images),
        ];
        for (what, things) in all {
            for (name, figures) in things {
                page.title(&format!("{what} {name}"));
                let rows: Vec<Vec<String>> = figures
                    .iter()
                    .map(|(figure, stat)| vec![format!(" {figure}"), shown(figure, stat)])
                    .collect();
                page.table(&[], &rows);
            }
        }
    }
}

/// Writes one figure: its value, and large sizes in the unit that fits.
fn shown(figure: &str, stat: &Value) -> String {
    let value = stat.get("value").unwrap_or(stat);
    let Some(plain) = value.as_f64() else {
        return written(value);
    };
    let size = figure
        .starts_with("memory.")
        .then(|| number::size(plain, "bytes"))
        .flatten();
    match size {
        Some(size) => format!("{}  ({size})", number::number(plain)),
        None => number::number(plain),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::output::text_of;

    #[test]
    fn figures_stand_below_their_container() {
        let figures = BTreeMap::from([
            (
                "memory.rss".to_owned(),
                json!({"type": "gauge", "value": 4096}),
            ),
            (
                "cpu.user".to_owned(),
                json!({"type": "rate", "value": 0.25}),
            ),
        ]);
        let stats = Stats {
            containers: BTreeMap::from([("web".to_owned(), figures)]),
            images: BTreeMap::new(),
        };
        let expect = "\
──────────── Container web ─────────────────────────────────────────────────────
 cpu.user    0.25
 memory.rss  4096  (4.0 KiB)
";
        assert_eq!(text_of(&Shown(stats)), expect);
    }
}
