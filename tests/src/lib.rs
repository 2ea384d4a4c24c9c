//! The harness of the end-to-end tests: real agents in folders of their own.
//!
//! Everything goes through the program as a user would call it. Nothing here sleeps for luck: what
//! takes time is waited for with a deadline ([`wait_for`]). Start with [`Agent::start`].

mod agent;
mod http;
mod lan;
mod program;
mod server;
pub mod sim;
mod wait;
mod watch;
mod wedge;

pub use agent::{Agent, Home, files_below};
pub use http::{Reply, request, request_over, take_request, try_request_over};
pub use lan::{Host, Kind, Lan, Link, Traffic};
pub use program::{Ran, build, opsbro, run};
pub use server::{Folder, Server, free_port};
pub use wait::{DEADLINE, holds_for, wait_for, wait_within};
pub use watch::Watch;
