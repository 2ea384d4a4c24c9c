//! Containers and images of a Docker engine (or of Podman, which speaks the same), what happened
//! to them since the run before, and what each container uses.
//!
//! The engine is asked for what only it knows; what containers use is read from their control
//! groups, as the engine's own statistics cost it a second for each container.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use model::Value;

use super::rates::Rates;
use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use engine::{Engine, Seen};

mod engine;
mod usage;
mod value;

const SOCKETS: &[&str] = &[
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
];

pub(super) const COLLECTOR: Native = Native {
    name: "docker",
    doc: "Containers and images of the Docker engine, and what they use.",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(10),
    has_rates: true,
    keys: &[
        key("version", "", "of the engine"),
        key("api_version", "", "the version of its API that we speak"),
        key("containers_count", "", "containers, stopped ones included"),
        key("running", "", "containers that run"),
        key("unhealthy", "", "names of containers whose own check fails"),
        key(
            "restarting",
            "",
            "names of containers that end and are started again",
        ),
        key("images_count", "", "images"),
        key(
            "is_cut",
            "",
            "whether there are more containers than are told",
        ),
        key("containers.*.id", "", "its id"),
        key("containers.*.image", "", "the image it was made from"),
        key(
            "containers.*.state",
            "",
            "running, exited, paused, restarting, created, dead",
        ),
        key(
            "containers.*.status",
            "",
            "the same in words, as Up 3 hours (healthy)",
        ),
        key(
            "containers.*.health",
            "",
            "healthy, unhealthy, starting; absent without a check",
        ),
        key(
            "containers.*.created",
            "epoch",
            "when it was made, in seconds since 1970",
        ),
        key(
            "containers.*.stats.memory.*",
            "bytes",
            "rss, cache, swap, usage, limit …",
        ),
        key(
            "containers.*.stats.memory.pgfault",
            "1/s",
            "pages asked for",
        ),
        key(
            "containers.*.stats.memory.pgmajfault",
            "1/s",
            "pages read from disk",
        ),
        key(
            "containers.*.stats.memory.pgpgin",
            "1/s",
            "pages charged (cgroup v1)",
        ),
        key(
            "containers.*.stats.memory.pgpgout",
            "1/s",
            "pages given back (cgroup v1)",
        ),
        key(
            "containers.*.stats.cpu.user",
            "processors",
            "busy with its programs",
        ),
        key(
            "containers.*.stats.cpu.system",
            "processors",
            "busy in the kernel for it",
        ),
        key("images.*.id", "", "its id"),
        key("images.*.size_bytes", "bytes", "its size"),
        key(
            "images.*.created",
            "epoch",
            "when it was made, in seconds since 1970",
        ),
        key("images.*.running", "", "containers of it that run"),
        key(
            "images.*.stats.*",
            "",
            "the stats of its containers, added up",
        ),
        key(
            "events",
            "",
            "what happened since the run before: time, type, action, name",
        ),
    ],
    make: || Box::<Docker>::default(),
};

#[derive(Default)]
struct Docker {
    seen: Seen,
    rates: Rates,
}

impl Collector for Docker {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let path = socket(context)?;
        let real = context.host.path(&path)?;
        match UnixStream::connect(&real) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Trouble::MissingConfiguration {
                    reason: format!("the agent's user may not talk to the engine at {path}"),
                    todo: "run the agent as root, or put its user into the group docker".to_owned(),
                });
            }
            Err(error) => return Err(Error::system("connect to", path)(error).into()),
        }
        let real = real.to_string_lossy();
        let engine = Engine::new(&real, context.deadline);
        let found = engine.look(&mut self.seen, context.wall.as_secs())?;
        self.rates.begin(context.now);
        let mut usages = Vec::with_capacity(found.containers.len());
        for container in &found.containers {
            context
                .deadline
                .check("reading the use of containers below", "/sys/fs/cgroup")?;
            usages.push(usage::of(context, &mut self.rates, container));
        }
        Ok(value::tree(&found, &usages))
    }
}

/// Finds the socket: the one that a pack names, or a usual one.
fn socket(context: &Context<'_>) -> Result<String, Trouble> {
    if let Some(Value::Text(path)) = context.options.get("socket") {
        return Ok(path.to_string());
    }
    let found = SOCKETS.iter().find(|path| context.host.has(path));
    found.map(|path| (*path).to_owned()).ok_or_else(|| {
        Trouble::not_eligible(
            "no container engine runs here: there is no /run/docker.sock",
            "an engine elsewhere is named by the option socket of a pack's collector",
        )
    })
}

#[cfg(test)]
mod tests;
