//! Measures what seeing costs: the agent with all its default collectors, and, when they are
//! installed, the programs that others use for it, on the same machine in the same minutes.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Size;
use super::neighbours::{Kind, Neighbour};
use super::proc_files::{cpu_seconds, pss_kib};
use super::program::{Agent, Program};
use super::socket::Socket;

/// How long the first runs have, and how long is measured.
struct Times {
    settle: Duration,
    window: Duration,
}

const FULL: Times = Times {
    settle: Duration::from_secs(20),
    window: Duration::from_secs(180),
};

const SMALL: Times = Times {
    settle: Duration::from_secs(2),
    window: Duration::from_secs(2),
};

/// Runs the agent and its neighbours side by side and prints what each costs.
pub fn run(root: &Path, size: Size) -> Result<(), String> {
    let times = match size {
        Size::Full => FULL,
        Size::Small => SMALL,
    };
    let program = Program::prepare(root, size)?;
    let agent = Agent::start(&program)?;
    let mut neighbours = Vec::new();
    for kind in Kind::ALL {
        match Neighbour::start(kind, &program.folder(kind.name())) {
            Ok(neighbour) => neighbours.push(neighbour),
            Err(why) => say(&format!("# {} {why}", kind.name())),
        }
    }
    std::thread::sleep(times.settle);
    if size == Size::Full {
        wait_for_first_runs(&agent)?;
    }
    let pids: Vec<u32> = std::iter::once(agent.pid())
        .chain(neighbours.iter().map(Neighbour::pid))
        .collect();
    let before = all_cpu(&pids)?;
    scrape_for(times.window, &neighbours)?;
    let after = all_cpu(&pids)?;
    let seconds = times.window.as_secs_f64();
    let used = |at: usize| after[at] - before[at];

    let values = values_per_second(&agent)?;
    print("agent", agent.pid(), used(0), seconds, values)?;
    for (at, neighbour) in neighbours.iter().enumerate() {
        let each = neighbour.values()? as f64;
        let values = each / neighbour.kind().interval().as_secs_f64();
        let name = neighbour.kind().name();
        print(name, neighbour.pid(), used(at + 1), seconds, values)?;
    }
    agent.stop()
}

/// How long the slowest first run may take: a package manager whose files are not in memory.
const FIRST_RUNS: Duration = Duration::from_secs(120);

/// Waits until every collector has run once: what is done once belongs to the start.
fn wait_for_first_runs(agent: &Agent) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let collectors = collectors(agent, "/collectors?results=false")?;
        let is_pending = |it: &serde_json::Value| it["state"] == "PENDING";
        let each = collectors.as_object().into_iter().flatten();
        let pending: Vec<&String> = each
            .filter(|(_, it)| is_pending(it))
            .map(|(name, _)| name)
            .collect();
        if pending.is_empty() {
            return Ok(());
        }
        if began.elapsed() > FIRST_RUNS {
            return Err(format!("no first run of {pending:?} in {FIRST_RUNS:?}"));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Scrapes the exporters at their interval until the time is over.
fn scrape_for(window: Duration, neighbours: &[Neighbour]) -> Result<(), String> {
    let began = Instant::now();
    let scraped: Vec<&Neighbour> = neighbours
        .iter()
        .filter(|it| it.kind() == Kind::NodeExporter)
        .collect();
    while began.elapsed() < window {
        for neighbour in &scraped {
            neighbour.values()?;
        }
        let left = window.saturating_sub(began.elapsed());
        std::thread::sleep(left.min(Kind::NodeExporter.interval()));
    }
    Ok(())
}

fn all_cpu(pids: &[u32]) -> Result<Vec<f64>, String> {
    pids.iter().map(|pid| cpu_seconds(*pid)).collect()
}

/// Adds up the values of all collectors, each at its own interval.
fn values_per_second(agent: &Agent) -> Result<f64, String> {
    let collectors = collectors(agent, "/collectors")?;
    let each = collectors.as_object().into_iter().flatten();
    Ok(each
        .map(|(_, collector)| {
            let leaves = leaves(&collector["results"]) as f64;
            let interval = collector["interval_seconds"].as_f64().unwrap_or(10.0);
            leaves / interval
        })
        .sum())
}

/// Asks the agent for its collectors.
fn collectors(agent: &Agent, route: &str) -> Result<serde_json::Value, String> {
    let mut socket =
        Socket::connect(&agent.socket).map_err(|error| format!("failed to connect: {error}"))?;
    let body = socket
        .get_body(route)
        .map_err(|error| format!("failed to ask for the collectors: {error}"))?;
    serde_json::from_slice(&body).map_err(|error| format!("the collectors are no JSON: {error}"))
}

fn leaves(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Object(members) => members.values().map(leaves).sum(),
        serde_json::Value::Array(items) => items.iter().map(leaves).sum(),
        serde_json::Value::Null => 0,
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => 1,
    }
}

fn print(name: &str, pid: u32, used: f64, seconds: f64, values: f64) -> Result<(), String> {
    let core = 100.0 * used / seconds;
    let per_value = 1e6 * used / (values * seconds);
    let pss = pss_kib(pid)? as f64 / 1024.0;
    say(&format!(
        "collect.{name}_core {core:.3} % of a core over {seconds} s"
    ));
    say(&format!("collect.{name}_memory {pss:.1} MiB PSS"));
    say(&format!("collect.{name}_values {values:.1} values/s"));
    say(&format!(
        "collect.{name}_cpu_per_value {per_value:.1} us/value"
    ));
    Ok(())
}

fn say(line: &str) {
    // A closed pipe is the reader's wish, not an error.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_leaves_of_the_tree() {
        let tree = serde_json::json!({"a": {"b": 1, "c": "x"}, "d": [true, null]});
        assert_eq!(leaves(&tree), 3);
    }
}
