//! Are groups spelled like groups, and does anything give them?

use model::{Diagnostic, Group, GroupSet, Place, Value, nearest};

use super::Known;
use crate::parameters::Content;
use crate::registry::{Pack, Registry};
use crate::report::Report;

/// Looks at the groups that a pack gives and asks for.
pub(super) fn lint(pack: &Pack, known: &Known<'_>, report: &mut Report) {
    for detector in &pack.detectors {
        for text in &detector.add_groups {
            for group in literals(text.text()) {
                if let Err(error) = Group::parse(group) {
                    let message = format!("`{group}` is no group: {error}");
                    report.push(Diagnostic::error(text.place().clone(), message));
                }
            }
        }
    }
    let checks = pack.checks.iter().map(|it| (&it.if_group, &it.home.place));
    let services = pack
        .services
        .iter()
        .map(|it| (&it.if_group, &it.home.place));
    let collectors = pack
        .collectors
        .iter()
        .map(|it| (&it.if_group, &it.home.place));
    let handlers = pack
        .handlers
        .iter()
        .map(|it| (&it.if_group, &it.home.place));
    for (set, place) in checks.chain(services).chain(collectors).chain(handlers) {
        for group in set.groups() {
            asked_for(set, group, place, known, report);
        }
    }
}

/// A group may be given by hand, so one that nothing gives is doubtful only when it looks like a
/// slip of one that something gives.
fn asked_for(set: &GroupSet, group: &Group, place: &Place, known: &Known<'_>, report: &mut Report) {
    if known.groups.contains(group.as_str()) {
        return;
    }
    let given = known.groups.iter().map(String::as_str);
    if let Some(likely) = nearest(group.as_str(), given) {
        report.warning(
            place,
            format!("`if_group: {set}`: nothing gives the group {group}"),
            &format!("did you mean `{likely}`? A group given by hand is fine"),
        );
    }
}

/// Lists the groups that detectors, and parameters named `enabled_if_group`, name.
pub(super) fn given(registry: &Registry) -> Vec<String> {
    let mut groups = Vec::new();
    for pack in registry.packs() {
        groups.push(pack.name.to_string());
        for detector in &pack.detectors {
            for text in &detector.add_groups {
                groups.extend(literals(text.text()).map(str::to_owned));
            }
        }
        let enabled = pack.parameters.get("enabled_if_group");
        if let Some(Content::Plain(Value::Text(group))) = enabled.map(|it| &it.content) {
            groups.push(group.to_string());
        }
    }
    groups
}

fn literals(text: &str) -> impl Iterator<Item = &str> {
    let is_literal = !text.contains("{{");
    text.split(',')
        .filter(move |_| is_literal)
        .map(str::trim)
        .filter(|group| !group.is_empty())
}
