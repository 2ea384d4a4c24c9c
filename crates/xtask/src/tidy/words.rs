//! A file means the same on every machine: no path of one workplace, no mirror of one network.

use super::{Check, Finding};
use crate::house::House;

pub(super) const CHECK: Check = Check {
    name: "words",
    doc: "No file names a path of somebody's workplace or a private package registry.",
    run,
};

/// What must not be written, put together here so that this file has none of it.
const WORKPLACES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp/", "slot"),
    concat!("/tmp/", "target-"),
];

/// Settings that send cargo or pip to a private place; only a machine's own configuration has them.
const REGISTRIES: &[&str] = &[
    concat!("replace", "-with"),
    concat!("sparse", "+http"),
    concat!("index", "-url"),
    concat!("artif", "actory"),
];

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &house.files {
        for (index, line) in file.text.as_deref().unwrap_or_default().lines().enumerate() {
            if WORKPLACES.iter().any(|word| starts_a_path(line, word)) {
                let text = "a path of one workplace: say it relative to the root";
                findings.push(Finding::new(&file.path, index + 1, text));
            }
            if REGISTRIES.iter().any(|word| line.contains(word)) {
                let text = "a private registry: leave it to the machine's own configuration";
                findings.push(Finding::new(&file.path, index + 1, text));
            }
        }
    }
    findings
}

/// Tells whether a word stands at the start of an absolute path, not in the middle of one.
fn starts_a_path(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().last();
        !before.is_some_and(|sign| sign.is_alphanumeric() || "._-*})".contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[usize]) {
        let found = run(&House::of(&[("a.md", text)]));
        let lines: Vec<_> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expect, "{found:?}");
    }

    #[test]
    fn paths_that_every_machine_has_are_fine() {
        check("/var/lib/opsbro and /tmp/x and homework/x", &[]);
        check(&format!("/var/lib{}x", WORKPLACES[0]), &[]);
    }

    #[test]
    fn paths_of_one_workplace_are_refused() {
        check(&format!("a\nsee {}x", WORKPLACES[0]), &[2]);
        check(WORKPLACES[1], &[1]);
    }

    #[test]
    fn private_registries_are_refused() {
        check(&format!("{} = \"mirror\"", REGISTRIES[0]), &[1]);
    }
}
