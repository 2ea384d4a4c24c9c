//! Podman, and CRI-O which does the same.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "podman-container",
    layer: Layer::Container,
    doc: "A container of Podman or CRI-O.",
    is_active,
};

/// Both put this file into each of their containers, as systemd's own detection relies on.
fn is_active(host: &Host) -> bool {
    host.has("/run/.containerenv")
}
