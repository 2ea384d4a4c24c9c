//! Pure crates take values and give values.
//!
//! The bans are clippy's; clippy reads one `clippy.toml`, so each pure crate repeats those of
//! `model`. Beside that no pure crate may have a guest whose trade is the world.

use super::{Check, Finding, line_of};
use crate::house::House;
use crate::metadata::{Kind, Package};

pub(super) const CHECK: Check = Check {
    name: "pure",
    doc: "Pure crates repeat the bans of crates/model/clippy.toml and have no guest that does I/O.",
    run,
};

const PURE: &[&str] = &["model", "expr", "packs", "gossip", "series", "rules"];

const EXEMPLAR: &str = "crates/model/clippy.toml";

/// Guests whose trade is sockets, files, threads or clocks.
const WORLDLY: &[&str] = &[
    "async-std",
    "axum",
    "hyper",
    "mio",
    "nix",
    "rayon",
    "reqwest",
    "rustix",
    "signal-hook",
    "sled",
    "smol",
    "socket2",
    "tokio",
];

fn run(house: &House) -> Vec<Finding> {
    let pure = house
        .metadata
        .members()
        .filter(|package| PURE.contains(&package.name.as_str()));
    let mut findings = Vec::new();
    for package in pure {
        findings.extend(missing_bans(house, package));
        findings.extend(worldly_guests(house, package));
    }
    findings
}

fn missing_bans(house: &House, package: &Package) -> Vec<Finding> {
    let path = package.manifest.replace("Cargo.toml", "clippy.toml");
    let Some(own) = house.text(&path) else {
        let text = format!("pure crate without clippy.toml: copy {EXEMPLAR}");
        return vec![Finding::new(&package.manifest, 1, text)];
    };
    let own: Vec<&str> = bans(own).collect();
    bans(house.text(EXEMPLAR).unwrap_or_default())
        .filter(|ban| !own.contains(ban))
        .map(|ban| {
            Finding::new(
                &path,
                1,
                format!("the ban of {ban} is missing: copy it from {EXEMPLAR}"),
            )
        })
        .collect()
}

fn bans(clippy: &str) -> impl Iterator<Item = &str> {
    let uncommented = clippy
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    uncommented.filter_map(|line| line.split_once("path = \"")?.1.split('"').next())
}

fn worldly_guests(house: &House, package: &Package) -> Vec<Finding> {
    let manifest = house.text(&package.manifest).unwrap_or_default();
    package
        .dependencies
        .iter()
        .filter(|one| one.kind == Kind::Normal && WORLDLY.contains(&one.name.as_str()))
        .map(|one| {
            let text = format!(
                "pure crate uses {}: make it an input, an output or a trait",
                one.name
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

    const MODEL: &str = "disallowed-methods = [\n    { path = \"a::now\", reason = \"pure\" },\n]";

    #[track_caller]
    fn check(clippy: Option<&str>, guest: &str, expect: &[&str]) {
        let mut files = vec![(EXEMPLAR, MODEL)];
        files.extend(clippy.map(|text| ("crates/expr/clippy.toml", text)));
        let mut house = House::of(&files);
        house.metadata.packages = vec![Package {
            name: "expr".to_owned(),
            member: true,
            manifest: "crates/expr/Cargo.toml".to_owned(),
            dependencies: vec![Dependency {
                name: guest.to_owned(),
                kind: Kind::Normal,
            }],
            ..Package::default()
        }];
        check_texts(&run(&house), expect);
    }

    #[test]
    fn a_pure_crate_repeats_the_bans_and_may_have_more() {
        check(
            Some(&format!("{MODEL}\n{{ path = \"b::own\" }}")),
            "serde",
            &[],
        );
        check(
            Some("disallowed-methods = []"),
            "serde",
            &["the ban of a::now is missing"],
        );
        check(Some("# { path = \"a::now\" }"), "serde", &["a::now"]);
        check(None, "serde", &["without clippy.toml"]);
    }

    #[test]
    fn a_pure_crate_has_no_worldly_guest() {
        check(Some(MODEL), "tokio", &["pure crate uses tokio"]);
    }
}
