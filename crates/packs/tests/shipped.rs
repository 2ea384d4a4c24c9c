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

#[test]
fn parameters_are_shipped_set_to_their_declared_defaults() {
    let registry = Registry::load(&shipped(), None);
    for pack in registry.packs() {
        for (name, parameter) in pack.parameters.iter() {
            let named = format!("{}.{name}", pack.name);
            assert!(parameter.description.is_some(), "{named} has no comment");
            let declared = parameter.declaration.as_ref();
            let default = &declared.unwrap_or_else(|| panic!("{named}")).default;
            // A secret has no default: what it is set to is what the server ships with.
            if !parameter.content.has_secret() {
                assert_eq!(parameter.content.shown(), default.shown(), "{named}");
            }
        }
    }
}

#[test]
fn the_readme_lists_each_pack_with_what_it_holds() {
    let readme = include_str!("../../../packs/README.md");
    for pack in Registry::load(&shipped(), None).packs() {
        let start = format!("| [{}](", pack.name);
        let row = readme.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row of {}", pack.name));
        let parameters = pack.parameters.iter().map(|(name, _)| name);
        let checks = pack.checks.iter().map(|check| &check.name);
        for name in parameters.chain(checks) {
            assert!(row.contains(&format!("`{name}`")), "{}: {name}", pack.name);
        }
    }
}
