//! The packs that are shipped: they load, lint clean, and their cases pass.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads the packs of the repository from the disk"
)]

use std::path::{Path, PathBuf};

use packs::{File, PackFiles, Registry};

/// Reads the tree of shipped packs from the repository.
fn shipped() -> PackFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in root.join(&folder).read_dir().unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let path = path.to_str().unwrap().to_owned();
            let shown = format!("packs/{path}");
            files.push((path, File::new(shown, bytes)));
        }
    }
    PackFiles::from_tree("packs", files)
}

#[test]
fn shipped_packs_lint_clean() {
    let lint = packs::lint::lint(&shipped(), None);
    let told: Vec<String> = lint.diagnostics.iter().map(|it| it.render()).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
    assert!(lint.packs_count > 40 && lint.objects_count > 60);
}

#[test]
fn the_cases_of_shipped_packs_pass() {
    let files = shipped();
    let outcomes = packs::cases::run(&files, &Registry::load(&files, None));
    let failures = outcomes.cases.iter().flat_map(|case| &case.failures);
    let told: Vec<String> = outcomes
        .diagnostics
        .iter()
        .chain(failures)
        .map(|diagnostic| diagnostic.render())
        .collect();
    assert!(outcomes.passed(), "\n{}", told.join("\n"));
}
