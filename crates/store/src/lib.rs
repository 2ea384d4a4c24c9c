//! The one door to the disk: everything that an agent writes goes through here.
//!
//! - [`file`]: whole files, replaced in one durable step.
//! - [`document`]: small named states with a checksum.
//! - [`journal`]: records that are durable when the call returns: the truth.
//!
//! Calls block; who must not wait calls from a thread of their own. Time comes in as a parameter.
//! The store knows nothing of what the bytes mean. After a crash, a power loss or damage it opens
//! again, and tells what it found.

pub mod document;
mod error;
pub mod file;
pub mod journal;
mod name;

pub use document::Document;
pub use error::Error;
pub use journal::{Journal, Position};
