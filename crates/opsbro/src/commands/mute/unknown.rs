//! What a downtime or silence names and nobody knows: a name that is misspelled keeps nobody quiet,
//! and that is found out at night.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use api::alerts::{Alerts, LIST, Mute};
use api::client::With;
use api::gossip::{MEMBERS, Member};
use api::monitoring::{CHECKS, Check};
use daemon::rules::pack_files;
use packs::{Patterns, Registry};

use crate::program::Program;

/// Says which of the patterns match nothing that this node knows. They may be meant for what is to
/// come, so this is no failure, and neither is it when the agent does not tell.
pub(super) fn notes(program: &Program, mute: &Mute) -> Vec<String> {
    let mut notes = Vec::new();
    let ask = With::default;
    // The packs know what there is; an agent that has just started, not yet what applies to it.
    let packs = LazyCell::new(|| {
        let read = program.configuration().ok()?;
        let found = pack_files::all(&read.configuration.paths.data);
        Some(Registry::load(&found.files, None))
    });
    let packs = || packs.iter().flat_map(Registry::packs);
    if !mute.checks.is_empty()
        && let Ok(each) = program.get::<BTreeMap<String, Check>>(&CHECKS, ask())
    {
        let ids = packs().flat_map(|pack| pack.checks.iter().map(|check| &*check.id));
        let ids = ids.chain(each.keys().map(String::as_str));
        let names: Vec<&str> = ids.flat_map(|id| [Some(id), short(id)]).flatten().collect();
        let note = |pattern| {
            format!("note: there is no check `{pattern}`; `opsbro packs show` lists them")
        };
        notes.extend(unknown(&mute.checks, &names).map(note));
    }
    if !mute.nodes.is_empty()
        && let Ok(all) = program.get::<BTreeMap<String, Member>>(&MEMBERS, ask())
    {
        let names = all
            .values()
            .flat_map(|it| [&it.name, &it.display_name, &it.uuid]);
        let names: Vec<&str> = names.map(String::as_str).collect();
        let note =
            |pattern| format!("note: there is no node `{pattern}`; `opsbro members` lists them");
        notes.extend(unknown(&mute.nodes, &names).map(note));
    }
    if !mute.handlers.is_empty()
        && let Ok(all) = program.get::<Alerts>(&LIST, ask())
    {
        let names = packs().flat_map(|pack| pack.handlers.iter().map(|handler| &*handler.id));
        let names: Vec<&str> = names.chain(all.handlers.iter().map(|it| &*it.id)).collect();
        let note = |pattern| {
            format!("note: there is no handler `{pattern}`; `opsbro alerts list` names them")
        };
        notes.extend(unknown(&mute.handlers, &names).map(note));
    }
    notes
}

/// Gives the name of a check without its pack.
fn short(id: &str) -> Option<&str> {
    id.split_once('/').map(|(_, name)| name)
}

/// Gives the patterns that match none of the names.
fn unknown<'a>(patterns: &'a [String], names: &[&str]) -> impl Iterator<Item = &'a str> {
    let wanted = patterns
        .iter()
        .map(|pattern| pattern.trim_start_matches('!'));
    wanted.filter(|pattern| !Patterns::new([*pattern]).matches_any(names.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_nothing_is_named() {
        let names = ["linux/disks[/]", "linux/cpu"].map(|id| [Some(id), short(id)]);
        let names: Vec<&str> = names.into_iter().flatten().flatten().collect();
        let patterns = ["linux/*", "cpu", "disks*", "dsiks*", "!linux/cpux", "*"];
        let patterns = patterns.map(str::to_owned);
        let found: Vec<&str> = unknown(&patterns, &names).collect();
        assert_eq!(found, ["dsiks*", "linux/cpux"]);
    }
}
