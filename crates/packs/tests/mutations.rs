//! Packs with slips in them: whatever is typed into a shipped file, loading and linting end with
//! words, never with a panic, and the other packs stay.

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads the packs of the repository from the disk"
)]

use std::path::Path;
use std::sync::LazyLock;

use model::Level;
use packs::{File, PackFiles, Registry};
use proptest::prelude::*;

/// Files of every kind, by their path in the repository.
const FILES: &[&str] = &[
    "linux/package.yml",
    "linux/parameters/parameters.yml",
    "linux/monitoring/disks.yml",
    "linux/dashboards/linux.yml",
    "linux/compliance/passwd.yml",
    "redis/detectors/redis.yml",
    "redis/cases/detection.txt",
];

static TEXTS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/global");
    let read = |path: &&'static str| Some((*path, std::fs::read_to_string(root.join(path)).ok()?));
    FILES.iter().filter_map(read).collect()
});

fn load(texts: &[(&str, String)]) -> PackFiles {
    let mut files = PackFiles::new();
    files.add(
        Level::Global,
        "redis/package.yml",
        File::new("r", b"name: redis".as_slice()),
    );
    for (path, text) in texts {
        files.add(Level::Global, path, File::new(*path, text.as_bytes()));
    }
    files
}

proptest! {
    #[test]
    fn a_slip_in_any_file_is_told_and_harms_nobody_else(
        which in 0..FILES.len(),
        at in 0.0..1.0_f64,
        removed in 0..12_usize,
        typed in "[-a: \n\t\\[\\]{}&*!|>'\"%@#,.$()é<]{0,6}",
    ) {
        let mut texts = TEXTS.clone();
        let count = texts.len();
        let (_, text) = &mut texts[which % count];
        let mut from = (text.len() as f64 * at) as usize;
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        let to = (from + removed).min(text.len());
        if text.is_char_boundary(to) {
            text.replace_range(from..to, &typed);
        }
        let good = Registry::load(&load(&TEXTS), None);
        let files = load(&texts);
        let registry = Registry::load(&files, Some(&good));
        prop_assert!(registry.pack("redis").is_some());
        let lint = packs::lint::lint(&files, Some(&good));
        for diagnostic in &lint.diagnostics {
            prop_assert!(!diagnostic.message.is_empty() && !diagnostic.render().is_empty());
        }
        let _ = packs::cases::run(&files, &registry);
    }
}

#[test]
fn the_files_of_every_kind_are_there() {
    let found: Vec<&str> = TEXTS.iter().map(|(path, _)| *path).collect();
    assert_eq!(found, FILES);
    let registry = Registry::load(&load(&TEXTS), None);
    let objects = registry
        .packs()
        .map(|pack| pack.objects_count())
        .sum::<usize>();
    assert!(objects >= 4, "{objects}");
    assert!(registry.pack("linux").unwrap().broken.is_empty());
}
