//! A dependency is a guest: it has a licence that we may pass on, comes from crates.io,
//! and comes once.
//!
//! The rules are in `deny.toml`, which `cargo deny` reads too; that tool knows published advisories
//! beside it, and `cargo xtask tidy` runs it where it is installed.

use std::collections::BTreeMap;

use super::{Check, Finding, line_of};
use crate::deny::Policy;
use crate::house::House;
use crate::metadata::Package;
use crate::spdx::Expression;

pub(super) const CHECK: Check = Check {
    name: "guests",
    doc: "Dependencies have an allowed licence, come from crates.io, and come in one version.",
    run,
};

const POLICY: &str = "deny.toml";
const LOCK: &str = "Cargo.lock";

fn run(house: &House) -> Vec<Finding> {
    let policy = match Policy::parse(house.text(POLICY).unwrap_or_default()) {
        Ok(policy) => policy,
        Err(error) => return vec![Finding::new(POLICY, 1, error)],
    };
    let lock = house.text(LOCK).unwrap_or_default();
    let mut findings = Vec::new();
    for guest in house.metadata.guests() {
        let line = line_of(lock, &format!("name = \"{}\"", guest.name));
        let wrong = [licence(guest, &policy), source(guest, &policy)];
        findings.extend(
            wrong
                .into_iter()
                .flatten()
                .map(|text| Finding::new(LOCK, line, text)),
        );
    }
    findings.extend(duplicates(house, lock, &policy));
    findings.extend(needless_tolerance(house, &policy));
    findings
}

fn licence(guest: &Package, policy: &Policy) -> Option<String> {
    let allowed = |license: &str| {
        let everyone = policy.licenses.iter().any(|allowed| allowed == license);
        let own = |one: &crate::deny::Exception| one.name == guest.name && one.license == license;
        everyone || policy.exceptions.iter().any(own)
    };
    let Some(stated) = &guest.license else {
        return Some(format!("{} states no licence: do without it", guest.name));
    };
    match Expression::parse(stated) {
        Err(error) => Some(format!("licence of {} ({stated}): {error}", guest.name)),
        Ok(expression) if expression.is_met_by(&allowed) => None,
        Ok(_) => Some(format!(
            "licence of {} ({stated}) is not allowed: do without it, or allow it in {POLICY}",
            guest.name
        )),
    }
}

fn source(guest: &Package, policy: &Policy) -> Option<String> {
    let source = guest.source.as_deref().unwrap_or("a path");
    let from = source.strip_prefix("registry+").unwrap_or(source);
    let allowed = policy.registries.iter().any(|registry| registry == from);
    (!allowed).then(|| format!("{} comes from {from}: take a published version", guest.name))
}

fn duplicates(house: &House, lock: &str, policy: &Policy) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for guest in house.metadata.guests() {
        let tolerated =
            |one: &crate::deny::Duplicate| one.name == guest.name && one.covers(&guest.version);
        if !policy.duplicates.iter().any(tolerated) {
            versions
                .entry(&guest.name)
                .or_default()
                .push(&guest.version);
        }
    }
    versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| {
            let line = line_of(lock, &format!("name = \"{name}\""));
            let text = format!(
                "{name} comes in versions {}: align who asks for them (`cargo tree -d`), or tolerate \
                 the older one in {POLICY} with a reason",
                versions.join(" and ")
            );
            Finding::new(LOCK, line, text)
        })
        .collect()
}

fn needless_tolerance(house: &House, policy: &Policy) -> Vec<Finding> {
    let twice = |name: &str, version: &dyn Fn(&str) -> bool| {
        let present: Vec<&Package> = house
            .metadata
            .guests()
            .filter(|guest| guest.name == name)
            .collect();
        present.len() > 1 && present.iter().any(|guest| version(&guest.version))
    };
    policy
        .duplicates
        .iter()
        .filter(|one| !twice(&one.name, &|version| one.covers(version)))
        .map(|one| {
            let text = format!(
                "{}@{} is no duplicate: take the line out",
                one.name, one.version
            );
            Finding::new(POLICY, one.line, text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_texts;

    const RULES: &str = "[licenses]\nallow = [\n\"MIT\",\n\"Apache-2.0\",\n]\n\
        exceptions = [\n{ crate = \"foca\", allow = [\"MPL-2.0\"] },\n]\n\
        [bans]\nskip = [\n{ crate = \"syn@1\", reason = \"old\" },\n]\n\
        [sources]\nallow-registry = [\n\"https://crates\",\n]";

    fn guest(name: &str, version: &str, license: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: license.map(str::to_owned),
            source: Some("registry+https://crates".to_owned()),
            ..Package::default()
        }
    }

    #[track_caller]
    fn check(guests: &[Package], expect: &[&str]) {
        let mut house = House::of(&[(POLICY, RULES)]);
        house.metadata.packages = guests.to_vec();
        house
            .metadata
            .packages
            .push(guest("syn", "1.0.0", Some("MIT")));
        house
            .metadata
            .packages
            .push(guest("syn", "2.0.0", Some("MIT")));
        check_texts(&run(&house), expect);
    }

    #[test]
    fn allowed_licences_come_in() {
        check(&[guest("a", "1.0.0", Some("MIT OR GPL-3.0-only"))], &[]);
        check(&[guest("foca", "2.0.0", Some("MPL-2.0"))], &[]);
    }

    #[test]
    fn other_licences_stay_out() {
        check(
            &[guest("a", "1.0.0", Some("MPL-2.0"))],
            &["licence of a (MPL-2.0) is not allowed"],
        );
        check(
            &[guest("a", "1.0.0", Some("MIT AND GPL-2.0"))],
            &["is not allowed"],
        );
        check(
            &[guest("a", "1.0.0", Some("MIT OR"))],
            &["a licence is missing at the end"],
        );
        check(&[guest("a", "1.0.0", None)], &["a states no licence"]);
    }

    #[test]
    fn only_the_known_registry_delivers() {
        let git = Package {
            source: Some("git+https://x".to_owned()),
            ..guest("a", "1.0.0", Some("MIT"))
        };
        check(&[git], &["a comes from git+https://x"]);
    }

    #[test]
    fn a_second_version_needs_a_reason() {
        let twice = [
            guest("a", "1.0.0", Some("MIT")),
            guest("a", "2.0.0", Some("MIT")),
        ];
        check(&twice, &["a comes in versions 1.0.0 and 2.0.0"]);
    }

    #[test]
    fn a_tolerance_that_nobody_needs_is_taken_out() {
        let mut house = House::of(&[(POLICY, RULES)]);
        house.metadata.packages = vec![guest("syn", "2.0.0", Some("MIT"))];
        let found = run(&house);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 11);
    }
}
