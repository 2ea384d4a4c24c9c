//! Microsoft Azure.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "azure",
    layer: Layer::Cloud,
    doc: "A virtual machine of Microsoft Azure.",
    is_active,
};

/// Plain Hyper-V has the same vendor; the asset tag of the chassis is the same on all of Azure and
/// only there (Azure's own Linux agent goes by it).
fn is_active(host: &Host) -> bool {
    dmi::is(
        host,
        "chassis_asset_tag",
        "7783-7084-3265-9085-8269-3286-77",
    )
}
