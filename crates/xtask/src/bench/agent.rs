//! Measures the real program from outside: start, one command, idleness, requests, size.
//!
//! Each figure is a promise of the issue that asked for it. Start with [`run`]; the program and its
//! folder are in [`super::program`].

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::proc_files::{pss_kib, usage};
use super::program::{Agent, Program};
use super::socket::Socket;
use super::{Size, median};

/// How much of everything is done.
struct Amounts {
    starts: usize,
    calls: usize,
    settle: Duration,
    window: Duration,
    storm: Duration,
}

const FULL: Amounts = Amounts {
    starts: 21,
    calls: 201,
    settle: Duration::from_secs(5),
    window: Duration::from_secs(60),
    storm: Duration::from_secs(5),
};

const SMALL: Amounts = Amounts {
    starts: 1,
    calls: 3,
    settle: Duration::from_millis(500),
    window: Duration::from_secs(1),
    storm: Duration::from_millis(300),
};

/// How many clients ask at once.
const CLIENTS: usize = 16;

/// Builds the program and prints its figures.
pub fn run(root: &Path, size: Size) -> Result<(), String> {
    let amounts = match size {
        Size::Full => FULL,
        Size::Small => SMALL,
    };
    let program = Program::prepare(root, size)?;
    let starts = measure_starts(&program, &amounts)?;
    print("agent.start", median(starts), "ms");

    let agent = Agent::start(&program)?;
    print(
        "agent.cli_call",
        median(measure_calls(&program, &amounts)?),
        "ms",
    );
    measure_idleness(&agent, &amounts)?;
    print(
        "agent.requests",
        measure_requests(&agent, &amounts)?,
        "requests/s/core",
    );
    agent.stop()?;

    let bytes = program
        .path
        .metadata()
        .map_err(|error| program.failed("measure", &error))?
        .len();
    print("agent.binary", mib(bytes), "MiB");
    Ok(())
}

/// Measures from `exec` to the first answer, with warm files.
fn measure_starts(program: &Program, amounts: &Amounts) -> Result<Vec<f64>, String> {
    Agent::start(program)?.stop()?;
    let mut figures = Vec::new();
    for _ in 0..amounts.starts {
        let agent = Agent::start(program)?;
        figures.push(milliseconds(agent.started));
        agent.stop()?;
    }
    Ok(figures)
}

/// Measures one command from its start to its end.
fn measure_calls(program: &Program, amounts: &Amounts) -> Result<Vec<f64>, String> {
    let mut figures = Vec::new();
    for _ in 0..amounts.calls {
        let began = Instant::now();
        let status = program.command(&["agent", "info", "-o", "json"]).status();
        let status = status.map_err(|error| program.failed("call", &error))?;
        if !status.success() {
            return Err(program.failed("call `agent info` of", &status));
        }
        figures.push(milliseconds(began.elapsed()));
    }
    Ok(figures)
}

/// Watches an agent that nobody asks for anything.
fn measure_idleness(agent: &Agent, amounts: &Amounts) -> Result<(), String> {
    std::thread::sleep(amounts.settle);
    let before = usage(agent.pid())?;
    std::thread::sleep(amounts.window);
    let after = usage(agent.pid())?;
    let seconds = amounts.window.as_secs_f64();
    let on_core = after.on_core_ns.saturating_sub(before.on_core_ns) as f64 / 1e9;
    let switches = after.switches.saturating_sub(before.switches) as f64;
    print(
        "agent.idle_memory",
        pss_kib(agent.pid())? as f64 / 1024.0,
        "MiB PSS",
    );
    print("agent.idle_threads", after.threads as f64, "threads");
    print(
        "agent.idle_core",
        100.0 * on_core / seconds,
        &format!("% of a core over {seconds} s"),
    );
    print(
        "agent.idle_wakeups",
        switches / seconds,
        &format!("wake-ups/s over {seconds} s"),
    );
    Ok(())
}

/// Measures how many requests an agent on one core answers to clients on the others.
fn measure_requests(agent: &Agent, amounts: &Amounts) -> Result<f64, String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    pin(agent.pid(), "0")?;
    if cores > 1 {
        pin(std::process::id(), &format!("1-{}", cores - 1))?;
    }
    let before = usage(agent.pid())?;
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (socket, storm) = (agent.socket.clone(), amounts.storm);
            std::thread::spawn(move || ask_for(&socket, storm))
        })
        .collect();
    let mut requests = 0;
    for client in clients {
        let asked = client.join().map_err(|_| "a client panicked".to_owned())?;
        requests += asked.map_err(|error| format!("a request failed: {error}"))?;
    }
    let elapsed = began.elapsed().as_secs_f64();
    let on_core = usage(agent.pid())?.on_core_ns - before.on_core_ns;
    pin(std::process::id(), &format!("0-{}", cores - 1))?;
    // More than 100 would mean that the agent was not bound to its core.
    print(
        "agent.requests_core",
        on_core as f64 / 1e7 / elapsed,
        "% of a core",
    );
    Ok(requests as f64 / elapsed)
}

fn ask_for(socket: &Path, storm: Duration) -> std::io::Result<usize> {
    let mut socket = Socket::connect(socket)?;
    let began = Instant::now();
    let mut requests = 0;
    while began.elapsed() < storm {
        let status = socket.get("/agent/name")?;
        if status != 200 {
            return Err(std::io::Error::other(format!("status {status}")));
        }
        requests += 1;
    }
    Ok(requests)
}

/// Binds all threads of a process to cores.
fn pin(pid: u32, cores: &str) -> Result<(), String> {
    let arguments = [
        "--all-tasks",
        "--cpu-list",
        "--pid",
        cores,
        &pid.to_string(),
    ];
    let output = Command::new("taskset").args(arguments).output();
    let output = output.map_err(|error| format!("failed to run taskset (util-linux): {error}"))?;
    let why = String::from_utf8_lossy(&output.stderr);
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("taskset failed: {}", why.trim()))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print(name: &str, value: f64, unit: &str) {
    // A closed pipe is the reader's wish, not an error.
    let _ = writeln!(std::io::stdout(), "{name} {value:.3} {unit}");
}
