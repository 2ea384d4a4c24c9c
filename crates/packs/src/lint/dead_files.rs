//! Files and keys that nothing reads: most are slips of a name.

use std::collections::BTreeSet;

use model::{Place, nearest};

use crate::files::{File, Folder, PackFiles};
use crate::package::PACKAGE_FILE;
use crate::registry::Registry;
use crate::report::Report;
use crate::yaml;

/// A folder of a pack whose `.yml` files hold objects, and the keys of these.
const KINDS: &[(&str, &[&str])] = &[
    ("collectors", &["collector"]),
    ("compliance", &["compliance"]),
    ("dashboards", &["dashboard"]),
    ("detectors", &["detector"]),
    ("generators", &["generator"]),
    ("handlers", &["handler"]),
    ("monitoring", &["check", "service"]),
    ("services", &["service"]),
    ("tutorials", &["tutorial"]),
];

/// Folders whose files are read whole.
const WHOLE: &[&str] = &["parameters", "templates", "cases"];

/// Looks at every file of every pack.
pub(super) fn lint(files: &PackFiles, registry: &Registry, report: &mut Report) {
    for folder in files.folders() {
        if folder.files.contains_key(PACKAGE_FILE) {
            for (path, file) in &folder.files {
                look(path, file, report);
            }
            unused_templates(&folder, registry, report);
        }
    }
}

fn look(path: &str, file: &File, report: &mut Report) {
    let place = Place::new(std::sync::Arc::clone(&file.shown), 1, 1);
    let Some((folder, name)) = path.split_once('/') else {
        if path != PACKAGE_FILE && !is_for_people(path) {
            report.warning(&place, "nothing reads this file", "remove it");
        }
        return;
    };
    if is_for_people(name.rsplit('/').next().unwrap_or(name)) {
        return;
    }
    let keys = KINDS.iter().find(|(known, _)| *known == folder);
    match keys {
        Some(_) if name.starts_with("templates/") && folder == "generators" => {}
        Some(_) if name.ends_with("/tutorial-data.json") && folder == "tutorials" => {}
        Some((_, keys)) if name.ends_with(".yml") => look_inside(file, keys, report),
        Some(_) => report.warning(&place, "nothing reads this file", wrong_end(name)),
        None if WHOLE.contains(&folder) => look_whole(folder, name, &place, report),
        None => {
            let known = KINDS
                .iter()
                .map(|(known, _)| *known)
                .chain(WHOLE.iter().copied());
            let hint = match nearest(folder, known) {
                Some(likely) => format!("did you mean the folder `{likely}`?"),
                None => wrong_end(name).to_owned(),
            };
            let message = format!("nothing reads files of the folder `{folder}`");
            report.warning(&place, message, &hint);
        }
    }
}

fn look_whole(folder: &str, name: &str, place: &Place, report: &mut Report) {
    let end = match folder {
        "parameters" => ".yml",
        "cases" => ".txt",
        _ => "",
    };
    if !name.ends_with(end) {
        let hint = format!("its name must end in {end}");
        report.warning(place, "nothing reads this file", &hint);
    }
}

fn wrong_end(name: &str) -> &'static str {
    if name.ends_with(".py") {
        "code in Python is not run: write a .yml file instead"
    } else if name.ends_with(".yaml") {
        "its name must end in .yml"
    } else {
        "remove it"
    }
}

fn is_for_people(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.starts_with("README") || upper.starts_with("LICENSE") || upper.ends_with(".MD")
}

/// Looks for keys at the top of a file that no object has.
fn look_inside(file: &File, keys: &[&str], report: &mut Report) {
    let (root, problems) = yaml::parse(&file.shown, file.text().unwrap_or_default());
    let Some(entries) = root.as_ref().and_then(yaml::Node::entries) else {
        // What is broken has been told.
        if problems.is_empty() {
            let place = Place::new(std::sync::Arc::clone(&file.shown), 1, 1);
            let hint = format!("write `{}:` and its keys below", keys.join(":` or `"));
            report.warning(&place, "nothing in this file is read", &hint);
        }
        return;
    };
    for entry in entries {
        if keys.contains(&&*entry.key) {
            continue;
        }
        // What an anchor names is often written under a key of its own.
        let is_for_anchors = entry.key.starts_with(['.', '_']) || entry.key.starts_with("x-");
        if is_for_anchors {
            continue;
        }
        let hint = match nearest(&entry.key, keys.iter().copied()) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => format!("this folder holds: {}", keys.join(", ")),
        };
        let message = format!("nothing reads the key `{}`", entry.key);
        report.warning(&entry.key_place, message, &hint);
    }
}

fn unused_templates(folder: &Folder<'_>, registry: &Registry, report: &mut Report) {
    let used: BTreeSet<String> = registry
        .generators()
        .filter(|it| it.home.level >= folder.level)
        .map(|it| format!("generators/templates/{}", it.template))
        .collect();
    for (path, file) in &folder.files {
        if path.starts_with("generators/templates/") && !used.contains(&**path) {
            let place = Place::new(std::sync::Arc::clone(&file.shown), 1, 1);
            report.warning(&place, "no generator uses this template", "remove it");
        }
    }
}
