//! `opsbro packs test`

use std::path::PathBuf;

use clap::Args;
use daemon::rules::pack_files;
use owo_colors::OwoColorize as _;
use packs::Registry;
use packs::cases::{self, Outcomes};
use serde::Serialize;

use super::disk::Disk;
use super::finding::{Findings, counted};
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Run the cases of packs: given facts, expected groups, states and texts
///
/// DIR is a folder of packs, of levels, or one pack; without it the packs of this machine are
/// tested. The exit code is 1 when a case fails.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Test {
    /// The folder
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Show the lines that a case may hold
    #[arg(long)]
    grammar: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro packs test
  opsbro packs test ./packs/shop
  opsbro packs test --grammar";

impl Test {
    pub(super) fn run(self, program: &Program) -> Outcome {
        if self.grammar {
            program.printer.show(&Grammar(cases::GRAMMAR))?;
            return Ok(Exit::Yes);
        }
        let found = match &self.folder {
            Some(folder) => pack_files::in_folder(folder),
            None => Disk::read(program)?.found,
        };
        let registry = Registry::load(&found.files, None);
        let outcomes = cases::run(&found.files, &registry);
        let passed = outcomes.passed() && found.problems.is_empty();
        let mut problems = found.problems;
        problems.extend(outcomes.diagnostics.iter().cloned());
        program.printer.show(&Tested::new(outcomes, problems))?;
        Ok(Exit::when(passed))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Grammar(&'static [&'static str]);

impl Answer for Grammar {
    fn text(&self, page: &mut Page) {
        for line in self.0 {
            page.line(line);
        }
    }
}

#[derive(Serialize)]
struct Tested {
    passed: usize,
    failed: usize,
    cases: Vec<Case>,
    problems: Findings,
}

#[derive(Serialize)]
struct Case {
    pack: String,
    name: String,
    place: String,
    failures: Findings,
}

impl Tested {
    fn new(outcomes: Outcomes, problems: Vec<model::Diagnostic>) -> Self {
        let cases = outcomes.cases.into_iter().map(|outcome| Case {
            pack: outcome.pack.to_string(),
            name: outcome.name.to_string(),
            place: outcome.place.to_string(),
            failures: Findings(outcome.failures),
        });
        let cases: Vec<Case> = cases.collect();
        let failed = cases
            .iter()
            .filter(|case| !case.failures.0.is_empty())
            .count();
        Self {
            passed: cases.len() - failed,
            failed,
            cases,
            problems: Findings(problems),
        }
    }
}

impl Answer for Tested {
    fn text(&self, page: &mut Page) {
        self.problems.text(page);
        for case in &self.cases {
            let name = format!("{} > {}", case.pack.bold(), case.name);
            match case.failures.0.is_empty() {
                true => page.line(format!("{} {name}", "√".green())),
                false => {
                    page.line(format!("{} {name} ({})", "Х".red(), case.place));
                    case.failures.text(page);
                }
            }
        }
        let all = counted(self.cases.len(), "case");
        page.line(format!(
            "{all}: {} passed, {} failed",
            self.passed, self.failed
        ));
    }
}
