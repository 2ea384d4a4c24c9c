//! Whose the folders are that say what the agent runs: configuration, zone keys, packs, plugins.
//!
//! Whoever may write one of them, or replace one of those above, runs programs as the agent's user.
//! That is told and not refused: who unpacked the files as somebody else, or shares a folder with a
//! group of admins, would be without monitoring for it.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::process::{getegid, geteuid};

use crate::paths::Paths;

/// Of a folder that is written in by many, as /tmp is: nobody replaces what is another's.
const STICKY: u32 = 0o1000;

/// Gives the folders that others may change, each with why and what to do.
pub(crate) fn open_to_others(paths: &Paths) -> BTreeMap<PathBuf, String> {
    let own = (geteuid().as_raw(), getegid().as_raw());
    let mut found = BTreeMap::new();
    for folder in folders(paths) {
        let Ok(folder) = folder.canonicalize() else {
            continue;
        };
        for at in folder.ancestors() {
            let Ok(metadata) = at.metadata() else {
                continue;
            };
            if let Some(why) = judge(&Seen::of(&metadata, at != folder), own) {
                found.insert(at.to_owned(), why);
            }
        }
    }
    found
}

fn folders(paths: &Paths) -> Vec<PathBuf> {
    let mut folders = vec![
        paths.config.clone(),
        paths.config.join("zone_keys"),
        paths.data.clone(),
        paths.libexec.clone(),
    ];
    let levels = std::fs::read_dir(&paths.data).into_iter().flatten();
    for level in levels.flatten().map(|entry| entry.path()) {
        let name = level.file_name().unwrap_or_default();
        if name.to_string_lossy().ends_with("-configuration") {
            folders.push(level.join("packs"));
        }
    }
    folders
}

/// What is known of a folder.
struct Seen {
    owner: u32,
    group: u32,
    mode: u32,
}

impl Seen {
    /// Of one above, only what lets others replace what is in it counts.
    fn of(metadata: &Metadata, is_above: bool) -> Self {
        let is_sticky = is_above && metadata.mode() & STICKY != 0;
        Self {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: if is_sticky { 0 } else { metadata.mode() },
        }
    }
}

/// Says why others may change a folder, if they may.
fn judge(seen: &Seen, (user, group): (u32, u32)) -> Option<String> {
    if seen.owner != 0 && seen.owner != user {
        let owner = seen.owner;
        return Some(format!("it belongs to the user {owner} (chown {user})"));
    }
    if seen.mode & 0o002 != 0 {
        return Some("everybody may write it (chmod o-w)".to_owned());
    }
    // A user's own group has nobody else in it, nor has that of root.
    if seen.mode & 0o020 != 0 && seen.group != 0 && seen.group != group {
        let of = seen.group;
        return Some(format!("the group {of} may write it (chmod g-w)"));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::paths::Surroundings;

    #[test]
    fn a_folder_is_open_by_owner_or_mode() {
        let root = (0, 0);
        let bob = (1_000, 1_000);
        for (owner, group, mode, own, expected) in [
            (0, 0, 0o755, root, None),
            (0, 0, 0o775, root, None),
            (0, 0, 0o755, bob, None),
            (1_000, 1_000, 0o775, bob, None),
            (
                1_000,
                1_000,
                0o700,
                root,
                Some("belongs to the user 1000 (chown 0)"),
            ),
            (1_001, 1_001, 0o700, bob, Some("belongs to the user 1001")),
            (0, 0, 0o757, root, Some("everybody")),
            (0, 100, 0o775, root, Some("the group 100")),
            (1_000, 100, 0o775, bob, Some("the group 100")),
        ] {
            let seen = Seen { owner, group, mode };
            let why = judge(&seen, own);
            let is_as_expected = match (&why, expected) {
                (Some(why), Some(expected)) => why.contains(expected),
                (why, expected) => why.is_none() && expected.is_none(),
            };
            assert!(is_as_expected, "{owner} {group} {mode:o}: {why:?}");
        }
    }

    #[test]
    fn packs_keys_and_what_is_above_them_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let surroundings = Surroundings {
            root: Some(root.join("agent")),
            ..Surroundings::default()
        };
        let paths = Paths::resolve(&surroundings).unwrap();
        let packs = paths.data.join("local-configuration/packs");
        let keys = paths.config.join("zone_keys");
        for folder in [&packs, &keys] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let set = |path: &PathBuf, mode| {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        let ours = || {
            let found = open_to_others(&paths).into_keys();
            found.filter(|at| at.starts_with(&root)).collect::<Vec<_>>()
        };
        assert!(ours().is_empty());
        for at in [&root, &keys, &packs] {
            set(at, 0o777);
            assert_eq!(ours(), std::slice::from_ref(at));
            set(at, 0o755);
        }
        // Nobody replaces what is another's in a folder like /tmp.
        set(&root, 0o1777);
        assert!(ours().is_empty());
        set(&packs, 0o1777);
        assert_eq!(ours(), [packs]);
    }
}
