//! Docker.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "docker-container",
    layer: Layer::Container,
    doc: "A container of Docker.",
    is_active,
};

/// Docker puts this file into each of its containers; containerd under Kubernetes does not.
fn is_active(host: &Host) -> bool {
    host.has("/.dockerenv")
}
