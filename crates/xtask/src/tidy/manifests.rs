//! The root manifest decides for all crates: versions, lints, edition.

use super::{Check, Finding, line_of};
use crate::house::House;

pub(super) const CHECK: Check = Check {
    name: "manifests",
    doc: "Crates take versions, lints and the edition from the root manifest.",
    run,
};

const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// What the root must not lose: these lints carry rules that no check repeats.
const ROOT_LINTS: &[&str] = &[
    "unsafe_code = \"deny\"",
    "missing_docs = \"warn\"",
    "unwrap_used = \"warn\"",
    "print_stdout = \"warn\"",
];

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = house.text("Cargo.toml").unwrap_or_default();
    for lint in ROOT_LINTS.iter().filter(|lint| !root.contains(**lint)) {
        let text = format!("the lint {lint} is gone: put it back");
        findings.push(Finding::new(
            "Cargo.toml",
            line_of(root, "[workspace.lints"),
            text,
        ));
    }
    for package in house.metadata.members() {
        let path = package.manifest.as_str();
        findings.extend(manifest(path, house.text(path).unwrap_or_default()));
    }
    findings
}

fn manifest(path: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<Line> = lines(text);
    let mut findings = Vec::new();
    for key in INHERITED {
        let dotted = format!("{key}.workspace");
        let inherits = |line: &&Line| line.section == "package" && line.key == dotted;
        if !lines.iter().any(|line| inherits(&line)) {
            findings.push(Finding::new(
                path,
                1,
                format!("add `{dotted} = true` to [package]"),
            ));
        }
    }
    if !lines
        .iter()
        .any(|line| line.section == "lints" && line.key == "workspace")
    {
        findings.push(Finding::new(
            path,
            1,
            "add `[lints]` with `workspace = true`",
        ));
    }
    findings.extend(
        lines
            .iter()
            .filter(|line| line.names_a_version())
            .map(|line| {
                let text = format!(
                    "version of {}: name it in the root manifest, inherit it here",
                    line.key
                );
                Finding::new(path, line.number, text)
            }),
    );
    findings
}

/// A `key = value` of a manifest; a value over several lines is one line here.
#[derive(Debug)]
struct Line {
    section: String,
    key: String,
    value: String,
    number: usize,
}

impl Line {
    /// Tells whether it is a dependency that does not inherit.
    fn names_a_version(&self) -> bool {
        if self.section.ends_with("dependencies") {
            return !self.key.ends_with(".workspace")
                && !self.key.contains('.')
                && !self.value.replace(' ', "").contains("workspace=true");
        }
        let table = self.section.rsplit_once('.').map(|(table, _)| table);
        table.is_some_and(|table| table.ends_with("dependencies"))
            && ["version", "git", "path"].contains(&self.key.as_str())
    }
}

fn lines(text: &str) -> Vec<Line> {
    let mut section = String::new();
    let mut found: Vec<Line> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let header = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = header.filter(|_| !line.contains('=') || line.contains("cfg(")) {
            section = name.trim_matches(['[', ']']).to_owned();
        } else if line.starts_with('#') {
            continue;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('{')) {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            found.push(Line {
                section: section.clone(),
                key,
                value,
                number,
            });
        } else if let Some(open) = found.last_mut() {
            open.value.push_str(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [lints]\nworkspace = true\n";

    #[track_caller]
    fn check(rest: &str, expect: &[(usize, &str)]) {
        let found = manifest("crates/a/Cargo.toml", &format!("{HEAD}{rest}"));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, (line, text)) in found.iter().zip(expect) {
            assert_eq!(found.line, *line, "{found}");
            assert!(found.text.contains(text), "{found}");
        }
    }

    #[test]
    fn inherited_dependencies_are_fine() {
        check("[dependencies]\nserde.workspace = true\n", &[]);
        check(
            "[dev-dependencies]\nserde = { workspace = true, features = [\"x\"] }\n",
            &[],
        );
        check(
            "[dependencies]\nserde = { workspace = true, features = [\n  \"x\",\n] }\n",
            &[],
        );
        check("[dependencies.serde]\nworkspace = true\n", &[]);
        check("[features]\nserde = []\n[[bench]]\nname = \"a\"\n", &[]);
    }

    #[test]
    fn a_version_outside_of_the_root_is_refused() {
        check(
            "[dependencies]\nserde = \"1\"\n",
            &[(11, "version of serde")],
        );
        check(
            "[build-dependencies]\nserde = { version = \"1\" }\n",
            &[(11, "version of serde")],
        );
        check(
            "[target.'cfg(unix)'.dependencies]\nx = \"1\"\n",
            &[(11, "version of x")],
        );
        check(
            "[dependencies.serde]\nversion = \"1\"\n",
            &[(11, "version of version")],
        );
        check(
            "[dependencies]\nmodel = { path = \"../model\" }\n",
            &[(11, "version of model")],
        );
    }

    #[test]
    fn a_crate_inherits_what_the_root_decides() {
        let found = manifest("crates/a/Cargo.toml", "[package]\nversion = \"1.0.0\"\n");
        assert_eq!(found.len(), INHERITED.len() + 1, "{found:?}");
    }

    #[test]
    fn the_root_keeps_its_lints() {
        let found = run(&House::of(&[("Cargo.toml", "[workspace.lints.rust]\n")]));
        assert_eq!(found.len(), ROOT_LINTS.len());
    }
}
