//! The files of packs on this machine: reading them all, and carrying out a plan.

use std::path::{Path, PathBuf};

use daemon::rules::pack_files::{self, Found};
use model::Level;
use packs::levels::{Change, Plan};
use store::file::{self, Access};

use crate::failure::Failure;
use crate::program::Program;

/// The packs of this machine.
pub(super) struct Disk {
    /// The folder of the data, which the levels lie in.
    data: PathBuf,
    /// All files, those on disk over those inside the program.
    pub(super) found: Found,
}

impl Disk {
    /// Reads them.
    pub(super) fn read(program: &Program) -> Result<Self, Failure> {
        let data = program.configuration()?.configuration.paths.data;
        let found = pack_files::all(&data);
        Ok(Self { data, found })
    }

    /// Carries out a plan, or tells what it would change.
    pub(super) fn carry_out(&self, plan: &Plan, dry_run: bool) -> Result<Vec<Step>, Failure> {
        let mut steps = Vec::new();
        for change in &plan.changes {
            let (does, path) = match change {
                Change::Write { level, path, .. } => ("write", self.path(*level, path)),
                Change::Remove { level, path } => ("remove", self.path(*level, path)),
            };
            if !dry_run {
                self.make(change, &path)?;
            }
            steps.push(Step {
                does,
                file: path.display().to_string(),
            });
        }
        Ok(steps)
    }

    fn make(&self, change: &Change, path: &Path) -> Result<(), Failure> {
        match change {
            Change::Write { bytes, .. } => {
                file::make_dir(path.parent().unwrap_or(&self.data), 0o700)?;
                // Parameters may hold secrets.
                file::replace(path, bytes, Access::Keep { otherwise: 0o600 })?;
            }
            Change::Remove { level, .. } => {
                file::remove(path)?;
                self.remove_empty_folders(path, *level);
            }
        }
        Ok(())
    }

    fn remove_empty_folders(&self, below: &Path, level: Level) {
        let top = pack_files::folder(&self.data, level);
        for folder in below
            .ancestors()
            .skip(1)
            .take_while(|folder| **folder != *top)
        {
            // It fails for a folder with something in it, and that is where to stop.
            if std::fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }

    fn path(&self, level: Level, path: &str) -> PathBuf {
        pack_files::folder(&self.data, level).join(path)
    }
}

/// What was done to one file.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Step {
    /// `write` or `remove`.
    pub(super) does: &'static str,
    /// The file.
    pub(super) file: String,
}
