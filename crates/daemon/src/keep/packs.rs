//! The packs on disk as they were when they were good last, without their parameters, so that a
//! file that breaks keeps its last good version over a restart too.

use model::{Level, limits};
use packs::{File, PackFiles};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::Keep;

/// What is kept, as it stands on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    files: Vec<KeptFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptFile {
    level: String,
    /// Below the packs of its level.
    path: String,
    /// As a person finds it.
    shown: String,
    text: String,
}

impl Keep {
    /// Gives the packs on disk as they were when they were good last.
    pub(crate) fn good_packs(&self) -> PackFiles {
        match self.load::<Document>("packs") {
            Ok(document) => files(document.unwrap_or_default()),
            Err(error) => {
                let error = format!("{error:#}");
                warn!(
                    error,
                    "The last good packs are not known: what is broken is left out"
                );
                PackFiles::new()
            }
        }
    }

    /// Keeps the packs on disk as they are good.
    pub(crate) fn save_good_packs(&self, files: &PackFiles) -> bool {
        self.save("packs", &document(files))
    }
}

fn files(document: Document) -> PackFiles {
    let mut files = PackFiles::new();
    for file in document.files {
        // A level that is none was kept by a program that knows more.
        if let Some(level) = Level::parse(&file.level) {
            files.add(
                level,
                &file.path,
                File::new(file.shown, file.text.as_bytes()),
            );
        }
    }
    files
}

fn document(files: &PackFiles) -> Document {
    let mut room = limits::PACKS_KEPT_BYTES_MAX;
    let mut left_out = 0;
    let mut kept = Vec::new();
    for folder in files.folders() {
        for (path, file) in &folder.files {
            let Some(text) = file.text() else {
                continue;
            };
            let Some(rest) = room.checked_sub(text.len()) else {
                left_out += 1;
                continue;
            };
            room = rest;
            kept.push(KeptFile {
                level: folder.level.to_string(),
                path: format!("{}/{path}", folder.name),
                shown: file.shown.to_string(),
                text: text.to_owned(),
            });
        }
    }
    if left_out > 0 {
        warn!(
            left_out,
            "The packs are large: some files have no last good version over a restart"
        );
    }
    Document { files: kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were_and_what_does_not_fit_is_left_out() {
        let mut files = PackFiles::new();
        let large = "x".repeat(limits::PACKS_KEPT_BYTES_MAX);
        for (path, text) in [("a/package.yml", "name: a\n"), ("b/large.yml", &large)] {
            files.add(Level::Zone, path, File::new(path, text.as_bytes()));
        }
        let back = super::files(document(&files));
        assert_eq!(back.folders().count(), 1);
        let folder = back.folder(Level::Zone, "a").unwrap();
        assert_eq!(folder.files["package.yml"].text(), Some("name: a\n"));
        assert_eq!(&*folder.files["package.yml"].shown, "a/package.yml");
    }
}
