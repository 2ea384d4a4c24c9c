//! A folder to call the program in, and what came of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A root folder without an agent.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a call said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Said {
    /// Reads what it said as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Sandbox {
    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
        }
    }

    /// Writes a file.
    #[must_use]
    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder is made");
        let access = store::file::Access::Mode(0o644);
        store::file::replace(&path, text.as_bytes(), access).expect("a file is written");
        self
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("the file is there")
    }

    /// Gives the folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the program, ready to be called on this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opsbro"));
        command
            .env_clear()
            .env("OPSBRO_ROOT", self.path())
            .env("HOME", self.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Calls the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let output = self
            .command(arguments)
            .output()
            .expect("the program can be called");
        // The folder has another name each time.
        let folder = self.path().display().to_string();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .expect("it speaks UTF-8")
                .replace(&folder, "ROOT")
        };
        Said {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code(),
        }
    }

    /// Calls the program and compares the whole transcript.
    #[track_caller]
    pub(crate) fn check(&self, line: &str, code: i32, stdout: &str, stderr: &str) {
        let said = self.run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(said.stderr, stderr, "{line}");
        assert_eq!(said.stdout, stdout, "{line}");
        assert_eq!(said.code, Some(code), "{line}");
    }
}
