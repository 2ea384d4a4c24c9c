//! What every command may ask for: where things are, the agent, and the printer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use api::client::With;
use api::{Client, ClientError, Route};
use daemon::configuration::{self, Loaded};
use daemon::paths::{Paths, Surroundings};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::Global;
use crate::failure::Failure;
use crate::output::Printer;

/// The program as its commands see it.
pub(crate) struct Program {
    /// The folder that all of the agent's files are laid below.
    pub(crate) root: Option<PathBuf>,
    /// Where answers go.
    pub(crate) printer: Printer,
}

impl Program {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            root: global.root.clone(),
            printer: Printer::new(global.output, global.color),
        }
    }

    /// Decides where the agent's files are.
    pub(crate) fn paths(&self) -> Result<Paths, Failure> {
        Paths::resolve(&Surroundings::of_process(self.root.clone()))
            .map_err(|why| Failure::new(why).with_hint("say where with --root DIR"))
    }

    /// Reads the configuration as the agent does.
    pub(crate) fn configuration(&self) -> Result<Loaded, Failure> {
        Ok(configuration::load(&self.paths()?))
    }

    /// Gives a client for the agent's socket. The place of the socket comes from the same
    /// configuration that the agent reads, also when other things in it are wrong.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(
            self.configuration()?.configuration.paths.socket,
        ))
    }

    /// Calls a route of the agent that answers JSON.
    pub(crate) fn get<A: DeserializeOwned>(
        &self,
        route: &Route,
        with: With<'_>,
    ) -> Result<A, Failure> {
        self.client()?
            .get(route, with)
            .map_err(|error| self.explain(error))
    }

    /// Asks for the last entries of a history, oldest first.
    pub(crate) fn history<E: DeserializeOwned>(
        &self,
        route: &Route,
        last: usize,
    ) -> Result<Vec<E>, Failure> {
        let last = last.to_string();
        let with = With {
            query: &[("last", &last)],
            ..With::default()
        };
        self.get(route, with)
    }

    /// Calls a route of the agent that takes and answers JSON.
    pub(crate) fn send<B: Serialize, A: DeserializeOwned>(
        &self,
        route: &Route,
        with: With<'_>,
        body: &B,
    ) -> Result<A, Failure> {
        self.client()?
            .send(route, with, body)
            .map_err(|error| self.explain(error))
    }

    /// Turns a failed call into what a person should do.
    pub(crate) fn explain(&self, error: ClientError) -> Failure {
        match &error {
            ClientError::NotRunning(_) => Failure::from(error).with_hint(self.how_to_start()),
            ClientError::NotAllowed(_)
            | ClientError::TimedOut(_)
            | ClientError::Refused(_)
            | ClientError::Broken(_) => Failure::from(error),
        }
    }

    fn how_to_start(&self) -> String {
        if let Some(root) = &self.root {
            return format!(
                "start it with: opsbro --root {} agent start",
                root.display()
            );
        }
        let agent_of_root = Path::new("/run/opsbro").is_dir();
        if agent_of_root && !rustix::process::geteuid().is_root() {
            return "the agent of this machine is root's: try the same with sudo, or start one of \
                    your own with: opsbro agent start"
                .to_owned();
        }
        "start it with: opsbro agent start".to_owned()
    }
}

/// How often something is looked at that cannot be waited for.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// Reads the wall clock.
pub(crate) fn now() -> model::WallTime {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    model::WallTime::from_millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Reads the value of `--timeout`.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    model::parse_interval(text).map_err(|error| error.to_string())
}
