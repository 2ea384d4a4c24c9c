//! Short marks of the files that packs were read from: what changed, without keeping the files.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use model::Level;
use packs::{Home, Pack, PackFiles, Registry};

/// The marks of all files at one reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    folders: BTreeMap<(Level, Arc<str>), u64>,
    /// By pack and path of the object.
    objects: BTreeMap<(Arc<str>, Arc<str>), u64>,
}

impl Versions {
    /// Marks the files, and the objects that run by themselves.
    pub(super) fn of(files: &PackFiles, registry: &Registry) -> Self {
        let mut versions = Self::default();
        for folder in files.folders() {
            let mut hasher = DefaultHasher::new();
            for (path, file) in &folder.files {
                path.hash(&mut hasher);
                file.bytes.hash(&mut hasher);
            }
            let key = (folder.level, folder.name);
            versions.folders.insert(key, hasher.finish());
        }
        for pack in registry.packs() {
            let collectors = pack.collectors.iter().map(|it| &it.home);
            let detectors = pack.detectors.iter().map(|it| &it.home);
            for home in collectors.chain(detectors) {
                let key = (Arc::clone(&pack.name), Arc::clone(&home.path));
                versions.objects.insert(key, version(files, pack, home));
            }
        }
        versions
    }

    /// Gives a number that changes with the files that an object is made of: its own at each level,
    /// the parameters of its pack, and what these may be.
    pub(super) fn object(&self, home: &Home) -> u64 {
        let key = (Arc::clone(&home.pack), Arc::clone(&home.path));
        self.objects.get(&key).copied().unwrap_or(0)
    }

    /// Names the packs whose files differ.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        for (one, two) in [(self, other), (other, self)] {
            for (key, mark) in &one.folders {
                let name = format!("pack {}.{}", key.0, key.1);
                if two.folders.get(key) != Some(mark) && !changed.contains(&name) {
                    changed.push(name);
                }
            }
        }
        changed
    }
}

fn version(files: &PackFiles, pack: &Pack, home: &Home) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (level, name) in &pack.layers {
        let Some(folder) = files.folder(*level, name) else {
            continue;
        };
        for (path, file) in &folder.files {
            let counts =
                **path == *home.path || &**path == "package.yml" || path.starts_with("parameters/");
            if counts {
                path.hash(&mut hasher);
                file.bytes.hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
