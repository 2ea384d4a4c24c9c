//! Everywhere else.

use super::{Driver, Layer, dmi};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "on-premise",
    layer: Layer::Default,
    doc: "A machine of which nothing more is known.",
    is_active,
    own_id: firmware_id,
    service: None,
};

fn is_active(_host: &Host) -> bool {
    true
}

/// Gives the number of the board. Some makers give all of theirs the same; those of the commonest
/// pattern are no ids.
fn firmware_id(host: &Host) -> Option<String> {
    let id = dmi::field(host, "product_uuid").to_ascii_lowercase();
    (!id.is_empty() && !id.starts_with("12345678")).then_some(id)
}
