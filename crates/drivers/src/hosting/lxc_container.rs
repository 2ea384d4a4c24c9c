//! LXC and what is built on it.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "lxc-container",
    layer: Layer::Container,
    doc: "A system container of LXC, LXD, Incus or Proxmox.",
    is_active,
    own_id: super::no_id,
    service: None,
};

/// An init inside is told through its environment (which root may read) and a systemd writes it
/// down for all; LXD and Incus offer their guests a socket.
fn is_active(host: &Host) -> bool {
    host.word("/run/systemd/container").as_deref() == Some("lxc")
        || host.has("/dev/lxd/sock")
        || host.has("/dev/incus/sock")
        || environment_of_init_says_lxc(host)
}

fn environment_of_init_says_lxc(host: &Host) -> bool {
    let environment = host.word("/proc/1/environ").unwrap_or_default();
    environment
        .split('\0')
        .any(|variable| variable == "container=lxc")
}
