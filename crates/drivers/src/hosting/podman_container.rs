//! Podman, and CRI-O which does the same.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "podman-container",
    layer: Layer::Container,
    doc: "A container of Podman or CRI-O.",
    is_active,
    own_id: container_id,
    service: None,
};

/// Both put this file into each of their containers, as systemd's own detection relies on.
fn is_active(host: &Host) -> bool {
    host.has("/run/.containerenv")
}

/// Reads `id="3f0c…"`, which Podman writes for containers of root.
fn container_id(host: &Host) -> Option<String> {
    let text = host.word("/run/.containerenv")?;
    let id = text.lines().find_map(|line| line.strip_prefix("id="))?;
    Some(id.trim_matches('"').to_owned()).filter(|id| !id.is_empty())
}
