//! Whatever comes by UDP or TCP is answered within its bounds or dropped, and so is what a resolver
//! above answers.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/dns/tests/fuzz/packets.rs"]
mod packets;

fuzz_target!(|bytes: &[u8]| {
    packets::Target::new().check(bytes);
});
