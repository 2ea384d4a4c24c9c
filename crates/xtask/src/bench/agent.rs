//! Measures the real program from outside: start, one command, idleness, requests, size.
//!
//! Each figure is a promise of the issue that asked for it. The agent runs on a root of its own
//! below the target folder, so that no other agent of the machine is touched; it is stopped at the
//! end.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::proc_files::{pss_kib, usage};
use super::socket::Socket;
use super::{Size, cargo, median};

/// The program that is measured.
pub const PROGRAM: &str = "opsbro";

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

/// How long an agent may take to answer or to stop before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Builds the program and prints its figures.
pub fn run(root: &Path, size: Size) -> Result<(), String> {
    let amounts = match size {
        Size::Full => FULL,
        Size::Small => SMALL,
    };
    let place = Place::prepare(root, size)?;
    let starts = measure_starts(&place, &amounts)?;
    print("agent.start", median(starts), "ms");

    let agent = Agent::start(&place)?;
    print(
        "agent.cli_call",
        median(measure_calls(&place, &amounts)?),
        "ms",
    );
    measure_idleness(&agent, &amounts)?;
    print(
        "agent.requests",
        measure_requests(&agent, &amounts)?,
        "requests/s/core",
    );
    agent.stop()?;

    let bytes = place
        .program
        .metadata()
        .map_err(|error| place.failed("measure", &error))?
        .len();
    print("agent.binary", mib(bytes), "MiB");
    Ok(())
}

/// Where the program lies and the root that it is given.
struct Place {
    program: PathBuf,
    root: PathBuf,
}

impl Place {
    fn prepare(root: &Path, size: Size) -> Result<Self, String> {
        let mut build = cargo(root);
        build.args([
            "build",
            "--quiet",
            "--package",
            PROGRAM,
            "--profile",
            size.profile(),
        ]);
        let built = build
            .status()
            .map_err(|error| format!("failed to run cargo build: {error}"))?;
        if !built.success() {
            return Err(format!("failed to build {PROGRAM}"));
        }
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
        let folder = match size {
            Size::Full => "release",
            Size::Small => "debug",
        };
        let place = Self {
            program: target.join(folder).join(PROGRAM),
            root: target.join(format!("bench-agent-{}", std::process::id())),
        };
        let etc = place.root.join("etc");
        std::fs::create_dir_all(&etc).map_err(|error| place.failed("prepare", &error))?;
        let mut file =
            File::create(etc.join("agent.yml")).map_err(|error| place.failed("prepare", &error))?;
        // Any free port: the machine may have an agent of its own.
        file.write_all(b"port: 0\n")
            .map_err(|error| place.failed("prepare", &error))?;
        Ok(place)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&self.root).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn failed(&self, what: &str, error: &dyn std::fmt::Display) -> String {
        format!(
            "failed to {what} {} on {}: {error}",
            self.program.display(),
            self.root.display()
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What stays behind lies in the target folder and harms nobody.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// A running agent, killed when it is dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
    started: Duration,
}

impl Agent {
    /// Starts an agent and waits until it answers.
    fn start(place: &Place) -> Result<Self, String> {
        let began = Instant::now();
        let child = place.command(&["agent", "start"]).spawn();
        let child = child.map_err(|error| place.failed("start", &error))?;
        let socket = place.root.join("run/opsbro.sock");
        let mut agent = Self {
            child,
            socket,
            started: Duration::ZERO,
        };
        while !agent.answers() {
            if let Ok(Some(status)) = agent.child.try_wait() {
                return Err(place.failed("start", &status));
            }
            if began.elapsed() > PATIENCE {
                return Err(place.failed("start", &"it does not answer"));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        agent.started = began.elapsed();
        Ok(agent)
    }

    fn answers(&self) -> bool {
        let answer = Socket::connect(&self.socket).and_then(|mut socket| socket.get("/agent/name"));
        answer.is_ok_and(|status| status == 200)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the agent to leave, and waits for it.
    fn stop(mut self) -> Result<(), String> {
        let pid = self.pid().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        asked.map_err(|error| format!("failed to run kill: {error}"))?;
        let asked_at = Instant::now();
        while asked_at.elapsed() < PATIENCE {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!(
            "the agent (pid {pid}) did not stop within {PATIENCE:?} of SIGTERM"
        ))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // After a polite stop both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures from `exec` to the first answer, with warm files.
fn measure_starts(place: &Place, amounts: &Amounts) -> Result<Vec<f64>, String> {
    Agent::start(place)?.stop()?;
    let mut figures = Vec::new();
    for _ in 0..amounts.starts {
        let agent = Agent::start(place)?;
        figures.push(milliseconds(agent.started));
        agent.stop()?;
    }
    Ok(figures)
}

/// Measures one command from its start to its end.
fn measure_calls(place: &Place, amounts: &Amounts) -> Result<Vec<f64>, String> {
    let mut figures = Vec::new();
    for _ in 0..amounts.calls {
        let began = Instant::now();
        let status = place.command(&["agent", "info", "-o", "json"]).status();
        let status = status.map_err(|error| place.failed("call", &error))?;
        if !status.success() {
            return Err(place.failed("call `agent info` of", &status));
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
    pin(std::process::id(), &format!("0-{}", cores - 1))?;
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
    let _ = writeln!(std::io::stdout(), "{name} {value:.2} {unit}");
}
