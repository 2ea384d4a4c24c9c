//! Agreement under faults: real groups in one process, on a virtual clock, with a disk that forgets
//! and a network that cuts. What clients were told must have been possible.
//!
//! A failing run prints its seed; `RAFT_SEED=n` runs that one alone.

#![cfg(test)]

mod chaos;
mod cluster;
mod disk;
mod linearizable;
mod net;
mod plain;
mod random;
mod rest;

use std::future::Future;

/// Runs something on a clock that jumps to whatever is waited for.
fn virtually<F: Future<Output = ()>>(run: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run);
}

/// Lets virtual time pass.
async fn pass(time: std::time::Duration) {
    // tidy: sleep, the clock is virtual and jumps over it
    tokio::time::sleep(time).await;
}
