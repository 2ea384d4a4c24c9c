//! Reading the packs from disk, with the last good version of what is broken.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use model::Diagnostic;
use packs::{File, PackFiles, Registry};

use super::versions::Versions;
use super::watch::Folders;
use super::{Rules, pack_files};
use crate::keep::Keep;

/// Readings of the packs for one change of their folders; what changes later is seen by the watch.
const READINGS_MAX: usize = 3;

/// Reads the packs, and watches the folders they are in. What changes in a folder after it was read
/// and before it is watched would be seen by nobody, so new folders are read once more. The first
/// reading takes what was good in an earlier life from `kept`.
pub(super) fn read(data: &Path, before: &Rules, kept: Option<&Keep>, watched: &Folders) -> Rules {
    watched.add(data, &[]);
    let mut found = pack_files::all(data);
    for _ in 1..READINGS_MAX {
        if !watched.add(data, &found.folders) {
            break;
        }
        found = pack_files::all(data);
    }
    let known = match kept {
        Some(keep) => Cow::Owned(keep.good_packs()),
        None => Cow::Borrowed(&before.good),
    };
    let mut registry = Registry::load(&found.files, Some(&before.registry));
    let is_broken = registry.diagnostics().iter().any(Diagnostic::is_error);
    if kept.is_some() && is_broken && known.folders().next().is_some() {
        let good = with_parameters(known.clone().into_owned(), &found.files);
        let good = Registry::load(&good.over(pack_files::shipped()), None);
        registry = Registry::load(&found.files, Some(&good));
    }
    let mut problems = found.problems;
    problems.extend(registry.diagnostics().iter().cloned());
    let good = good_files(&found.files, &problems, &known);
    Rules {
        has_new_good: good != *known,
        versions: Versions::of(&found.files, &registry),
        registry,
        problems,
        good,
    }
}

/// Tells whether a file of a pack is not kept: parameters may be secrets.
fn holds_parameters(path: &str) -> bool {
    path.starts_with("parameters/")
}

/// Adds the parameters as they are: what is kept has none.
fn with_parameters(mut good: PackFiles, files: &PackFiles) -> PackFiles {
    for folder in files.folders() {
        for (path, file) in &folder.files {
            if holds_parameters(path) && !file.embedded {
                let path = format!("{}/{path}", folder.name);
                good.add(folder.level, &path, File::clone(file));
            }
        }
    }
    good
}

/// Gives each file on disk as it was when it was good last: as it is, unless it is broken now.
fn good_files(files: &PackFiles, problems: &[Diagnostic], before: &PackFiles) -> PackFiles {
    let errors = problems.iter().filter(|problem| problem.is_error());
    let broken: BTreeSet<&str> = errors.map(|problem| &*problem.place.file).collect();
    let mut good = PackFiles::new();
    for folder in files.folders() {
        let last = before.folder(folder.level, &folder.name);
        for (path, file) in &folder.files {
            let is_broken = broken.contains(&*file.shown);
            let last = last.as_ref().and_then(|last| last.files.get(path));
            let file = if is_broken { last } else { Some(file) };
            if holds_parameters(path) {
                continue;
            }
            if let Some(file) = file.filter(|file| !file.embedded) {
                let path = format!("{}/{path}", folder.name);
                good.add(folder.level, &path, File::clone(file));
            }
        }
    }
    good
}
