//! Scaleway.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "scaleway",
    layer: Layer::Cloud,
    doc: "An instance of Scaleway.",
    is_active,
};

/// Virtual machines say it in DMI; older ones and ARM ones have the file or the kernel argument.
fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Scaleway")
        || host.has("/etc/scw-release")
        || host.word("/proc/cmdline").is_some_and(|line| {
            line.split_whitespace()
                .any(|argument| argument == "scaleway")
        })
}
