//! The tree as the checks see it: its files, its empty folders, its crates.
//!
//! A plain value, read once; tests build one from samples. What `.gitignore` names is no part of
//! it.

use std::path::{Path, PathBuf};

use crate::metadata::Metadata;
use crate::source::Source;

/// The tree.
#[derive(Debug, Default)]
pub struct House {
    /// Where it stands.
    pub root: PathBuf,
    /// The files, by path.
    pub files: Vec<File>,
    /// The folders that have nothing in them.
    pub empty_dirs: Vec<String>,
    /// The crates and their guests.
    pub metadata: Metadata,
}

/// A file.
#[derive(Debug)]
pub struct File {
    /// The path below the root, with `/`.
    pub path: String,
    /// The text; `None` when it is not UTF-8.
    pub text: Option<String>,
    /// The text taken apart, for a `.rs` file.
    pub source: Option<Source>,
}

impl House {
    /// Reads the tree below a root.
    pub fn read(root: &Path) -> Result<Self, String> {
        let failed = |what: &Path, error: std::io::Error| {
            format!("failed to read {}: {error}", what.display())
        };
        let ignored = Ignored::read(root);
        let mut house = Self {
            root: root.to_owned(),
            metadata: Metadata::read(root)?,
            ..Self::default()
        };
        let mut dirs = vec![root.to_owned()];
        while let Some(dir) = dirs.pop() {
            let mut empty = true;
            for entry in std::fs::read_dir(&dir).map_err(|error| failed(&dir, error))? {
                let path = entry.map_err(|error| failed(&dir, error))?.path();
                empty = false;
                if ignored.holds(&below(root, &path)) {
                    continue;
                }
                if path.is_dir() && !path.is_symlink() {
                    dirs.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    house.files.push(File::new(below(root, &path), bytes));
                }
            }
            if empty {
                house.empty_dirs.push(below(root, &dir));
            }
        }
        house.files.sort_by(|a, b| a.path.cmp(&b.path));
        house.empty_dirs.sort();
        Ok(house)
    }

    /// Builds a tree of samples, for tests.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file =
            |(path, text): &(&str, &str)| File::new((*path).to_owned(), text.as_bytes().to_vec());
        Self {
            files: files.iter().map(file).collect(),
            ..Self::default()
        }
    }

    /// Gives a file by its path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Gives the text of a file by its path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.file(path)?.text.as_deref()
    }

    /// Gives the Rust files.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files
            .iter()
            .filter_map(|file| Some((file.path.as_str(), file.source.as_ref()?)))
    }

    /// Gives the files that are text and that we wrote, which recorded samples are not.
    pub fn written(&self) -> impl Iterator<Item = (&str, &str)> {
        let recorded = |path: &str| path.contains("/fixtures/") || path == "Cargo.lock";
        self.files
            .iter()
            .filter(move |file| !recorded(&file.path))
            .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }
}

impl File {
    fn new(path: String, bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes).ok();
        let is_rust = path.ends_with(".rs") && !path.contains("/fixtures/");
        let source = text.as_deref().filter(|_| is_rust).map(Source::parse);
        Self { path, text, source }
    }
}

/// The paths that `.gitignore` names from the root, which is the only form that we write.
struct Ignored {
    paths: Vec<String>,
}

impl Ignored {
    fn read(root: &Path) -> Self {
        let text = std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let named = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix('/'));
        Self {
            paths: named.chain([".git"]).map(str::to_owned).collect(),
        }
    }

    fn holds(&self, path: &str) -> bool {
        self.paths.iter().any(|ignored| ignored == path)
    }
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
