//! What to do about what was seen.
//!
//! Pure state machines, one room a noun, all of one shape: one input is handled, then the outputs
//! are polled until there are none, then nothing happens until the next deadline. Whatever can
//! block or fail because of the world (collect, evaluate, run a plugin, tell somebody) is an output
//! that comes back later as an input. Readers get snapshots.

pub mod alerts;
pub mod checks;
pub mod collectors;
mod core;
pub mod detectors;
pub mod facts;
pub mod formats;
pub mod inventory;
pub mod kept;
pub mod recent;
pub mod schedule;
pub mod transition;

pub use core::{Core, Input, Output, Setup};
