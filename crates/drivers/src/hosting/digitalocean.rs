//! DigitalOcean.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "digitalocean",
    layer: Layer::Cloud,
    doc: "A droplet of DigitalOcean.",
    is_active,
};

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "DigitalOcean")
}
