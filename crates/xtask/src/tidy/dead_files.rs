//! What nothing reaches is not there: a file must be compiled, embedded, run or linked by another.

use std::collections::BTreeSet;

use super::{Check, Finding};
use crate::house::House;
use crate::source::{Module, Source};

pub(super) const CHECK: Check = Check {
    name: "dead_files",
    doc: "Each Rust file is a module of a crate, each data file is named by another, no folder is empty.",
    run,
};

/// Folders whose files must be named by a file elsewhere.
const DATA: &[&str] = &["etc/", "ui/", "var/", "docs/", "docker-files/"];

fn run(house: &House) -> Vec<Finding> {
    let mut findings = unreached_modules(house);
    findings.extend(unnamed_data(house));
    findings.extend(
        house
            .empty_dirs
            .iter()
            .map(|dir| Finding::new(dir, 1, "empty folder: remove it")),
    );
    findings
}

fn unreached_modules(house: &House) -> Vec<Finding> {
    let mut open: Vec<String> = house
        .metadata
        .members()
        .flat_map(|package| package.roots.iter().cloned())
        .collect();
    // Fuzz targets are a workspace of their own, which builds with another toolchain only.
    let targets = house.rust().map(|(path, _)| path.to_owned());
    open.extend(targets.filter(|path| path.contains("/fuzz_targets/")));
    let roots: BTreeSet<String> = open.iter().cloned().collect();
    let mut reached = BTreeSet::new();
    let mut findings = Vec::new();
    while let Some(path) = open.pop() {
        let Some(source) = house.file(&path).and_then(|file| file.source.as_ref()) else {
            continue;
        };
        if !reached.insert(path.clone()) {
            continue;
        }
        for module in &source.modules {
            let places = places(&path, roots.contains(&path), module);
            match places.iter().find(|place| house.file(place).is_some()) {
                Some(place) => open.push(place.clone()),
                // The compiler refuses a missing file; a `mod` inside of an inline module has
                // its file deeper than is looked for here.
                None => open.extend(deeper(house, &path, module)),
            }
        }
    }
    let dead = house.rust().filter(|(path, _)| !reached.contains(*path));
    findings.extend(dead.map(|(path, source): (&str, &Source)| {
        let lines = source.text.lines().count();
        let text = format!("no `mod` reaches this file of {lines} lines: name it, or remove it");
        Finding::new(path, 1, text)
    }));
    findings
}

/// Says where the file of a module may lie.
fn places(from: &str, is_root: bool, module: &Module) -> Vec<String> {
    let (dir, file) = from.rsplit_once('/').unwrap_or(("", from));
    let stem = file.trim_end_matches(".rs");
    let in_dir = |inside: &str| {
        if dir.is_empty() {
            inside.to_owned()
        } else {
            format!("{dir}/{inside}")
        }
    };
    if let Some(path) = &module.path {
        return vec![straight(&in_dir(path))];
    }
    let name = &module.name;
    if is_root || stem == "mod" {
        vec![
            in_dir(&format!("{name}.rs")),
            in_dir(&format!("{name}/mod.rs")),
        ]
    } else {
        vec![
            in_dir(&format!("{stem}/{name}.rs")),
            in_dir(&format!("{stem}/{name}/mod.rs")),
        ]
    }
}

/// Gives a path without the steps back up in it.
fn straight(path: &str) -> String {
    let mut steps = Vec::new();
    for step in path.split('/') {
        match step {
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

fn deeper(house: &House, from: &str, module: &Module) -> Option<String> {
    let dir = from.rsplit_once('/').map_or("", |(dir, _)| dir);
    let end = format!("/{}.rs", module.name);
    let found = house
        .rust()
        .find(|(path, _)| path.starts_with(dir) && path.ends_with(&end));
    found.map(|(path, _)| path.to_owned())
}

fn unnamed_data(house: &House) -> Vec<Finding> {
    let is_data = |path: &str| DATA.iter().any(|dir| path.starts_with(dir));
    let named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name == "index.html"
            || house
                .written()
                .any(|(other, text)| other != path && text.contains(name))
    };
    house
        .files
        .iter()
        .filter(|file| is_data(&file.path) && !named(&file.path))
        .map(|file| {
            Finding::new(
                &file.path,
                1,
                "no other file names this one: link it, or remove it",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    #[track_caller]
    fn check(files: &[(&str, &str)], expect: &[&str]) {
        let mut house = House::of(files);
        house.metadata.packages = vec![Package {
            member: true,
            roots: vec![
                "crates/a/src/lib.rs".to_owned(),
                "crates/a/tests/e2e.rs".to_owned(),
            ],
            ..Package::default()
        }];
        let found: Vec<_> = run(&house)
            .into_iter()
            .map(|finding| finding.file)
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn modules_are_followed_down() {
        let files = [
            ("crates/a/src/b.rs", "mod c;"),
            ("crates/a/src/b/c.rs", ""),
            ("crates/a/src/d/mod.rs", "mod e;"),
            ("crates/a/src/d/e.rs", ""),
            (
                "crates/a/src/lib.rs",
                "mod b; mod d; #[path = \"odd.rs\"] mod f; mod g { mod h; }",
            ),
            ("crates/a/src/odd.rs", ""),
            ("crates/a/src/g/h.rs", ""),
            (
                "crates/a/tests/e2e.rs",
                "mod life; #[path = \"../../../shared/i.rs\"] mod i;",
            ),
            ("shared/i.rs", ""),
            ("crates/a/tests/life.rs", ""),
        ];
        check(&files, &[]);
    }

    #[test]
    fn a_file_without_mod_is_dead() {
        let files = [
            ("crates/a/src/lib.rs", "// mod b;"),
            ("crates/a/src/b.rs", ""),
        ];
        check(&files, &["crates/a/src/b.rs"]);
    }

    #[test]
    fn data_is_named_by_another_file() {
        let page = ("ui/index.html", "<script src=\"api.js\">");
        check(&[page, ("ui/api.js", "")], &[]);
        check(
            &[page, ("ui/api.js", ""), ("ui/old.js", "old.js")],
            &["ui/old.js"],
        );
        check(&[("etc/agent.yml", "")], &["etc/agent.yml"]);
    }

    #[test]
    fn an_empty_folder_is_dead() {
        let house = House {
            empty_dirs: vec!["docs/x".to_owned()],
            ..House::default()
        };
        assert_eq!(run(&house).len(), 1);
    }
}
