//! Zones, as the files of the configuration declare them.

use std::collections::BTreeMap;

use model::{Diagnostic, Place};
use packs::yaml::Node;

/// A zone and those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// The zones right below it.
    pub sub_zones: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// The zones that exist when no file declares one.
pub(super) fn defaults() -> BTreeMap<String, Zone> {
    let internet = Zone {
        name: "internet".to_owned(),
        sub_zones: Vec::new(),
        place: Place::new("(default)", 1, 1),
    };
    BTreeMap::from([(internet.name.clone(), internet)])
}

/// Reads a `zone:` mapping: `{name: X, sub-zones: [Y, Z]}`.
pub(super) fn read(node: &Node, text: &str, problems: &mut Vec<Diagnostic>) -> Option<Zone> {
    let before = problems.len();
    let mut refuse = |place: &Place, message: String, hint: &str| {
        let problem = Diagnostic::error(place.clone(), message).with_source(text);
        problems.push(problem.with_hint(hint));
    };
    let shape = "write zone: {name: lan, sub-zones: [customer-1]}";
    let Some(entries) = node.entries() else {
        refuse(
            &node.place,
            format!("`zone` must be a map, not {}", node.kind_name()),
            shape,
        );
        return None;
    };
    let mut zone = Zone {
        name: String::new(),
        sub_zones: Vec::new(),
        place: node.place.clone(),
    };
    for entry in entries {
        match &*entry.key {
            "name" => match entry.value.text().filter(|name| is_name(name)) {
                Some(name) => zone.name = name.to_string(),
                None => refuse(
                    &entry.value.place,
                    "this is no zone name".to_owned(),
                    NAME_HINT,
                ),
            },
            "sub-zones" => {
                let Some(items) = entry.value.items() else {
                    refuse(
                        &entry.value.place,
                        "`sub-zones` must be a list".to_owned(),
                        shape,
                    );
                    continue;
                };
                for item in items {
                    match item.text().filter(|name| is_name(name)) {
                        Some(name) => zone.sub_zones.push(name.to_string()),
                        None => refuse(&item.place, "this is no zone name".to_owned(), NAME_HINT),
                    }
                }
            }
            // A key in a zone file of the original, where it had no effect either.
            "encryption_key" => {}
            key => {
                let message = format!("unknown key `{key}` in a zone");
                let near = model::nearest(key, ["name", "sub-zones"]);
                let hint = near.map_or(shape.to_owned(), |near| format!("did you mean `{near}`?"));
                refuse(&entry.key_place, message, &hint);
            }
        }
    }
    if zone.name.is_empty() && problems.len() == before {
        let problem = Diagnostic::error(node.place.clone(), "a zone needs a name");
        problems.push(problem.with_source(text).with_hint(shape));
    }
    (problems.len() == before).then_some(zone)
}

const NAME_HINT: &str =
    "use letters, digits, dots, dashes and underscores, and begin with a letter or digit";

fn is_name(name: &str) -> bool {
    model::Zone::parse(name).is_ok()
}

/// Checks that the zones form a tree: each named one exists, and none lies below itself.
pub(super) fn check_tree(zones: &BTreeMap<String, Zone>, problems: &mut Vec<Diagnostic>) {
    for zone in zones.values() {
        for below in zone
            .sub_zones
            .iter()
            .filter(|name| !zones.contains_key(*name))
        {
            let message = format!(
                "the zone {} names a zone {below} that does not exist",
                zone.name
            );
            let hint = format!("declare it: zone: {{name: {below}}}");
            problems.push(Diagnostic::warning(zone.place.clone(), message).with_hint(hint));
        }
        let parents = zones
            .values()
            .filter(|other| other.sub_zones.contains(&zone.name));
        let parents: Vec<_> = parents.map(|parent| parent.name.as_str()).collect();
        if parents.len() > 1 {
            let message = format!(
                "the zone {} lies below several: {}",
                zone.name,
                parents.join(", ")
            );
            problems.push(Diagnostic::error(zone.place.clone(), message));
        }
        if lies_below_itself(zone, zones) {
            let message = format!("the zone {} lies below itself", zone.name);
            problems.push(Diagnostic::error(zone.place.clone(), message));
        }
    }
}

fn lies_below_itself(zone: &Zone, zones: &BTreeMap<String, Zone>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut below: Vec<&String> = zone.sub_zones.iter().collect();
    while let Some(name) = below.pop() {
        if *name == zone.name {
            return true;
        }
        if seen.insert(name) {
            below.extend(zones.get(name).into_iter().flat_map(|zone| &zone.sub_zones));
        }
    }
    false
}
