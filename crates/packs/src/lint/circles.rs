//! Do checks depend on each other in a circle? None of them could be the cause of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Known;
use crate::check::Check;
use crate::registry::Registry;
use crate::report::Report;

/// Tells each circle once, at the first of its checks.
pub(super) fn lint(registry: &Registry, known: &Known<'_>, report: &mut Report) {
    let parents = in_circles(parents(known));
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for check in registry.all_checks() {
        let circle = circle(&check.id, &parents);
        if circle.is_empty() || circle.iter().any(|id| told.contains(id)) {
            continue;
        }
        told.extend(&circle);
        let first = circle[0];
        let message = match &circle[1..] {
            [] => format!("`depends_on`: {first} depends on itself"),
            others => format!(
                "`depends_on` goes in a circle: {first} → {} → {first}",
                others.join(" → ")
            ),
        };
        report.error(
            &check.home.place,
            message,
            "none of them explains the others: remove one step",
        );
    }
}

/// By check, the checks that it names in `depends_on`.
type Parents<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn parents<'a>(known: &Known<'a>) -> Parents<'a> {
    let named = |check: &Arc<Check>, on: &str| {
        let own = format!("{}/{on}", check.home.pack);
        known
            .checks
            .get(&*own)
            .or_else(|| known.checks.get(on))
            .copied()
    };
    let checks = known.registries.iter().flat_map(|it| it.all_checks());
    let mut parents = Parents::new();
    for check in checks {
        let on = check.depends_on.iter().filter_map(|on| named(check, on));
        parents.entry(&*check.id).or_default().extend(on);
    }
    parents
}

/// Drops, again and again, what depends on nothing that is left.
fn in_circles(mut parents: Parents<'_>) -> Parents<'_> {
    loop {
        let left: BTreeSet<&str> = parents.keys().copied().collect();
        for on in parents.values_mut() {
            on.retain(|id| left.contains(id));
        }
        parents.retain(|_, on| !on.is_empty());
        if parents.len() == left.len() {
            return parents;
        }
    }
}

/// Follows the first parents of a check until one comes again; gives them when that is itself.
fn circle<'a>(id: &'a str, parents: &Parents<'a>) -> Vec<&'a str> {
    let mut circle = Vec::new();
    let mut seen = BTreeSet::new();
    let mut at = id;
    while seen.insert(at) {
        let Some(on) = parents.get(at).and_then(BTreeSet::first) else {
            return Vec::new();
        };
        circle.push(at);
        at = on;
    }
    if at == id { circle } else { Vec::new() }
}
