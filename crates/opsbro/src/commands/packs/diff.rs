//! `opsbro packs diff`

use clap::Args;
use model::Level;
use owo_colors::OwoColorize as _;
use packs::Registry;
use packs::levels::{self, FileDifference, Line};
use serde::Serialize;

use super::disk::Disk;
use super::levels::level;
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Compare a pack at two levels, and tell which counts and why
///
/// The exit code is 0 when they are the same and 1 when they differ. Secrets are shown as ***.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Diff {
    /// The name of the pack
    #[arg(add = complete::pack_names())]
    name: String,
    /// The lower level; the lowest that has the pack by default
    #[arg(long, value_parser = level)]
    from: Option<Level>,
    /// The higher level; the highest that has the pack by default
    #[arg(long, value_parser = level)]
    to: Option<Level>,
}

const EXAMPLES: &str = "Examples:
  opsbro packs diff redis
  opsbro packs diff redis --from global --to local";

impl Diff {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let disk = Disk::read(program)?;
        let registry = Registry::load(&disk.found.files, None);
        let mut here: Vec<_> = registry
            .standings()
            .iter()
            .filter(|it| *it.name == *self.name)
            .collect();
        here.sort_by_key(|standing| standing.level);
        let (Some(lowest), Some(highest)) = (here.first(), here.last()) else {
            let failure = Failure::new(format!("there is no pack `{}`", self.name));
            let names = registry.packs().map(|pack| &*pack.name);
            return Err(match model::nearest(&self.name, names) {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure.with_hint("opsbro packs list shows all packs"),
            });
        };
        let (from, to) = (
            self.from.unwrap_or(lowest.level),
            self.to.unwrap_or(highest.level),
        );
        let files = levels::difference(&disk.found.files, &self.name, from, to)
            .map_err(|error| Failure::new(error.to_string()))?;
        let standings = here
            .iter()
            .map(|it| (it.level.as_str(), it.why()))
            .collect();
        let exit = Exit::when(files.is_empty());
        let files = files.into_iter().map(File).collect();
        program.printer.show(&Compared {
            pack: self.name,
            from,
            to,
            standings,
            files,
        })?;
        Ok(exit)
    }
}

#[derive(Serialize)]
struct Compared {
    pack: String,
    #[serde(serialize_with = "word")]
    from: Level,
    #[serde(serialize_with = "word")]
    to: Level,
    /// Each level that has the pack, lowest first, and what became of it there.
    standings: Vec<(&'static str, String)>,
    files: Vec<File>,
}

fn word<S: serde::Serializer>(level: &Level, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(level.as_str())
}

struct File(FileDifference);

impl Serialize for File {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = |line: &Line| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Removed(text) => format!("-{text}"),
            Line::Added(text) => format!("+{text}"),
        };
        let lines: Vec<String> = self.0.lines.iter().map(written).collect();
        serde_json::json!({ "path": &*self.0.path, "lines": lines }).serialize(to)
    }
}

/// Lines that stand around a change.
const AROUND: usize = 3;

impl Answer for Compared {
    fn text(&self, page: &mut Page) {
        for (level, why) in &self.standings {
            page.line(format!("{level}.{}: {why}", self.pack));
        }
        if self.files.is_empty() {
            page.line("They are the same.");
        }
        for File(file) in &self.files {
            page.blank();
            page.line(format!("--- {}.{}/{}", self.from, self.pack, file.path).bold());
            page.line(format!("+++ {}.{}/{}", self.to, self.pack, file.path).bold());
            hunks(page, &file.lines);
        }
    }
}

fn hunks(page: &mut Page, lines: &[Line]) {
    let is_change = |line: &Line| !matches!(line, Line::Same(_));
    let mut left_out = false;
    for (at, line) in lines.iter().enumerate() {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len());
        if !lines[around].iter().any(is_change) {
            left_out = true;
            continue;
        }
        if std::mem::take(&mut left_out) {
            page.line(format!("@@ line {} @@", at + 1).cyan());
        }
        match line {
            Line::Same(text) => page.line(format!(" {text}")),
            Line::Removed(text) => page.line(format!("-{text}").red()),
            Line::Added(text) => page.line(format!("+{text}").green()),
        }
    }
}
