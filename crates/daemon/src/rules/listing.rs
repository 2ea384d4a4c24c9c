//! Packs as the API lists them.

use std::collections::BTreeMap;

use api::packs::{Levels, Pack};
use packs::Registry;
use packs::levels::Standing;

/// Lists the packs of all levels, those in use and those that are overridden.
pub fn levels(registry: &Registry) -> Levels {
    let mut levels = Levels::new();
    for standing in registry.standings() {
        let level = levels.entry(standing.level.to_string()).or_default();
        level.insert(standing.name.to_string(), pack(registry, standing));
    }
    levels
}

fn pack(registry: &Registry, standing: &Standing) -> Pack {
    let package = &standing.package;
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    Pack {
        name: standing.name.to_string(),
        level: standing.level.to_string(),
        directory: standing.folder.to_string(),
        version: text(&package.version),
        description: text(&package.description),
        topics: package
            .topics
            .iter()
            .map(|topic| topic.label().to_owned())
            .collect(),
        keywords: package.keywords.iter().map(ToString::to_string).collect(),
        in_use: standing.counts(),
        objects: match standing.counts() {
            true => objects(registry, &standing.name),
            false => BTreeMap::new(),
        },
    }
}

/// Counts the objects of a pack by kind.
fn objects(registry: &Registry, name: &str) -> BTreeMap<String, u64> {
    let Some(pack) = registry.pack(name) else {
        return BTreeMap::new();
    };
    let counts = [
        ("checks", pack.checks.len()),
        ("collectors", pack.collectors.len()),
        ("compliance", pack.compliances.len()),
        ("dashboards", pack.dashboards.len()),
        ("detectors", pack.detectors.len()),
        ("generators", pack.generators.len()),
        ("handlers", pack.handlers.len()),
        ("services", pack.services.len()),
        ("templates", pack.templates.len()),
        ("tutorials", pack.tutorials.len()),
    ];
    let present = counts.into_iter().filter(|(_, count)| *count > 0);
    present
        .map(|(kind, count)| (kind.to_owned(), count as u64))
        .collect()
}
