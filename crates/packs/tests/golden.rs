//! Bad packs and what their authors are told, word for word.
//!
//! Each file of `tests/golden/` holds the files of a pack, each below a line `=== path`, and below
//! `=== told` all diagnostics as they are rendered. `UPDATE_GOLDEN=1 cargo test -p packs --test
//! golden` writes what is told; read it before you commit it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads and, when asked to, writes its golden files"
)]

use std::path::{Path, PathBuf};

use model::Level;
use packs::{File, PackFiles};

#[test]
fn every_mistake_is_told_as_its_golden_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        check(&path);
    }
}

fn check(path: &Path) {
    let golden = std::fs::read_to_string(path).unwrap();
    let (pack, expected) = golden.split_once("=== told\n").unwrap();
    let told = told(pack);
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(path, format!("{pack}=== told\n{told}")).unwrap();
        return;
    }
    assert_eq!(told, expected, "{}", path.display());
}

/// Lints the files of one pack and renders all that is told.
fn told(pack: &str) -> String {
    let mut files = PackFiles::new();
    for part in pack.split("=== ").skip(1) {
        let (path, text) = part.split_once('\n').unwrap();
        let file = File::new(path, text.as_bytes());
        files.add(Level::Global, &format!("bad/{path}"), file);
    }
    let lint = packs::lint::lint(&files, None);
    lint.diagnostics.iter().map(|it| it.render()).collect()
}
