//! What the nodes of a zone agree on: keys, locks and sessions.
//!
//! One log holds every change in one order; a majority of the voters has it on disk before it is
//! acknowledged. From that log each voter makes the same [`State`], in memory.
//!
//! ```text
//! clients -> Command -> [many in one Batch] -> log (journal of `store`) -> majority -> State
//!                                                                                      |
//! Answer, to the client; Event, to who watches <---------------------------------------'
//! ```
//!
//! The state is a pure function of the log: no clock, no randomness, no disk. Time comes with each
//! [`Batch`], stamped by the leader, as a [`Clock`] that runs only while there is a leader: a lease
//! neither ends early because a wall clock was set, nor while nobody could renew it. Every change
//! gets the next [`Revision`]; revisions compare keys, resume watches, and fence locks.
//!
//! The state is kept in memory and not in an embedded database: it can always be made again from a
//! snapshot and the log behind it, both checksummed, and a map in memory was measured 25 times as
//! fast (see `store::view`). Its size is bounded by [`model::limits`].

pub mod answer;
pub mod command;
mod config;
pub mod disk;
pub mod event;
pub mod group;
pub mod image;
mod log;
mod machine;
pub mod members;
mod message;
mod network;
mod news;
pub mod query;
mod runtime;
pub mod state;
pub mod words;

pub use answer::{Answer, Refusal};
pub use command::{Batch, Check, Command, Write};
pub use config::Timing;
pub use event::{Event, What};
pub use group::{
    Group, Guest, Hearsay, LEAVE_TIME, News, Options, Progress, Recovered, Role, Standing, Trouble,
    recover,
};
pub use message::refusal;
pub use network::{CallError, Calling, Lane, Transport};
pub use query::{Found, FoundWhat, Query};
pub use state::{Lock, State};
pub use words::{Clock, GroupId, Key, Revision, SessionId, Value, Voter};
