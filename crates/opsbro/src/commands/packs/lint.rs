//! `opsbro packs lint`

use std::path::{Path, PathBuf};

use clap::Args;
use daemon::rules::pack_files;
use owo_colors::OwoColorize as _;
use packs::Registry;
use serde::Serialize;

use super::disk::Disk;
use super::finding::{Findings, counted};
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Check packs for everything that can be wrong without running them
///
/// DIR is a folder of packs, of levels, or one pack; without it the packs of this machine are
/// checked. The exit code is 1 when there are errors, with --strict also when there are warnings.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Lint {
    /// The folder
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro packs lint
  opsbro packs lint ./packs --strict
  opsbro packs lint ./packs/shop -o json";

impl Lint {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let found = match &self.folder {
            Some(folder) => pack_files::in_folder(folder),
            None => Disk::read(program)?.found,
        };
        // What a pack names may also be in those inside the program.
        let shipped = Registry::load(&pack_files::shipped(), None);
        let around = self.folder.as_deref().map(|_: &Path| &shipped);
        let lint = packs::lint::lint(&found.files, around);
        let all = found.problems.iter().chain(&lint.diagnostics).cloned();
        let (errors, warnings) = all.partition(|diagnostic| diagnostic.is_error());
        let linted = Linted {
            packs: lint.packs_count,
            objects: lint.objects_count,
            errors: Findings(errors),
            warnings: Findings(warnings),
        };
        program.printer.show(&linted)?;
        let (errors, warnings) = (linted.errors.0.len(), linted.warnings.0.len());
        let is_refused = errors > 0 || self.strict && warnings > 0;
        Ok(Exit::when(!is_refused))
    }
}

#[derive(Serialize)]
struct Linted {
    packs: usize,
    objects: usize,
    errors: Findings,
    warnings: Findings,
}

impl Answer for Linted {
    fn text(&self, page: &mut Page) {
        self.errors.text(page);
        self.warnings.text(page);
        let (errors, warnings) = (self.errors.0.len(), self.warnings.0.len());
        let (packs, objects) = (counted(self.packs, "pack"), counted(self.objects, "object"));
        let found = format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        );
        page.line(match (errors, warnings) {
            (0, 0) => format!("{} {packs} with {objects}: nothing is wrong", "√".green()),
            (0, _) => format!("{} {packs} with {objects}: {found}", "‼".yellow()),
            (_, _) => format!("{} {packs} with {objects}: {found}", "Х".red()),
        });
    }
}
