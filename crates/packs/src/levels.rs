//! Which pack of a name counts and why, and moving packs between levels.

mod difference;
mod operations;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Diagnostic, Level, Place};

use crate::files::{Folder, PackFiles};
use crate::package::{self, PACKAGE_FILE, Package};
use crate::report::Report;

pub use difference::{FileDifference, Line, difference};
pub use operations::{
    Change, OperationError, Overload, PackAt, Plan, copy, delete, overload, promote,
};
pub(crate) use operations::{find, write};

/// A pack at a level, and what became of it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its name.
    pub name: Arc<str>,
    /// Its level.
    pub level: Level,
    /// The folder it stands in.
    pub folder: Arc<str>,
    /// What became of it.
    pub role: Role,
    /// What it says about itself.
    pub package: Package,
}

/// What became of a pack at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It counts as a whole.
    Wins,
    /// It counts, and overlays above it change fields.
    Base,
    /// Its fields are laid over the pack below.
    Overlays,
    /// A pack of the same name at this higher level counts instead.
    Hidden {
        /// The level of the pack that counts.
        by: Level,
    },
    /// Another folder of the same level has the same name and comes first.
    Repeated,
}

/// The packs of a name that count together: the base first, then its overlays.
pub(crate) struct Stack<'files> {
    pub(crate) layers: Vec<(Folder<'files>, Package)>,
}

/// Everything that [`stand`] found.
pub(crate) struct Stood<'files> {
    pub(crate) stacks: BTreeMap<Arc<str>, Stack<'files>>,
    pub(crate) standings: Vec<Standing>,
    /// Folders whose `package.yml` is broken, and what is wrong with it.
    pub(crate) broken: Vec<(Folder<'files>, Vec<Diagnostic>)>,
}

/// Decides for each name which folders count.
pub(crate) fn stand<'files>(files: &'files PackFiles, report: &mut Report) -> Stood<'files> {
    let mut by_name: BTreeMap<Arc<str>, Vec<(Folder<'files>, Package)>> = BTreeMap::new();
    let mut broken = Vec::new();
    let mut standings = Vec::new();
    for folder in files.folders() {
        let Some(file) = folder.files.get(PACKAGE_FILE) else {
            no_package(&folder, report);
            continue;
        };
        let mark = report.mark();
        let Some(package) = package::read(file, folder.level, report) else {
            broken.push((folder, report.since(mark).to_vec()));
            continue;
        };
        let same = by_name.entry(Arc::clone(&package.name)).or_default();
        if let Some((first, _)) = same.iter().find(|(it, _)| it.level == folder.level) {
            let place = Place::new(Arc::clone(&file.shown), 1, 1);
            let message = format!(
                "the folder {} of level {} has the name `{}` too",
                first.name, first.level, package.name
            );
            report.error(&place, message, "give one of both another name");
            standings.push(standing(&folder, package, Role::Repeated));
            continue;
        }
        same.push((folder, package));
    }
    let mut stacks = BTreeMap::new();
    for (name, packs) in by_name {
        let layers = counting(packs, &mut standings, report);
        stacks.insert(name, Stack { layers });
    }
    standings.sort_by(|a, b| (&a.name, a.level, &a.folder).cmp(&(&b.name, b.level, &b.folder)));
    Stood {
        stacks,
        standings,
        broken,
    }
}

/// Takes the highest pack, and what is below as long as overlays ask for it.
fn counting<'files>(
    packs: Vec<(Folder<'files>, Package)>,
    standings: &mut Vec<Standing>,
    report: &mut Report,
) -> Vec<(Folder<'files>, Package)> {
    let top = packs.last().map_or(Level::Core, |(folder, _)| folder.level);
    let base = packs.iter().rposition(|(_, package)| !package.overlay);
    let first = base.unwrap_or(0);
    let mut layers = Vec::new();
    for (at, (folder, package)) in packs.into_iter().enumerate() {
        let role = match at.cmp(&first) {
            std::cmp::Ordering::Less => Role::Hidden { by: top },
            std::cmp::Ordering::Greater => Role::Overlays,
            std::cmp::Ordering::Equal if folder.level == top => Role::Wins,
            std::cmp::Ordering::Equal => Role::Base,
        };
        if at == first && package.overlay {
            let file = folder.files.get(PACKAGE_FILE).map(|file| &file.shown);
            let place = Place::new(file.map_or_else(|| Arc::from(""), Arc::clone), 1, 1);
            report.warning(
                &place,
                format!("the overlay `{}` has no pack below it", package.name),
                "remove `overlay: true`, or check the name",
            );
        }
        standings.push(standing(&folder, package.clone(), role));
        if at >= first {
            layers.push((folder, package));
        }
    }
    layers
}

fn standing(folder: &Folder<'_>, package: Package, role: Role) -> Standing {
    Standing {
        name: Arc::clone(&package.name),
        level: folder.level,
        folder: Arc::clone(&folder.name),
        role,
        package,
    }
}

fn no_package(folder: &Folder<'_>, report: &mut Report) {
    let Some(first) = folder.files.values().next() else {
        return;
    };
    let place = Place::new(Arc::clone(&first.shown), 1, 1);
    let message = format!(
        "the folder {} of level {} is no pack: it has no {PACKAGE_FILE}",
        folder.name, folder.level
    );
    report.warning(&place, message, "write one with `name: …`");
}

impl Standing {
    /// Says what became of the pack, for people.
    pub fn why(&self) -> String {
        match self.role {
            Role::Wins => "counts: no higher level has it".to_owned(),
            Role::Base => "counts, with fields changed by overlays above".to_owned(),
            Role::Overlays => "changes fields of the pack below".to_owned(),
            Role::Hidden { by } => format!("hidden by level {by}"),
            Role::Repeated => "ignored: another folder of this level has the same name".to_owned(),
        }
    }

    /// Tells whether it takes part in what runs.
    pub fn counts(&self) -> bool {
        match self.role {
            Role::Wins | Role::Base | Role::Overlays => true,
            Role::Hidden { .. } | Role::Repeated => false,
        }
    }
}
