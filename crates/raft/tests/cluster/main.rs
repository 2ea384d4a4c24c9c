//! Agreement under faults: real groups in one process, on a virtual clock, with a disk that forgets
//! and a network that cuts. What clients were told must have been possible.
//!
//! A failing run prints its seed; `RAFT_SEED=n` runs that one alone, `RAFT_SEED=n..m` these, and
//! `RAFT_FAULTS=n` says with how many faults. tokio leaves to chance whom of those who wait for one
//! thing it wakes first; `RUSTFLAGS="--cfg tokio_unstable"` makes that follow from the seed, so
//! that a run is the same each time.

#![cfg(test)]

mod chaos;
mod cluster;
mod disk;
mod guest;
mod linearizable;
mod net;
mod outside;
mod plain;
mod promises;
mod random;
mod rest;
mod watch;

use std::future::Future;

/// Runs something on a clock that jumps to whatever is waited for.
fn virtually<F: Future<Output = ()>>(run: F) {
    virtually_as(0, run);
}

/// Does so with a seed for what tokio leaves to chance.
#[cfg_attr(not(tokio_unstable), expect(unused_variables))]
fn virtually_as<F: Future<Output = ()>>(seed: u64, run: F) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_be_bytes()));
    builder.build().unwrap().block_on(run);
}

/// Lets virtual time pass.
async fn pass(time: std::time::Duration) {
    // tidy: sleep, the clock is virtual and jumps over it
    tokio::time::sleep(time).await;
}
