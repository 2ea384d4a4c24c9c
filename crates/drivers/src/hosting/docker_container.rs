//! Docker.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "docker-container",
    layer: Layer::Container,
    doc: "A container of Docker.",
    is_active,
    own_id: container_id,
    service: None,
};

/// Docker puts this file into each of its containers; containerd under Kubernetes does not.
fn is_active(host: &Host) -> bool {
    host.has("/.dockerenv")
}

/// Digits of the id of a container.
const ID_DIGITS: usize = 64;

/// Finds the id among the control groups (version 1 names them after it), or among the files that
/// Docker mounts from the folder of the container.
fn container_id(host: &Host) -> Option<String> {
    let texts = ["/proc/self/cgroup", "/proc/self/mountinfo"].map(|path| host.word(path));
    texts.iter().flatten().find_map(|text| {
        let mut parts = text.split(|sign: char| !sign.is_ascii_hexdigit());
        parts
            .find(|part| part.len() == ID_DIGITS)
            .map(str::to_owned)
    })
}
