//! The tree that is made of what the engine and the control groups tell.

use std::collections::BTreeMap;

use model::Value;

use super::engine::{Container, Event, Found, Image};
use super::usage::Usage;

pub(super) fn tree(found: &Found, usages: &[Usage]) -> Value {
    let names = |is_meant: &dyn Fn(&Container) -> bool| {
        let named = found
            .containers
            .iter()
            .filter(|container| is_meant(container));
        Value::list(named.map(|container| Value::from(container.name.as_str())))
    };
    let count = |state: &str| Value::count(found.counts.get(state).copied().unwrap_or_default());
    let containers = found
        .containers
        .iter()
        .zip(usages)
        .map(|(container, usage)| (container.name.as_str(), container_tree(container, usage)));
    let images = found
        .images
        .iter()
        .map(|image| (image.name.as_str(), image_tree(image, found, usages)));
    Value::map([
        ("version", Value::from(found.version.as_str())),
        ("api_version", Value::from(found.api_version.as_str())),
        (
            "containers_count",
            Value::count(found.counts.values().sum::<u64>()),
        ),
        ("running", count("running")),
        (
            "unhealthy",
            names(&|container| health(container) == Some("unhealthy")),
        ),
        (
            "restarting",
            names(&|container| container.state == "restarting"),
        ),
        ("images_count", Value::count(found.images.len())),
        ("is_cut", Value::from(found.is_cut)),
        ("containers", Value::map(containers)),
        ("images", Value::map(images)),
        ("events", Value::list(found.events.iter().map(event_tree))),
    ])
}

/// The engine tells it in words only: `Up 2 hours (healthy)`, `Up 3 seconds (health: starting)`.
fn health(container: &Container) -> Option<&str> {
    let (_, inside) = container.status.strip_suffix(')')?.rsplit_once('(')?;
    match inside.strip_prefix("health: ").unwrap_or(inside) {
        word @ ("healthy" | "unhealthy" | "starting") => Some(word),
        _ => None,
    }
}

fn container_tree(container: &Container, usage: &Usage) -> Value {
    let mut found = vec![
        ("id", Value::from(container.id.as_str())),
        ("image", Value::from(container.image.as_str())),
        ("state", Value::from(container.state.as_str())),
        ("status", Value::from(container.status.as_str())),
        ("created", Value::Int(container.created)),
    ];
    found.extend(health(container).map(|health| ("health", Value::from(health))));
    if !usage.is_empty() {
        found.push(("stats", stats(usage)));
    }
    Value::map(found)
}

fn image_tree(image: &Image, found: &Found, usages: &[Usage]) -> Value {
    let mut running = 0_u64;
    let mut sums = Usage::new();
    for (container, usage) in found.containers.iter().zip(usages) {
        let is_of_image = container.image == image.name || container.image == image.id;
        if is_of_image && container.state == "running" {
            running += 1;
            for (name, number) in usage {
                *sums.entry(name.clone()).or_default() += number;
            }
        }
    }
    let mut tree = vec![
        ("id", Value::from(image.id.as_str())),
        ("size_bytes", Value::Int(image.size_bytes)),
        ("created", Value::Int(image.created)),
        ("running", Value::count(running)),
    ];
    if !sums.is_empty() {
        tree.push(("stats", stats(&sums)));
    }
    Value::map(tree)
}

/// Whole numbers for bytes, others for rates.
fn stats(usage: &Usage) -> Value {
    let numbers: BTreeMap<_, _> = usage
        .iter()
        .map(|(name, number)| {
            let is_rate = name.starts_with("cpu.") || name.starts_with("memory.pg");
            let number = if is_rate {
                Value::from(*number)
            } else {
                Value::Int(*number as i64)
            };
            (name.as_str(), number)
        })
        .collect();
    Value::map(numbers)
}

fn event_tree(event: &Event) -> Value {
    Value::map([
        ("time", Value::Int(event.time)),
        ("type", Value::from(event.kind.as_str())),
        ("action", Value::from(event.action.as_str())),
        ("name", Value::from(event.name.as_str())),
    ])
}
