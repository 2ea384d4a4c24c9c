//! Crates form layers, and arrows only go down.
//!
//! The table in ARCHITECTURE.md decides. A new arrow is a decision about the design: it is written
//! there in a commit of its own. The tests of a crate may use whatever the crate already stands on,
//! directly or not. The crates that stand outside of the program may use all of it, and nobody
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, line_of};
use crate::house::House;
use crate::metadata::{Kind, Package};

pub(super) const CHECK: Check = Check {
    name: "arrows",
    doc: "Crates of the workspace use each other only along the arrows of ARCHITECTURE.md.",
    run,
};

const PAGE: &str = "ARCHITECTURE.md";

/// The head of the table.
const HEAD: &str = "| room | may use |";

/// The crates outside of the program.
const OUTSIDE: &[&str] = &["tests", "xtask"];

fn run(house: &House) -> Vec<Finding> {
    let rows = rows(house.text(PAGE).unwrap_or_default());
    if rows.is_empty() {
        let text = format!("no table of arrows: write `{HEAD}` with a line for each crate");
        return vec![Finding::new(PAGE, 1, text)];
    }
    let mut findings = strange_rows(house, &rows);
    let allowed: Arrows = rows.into_iter().map(|row| (row.from, row.to)).collect();
    for package in house.metadata.members() {
        if !OUTSIDE.contains(&package.name.as_str()) {
            findings.extend(broken_arrows(house, package, &allowed));
        }
    }
    findings
}

type Arrows<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// A line of the table.
struct Row<'a> {
    line: usize,
    from: &'a str,
    to: BTreeSet<&'a str>,
}

fn rows(page: &str) -> Vec<Row<'_>> {
    (1..)
        .zip(page.lines())
        .skip_while(|(_, text)| *text != HEAD)
        .skip(2)
        .map_while(|(line, text)| {
            let (from, to) = text
                .strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")?;
            let to = to.split(", ").filter(|to| *to != "nothing").collect();
            Some(Row { line, from, to })
        })
        .collect()
}

fn strange_rows(house: &House, rows: &[Row]) -> Vec<Finding> {
    let exists = |name: &str| house.metadata.members().any(|package| package.name == name);
    let mut findings = Vec::new();
    for row in rows {
        for name in std::iter::once(&row.from)
            .chain(&row.to)
            .filter(|name| !exists(name))
        {
            let text = format!("{name} is no crate: the table tells of the crates that exist");
            findings.push(Finding::new(PAGE, row.line, text));
        }
        if below(row.from, rows).contains(row.from) {
            let text = format!("the arrows of {} lead back to it: turn one round", row.from);
            findings.push(Finding::new(PAGE, row.line, text));
        }
    }
    findings
}

/// Gives all crates that a crate stands on.
fn below<'a>(from: &str, rows: &[Row<'a>]) -> BTreeSet<&'a str> {
    let arrows: Arrows = rows.iter().map(|row| (row.from, row.to.clone())).collect();
    all_below(from, &arrows)
}

fn all_below<'a>(from: &str, arrows: &Arrows<'a>) -> BTreeSet<&'a str> {
    let mut below = BTreeSet::new();
    let mut open: Vec<&str> = arrows.get(from).into_iter().flatten().copied().collect();
    while let Some((name, own)) = open.pop().and_then(|name| arrows.get_key_value(name)) {
        if below.insert(*name) {
            open.extend(own.iter().copied());
        }
    }
    below
}

fn broken_arrows(house: &House, package: &Package, allowed: &Arrows) -> Vec<Finding> {
    let from = package.name.as_str();
    let Some(arrows) = allowed.get(from) else {
        let text = format!("crate {from} has no line in the table of {PAGE}: say what it may use");
        return vec![Finding::new(&package.manifest, 1, text)];
    };
    let manifest = house.text(&package.manifest).unwrap_or_default();
    let below = all_below(from, allowed);
    let is_ours = |name: &str| house.metadata.members().any(|package| package.name == name);
    let fits = |name: &str, kind| match kind {
        Kind::Normal | Kind::Build => arrows.contains(name),
        Kind::Dev => below.contains(name) || name == from,
    };
    package
        .dependencies
        .iter()
        .filter(|one| is_ours(&one.name) && !fits(&one.name, one.kind))
        .map(|one| {
            let allowed: Vec<&str> = arrows.iter().copied().collect();
            let text = format!(
                "{from} must not use {}: it may use {} ({PAGE})",
                one.name,
                allowed.join(", ")
            );
            Finding::new(&package.manifest, line_of(manifest, &one.name), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;
    use crate::tidy::tests::check_texts;

    const TABLE: &str = "# A\n\n| room | may use |\n| --- | --- |\n| model | nothing |\n\
        | expr | model |\n| packs | expr, model |\n\nMore.";

    /// Checks a workspace of `model`, `expr`, `packs` and one more crate.
    #[track_caller]
    fn check(page: &str, name: &str, uses: &[(&str, Kind)], expect: &[&str]) {
        let mut house = House::of(&[(PAGE, page)]);
        let package = |name: &str, uses: &[(&str, Kind)]| Package {
            name: name.to_owned(),
            member: true,
            dependencies: uses
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: *kind,
                })
                .collect(),
            ..Package::default()
        };
        let others = ["model", "expr", "packs"]
            .into_iter()
            .filter(|other| *other != name);
        house.metadata.packages = others.map(|other| package(other, &[])).collect();
        house.metadata.packages.push(package(name, uses));
        check_texts(&run(&house), expect);
    }

    #[test]
    fn arrows_of_the_table_and_guests_are_fine() {
        check(
            TABLE,
            "packs",
            &[("model", Kind::Normal), ("expr", Kind::Build)],
            &[],
        );
        check(TABLE, "model", &[("serde", Kind::Normal)], &[]);
        check(TABLE, "tests", &[("packs", Kind::Normal)], &[]);
    }

    #[test]
    fn an_arrow_outside_of_the_table_is_refused() {
        check(
            TABLE,
            "expr",
            &[("packs", Kind::Normal)],
            &["expr must not use packs"],
        );
        check(
            TABLE,
            "model",
            &[("expr", Kind::Build)],
            &["model must not use expr"],
        );
    }

    #[test]
    fn tests_may_use_what_lies_below_and_nothing_above() {
        check(TABLE, "packs", &[("model", Kind::Dev)], &[]);
        check(
            TABLE,
            "expr",
            &[("packs", Kind::Dev)],
            &["expr must not use packs"],
        );
    }

    #[test]
    fn a_crate_that_nobody_placed_is_refused() {
        check(TABLE, "drawer", &[], &["crate drawer has no line"]);
    }

    #[test]
    fn the_table_tells_of_what_exists_and_has_no_circle() {
        let page = format!("{}| rules | model |\n", TABLE.trim_end_matches("\nMore."));
        check(&page, "model", &[], &["rules is no crate"]);
        let circle = TABLE.replace("| model | nothing |", "| model | expr |");
        check(
            &circle,
            "model",
            &[],
            &["lead back to it", "lead back to it"],
        );
        check("# A", "model", &[], &["no table of arrows"]);
    }
}
