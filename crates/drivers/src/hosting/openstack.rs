//! OpenStack, by whomever it is run.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "openstack",
    layer: Layer::Cloud,
    doc: "A virtual machine of an OpenStack cloud, public or one's own.",
    is_active,
};

/// Nova's product names, and the asset tags of providers that wrote their own over them
/// (the list is that of cloud-init).
const PRODUCTS: &[&str] = &["OpenStack Nova", "OpenStack Compute"];
const ASSET_TAGS: &[&str] = &[
    "OpenStack Nova",
    "OpenStack Compute",
    "HUAWEICLOUD",
    "OpenTelekomCloud",
    "SAP CCloud VM",
];

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "OpenStack Foundation")
        || PRODUCTS.contains(&dmi::field(host, "product_name").as_str())
        || ASSET_TAGS.contains(&dmi::field(host, "chassis_asset_tag").as_str())
}
