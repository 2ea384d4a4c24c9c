//! Names of nodes, groups and services: who is in an answer, and the answers themselves.
//!
//! The room is sans-io. [`Cluster`] says what is known of the nodes; [`Directory`] is made of it
//! once for each change, with the answers of all names already encoded; a [`Responder`] takes a
//! packet and writes the answer. It knows no socket, no clock, and not whence the cluster comes.
//! Start with `directory` (the names), then `health` (who is left out, and when nobody is).

mod answer;
mod build;
mod cache;
mod cluster;
mod directory;
mod explain;
mod health;
mod label;
mod limiter;
mod listing;
mod message;
mod name;
mod punycode;
mod query;
mod responder;
pub mod wire;

pub use build::{Config, Ttl, Ttls};
pub use cache::{Cache, Key};
pub use cluster::{Cluster, Holder, Holders, Node, Protocol, Service, Told};
pub use directory::{Directory, Kind};
pub use explain::{Explained, Share, Verdict};
pub use label::label;
pub use limiter::{Limiter, Ruling};
pub use listing::Listed;
pub use message::{Malformed, Message, Record};
pub use name::{Name, NameError};
pub use query::{Edns, Query, Refused, question};
pub use responder::{Counts, Dropped, Reaction, Responder, Rules, Transport};
