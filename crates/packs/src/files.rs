//! The tree of files that packs are read from, whoever brought it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::Level;

use crate::package;

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The file as the user would name it; diagnostics show it.
    pub shown: Arc<str>,
    /// What is in it.
    pub bytes: Arc<[u8]>,
    /// True when it comes from the copy inside the program.
    pub embedded: bool,
}

/// The folder of a pack at one level.
#[derive(Clone, Debug)]
pub struct Folder<'files> {
    /// The level it stands at.
    pub level: Level,
    /// The name of the folder, which need not be the name of the pack.
    pub name: Arc<str>,
    /// Its files by their path inside of it.
    pub files: BTreeMap<Arc<str>, &'files File>,
}

/// All files of all packs, by level, folder and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackFiles {
    files: BTreeMap<(Level, Arc<str>), BTreeMap<Arc<str>, File>>,
}

impl PackFiles {
    /// Makes an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file by its path below the packs of a level, as `redis/monitoring/redis.yml`. A file
    /// that stands beside the folders belongs to no pack and is left out.
    pub fn add(&mut self, level: Level, path: &str, file: File) {
        if let Some((folder, path)) = path.trim_start_matches("./").split_once('/') {
            self.files
                .entry((level, Arc::from(folder)))
                .or_default()
                .insert(Arc::from(path), file);
        }
    }

    /// Sorts a tree of files that a user named into levels: a data directory
    /// (`global-configuration/packs/redis/…`), folders of levels (`global/redis/…`), a folder of
    /// packs (`redis/…`) or one pack (`package.yml`); the last two count as level global.
    pub fn from_tree(root_name: &str, files: impl IntoIterator<Item = (String, File)>) -> Self {
        let files: Vec<(String, File)> = files.into_iter().collect();
        let is_one_pack = files.iter().any(|(path, _)| path == "package.yml");
        let mut tree = Self::new();
        for (path, file) in files {
            if is_one_pack {
                tree.add(Level::Global, &format!("{root_name}/{path}"), file);
                continue;
            }
            let (level, below) = leveled(&path);
            tree.add(level, below, file);
        }
        tree
    }

    /// Lays these files over the copy inside the program: a pack that stands here at a level
    /// replaces the embedded one of that level and name as a whole.
    #[must_use]
    pub fn over(self, embedded: Self) -> Self {
        let ours: BTreeSet<(Level, Arc<str>)> = self.folders().map(identity).collect();
        let mut all = self;
        for folder in embedded.folders() {
            if ours.contains(&identity(folder.clone())) {
                continue;
            }
            let files = all
                .files
                .entry((folder.level, Arc::clone(&folder.name)))
                .or_default();
            for (path, file) in folder.files {
                files.entry(path).or_insert_with(|| file.clone());
            }
        }
        all
    }

    /// Gives every folder, lowest level first, by name.
    pub fn folders(&self) -> impl Iterator<Item = Folder<'_>> {
        self.files
            .iter()
            .map(|((level, name), files)| folder(*level, name, files))
    }

    /// Gives the folder of that name at a level.
    pub fn folder(&self, level: Level, name: &str) -> Option<Folder<'_>> {
        let name = Arc::from(name);
        let (key, files) = self.files.get_key_value(&(level, name))?;
        Some(folder(level, &key.1, files))
    }
}

fn folder<'files>(
    level: Level,
    name: &Arc<str>,
    files: &'files BTreeMap<Arc<str>, File>,
) -> Folder<'files> {
    Folder {
        level,
        name: Arc::clone(name),
        files: files
            .iter()
            .map(|(path, file)| (Arc::clone(path), file))
            .collect(),
    }
}

impl File {
    /// Makes a file that a person can find under this name.
    pub fn new(shown: impl Into<Arc<str>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            shown: shown.into(),
            bytes: bytes.into(),
            embedded: false,
        }
    }

    /// Gives the text, when the bytes are one.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

fn identity(folder: Folder<'_>) -> (Level, Arc<str>) {
    let name = package::name_of(&folder).unwrap_or(folder.name);
    (folder.level, name)
}

/// Splits a path into its level and what stands below the packs of that level.
fn leveled(path: &str) -> (Level, &str) {
    let Some((first, below)) = path.split_once('/') else {
        return (Level::Global, path);
    };
    let word = first.strip_suffix("-configuration").unwrap_or(first);
    let Some(level) = Level::parse(word) else {
        return (Level::Global, path);
    };
    let below = match (word == first, below.strip_prefix("packs/")) {
        (false, Some(below)) => below,
        (false, None) | (true, _) => below,
    };
    (level, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        File::new("f", *b"")
    }

    fn check(paths: &[&str], expect: &[&str]) {
        let files = paths.iter().map(|path| ((*path).to_owned(), file()));
        let tree = PackFiles::from_tree("mine", files);
        let found: Vec<String> = tree
            .folders()
            .flat_map(|folder| {
                let name = format!("{} {}", folder.level, folder.name);
                folder
                    .files
                    .into_keys()
                    .map(move |path| format!("{name} {path}"))
            })
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn trees_of_every_shape_are_sorted_into_levels() {
        check(
            &["package.yml", "monitoring/a.yml"],
            &["global mine monitoring/a.yml", "global mine package.yml"],
        );
        check(
            &["redis/package.yml", "readme.md"],
            &["global redis package.yml"],
        );
        check(
            &["core/a/package.yml", "local/b/package.yml"],
            &["core a package.yml", "local b package.yml"],
        );
        check(
            &["zone-configuration/packs/a/package.yml"],
            &["zone a package.yml"],
        );
    }

    #[test]
    fn a_pack_on_disk_replaces_the_embedded_one_by_its_name() {
        let mut embedded = PackFiles::new();
        for path in ["redis/package.yml", "redis/gone.yml", "linux/package.yml"] {
            let name = path.split('/').next().unwrap();
            let bytes = format!("name: {name}\n").into_bytes();
            embedded.add(Level::Global, path, File::new(path, bytes));
        }
        let mut disk = PackFiles::new();
        let package = File::new("disk", b"name: redis\n".as_slice());
        disk.add(Level::Global, "my-redis/package.yml", package);
        let all = disk.over(embedded);
        let names: Vec<Arc<str>> = all.folders().map(|folder| folder.name).collect();
        assert_eq!(names, ["linux".into(), "my-redis".into()]);
    }
}
