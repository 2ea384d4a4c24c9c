//! The hands: everything that touches the machine and may block.
//!
//! Plain functions in rooms by noun. Each reads through a [`Host`] (so that tests run on recorded
//! hosts), is bounded in size by [`model::limits`] and in time by a [`Deadline`], and answers with
//! plain values or an [`Error`] that tells what failed, on what, and why. Nothing here knows about
//! packs, checks or the cluster, and nothing keeps a thread or a socket after it has answered, but
//! for the probes of mounts: one that hangs keeps its thread until the mount answers.
//!
//! A deadline is looked at between two system calls. A call that itself never returns (a dead
//! network mount) holds its caller: run drivers on a worker that may be given up.

pub mod accounts;
mod base64;
pub mod certificate;
pub mod child;
pub mod collectors;
mod deadline;
mod error;
pub mod files;
mod host;
pub mod hosting;
pub mod json;
mod meter;
pub mod network;
pub mod notify;
mod options;
pub mod packages;
pub mod probes;
pub mod processes;
pub mod sources;
mod text;

pub use deadline::Deadline;
pub use error::Error;
pub use host::{Host, release_code, take_short_turns, trim_heap};
pub use meter::bytes_read;
pub use options::{OptionKind, OptionSpec};
