//! What all objects of packs have in common: where they live, and how their files are read.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::{Level, Place};

use crate::fields::Fields;
use crate::files::File;
use crate::package::PACKAGE_FILE;
use crate::parameters::{self, Parameters};

/// Where an object lives.
#[derive(Clone, Debug)]
pub struct Home {
    /// The pack it belongs to.
    pub pack: Arc<str>,
    /// The level of that pack, or of the overlay that wrote the object last.
    pub level: Level,
    /// Its file inside the pack, as `monitoring/cpu.yml`.
    pub path: Arc<str>,
    /// Where it starts.
    pub place: Place,
    /// The parameters of its pack.
    pub parameters: Arc<Parameters>,
}

impl Home {
    /// Gives the file's path below the folder of its kind, without extension: `cpu`.
    pub fn stem(&self) -> &str {
        let below = self.path.split_once('/').map_or(&*self.path, |(_, it)| it);
        below.strip_suffix(".yml").unwrap_or(below)
    }

    /// Gives the name that is unique among the objects of a kind: `linux/cpu`.
    pub fn id(&self) -> Arc<str> {
        Arc::from(format!("{}/{}", self.pack, self.stem()))
    }
}

/// A kind of object that is written in YAML.
pub(crate) trait Object: Sized {
    /// The key of the file that holds it.
    const KEY: &'static str;
    /// The folder of the pack that its files stand in.
    const FOLDER: &'static str;
    /// Another folder that they may stand in.
    const FOLDER_TOO: Option<&'static str> = None;

    /// Reads it. What is wrong goes to the report of the fields; then the object is refused.
    fn read(fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self>;

    /// Tells where it lives.
    fn home(&self) -> &Home;
}

/// The files of one pack: its own, and those of the overlays above it.
#[derive(Debug)]
pub(crate) struct Sheet<'files> {
    /// For each path, the file of each level that has it, lowest first.
    pub(crate) files: BTreeMap<Arc<str>, Vec<(Level, &'files File)>>,
    /// What all objects are read from beside their own files, as a number.
    shared: u64,
}

impl<'files> Sheet<'files> {
    pub(crate) fn new(files: BTreeMap<Arc<str>, Vec<(Level, &'files File)>>) -> Self {
        let mut hasher = DefaultHasher::new();
        let is_shared =
            |it: &str| it == PACKAGE_FILE || it.split('/').next() == Some(parameters::FOLDER);
        for (path, layers) in files.iter().filter(|(path, _)| is_shared(path)) {
            hash(&mut hasher, path, layers);
        }
        Self {
            files,
            shared: hasher.finish(),
        }
    }

    /// Gives the file that wins at a path.
    pub(crate) fn top(&self, path: &str) -> Option<&'files File> {
        Some(self.files.get(path)?.last()?.1)
    }

    /// Makes a number of all that an object at a path is read from: its files, the parameters and
    /// the package. Two loads of the same text give the same number.
    pub(crate) fn fingerprint(&self, path: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.shared.hash(&mut hasher);
        if let Some(layers) = self.files.get(path) {
            hash(&mut hasher, path, layers);
        }
        hasher.finish()
    }

    /// Gives the paths below a folder that end so, in order.
    pub(crate) fn below(&self, folder: &str, end: &str) -> impl Iterator<Item = &Arc<str>> {
        self.files.keys().filter(move |path| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
                && path.ends_with(end)
        })
    }
}

fn hash(hasher: &mut DefaultHasher, path: &str, layers: &[(Level, &File)]) {
    path.hash(hasher);
    for (level, file) in layers {
        (level.as_str(), file.text()).hash(hasher);
    }
}
