//! What the firmware says about the machine: the fields of `/sys/class/dmi/id` that all may read.

use crate::Host;

/// Gives a field; empty when the firmware has none (many ARM boards, most containers).
pub(super) fn field(host: &Host, name: &str) -> String {
    host.word(&format!("/sys/class/dmi/id/{name}"))
        .unwrap_or_default()
}

/// Tells whether a field is exactly this.
pub(super) fn is(host: &Host, name: &str, expect: &str) -> bool {
    field(host, name) == expect
}
