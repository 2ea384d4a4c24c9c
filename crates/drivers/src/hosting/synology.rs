//! Synology.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "synology",
    layer: Layer::Physical,
    doc: "A storage system of Synology.",
    is_active,
};

fn is_active(host: &Host) -> bool {
    host.has("/etc/synoinfo.conf")
}
