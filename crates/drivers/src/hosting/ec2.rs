//! Amazon EC2, all of its generations.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "ec2",
    layer: Layer::Cloud,
    doc: "An instance of Amazon EC2.",
    is_active,
};

/// Nitro and bare metal name Amazon as the vendor. Xen guests know by their hypervisor; its
/// version is `4.2.amazon` or `4.11.amazon`, in sysfs for the one kind and in DMI for both.
fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Amazon EC2")
        || dmi::field(host, "bios_version").ends_with(".amazon")
        || host.word("/sys/hypervisor/version/extra").as_deref() == Some(".amazon")
}
