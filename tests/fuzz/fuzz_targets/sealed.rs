//! Whatever comes from the network, what opens it before it knows the sender proves nothing by it
//! and holds nothing of it.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the samples are for the corpus")]
#[path = "../../../crates/gossip/tests/fuzz/sealed.rs"]
mod sealed;

thread_local! {
    static ENDS: RefCell<sealed::Ends> = RefCell::new(sealed::Ends::new());
}

fuzz_target!(|bytes: &[u8]| {
    ENDS.with_borrow_mut(|ends| ends.check(bytes));
});
