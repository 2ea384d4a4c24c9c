//! The shipped packs against the servers that they are about, one file per server.
//!
//! Each test starts the server of a Debian package in a folder of its own, lets an agent watch it
//! by the shipped pack, and kills it: what the agent says of it must be so at each point.

#![allow(clippy::unwrap_used, reason = "every line here is a test")]

mod apache;
mod bind;
mod demo;
mod docker;
mod elasticsearch;
mod exim;
mod haproxy;
mod memcached;
mod mongodb;
mod mysql;
mod nginx;
mod php_fpm;
mod postgresql;
mod probes;
mod rabbitmq;
mod redis;
mod resolvers;
mod unbound;

/// Tells whether a value is a number within bounds; a missing one is not.
fn within(value: &serde_json::Value, from: f64, to: f64) -> bool {
    value
        .as_f64()
        .is_some_and(|number| (from..=to).contains(&number))
}
