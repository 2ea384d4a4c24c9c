//! The contract on the socket.
//!
//! Every route is a constant that server, client, OpenAPI document and completion share, so none of
//! them can drift. What travels is a plain struct with a schema. This crate knows no web framework:
//! the daemon serves it and the program calls it through [`Client`].
//!
//! Start with [`route::Route`], then one file per noun.

pub mod agent;
pub mod alerts;
pub mod client;
pub mod collectors;
pub mod detectors;
pub mod dns;
pub mod docker;
pub mod error;
pub mod evaluator;
pub mod gossip;
pub mod groups;
pub mod history;
pub mod inventory;
pub mod keys;
pub mod kv;
pub mod locks;
pub mod log;
pub mod monitoring;
pub mod openapi;
pub mod packs;
pub mod raft;
pub mod route;
pub mod services;
pub mod threads;
pub mod tokens;

pub use client::{Client, ClientError};
pub use error::{ErrorCode, Problem};
pub use history::HistoryEntry;
pub use route::{Answer, Method, Parameter, Role, Route};

/// All routes, by noun. A route that is not here does not exist.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    [
        openapi::ROUTES,
        agent::ROUTES,
        alerts::ROUTES,
        threads::ROUTES,
        log::ROUTES,
        tokens::ROUTES,
        keys::ROUTES,
        collectors::ROUTES,
        detectors::ROUTES,
        groups::ROUTES,
        docker::ROUTES,
        dns::ROUTES,
        services::ROUTES,
        inventory::ROUTES,
        packs::ROUTES,
        evaluator::ROUTES,
        gossip::ROUTES,
        kv::ROUTES,
        locks::ROUTES,
        raft::ROUTES,
        monitoring::ROUTES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_routes_are_the_same() {
        let mut seen = BTreeSet::new();
        for route in routes() {
            assert!(
                seen.insert((route.method, route.path)),
                "{} {}",
                route.method,
                route.path
            );
        }
    }

    #[test]
    fn a_route_that_changes_something_needs_more_than_read() {
        for route in routes() {
            if route.method != Method::Get {
                assert!(route.role > Role::Read, "{} {}", route.method, route.path);
            }
        }
    }
}
