//! What a downtime or silence names and nobody knows: a name that is misspelled keeps nobody quiet,
//! and that is found out at night.

use std::collections::BTreeMap;

use api::alerts::{Alerts, LIST, Mute};
use api::client::With;
use api::gossip::{MEMBERS, Member};
use api::monitoring::{CHECKS, Check};
use packs::Patterns;

use crate::program::Program;

/// Says which of the patterns match nothing that this node knows. They may be meant for what is to
/// come, so this is no failure, and neither is it when the agent does not tell.
pub(super) fn notes(program: &Program, mute: &Mute) -> Vec<String> {
    let mut notes = Vec::new();
    let ask = With::default;
    if !mute.checks.is_empty()
        && let Ok(all) = program.get::<BTreeMap<String, Check>>(&CHECKS, ask())
    {
        let names = all.keys().flat_map(|id| [Some(id.as_str()), short(id)]);
        let note = |pattern| {
            format!("note: this node has no check `{pattern}`; `opsbro state` lists them")
        };
        notes.extend(unknown(&mute.checks, names.flatten()).map(note));
    }
    if !mute.nodes.is_empty()
        && let Ok(all) = program.get::<BTreeMap<String, Member>>(&MEMBERS, ask())
    {
        let names = all
            .values()
            .flat_map(|it| [&it.name, &it.display_name, &it.uuid].map(String::as_str));
        let note =
            |pattern| format!("note: there is no node `{pattern}`; `opsbro members` lists them");
        notes.extend(unknown(&mute.nodes, names).map(note));
    }
    if !mute.handlers.is_empty()
        && let Ok(all) = program.get::<Alerts>(&LIST, ask())
    {
        let names = all.handlers.iter().map(|it| it.id.as_str());
        let note = |pattern| {
            format!("note: there is no handler `{pattern}`; `opsbro alerts list` names them")
        };
        notes.extend(unknown(&mute.handlers, names).map(note));
    }
    notes
}

/// Gives the name of a check without its pack.
fn short(id: &str) -> Option<&str> {
    id.split_once('/').map(|(_, name)| name)
}

/// Gives the patterns that match none of the names.
fn unknown<'a>(
    patterns: &'a [String],
    names: impl Iterator<Item = &'a str> + Clone,
) -> impl Iterator<Item = &'a str> {
    let wanted = patterns
        .iter()
        .map(|pattern| pattern.trim_start_matches('!'));
    wanted.filter(move |pattern| !Patterns::new([*pattern]).matches_any(names.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_nothing_is_named() {
        let ids = ["linux/disks[/]", "linux/cpu"];
        let names = || {
            ids.into_iter()
                .flat_map(|id| [Some(id), short(id)])
                .flatten()
        };
        let patterns = ["linux/*", "cpu", "disks*", "dsiks*", "!linux/cpux", "*"];
        let patterns = patterns.map(str::to_owned);
        let found: Vec<&str> = unknown(&patterns, names()).collect();
        assert_eq!(found, ["dsiks*", "linux/cpux"]);
    }
}
