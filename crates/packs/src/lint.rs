//! Everything about packs that can be known without running them.
//!
//! Loading tells what cannot be read ([`Registry::diagnostics`]); this tells what can be read and
//! cannot work: names of collectors, keys, parameters, variables, checks that are nowhere, groups
//! that are none, secrets where they would be shown, files that nothing reads.
//! Start with [`lint`].

mod circles;
mod collectors;
mod dead_files;
mod failing;
mod groups;
mod keys;
mod references;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Diagnostic;

use crate::files::PackFiles;
use crate::native_collectors;
use crate::registry::Registry;
use crate::report::Report;

/// What was looked at, and what was found.
#[derive(Clone, Debug)]
pub struct Lint {
    /// Packs that count.
    pub packs_count: usize,
    /// Objects in them.
    pub objects_count: usize,
    /// All that is wrong or doubtful, ordered by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Lint {
    /// Gives what is wrong.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|it| it.is_error())
    }

    /// Gives what is doubtful.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|it| !it.is_error())
    }
}

/// Looks at packs. What they name may also be in the packs around them, as the shipped ones.
pub fn lint(files: &PackFiles, around: Option<&Registry>) -> Lint {
    let registry = Registry::load(files, None);
    let mut report = Report::default();
    for folder in files.folders() {
        for (path, file) in folder.files {
            report.know(file, !path.starts_with("parameters/"));
        }
    }
    for diagnostic in registry.diagnostics() {
        report.push(diagnostic.clone());
    }
    let known = Known::new(&registry, around);
    for pack in registry.packs() {
        references::lint(pack, &known, &mut report);
        groups::lint(pack, &known, &mut report);
        collectors::lint(pack, &mut report);
    }
    circles::lint(&registry, &known, &mut report);
    names_once(&registry, &mut report);
    dead_files::lint(files, &registry, &mut report);
    Lint {
        packs_count: registry.packs().count(),
        objects_count: registry.packs().map(|pack| pack.objects_count()).sum(),
        diagnostics: report.finish(),
    }
}

/// What objects may name, here and around.
struct Known<'packs> {
    registries: Vec<&'packs Registry>,
    collectors: BTreeSet<&'packs str>,
    checks: BTreeSet<&'packs str>,
    handlers: BTreeSet<&'packs str>,
    groups: BTreeSet<String>,
}

impl<'packs> Known<'packs> {
    fn new(registry: &'packs Registry, around: Option<&'packs Registry>) -> Self {
        let registries: Vec<&Registry> = std::iter::once(registry).chain(around).collect();
        let natives = native_collectors::all().map(|it| it.name);
        let all = || registries.iter().copied();
        Self {
            collectors: natives
                .chain(all().flat_map(Registry::collectors).map(|it| &*it.name))
                .collect(),
            checks: all()
                .flat_map(Registry::all_checks)
                .map(|it| &*it.id)
                .collect(),
            handlers: all()
                .flat_map(Registry::handlers)
                .map(|it| &*it.id)
                .collect(),
            groups: all().flat_map(groups::given).collect(),
            registries,
        }
    }

    /// Lists the keys of a collector; `None` when any key is believed.
    fn keys(&self, collector: &str) -> Option<Vec<&str>> {
        let written = self
            .registries
            .iter()
            .flat_map(|registry| registry.collectors())
            .find(|it| &*it.name == collector);
        if let Some(written) = written {
            let keys: Vec<&str> = written.keys.iter().map(|key| &**key).collect();
            return (!keys.is_empty()).then_some(keys);
        }
        native_collectors::find(collector).map(|it| it.keys.to_vec())
    }
}

/// Collectors, compliances and dashboards are found by their name alone; a check and a service may
/// stand in one file.
fn names_once(registry: &Registry, report: &mut Report) {
    let checks = registry.all_checks().map(|it| (&it.id, &it.home));
    once("check", checks, report);
    let collectors = registry.collectors().map(|it| (&it.name, &it.home));
    let compliances = registry.compliances().map(|it| (&it.name, &it.home));
    let dashboards = registry.dashboards().map(|it| (&it.name, &it.home));
    once("collector", collectors, report);
    once("compliance", compliances, report);
    once("dashboard", dashboards, report);
}

fn once<'a>(
    kind: &str,
    named: impl Iterator<Item = (&'a Arc<str>, &'a Arc<crate::object::Home>)>,
    report: &mut Report,
) {
    let mut seen: std::collections::BTreeMap<&str, &crate::object::Home> =
        std::collections::BTreeMap::new();
    for (name, home) in named {
        match seen.get(&**name) {
            Some(first) => {
                let message = format!("the pack {} has a {kind} named `{name}` too", first.pack);
                report.error(&home.place, message, "give one of both another name");
            }
            None => {
                seen.insert(name, home);
            }
        }
    }
}

#[cfg(test)]
mod tests;
