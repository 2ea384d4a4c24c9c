//! `opsbro packs export`

use std::path::PathBuf;

use clap::Args;
use daemon::rules::pack_files;
use model::{Level, limits};
use owo_colors::OwoColorize as _;
use packs::{Folder, PackFiles};
use serde::Serialize;
use store::file::{self, Access};

use super::levels::level;
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Write the packs that are inside the program to a folder, to read and edit
///
/// A file that is there already and differs is not touched, unless --force is given.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// The folder
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Only this pack
    #[arg(long, value_name = "NAME", add = complete::pack_names())]
    pack: Option<String>,
    /// Only this level: core or global
    #[arg(long, value_parser = level)]
    level: Option<Level>,
    /// Write over files that differ
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro packs export ./packs
  opsbro packs export ./packs --pack redis";

impl Export {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let shipped = pack_files::shipped();
        if let Some(name) = &self.pack {
            check_name(&shipped, name)?;
        }
        let mut exported = Exported {
            folder: self.folder.clone(),
            ..Exported::default()
        };
        for folder in shipped.folders().filter(|folder| self.wants(folder)) {
            for (path, content) in &folder.files {
                let target = self.folder.join(folder.level.as_str()).join(&*folder.name);
                self.export(target.join(&**path), &content.bytes, &mut exported)?;
            }
        }
        let exit = Exit::when(exported.kept.is_empty());
        program.printer.show(&exported)?;
        Ok(exit)
    }

    fn wants(&self, folder: &Folder<'_>) -> bool {
        self.pack
            .as_deref()
            .is_none_or(|name| *folder.name == *name)
            && self.level.is_none_or(|level| folder.level == level)
    }

    fn export(&self, target: PathBuf, bytes: &[u8], to: &mut Exported) -> Result<(), Failure> {
        let there = file::read(&target, limits::PACK_FILE_BYTES_MAX)?;
        if there.as_deref() == Some(bytes) {
            return Ok(());
        }
        if there.is_some() && !self.force {
            to.kept.push(target);
            return Ok(());
        }
        file::make_dir(target.parent().unwrap_or(&self.folder), 0o755)?;
        file::replace(&target, bytes, Access::Keep { otherwise: 0o644 })?;
        to.written.push(target);
        Ok(())
    }
}

fn check_name(shipped: &PackFiles, name: &str) -> Result<(), Failure> {
    let names: Vec<_> = shipped.folders().map(|folder| folder.name).collect();
    if names.iter().any(|known| **known == *name) {
        return Ok(());
    }
    let failure = Failure::new(format!("the program has no pack `{name}` inside"));
    Err(
        match model::nearest(name, names.iter().map(|known| &**known)) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint("opsbro packs list shows all packs"),
        },
    )
}

#[derive(Default, Serialize)]
struct Exported {
    folder: PathBuf,
    written: Vec<PathBuf>,
    /// Files that differ and were left alone.
    kept: Vec<PathBuf>,
}

impl Answer for Exported {
    fn text(&self, page: &mut Page) {
        let count = self.written.len();
        let folder = self.folder.display();
        page.line(format!("{} wrote {count} files to {folder}", "√".green()));
        for path in &self.kept {
            page.line(format!(
                "{} kept {}, which differs",
                "‼".yellow(),
                path.display()
            ));
        }
        if !self.kept.is_empty() {
            page.line("  write over them with --force");
        }
    }
}
