//! `opsbro packs overload|promote|copy|delete`: moving packs between levels.

use clap::Args;
use model::Level;
use owo_colors::OwoColorize as _;
use packs::levels::{self, OperationError, PackAt, Plan};
use serde::Serialize;

use super::disk::{Disk, Step};
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Bring a pack to a higher level, to change it there
///
/// All of it is copied, and later versions below are hidden; with --overlay only the fields that
/// you write there change.
#[derive(Debug, Args)]
#[command(after_help = OVERLOAD_EXAMPLES)]
pub(super) struct Overload {
    /// The pack, as LEVEL.pack
    #[arg(value_parser = pack, add = complete::packs())]
    pack: PackAt,
    /// The level to bring it to: global, zone or local
    #[arg(long, value_parser = level, default_value = "local")]
    to_level: Level,
    /// Make an overlay, which changes single fields and keeps the rest
    #[arg(long)]
    overlay: bool,
    #[command(flatten)]
    old: OldSpelling,
    #[command(flatten)]
    how: How,
}

const OVERLOAD_EXAMPLES: &str = "Examples:
  opsbro packs overload global.redis
  opsbro packs overload global.redis --to-level zone --overlay";

/// Move a pack to a lower level, where more nodes have it
#[derive(Debug, Args)]
#[command(after_help = PROMOTE_EXAMPLES)]
pub(super) struct Promote {
    /// The pack, as LEVEL.pack
    #[arg(value_parser = pack, add = complete::packs())]
    pack: PackAt,
    /// The level to move it to: zone or global
    #[arg(long, value_parser = level, default_value = "global")]
    to_level: Level,
    #[command(flatten)]
    old: OldSpelling,
    #[command(flatten)]
    how: How,
}

const PROMOTE_EXAMPLES: &str = "Examples:
  opsbro packs promote local.shop
  opsbro packs promote local.shop --to-level zone --dry-run";

/// Copy a pack under another name
#[derive(Debug, Args)]
#[command(after_help = COPY_EXAMPLES)]
pub(super) struct Copy {
    /// The pack, as LEVEL.pack
    #[arg(value_parser = pack, add = complete::packs())]
    pack: PackAt,
    /// The name of the copy
    name: String,
    #[command(flatten)]
    how: How,
}

const COPY_EXAMPLES: &str = "Examples:
  opsbro packs copy global.redis redis-cache";

/// Remove a pack from a level; one of the same name below it counts from then on
#[derive(Debug, Args)]
#[command(after_help = DELETE_EXAMPLES)]
pub(super) struct Delete {
    /// The pack, as LEVEL.pack
    #[arg(value_parser = pack, add = complete::packs())]
    pack: PackAt,
    #[command(flatten)]
    how: How,
}

const DELETE_EXAMPLES: &str = "Examples:
  opsbro packs delete local.redis --dry-run
  opsbro packs delete local.redis";

#[derive(Debug, Args)]
struct How {
    /// Tell what would be written and removed, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// How the levels were spelled before.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct OldSpelling {
    #[arg(long, hide = true)]
    to_global: bool,
    #[arg(long, hide = true)]
    to_zone: bool,
    #[arg(long, hide = true)]
    to_local: bool,
}

impl OldSpelling {
    fn or(&self, level: Level) -> Level {
        match (self.to_global, self.to_zone, self.to_local) {
            (true, _, _) => Level::Global,
            (_, true, _) => Level::Zone,
            (_, _, true) => Level::Local,
            (false, false, false) => level,
        }
    }
}

/// Reads `LEVEL.pack`.
pub(super) fn pack(text: &str) -> Result<PackAt, String> {
    PackAt::parse(text).map_err(|error| error.to_string())
}

/// Reads the name of a level.
pub(super) fn level(text: &str) -> Result<Level, String> {
    let levels = Level::ALL.map(Level::as_str);
    Level::parse(text).ok_or_else(|| match model::nearest(text, levels) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the levels are {}", levels.join(", ")),
    })
}

impl Overload {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let to = self.old.or(self.to_level);
        let how = match self.overlay {
            true => levels::Overload::Overlay,
            false => levels::Overload::Copy,
        };
        let said = match how {
            levels::Overload::Copy => format!("{} is overloaded at level {to}", self.pack),
            levels::Overload::Overlay => format!("{} has an overlay at level {to}", self.pack),
        };
        self.how.carry_out(program, said, |disk| {
            levels::overload(&disk.found.files, &self.pack, to, how)
        })
    }
}

impl Promote {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let to = self.old.or(self.to_level);
        let said = format!("{} is at level {to}", self.pack);
        self.how.carry_out(program, said, |disk| {
            levels::promote(&disk.found.files, &self.pack, to)
        })
    }
}

impl Copy {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let said = format!("{} is copied to {}", self.pack, self.name);
        self.how.carry_out(program, said, |disk| {
            levels::copy(&disk.found.files, &self.pack, &self.name)
        })
    }
}

impl Delete {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let said = format!("{} is removed", self.pack);
        self.how.carry_out(program, said, |disk| {
            levels::delete(&disk.found.files, &self.pack)
        })
    }
}

impl How {
    fn carry_out(
        &self,
        program: &Program,
        said: String,
        plan: impl FnOnce(&Disk) -> Result<Plan, OperationError>,
    ) -> Outcome {
        let disk = Disk::read(program)?;
        let plan = plan(&disk).map_err(refused)?;
        let steps = disk.carry_out(&plan, self.dry_run)?;
        program.printer.show(&Done {
            said,
            dry_run: self.dry_run,
            steps,
        })?;
        Ok(Exit::Yes)
    }
}

/// Tells why an operation cannot be done.
fn refused(error: OperationError) -> Failure {
    let message = error.to_string();
    if error.is_misuse() {
        return Failure::usage(message);
    }
    match error {
        OperationError::Exists(pack) => Failure::new(message).with_hint(format!(
            "compare them with `opsbro packs diff {}`, or remove it with `opsbro packs delete {pack}`",
            pack.name
        )),
        OperationError::NoSuchPack { .. } => {
            Failure::new(message).with_hint("opsbro packs list shows all packs")
        }
        OperationError::Package(_)
        | OperationError::Malformed(_)
        | OperationError::WrongWay { .. }
        | OperationError::Core
        | OperationError::BadName(_) => Failure::new(message),
    }
}

/// What was done to the files.
#[derive(Serialize)]
pub(super) struct Done {
    #[serde(skip)]
    pub(super) said: String,
    pub(super) dry_run: bool,
    pub(super) steps: Vec<Step>,
}

impl Answer for Done {
    fn text(&self, page: &mut Page) {
        match self.dry_run {
            true => page.line("Nothing is changed. This would be:".yellow()),
            false => page.line(format!("{} {}", "√".green(), self.said)),
        }
        for step in &self.steps {
            page.line(format!("  {} {}", step.does, step.file).dimmed());
        }
    }
}
