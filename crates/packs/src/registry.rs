//! All packs that count, read and compiled.
//!
//! [`Registry::load`] never fails: whatever is broken is told in [`Registry::diagnostics`], and
//! the rest works. With the registry before it, a broken object or pack keeps its last good
//! version running.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Diagnostic, Level, Place};

use crate::check::Check;
use crate::collector::Collector;
use crate::compliance::Compliance;
use crate::dashboard::Dashboard;
use crate::detector::Detector;
use crate::fields::Fields;
use crate::files::{File, PackFiles};
use crate::generator::Generator;
use crate::handler::{self, Handler, HandlerTemplate};
use crate::levels::{self, Stack, Standing};
use crate::object::{Home, Object, Sheet};
use crate::overlay;
use crate::package::{PACKAGE_FILE, Package};
use crate::parameters::{self, Parameters};
use crate::report::Report;
use crate::service::Service;
use crate::tutorial::Tutorial;
use crate::yaml::Node;

/// All packs that count.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    packs: BTreeMap<Arc<str>, Arc<Pack>>,
    standings: Vec<Standing>,
    diagnostics: Vec<Diagnostic>,
}

/// A pack with all that is in it.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its name.
    pub name: Arc<str>,
    /// The highest level that has a part in it.
    pub level: Level,
    /// The level and folder of each layer: the base first, then its overlays.
    pub layers: Vec<(Level, Arc<str>)>,
    /// What it says about itself.
    pub package: Package,
    /// Its settings.
    pub parameters: Arc<Parameters>,
    /// Its checks.
    pub checks: Vec<Arc<Check>>,
    /// Its services.
    pub services: Vec<Arc<Service>>,
    /// Its detectors.
    pub detectors: Vec<Arc<Detector>>,
    /// Its generators.
    pub generators: Vec<Arc<Generator>>,
    /// Its dashboards.
    pub dashboards: Vec<Arc<Dashboard>>,
    /// Its compliance rules.
    pub compliances: Vec<Arc<Compliance>>,
    /// Its collectors.
    pub collectors: Vec<Arc<Collector>>,
    /// Its tutorials.
    pub tutorials: Vec<Arc<Tutorial>>,
    /// Its handlers.
    pub handlers: Vec<Arc<Handler>>,
    /// Its texts for handlers.
    pub templates: Vec<HandlerTemplate>,
    /// What of it is broken.
    pub broken: Vec<Broken>,
}

/// Something of a pack that could not be read.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The kind of object: `check`, `parameters`, `package`.
    pub kind: &'static str,
    /// Its file inside the pack.
    pub path: Arc<str>,
    /// True when the last good version is still in use.
    pub keeps_last_good: bool,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

impl Registry {
    /// Reads all packs. What is broken keeps its version of the previous registry, if it had one.
    pub fn load(files: &PackFiles, previous: Option<&Self>) -> Self {
        let mut report = Report::default();
        let stood = levels::stand(files, &mut report);
        let mut packs = BTreeMap::new();
        for (name, stack) in &stood.stacks {
            let before = previous.and_then(|registry| registry.pack(name));
            let pack = Loader {
                report: &mut report,
                previous: before.map(|pack| &**pack),
                broken: Vec::new(),
                documents: BTreeMap::new(),
            }
            .load(name, stack);
            packs.insert(Arc::clone(name), Arc::new(pack));
        }
        let mut registry = Self {
            packs,
            standings: stood.standings,
            diagnostics: report.finish(),
        };
        for (folder, diagnostics) in stood.broken {
            if let Some(previous) = previous {
                registry.keep_pack(previous, folder.level, &folder.name, diagnostics);
            }
        }
        registry
    }

    /// A pack whose `package.yml` broke stays as it was, also above a lower level that is whole.
    fn keep_pack(
        &mut self,
        previous: &Self,
        level: Level,
        folder: &str,
        diagnostics: Vec<Diagnostic>,
    ) {
        let is_it = |(at, name): &(Level, Arc<str>)| *at == level && &**name == folder;
        let mut packs = previous.packs.values();
        let Some(pack) = packs.find(|pack| pack.layers.iter().any(is_it)) else {
            return;
        };
        let mut pack = Pack::clone(pack);
        pack.broken.retain(|broken| broken.kind != "package");
        pack.broken.push(Broken {
            kind: "package",
            path: Arc::from(PACKAGE_FILE),
            keeps_last_good: true,
            diagnostics,
        });
        self.packs.insert(Arc::clone(&pack.name), Arc::new(pack));
    }

    /// Gives all packs that count, ordered by name.
    pub fn packs(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.values()
    }

    /// Gives a pack by its name.
    pub fn pack(&self, name: &str) -> Option<&Arc<Pack>> {
        self.packs.get(name)
    }

    /// Gives every pack at every level and what became of it, ordered by name and level.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// Gives all that is wrong or doubtful, ordered by place.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Gives the checks of all packs.
    pub fn checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.packs().flat_map(|pack| &pack.checks)
    }

    /// Gives the checks of all packs, those of services too.
    pub fn all_checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.packs().flat_map(|pack| {
            let services = pack.services.iter().flat_map(|service| &service.checks);
            pack.checks.iter().chain(services)
        })
    }

    /// Gives the services of all packs.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.packs().flat_map(|pack| &pack.services)
    }

    /// Gives the detectors of all packs.
    pub fn detectors(&self) -> impl Iterator<Item = &Arc<Detector>> {
        self.packs().flat_map(|pack| &pack.detectors)
    }

    /// Gives the generators of all packs.
    pub fn generators(&self) -> impl Iterator<Item = &Arc<Generator>> {
        self.packs().flat_map(|pack| &pack.generators)
    }

    /// Gives the dashboards of all packs.
    pub fn dashboards(&self) -> impl Iterator<Item = &Arc<Dashboard>> {
        self.packs().flat_map(|pack| &pack.dashboards)
    }

    /// Gives the compliance rules of all packs.
    pub fn compliances(&self) -> impl Iterator<Item = &Arc<Compliance>> {
        self.packs().flat_map(|pack| &pack.compliances)
    }

    /// Gives the collectors of all packs.
    pub fn collectors(&self) -> impl Iterator<Item = &Arc<Collector>> {
        self.packs().flat_map(|pack| &pack.collectors)
    }

    /// Gives the handlers of all packs.
    pub fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.packs().flat_map(|pack| &pack.handlers)
    }

    /// Gives the tutorials of all packs.
    pub fn tutorials(&self) -> impl Iterator<Item = &Arc<Tutorial>> {
        self.packs().flat_map(|pack| &pack.tutorials)
    }
}

impl Pack {
    /// Counts its objects.
    pub fn objects_count(&self) -> usize {
        self.checks.len()
            + self.services.len()
            + self.detectors.len()
            + self.generators.len()
            + self.dashboards.len()
            + self.compliances.len()
            + self.collectors.len()
            + self.tutorials.len()
            + self.handlers.len()
    }
}

struct Loader<'load> {
    report: &'load mut Report,
    previous: Option<&'load Pack>,
    broken: Vec<Broken>,
    /// The files read so far that another kind of object may yet be found in.
    documents: BTreeMap<Arc<str>, Result<Option<Node>, Vec<Diagnostic>>>,
}

impl Loader<'_> {
    fn load(mut self, name: &Arc<str>, stack: &Stack<'_>) -> Pack {
        let sheet = sheet(stack);
        let package = package(stack);
        let parameters = self.parameters(&sheet, &package);
        let home = Home {
            pack: Arc::clone(name),
            level: Level::Core,
            path: Arc::from(""),
            place: Place::new("", 1, 1),
            parameters: Arc::clone(&parameters),
        };
        let previous = self.previous;
        Pack {
            name: Arc::clone(name),
            level: stack.layers.last().map_or(Level::Core, |(it, _)| it.level),
            layers: stack
                .layers
                .iter()
                .map(|(folder, _)| (folder.level, Arc::clone(&folder.name)))
                .collect(),
            package,
            parameters,
            checks: self.objects(&sheet, &home, previous.map(|it| &*it.checks)),
            services: self.objects(&sheet, &home, previous.map(|it| &*it.services)),
            detectors: self.objects(&sheet, &home, previous.map(|it| &*it.detectors)),
            generators: self.objects(&sheet, &home, previous.map(|it| &*it.generators)),
            dashboards: self.objects(&sheet, &home, previous.map(|it| &*it.dashboards)),
            compliances: self.objects(&sheet, &home, previous.map(|it| &*it.compliances)),
            collectors: self.objects(&sheet, &home, previous.map(|it| &*it.collectors)),
            tutorials: self.objects(&sheet, &home, previous.map(|it| &*it.tutorials)),
            handlers: self.objects(&sheet, &home, previous.map(|it| &*it.handlers)),
            templates: handler::read_templates(&sheet),
            broken: self.broken,
        }
    }

    fn parameters(&mut self, sheet: &Sheet<'_>, package: &Package) -> Arc<Parameters> {
        let mark = self.report.mark();
        let parameters = parameters::read(sheet, &package.declarations, self.report);
        if !self.report.has_error_since(mark) {
            return Arc::new(parameters);
        }
        let last_good = self.previous.map(|pack| Arc::clone(&pack.parameters));
        self.broken.push(Broken {
            kind: "parameters",
            path: Arc::from(parameters::FOLDER),
            keeps_last_good: last_good.is_some(),
            diagnostics: self.report.since(mark).to_vec(),
        });
        last_good.unwrap_or_else(|| Arc::new(parameters))
    }

    /// Reads the objects of a kind, one file each.
    fn objects<T: Object>(
        &mut self,
        sheet: &Sheet<'_>,
        home: &Home,
        previous: Option<&[Arc<T>]>,
    ) -> Vec<Arc<T>> {
        let mut objects = Vec::new();
        let folders = std::iter::once(T::FOLDER).chain(T::FOLDER_TOO);
        for path in folders.flat_map(|folder| sheet.below(folder, ".yml")) {
            let object = match self.document(sheet, path) {
                Ok(None) => continue,
                Ok(Some(root)) => {
                    let object = self.object::<T>(sheet, home, path, &root);
                    self.keep_document(T::KEY, path, root);
                    object
                }
                Err(diagnostics) => Err(diagnostics),
            };
            match object {
                Ok(object) => objects.extend(object.map(Arc::new)),
                Err(diagnostics) => {
                    let last_good = previous
                        .unwrap_or_default()
                        .iter()
                        .find(|object| object.home().path == *path);
                    self.keep_broken(T::KEY, path, last_good.is_some(), diagnostics);
                    objects.extend(last_good.cloned());
                }
            }
        }
        objects
    }

    /// A file that is no YAML could have held any kind of its folder: it is told once.
    fn keep_broken(
        &mut self,
        kind: &'static str,
        path: &Arc<str>,
        keeps_last_good: bool,
        diagnostics: Vec<Diagnostic>,
    ) {
        if keeps_last_good || !self.broken.iter().any(|broken| broken.path == *path) {
            self.broken.push(Broken {
                kind,
                path: Arc::clone(path),
                keeps_last_good,
                diagnostics,
            });
        }
    }

    /// Reads the file of each layer, laid over each other; `None` when all are empty.
    fn document(
        &mut self,
        sheet: &Sheet<'_>,
        path: &Arc<str>,
    ) -> Result<Option<Node>, Vec<Diagnostic>> {
        if let Some(document) = self.documents.get_mut(path) {
            // Whoever asked puts it back.
            return match document {
                Ok(document) => Ok(document.take()),
                Err(diagnostics) => Err(diagnostics.clone()),
            };
        }
        let mark = self.report.mark();
        let mut merged: Option<Node> = None;
        for (_, file) in sheet.files.get(path).into_iter().flatten() {
            let node = self.report.read(file, true);
            merged = match (merged, node) {
                (Some(below), Some(node)) => Some(overlay::merge(below, node)),
                (below, node) => node.or(below),
            };
        }
        if self.report.has_error_since(mark) {
            let diagnostics = self.report.since(mark).to_vec();
            let document = Err(diagnostics.clone());
            self.documents.insert(Arc::clone(path), document);
            return Err(diagnostics);
        }
        self.documents.insert(Arc::clone(path), Ok(None));
        Ok(merged)
    }

    /// Keeps a document for other kinds of objects. Most hold one object: with thousands of them,
    /// keeping all would take more memory than what is made of them.
    fn keep_document(&mut self, key: &str, path: &Arc<str>, root: Node) {
        let mut entries = root.entries().unwrap_or_default().iter();
        if entries.any(|entry| &*entry.key != key) {
            self.documents.insert(Arc::clone(path), Ok(Some(root)));
        }
    }

    /// Reads one object out of its document; `None` when the document holds none of this kind.
    fn object<T: Object>(
        &mut self,
        sheet: &Sheet<'_>,
        home: &Home,
        path: &Arc<str>,
        root: &Node,
    ) -> Result<Option<T>, Vec<Diagnostic>> {
        let Some(entry) = root.entry(T::KEY) else {
            return Ok(None);
        };
        let mark = self.report.mark();
        let layers = sheet.files.get(path);
        let level = layers
            .and_then(|layers| layers.last())
            .map(|(level, _)| *level);
        let home = Home {
            level: level.unwrap_or(home.level),
            path: Arc::clone(path),
            place: entry.key_place.clone(),
            ..home.clone()
        };
        let object = Fields::of(entry, T::KEY, self.report)
            .and_then(|fields| T::read(fields, Arc::new(home), sheet));
        if self.report.has_error_since(mark) {
            return Err(self.report.since(mark).to_vec());
        }
        Ok(object)
    }
}

fn sheet<'files>(stack: &Stack<'files>) -> Sheet<'files> {
    let mut files: BTreeMap<Arc<str>, Vec<(Level, &'files File)>> = BTreeMap::new();
    for (folder, _) in &stack.layers {
        for (path, file) in &folder.files {
            files
                .entry(Arc::clone(path))
                .or_default()
                .push((folder.level, file));
        }
    }
    Sheet::new(files)
}

/// Lays the packages over each other: an overlay declares more parameters, and says the rest anew
/// where it does.
fn package(stack: &Stack<'_>) -> Package {
    let mut layers = stack.layers.iter().map(|(_, package)| package);
    let mut merged = layers
        .next()
        .cloned()
        .expect("a stack has at least one layer");
    for over in layers {
        let declared = |name: &Arc<str>| over.declarations.iter().any(|it| it.name == *name);
        merged.declarations.retain(|it| !declared(&it.name));
        merged
            .declarations
            .extend(over.declarations.iter().cloned());
        if !over.topics.is_empty() {
            merged.topics.clone_from(&over.topics);
        }
        if !over.keywords.is_empty() {
            merged.keywords.clone_from(&over.keywords);
        }
        merged.description = over.description.clone().or(merged.description);
        merged.version = over.version.clone().or(merged.version);
        merged.notes.extend(over.notes.iter().cloned());
    }
    merged
}

#[cfg(test)]
mod tests;
