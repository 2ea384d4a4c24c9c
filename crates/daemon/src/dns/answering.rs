//! Answers about a cluster that somebody made up: what the bench measures is the listener itself.

use std::net::SocketAddr;
use std::sync::Arc;

use ::dns::{Cluster, Config, Directory, Rules};
use anyhow::Context;
use tokio::sync::watch;

use super::listener::Listener;
use super::settings::Settings;

/// Answers DNS about a cluster that somebody made up, until it is dropped.
pub struct Answering {
    // Before the runtime: its tasks end in there.
    listener: Listener,
    // Whoever answers reads it from here.
    _directories: watch::Sender<Arc<Directory>>,
    _runtime: tokio::runtime::Runtime,
}

impl Answering {
    /// Binds an address and answers there.
    pub fn new(cluster: Cluster, names: Config, address: SocketAddr) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let directory = Directory::new(Arc::new(cluster), &names, 1);
        let directories = watch::Sender::new(Arc::new(directory));
        let settings = Settings {
            off: None,
            wrong: Vec::new(),
            address,
            names,
            rules: Rules {
                answers_per_second: 1_000,
                forwards: false,
            },
            forwarders: Vec::new(),
        };
        let listener = {
            let _inside = runtime.enter();
            Listener::bind(&settings, &directories)?
        };
        Ok(Self {
            listener,
            _directories: directories,
            _runtime: runtime,
        })
    }

    /// Gives where it answers.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }
}
