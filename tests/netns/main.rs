//! The cluster of real agents, each on a host of its own, on networks that fail in every way.
//!
//! These are the scenarios of the original's own tests, made stricter, and those that a network
//! adds. They need root, as network namespaces do; see `tests::Lan`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "every line here is a test"
)]

mod agreement;
mod detect;
mod duo;
mod junk;
#[path = "../../crates/raft/tests/cluster/linearizable.rs"]
mod linearizable;
mod seen;
mod weather;
mod zones;
