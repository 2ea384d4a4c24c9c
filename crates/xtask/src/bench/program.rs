//! The real program in a folder of its own, so that no other agent of the machine is touched.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::socket::Socket;
use super::{Size, cargo};

/// The name of the program and of its crate.
pub const NAME: &str = "opsbro";

/// How long an agent may take to answer or to stop before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, and the folder that everything of its agents lies in.
#[derive(Debug)]
pub struct Program {
    /// Where the program lies.
    pub path: PathBuf,
    root: PathBuf,
}

impl Program {
    /// Builds the program and gives it an empty folder below the target folder.
    pub fn prepare(root: &Path, size: Size) -> Result<Self, String> {
        let mut build = cargo(root);
        build.args([
            "build",
            "--quiet",
            "--package",
            NAME,
            "--profile",
            size.profile(),
        ]);
        let built = build
            .status()
            .map_err(|error| format!("failed to run cargo build: {error}"))?;
        if !built.success() {
            return Err(format!("failed to build {NAME}"));
        }
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
        let folder = match size {
            Size::Full => "release",
            Size::Small => "debug",
        };
        let program = Self {
            path: target.join(folder).join(NAME),
            root: target.join(format!("bench-agent-{}", std::process::id())),
        };
        let etc = program.root.join("etc");
        std::fs::create_dir_all(&etc).map_err(|error| program.failed("prepare", &error))?;
        let mut file = File::create(etc.join("agent.yml"))
            .map_err(|error| program.failed("prepare", &error))?;
        // Any free port: the machine may have an agent of its own.
        file.write_all(b"port: 0\n")
            .map_err(|error| program.failed("prepare", &error))?;
        Ok(program)
    }

    /// Makes a command of the program that says nothing.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--root").arg(&self.root).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Names a folder for something that runs beside the agent; it goes when this goes.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join("beside").join(name)
    }

    /// Names the folder of what the agent reads and writes.
    pub fn data(&self) -> PathBuf {
        self.root.join("var/lib")
    }

    /// Says what failed, on which program and folder.
    pub fn failed(&self, what: &str, error: &dyn std::fmt::Display) -> String {
        format!(
            "failed to {what} {} on {}: {error}",
            self.path.display(),
            self.root.display()
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // What stays behind lies in the target folder and harms nobody.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// A running agent, killed when it is dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    /// The socket that it answers on.
    pub socket: PathBuf,
    /// The time from `exec` to its first answer.
    pub started: Duration,
}

impl Agent {
    /// Starts an agent and waits until it answers.
    pub fn start(program: &Program) -> Result<Self, String> {
        let began = Instant::now();
        let child = program.command(&["agent", "start"]).spawn();
        let child = child.map_err(|error| program.failed("start", &error))?;
        let socket = program.root.join("run/opsbro.sock");
        let mut agent = Self {
            child,
            socket,
            started: Duration::ZERO,
        };
        while !agent.answers() {
            if let Ok(Some(status)) = agent.child.try_wait() {
                return Err(program.failed("start", &status));
            }
            if began.elapsed() > PATIENCE {
                return Err(program.failed("start", &"it does not answer"));
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

    /// Gives its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the agent to leave, and waits for it.
    pub fn stop(mut self) -> Result<(), String> {
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
