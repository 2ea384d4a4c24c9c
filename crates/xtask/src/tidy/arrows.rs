//! Crates form layers, and arrows only go down (STYLE A1).
//!
//! A new arrow is a decision about the design: it is written here and in ARCHITECTURE.md in a
//! commit of its own. The tests of a crate may use whatever the crate already stands on, directly
//! or not.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, line_of};
use crate::house::House;
use crate::metadata::Kind;

pub(super) const CHECK: Check = Check {
    name: "arrows",
    doc: "Crates of the workspace depend on each other only along the arrows of ARCHITECTURE.md.",
    run,
};

/// Who may use whom; ARCHITECTURE.md repeats each line of a crate that exists.
const ARROWS: &[&str] = &[
    "expr → model",
    "packs → model expr",
    "gossip → model",
    "series → model",
    "rules → model expr packs",
    "store → model",
    "raft → model store",
    "drivers → model",
    "api → model",
    "daemon → api drivers expr gossip model packs raft rules series store",
    "opsbro → api daemon packs model",
    "tests → api daemon drivers expr gossip model packs raft rules series store",
];

/// The crates without an arrow.
const LEAVES: &[&str] = &["model", "xtask"];

const PAGE: &str = "ARCHITECTURE.md";

fn run(house: &House) -> Vec<Finding> {
    let allowed = parse(ARROWS);
    let mut findings = broken_arrows(house, &allowed);
    if let Some(page) = house.text(PAGE) {
        findings.extend(page_differs(house, page));
    }
    findings
}

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn parse(lines: &[&str]) -> Arrows {
    let leaves = LEAVES
        .iter()
        .map(|leaf| ((*leaf).to_owned(), BTreeSet::new()));
    lines
        .iter()
        .filter_map(|line| line.split_once(" → "))
        .map(|(from, to)| (from.to_owned(), to.split(' ').map(str::to_owned).collect()))
        .chain(leaves)
        .collect()
}

fn broken_arrows(house: &House, allowed: &Arrows) -> Vec<Finding> {
    let members: BTreeSet<&str> = house
        .metadata
        .members()
        .map(|one| one.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for package in house.metadata.members() {
        let from = package.name.as_str();
        let manifest = house.text(&package.manifest).unwrap_or_default();
        let Some(arrows) = allowed.get(from) else {
            let text =
                format!("crate {from} has no place: name its arrows in xtask's tidy/arrows.rs");
            findings.push(Finding::new(&package.manifest, 1, text));
            continue;
        };
        let below = all_below(from, allowed);
        for dependency in &package.dependencies {
            let to = dependency.name.as_str();
            let fits = match dependency.kind {
                Kind::Normal | Kind::Build => arrows.contains(to),
                Kind::Dev => below.contains(to) || to == from,
            };
            if members.contains(to) && !fits {
                let line = line_of(manifest, to);
                let text = format!("{from} must not use {to}: the allowed arrows are {arrows:?}");
                findings.push(Finding::new(&package.manifest, line, text));
            }
        }
    }
    findings
}

fn all_below(from: &str, allowed: &Arrows) -> BTreeSet<String> {
    let mut below = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(next) = open.pop() {
        for to in allowed.get(&next).into_iter().flatten() {
            if below.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    below
}

fn page_differs(house: &House, page: &str) -> Vec<Finding> {
    let exists = |from: &str| house.metadata.members().any(|package| package.name == from);
    let mut findings = Vec::new();
    for arrow in ARROWS {
        let from = arrow.split(' ').next().unwrap_or_default();
        if exists(from) && !page.contains(&format!("`{arrow}`")) {
            let text = format!("the arrow `{arrow}` is missing: add it to the table");
            findings.push(Finding::new(PAGE, line_of(page, " → "), text));
        }
    }
    for (index, line) in page.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2);
        for arrow in quoted.filter(|quoted| is_arrow(quoted) && !ARROWS.contains(quoted)) {
            let text =
                format!("`{arrow}` is no allowed arrow: correct it here or in tidy/arrows.rs");
            findings.push(Finding::new(PAGE, index + 1, text));
        }
    }
    findings
}

fn is_arrow(text: &str) -> bool {
    let allowed = parse(ARROWS);
    text.split_once(" → ")
        .is_some_and(|(from, _)| allowed.contains_key(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Package};

    #[track_caller]
    fn check(crates: &[(&str, &[(&str, Kind)])], expect: &[&str]) {
        let house = house(crates, &[]);
        let found: Vec<_> = run(&house)
            .into_iter()
            .map(|finding| finding.text)
            .collect();
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.contains(expect), "{found:?} says {expect:?}");
        }
    }

    fn house(crates: &[(&str, &[(&str, Kind)])], files: &[(&str, &str)]) -> House {
        let mut house = House::of(files);
        house.metadata.packages = crates
            .iter()
            .map(|(name, dependencies)| Package {
                name: (*name).to_owned(),
                member: true,
                dependencies: dependencies
                    .iter()
                    .map(|(name, kind)| Dependency {
                        name: (*name).to_owned(),
                        kind: *kind,
                    })
                    .collect(),
                ..Package::default()
            })
            .collect();
        house
    }

    #[test]
    fn arrows_of_the_table_and_guests_are_fine() {
        check(
            &[
                ("model", &[("serde", Kind::Normal)]),
                ("expr", &[("model", Kind::Normal)]),
            ],
            &[],
        );
    }

    #[test]
    fn an_arrow_outside_of_the_table_is_refused() {
        let crates: &[(&str, &[_])] = &[("expr", &[("packs", Kind::Normal)]), ("packs", &[])];
        check(crates, &["expr must not use packs"]);
        check(
            &[("model", &[("xtask", Kind::Build)]), ("xtask", &[])],
            &["model must not use xtask"],
        );
    }

    #[test]
    fn tests_may_use_what_lies_below_and_nothing_above() {
        let below: &[(&str, &[_])] = &[("rules", &[("expr", Kind::Dev)]), ("expr", &[])];
        check(below, &[]);
        let above: &[(&str, &[_])] = &[("expr", &[("rules", Kind::Dev)]), ("rules", &[])];
        check(above, &["expr must not use rules"]);
    }

    #[test]
    fn a_crate_that_nobody_placed_is_refused() {
        check(&[("misc", &[])], &["crate misc has no place"]);
    }

    #[test]
    fn the_page_tells_the_arrows_of_the_crates_that_exist() {
        let crates: &[(&str, &[_])] = &[("expr", &[]), ("store", &[])];
        let good = house(crates, &[(PAGE, "`expr → model` and\n`store → model`")]);
        assert_eq!(run(&good), []);
        let bad = house(crates, &[(PAGE, "`expr → model`\n`store → model expr`")]);
        let lines: Vec<_> = run(&bad).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2], "one arrow is missing, one is not allowed");
    }
}
