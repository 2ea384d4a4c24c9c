//! Alibaba Cloud.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "alibaba",
    layer: Layer::Cloud,
    doc: "A virtual machine of Alibaba Cloud (ECS).",
    is_active,
};

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Alibaba Cloud")
}
