//! What the agent costs and how its parts do.

use std::time::Duration;

use drivers::collectors::Key;
use model::Value;

use super::{Own, whole};
use crate::agent::{Agent, VERSION};
use crate::{clock, process};

pub(super) const COLLECTOR: Own = Own {
    name: "agent",
    doc: "The agent's own figures: what it costs, its workers, its disk.",
    interval: Duration::from_secs(10),
    keys: &[
        key("version", "", "the version of the program"),
        key("state", "", "initializing, ok or stopped"),
        key("uptime", "s", "time since it started"),
        key("cpu_percent", "%", "share of one core over the last minute"),
        key("memory_resident", "bytes", "memory, with all shared pages"),
        key("workers.threads", "", "threads of the worker pool"),
        key("workers.queued", "", "jobs that wait"),
        key("workers.done", "", "jobs that ended since the start"),
        key("workers.stuck", "", "jobs that hang past their time box"),
        key("workers.refused", "", "jobs that found the pool full"),
        key(
            "workers.panicked",
            "",
            "jobs that failed in an unexpected way",
        ),
        key("disk.healthy", "", "whether the disk takes writes"),
        key("disk.waiting", "bytes", "what waits in memory for the disk"),
        key("log.lines_dropped", "", "lines that the log could not take"),
        key("packs.errors", "", "errors in packs"),
    ],
    collect,
};

const fn key(path: &'static str, unit: &'static str, doc: &'static str) -> Key {
    Key { path, unit, doc }
}

fn collect(agent: &Agent) -> Value {
    let workers = agent.workers.figures();
    let disk = agent.keep.disk();
    let packs = agent.rules.borrow().summary();
    let workers = Value::map([
        ("threads", whole(workers.threads)),
        ("queued", whole(workers.queued)),
        ("done", whole(workers.done)),
        ("stuck", whole(workers.stuck.len() as u64)),
        ("refused", whole(workers.refused)),
        ("panicked", whole(workers.panicked)),
    ]);
    let disk = Value::map([
        ("healthy", Value::Bool(disk.healthy)),
        ("waiting", whole(disk.buffered_bytes)),
    ]);
    Value::map([
        ("version", Value::from(VERSION)),
        ("state", Value::text(agent.life.borrow().to_string())),
        (
            "uptime",
            whole(clock::now().since(agent.started.0).as_secs()),
        ),
        ("cpu_percent", Value::Float(agent.cost.borrow().cpu_percent)),
        ("memory_resident", whole(process::resident_bytes())),
        ("workers", workers),
        ("disk", disk),
        (
            "log",
            Value::map([("lines_dropped", whole(agent.log.dropped()))]),
        ),
        ("packs", Value::map([("errors", whole(packs.errors))])),
    ])
}
