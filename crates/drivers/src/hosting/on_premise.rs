//! Everywhere else.

use super::{Driver, Layer};
use crate::Host;

pub(super) const DRIVER: Driver = Driver {
    name: "on-premise",
    layer: Layer::Default,
    doc: "A machine of which nothing more is known.",
    is_active,
};

fn is_active(_host: &Host) -> bool {
    true
}
