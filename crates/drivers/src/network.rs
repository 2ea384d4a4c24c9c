//! The network, as a client: names, connections, pages.
//!
//! Everything is bounded by its deadline, the system's resolver too. A name is looked up by the
//! system (its files, DNS, whatever `nsswitch.conf` has); an address is looked up in `/etc/hosts`
//! and in DNS by a small client of our own, since no safe call of the system does it.

mod connection;
mod dns;
mod echo;
mod http;
pub(crate) mod netlink;
mod resolver;
mod reverse;
mod smtp;
pub(crate) mod sock_diag;
mod tcp;
mod timed_stream;
mod tls;
mod url;
mod wires;

pub(crate) use connection::Connection;
pub(crate) use dns::{RecordType, dns_ask};
pub(crate) use echo::Echo;
pub use http::{Method, Page, Request, Response, Timing, http_send, url_get};
pub use resolver::{host_to_ip, resolve};
pub use reverse::ip_to_host;
pub(crate) use reverse::name_servers;
pub(crate) use smtp::{Refusal, Smtp};
pub use tcp::check_tcp;
pub(crate) use timed_stream::TimedStream;
pub use tls::Trust;
pub(crate) use tls::{
    Inspection, config as tls_config, connect as tls_connect, inspect as tls_inspect,
};
pub use wires::{Wire, wires};
