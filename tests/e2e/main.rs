//! What only real processes can prove, one file per noun.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "every line here is a test"
)]

mod agent;
mod agreement;
mod agreement_disk;
mod agreement_off;
mod agreement_user;
mod agreement_words;
mod alerts;
mod clock;
mod cluster;
mod collectors;
mod configuration;
mod detectors;
mod disk;
mod dns;
mod fleet;
mod http;
mod inventory;
mod keys;
mod lock;
mod log;
mod monitoring;
mod notifiers;
mod overload;
mod packs;
mod service_manager;
mod tokens;
