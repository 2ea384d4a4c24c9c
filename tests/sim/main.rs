//! What a cluster does when anything may happen: real cores on a virtual clock, in one process.
//!
//! The harness is `tests::sim`; it tells how to run more seeds, one seed, or larger clusters.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chaos;
mod deaths;
mod junk;
mod keys;
mod membership;
mod zones;
