//! Google Cloud.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "google-cloud",
    layer: Layer::Cloud,
    doc: "A virtual machine of Google Compute Engine.",
    is_active,
};

/// Chromebooks have the same vendor, so the product decides.
fn is_active(host: &Host) -> bool {
    dmi::is(host, "product_name", "Google Compute Engine")
        || dmi::is(host, "product_name", "Google")
}
