//! A whole cluster in one process: real cores, a virtual clock, and a network that misbehaves as a
//! seed says.
//!
//! `SIM_SEEDS=2000` runs that many seeds instead of the usual ones, `SIM_SEED=N` one of them, and
//! `SIM_LARGE=1` the sizes that take minutes. A run that fails prints its seed; a seed that once
//! failed stands in `sim/seeds.txt` and is run each time.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and tells its seed"
)]

mod cluster;
mod dice;
mod invariants;
mod network;
mod node;
mod seeds;
mod sight;
mod streams;
mod warm;

pub use cluster::Cluster;
pub use dice::Dice;
pub use network::Weather;
pub use node::{Node, Plan};
pub use seeds::{each, each_of, large, seed_or};
pub use sight::Sight;
