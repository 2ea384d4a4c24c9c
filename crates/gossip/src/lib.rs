//! Membership, zones, node records, events and sealing: who is there, who lives, what each tells.
//!
//! The room is sans-io: [`Input`] in, [`Output`] out, and a [`Snapshot`] for readers. It never
//! reads a clock, a socket, a file or the system's randomness, so a whole cluster runs in one test
//! on a virtual clock. It does not know what a check is.

pub mod book;
mod config;
mod core;
pub mod events;
mod input;
pub mod item;
mod output;
mod packed;
pub mod record;
pub mod seal;
mod snapshot;
pub mod stream;
pub mod swim;
pub mod sync;
pub mod wire;
mod zones;

pub use config::{Config, Timing};
pub use core::Core;
pub use events::Event;
pub use input::{Call, CallError, Description, Input, KeyOrder, Order, OrderId, Peer};
pub use output::{Change, Done, Found, Output, Refusal, What};
pub use record::{Body, Health, Problem, Record, Version};
pub use snapshot::{Figures, Held, Member, Snapshot};
pub use sync::exchanges_keys;
pub use zones::{Relation, Zones};
