//! The one door to the disk: everything that an agent writes goes through here.
//!
//! - [`Store`]: the directory of one agent, and all of the following in it by name.
//! - [`mod@file`]: whole files, replaced in one durable step.
//! - [`document`]: small named states with a checksum.
//! - [`journal`]: records that are durable when the call returns: the truth.
//! - [`commit`]: many callers of journals, one sync for all that wait.
//! - [`history`]: what happened, in memory first, on disk within a second, within bounds.
//! - [`view`]: an ordered map that follows a journal, rebuilt from it whenever needed.
//! - [`bulk`]: large files, written in a stream, checksummed in blocks.
//! - [`health`]: what a full or broken disk keeps in memory.
//!
//! Calls block; who must not wait calls from a thread of their own. Time comes in as a parameter.
//! The store knows nothing of what the bytes mean. After a crash, a power loss or damage it opens
//! again, and tells what it found.

pub mod bulk;
pub mod commit;
pub mod document;
mod error;
pub mod file;
pub mod health;
pub mod history;
pub mod journal;
mod lock;
mod name;
#[cfg(test)]
mod scratch;
mod store;
pub mod view;

pub use bulk::Bulk;
pub use commit::Committer;
pub use document::Document;
pub use error::Error;
pub use health::Health;
pub use history::History;
pub use journal::{Journal, Position};
pub use store::{FILES, FileKind, Store};
pub use view::View;
