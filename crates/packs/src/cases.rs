//! Cases: what a pack should make of given facts, written beside it and run without an agent.
//!
//! ```text
//! case: a full disk is critical
//! given collector.diskusage./.pct_used = 97
//! given parameters.diskuse_critical = 95
//! given groups linux
//! given file_exists('/etc/redis.conf') = true
//! expect check disks CRITICAL "97%"
//! expect groups redis
//! expect no groups windows
//! ```
//! A fact is a reference or a call and its value in YAML; whatever is not given is unknown, as on a
//! node where it is missing. The lines that exist are those of [`GRAMMAR`]. Start with [`run`].

mod expectation;
mod facts;
mod text;

use std::sync::Arc;

use model::{Diagnostic, Place};

use crate::files::PackFiles;
use crate::registry::Registry;

pub use text::GRAMMAR;

/// The folder of a pack that cases stand in.
pub const FOLDER: &str = "cases";

/// What became of all cases.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// Every case, by pack and file.
    pub cases: Vec<Outcome>,
    /// Lines that could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// What became of one case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The pack.
    pub pack: Arc<str>,
    /// What the case says of itself.
    pub name: Arc<str>,
    /// Where it starts.
    pub place: Place,
    /// What was not as expected; empty when it passed.
    pub failures: Vec<Diagnostic>,
}

impl Outcomes {
    /// Tells whether every line could be read and every case passed.
    pub fn passed(&self) -> bool {
        let no_error = !self.diagnostics.iter().any(Diagnostic::is_error);
        no_error && self.cases.iter().all(|case| case.failures.is_empty())
    }
}

/// Runs the cases of all packs that count.
pub fn run(files: &PackFiles, registry: &Registry) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for pack in registry.packs() {
        let folders = pack
            .layers
            .iter()
            .filter_map(|(level, folder)| files.folder(*level, folder));
        for folder in folders {
            for (path, file) in &folder.files {
                if !path.starts_with("cases/") || !path.ends_with(".txt") {
                    continue;
                }
                let (cases, problems) = text::parse(&file.shown, file.text().unwrap_or_default());
                outcomes.diagnostics.extend(problems);
                outcomes.cases.extend(cases.into_iter().map(|case| Outcome {
                    pack: Arc::clone(&pack.name),
                    failures: expectation::run(&case, pack),
                    name: case.name,
                    place: case.place,
                }));
            }
        }
    }
    outcomes
}

#[cfg(test)]
mod tests;
