//! Hetzner Cloud. Its dedicated servers do not tell where they stand.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "hetzner",
    layer: Layer::Cloud,
    doc: "A virtual machine of Hetzner Cloud.",
    is_active,
};

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Hetzner")
}
