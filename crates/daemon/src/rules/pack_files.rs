//! The files of packs: those inside the program, and those on disk that replace them by pack.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Diagnostic, Level, Place, limits};
use packs::{File, PackFiles};
use rust_embed::RustEmbed;

/// The packs inside the program.
#[derive(RustEmbed)]
#[folder = "../../packs"]
#[include = "core/**"]
#[include = "global/**"]
struct Shipped;

/// What was found on disk.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The files.
    pub files: PackFiles,
    /// The folders they are in, to be watched.
    pub folders: Vec<PathBuf>,
    /// What could not be read.
    pub problems: Vec<Diagnostic>,
}

/// Gives the packs inside the program.
pub fn shipped() -> PackFiles {
    let mut files = PackFiles::new();
    for name in Shipped::iter() {
        let content = Shipped::get(&name).expect("a name that was just listed is there");
        let Some((level, path)) = name.split_once('/') else {
            continue;
        };
        if let Some(level) = Level::parse(level) {
            let mut file = File::new(format!("(built in)/{name}"), content.data.as_ref());
            file.embedded = true;
            files.add(level, path, file);
        }
    }
    files
}

/// Names the folder of the packs of a level.
pub fn folder(data: &Path, level: Level) -> PathBuf {
    data.join(format!("{level}-configuration")).join("packs")
}

/// Gives all packs: those on disk replace the shipped ones of their level and name.
pub fn all(data: &Path) -> Found {
    let mut found = on_disk(data);
    found.files = found.files.over(shipped());
    found
}

/// Reads the packs on disk.
pub fn on_disk(data: &Path) -> Found {
    let mut found = Found::default();
    for level in Level::ALL {
        let packs = folder(data, level);
        for (name, file) in read_tree(&packs, &mut found) {
            found.files.add(level, &name, file);
        }
    }
    found
}

/// Reads a folder of packs that a user named, whatever its shape is.
pub fn in_folder(folder: &Path) -> Found {
    let mut found = Found::default();
    if !folder.is_dir() {
        found
            .problems
            .push(unreadable(folder, "there is no such folder"));
        return found;
    }
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let files = read_tree(folder, &mut found);
    found.files = PackFiles::from_tree(&name.unwrap_or_else(|| "packs".to_owned()), files);
    found
}

/// Reads all files below a folder, by their path in it. A link to a folder is not followed, so no
/// tree is endless.
fn read_tree(root: &Path, found: &mut Found) -> Vec<(String, File)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        found.folders.push(folder.clone());
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if is_hidden || files.len() >= limits::PACK_FILES_MAX {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if let Some(file) = read_file(&path, &mut found.problems) {
                let below = path.strip_prefix(root).unwrap_or(&path);
                files.push((below.to_string_lossy().into_owned(), file));
            }
        }
    }
    if files.len() >= limits::PACK_FILES_MAX {
        let text = format!(
            "more than {} files: the rest is not read",
            limits::PACK_FILES_MAX
        );
        found.problems.push(unreadable(root, &text));
    }
    files
}

fn read_file(path: &Path, problems: &mut Vec<Diagnostic>) -> Option<File> {
    // Only plain files: a pipe or a device would be read for ever.
    if !path.is_file() {
        return None;
    }
    match store::file::read(path, limits::PACK_FILE_BYTES_MAX) {
        Ok(Some(bytes)) => Some(File::new(
            path.to_string_lossy().as_ref(),
            Arc::<[u8]>::from(bytes),
        )),
        Ok(None) => None,
        Err(error) => {
            problems.push(unreadable(path, &error.to_string()));
            None
        }
    }
}

fn unreadable(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(Place::new(path.to_string_lossy().as_ref(), 1, 1), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_carries_packs_and_a_folder_on_disk_replaces_one() {
        let folder = tempfile::tempdir().unwrap();
        let shipped_linux = shipped()
            .folder(Level::Global, "linux")
            .map(|it| it.files.len());
        assert!(shipped_linux.is_some_and(|count| count > 1));
        let package = super::folder(folder.path(), Level::Global).join("linux/package.yml");
        std::fs::create_dir_all(package.parent().unwrap()).unwrap();
        store::file::replace(&package, b"name: linux\n", store::file::PRIVATE).unwrap();
        let found = all(folder.path());
        let linux = found
            .files
            .folder(Level::Global, "linux")
            .map(|it| it.files.len());
        assert_eq!(linux, Some(1));
        assert!(
            found
                .folders
                .contains(&package.parent().unwrap().to_owned())
        );
    }

    #[test]
    fn a_pipe_in_a_pack_does_not_hang_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let pack = super::folder(folder.path(), Level::Local).join("odd");
        std::fs::create_dir_all(&pack).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let node = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, pack.join("pipe.yml"), node, mode, 0).unwrap();
        assert!(on_disk(folder.path()).problems.is_empty());
    }
}
