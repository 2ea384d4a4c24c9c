//! Running the program as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What a run of the program gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Ran {
    /// Reads the data as JSON.
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Checks the exit code and gives the run back.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// Gives the program, built if it is not fresh: a test of an old binary would prove nothing.
pub fn build() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let here = std::env::current_exe().expect("a test has a path");
        let profile = here
            .ancestors()
            .nth(2)
            .expect("a test is in target/PROFILE/deps");
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(["build", "--quiet", "--package", "opsbro", "--target-dir"]);
        cargo.arg(profile.parent().expect("a profile is in target"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        // Cargo tells a test of which package it is. Build scripts that look at that would take it
        // for a change, and the program be built anew for minutes.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        let status = cargo.status().expect("cargo runs");
        assert!(status.success(), "the program does not build");
        profile.join("opsbro")
    })
}

/// Makes a command of the program with a root folder.
pub fn opsbro(root: &Path) -> Command {
    let mut command = Command::new(build());
    command.arg("--root").arg(root).stdin(Stdio::null());
    for name in [
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "JOURNAL_STREAM",
        "OPSBRO_ROOT",
        "NO_COLOR",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("data is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("talk is UTF-8"),
    }
}
