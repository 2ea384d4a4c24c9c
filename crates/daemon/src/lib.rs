//! The shell of the agent: sockets, timers, workers, HTTP; it owns the loops and has no opinions.
//!
//! Start with [`start`](crate::start()), which is the life of an agent in order; then `loops`,
//! which says how state is owned; then `agent`, which is what requests see. What a check, a
//! member or a lock *is* belongs to the cores, not here.

mod agent;
mod agreement;
mod alarm;
mod alerts;
mod assemble;
pub mod backup;
mod clock;
mod cluster;
mod collect;
pub mod configuration;
mod dns;
pub mod evaluation;
pub mod heap;
mod http;
mod inventory;
mod judge;
mod keep;
mod keys;
mod listen;
mod lock;
mod log;
mod loops;
mod machine;
pub mod paths;
mod port_owner;
mod process;
mod reload;
pub mod rules;
mod series;
mod service_manager;
mod services;
mod slots;
mod start;
mod tasks;
mod threads;
mod tokens;
mod trust;
mod weight;
mod workers;
pub mod zone_keys;

pub use dns::Answering;
pub use drivers::child::helper;
pub use drivers::json;
pub use listen::ListenError;
pub use lock::LockError;
pub use start::{Options, StartError, start};
