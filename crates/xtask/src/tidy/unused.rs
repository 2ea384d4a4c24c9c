//! A guest whom nobody talks to goes home.
//!
//! A dependency is used when its name stands in the code of the crate, and a version in the root
//! manifest when some crate inherits it.

use super::{Check, Finding, line_of};
use crate::house::House;
use crate::metadata::{Kind, Package};

pub(super) const CHECK: Check = Check {
    name: "unused",
    doc: "Each dependency is used by the code that asks for it, each version by a crate.",
    run,
};

const ROOT: &str = "Cargo.toml";

fn run(house: &House) -> Vec<Finding> {
    let mut findings = unused_versions(house);
    for package in house.metadata.members() {
        findings.extend(unused_dependencies(house, package));
    }
    findings
}

fn unused_versions(house: &House) -> Vec<Finding> {
    let root = house.text(ROOT).unwrap_or_default();
    let asked = |name: &str| {
        house
            .metadata
            .members()
            .any(|member| member.dependencies.iter().any(|one| one.name == name))
    };
    let from = line_of(root, "[workspace.dependencies]");
    let entries = (1..)
        .zip(root.lines())
        .skip(from)
        .take_while(|(_, line)| !line.starts_with('['));
    entries
        .filter_map(|(line, text)| Some((line, text.split_once(" = ")?.0)))
        .filter(|(_, name)| !name.starts_with('#') && !asked(name))
        .map(|(line, name)| {
            let text = format!("no crate asks for {name}: take it out until one does");
            Finding::new(ROOT, line, text)
        })
        .collect()
}

fn unused_dependencies(house: &House, package: &Package) -> Vec<Finding> {
    let folder = package.manifest.trim_end_matches("Cargo.toml");
    let manifest = house.text(&package.manifest).unwrap_or_default();
    let unused = |name: &str, kind: Kind| {
        let word = name_in_code(house, name);
        let ours = house.rust().filter(|(path, _)| path.starts_with(folder));
        let mut asking = ours.filter(|(path, _)| may_use(&path[folder.len()..], kind));
        !asking.any(|(_, source)| has_word(&source.code, &word))
    };
    package
        .dependencies
        .iter()
        .filter(|one| unused(&one.name, one.kind))
        .map(|one| {
            let text = format!(
                "{} asks for {} and does not use it: take it out",
                package.name, one.name
            );
            Finding::new(&package.manifest, line_of(manifest, &one.name), text)
        })
        .collect()
}

/// Gives the name that code calls a package by.
fn name_in_code(house: &House, name: &str) -> String {
    let package = house
        .metadata
        .packages
        .iter()
        .find(|package| package.name == name);
    let library = package.and_then(|package| package.library.clone());
    library.unwrap_or_else(|| name.replace('-', "_"))
}

/// Tells which files of a crate a dependency of some kind is for.
fn may_use(path: &str, kind: Kind) -> bool {
    match kind {
        Kind::Normal => path != "build.rs",
        Kind::Dev => true,
        Kind::Build => path == "build.rs",
    }
}

fn has_word(code: &str, word: &str) -> bool {
    let mut words = code.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
    code.contains(word) && words.any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    #[track_caller]
    fn check(name: &str, kind: Kind, code: &str, expect: &[(&str, usize)]) {
        let root =
            "[workspace.dependencies]\n# Guests.\na-b = \"1\"\nc = \"1\"\n[profile.dev]\nd = 1\n";
        let manifest = format!("[package]\n[dependencies]\n{name}.workspace = true\n");
        let files = [
            (ROOT, root),
            ("crates/x/Cargo.toml", &manifest),
            ("crates/x/src/lib.rs", code),
        ];
        let mut house = House::of(&files);
        let asked = |name: &str, kind| Dependency {
            name: name.to_owned(),
            kind,
        };
        house.metadata.packages = vec![Package {
            name: "x".to_owned(),
            member: true,
            manifest: "crates/x/Cargo.toml".to_owned(),
            dependencies: vec![asked(name, kind)],
            ..Package::default()
        }];
        let found = run(&house);
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.file.as_str(), one.line))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn a_name_in_the_code_is_a_use() {
        check("a-b", Kind::Normal, "use a_b::C;", &[(ROOT, 4)]);
        check("c", Kind::Dev, "fn f() { c::d() }", &[(ROOT, 3)]);
    }

    #[test]
    fn a_library_may_have_a_name_of_its_own() {
        let mut house = House::default();
        let library = Some("md5".to_owned());
        house.metadata.packages = vec![Package {
            name: "md-5".to_owned(),
            library,
            ..Package::default()
        }];
        assert_eq!(name_in_code(&house, "md-5"), "md5");
        assert_eq!(name_in_code(&house, "a-b"), "a_b");
    }

    #[test]
    fn a_name_elsewhere_is_none() {
        let unused = [(ROOT, 4), ("crates/x/Cargo.toml", 3)];
        check("a-b", Kind::Normal, "// a_b\nlet a_bc = \"a_b\";", &unused);
        check("a-b", Kind::Build, "use a_b;", &unused);
    }
}
