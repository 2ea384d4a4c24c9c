//! Whatever another node or the disk gives, each decoder of the cluster reads or refuses it, and
//! what is taken in leaves the book right.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/gossip/tests/fuzz/decoders.rs"]
mod decoders;

fuzz_target!(|bytes: &[u8]| {
    decoders::check(bytes);
});
