//! A program: what it prints.

use model::Secret;
use model::limits::SOURCE_BYTES_MAX;

use super::too_large;
use crate::child::{self, End};
use crate::collectors::Trouble;
use crate::{Deadline, Error, Host};

/// What to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments; one line for `/bin/sh` when `shell` is set.
    pub arguments: Vec<String>,
    /// Whether the shell reads it.
    pub shell: bool,
    /// Variables of its environment.
    pub environment: Vec<(String, Secret)>,
    /// Exit codes that are no failure: 0, and up to 3 for a Nagios plugin.
    pub exit_codes: Vec<i32>,
}

impl Command {
    /// Runs it and gives what it printed.
    pub(super) fn run(&self, host: &Host, deadline: Deadline) -> Result<Vec<u8>, Trouble> {
        let mut argv: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        if self.shell {
            argv.splice(0..0, ["/bin/sh", "-c"]);
        }
        let environment: Vec<(&str, &str)> = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        for (name, value) in &environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let problem = "and its value cannot stand in an environment";
                return Err(Error::bad_request(name, problem).into());
            }
        }
        let command = child::Command {
            argv: &argv,
            stdin: b"",
            environment: &environment,
            output_bytes_max: SOURCE_BYTES_MAX,
            deadline,
        };
        let finished = child::run(host, &command).map_err(|error| match error {
            Error::Missing(reason) => {
                Trouble::not_eligible(reason, "install the program, or name it by its whole path")
            }
            error => Trouble::Failed(error),
        })?;
        // Arguments may hold a password, so only the program is named.
        let name = if self.shell { "the shell" } else { argv[0] };
        match finished.end {
            End::Code(code) if self.exit_codes.contains(&code) => {}
            End::Code(_) | End::Signal(_) | End::TimedOut => {
                return Err(finished.error(name, deadline).into());
            }
        }
        if finished.stdout.dropped > 0 {
            return Err(too_large(name).into());
        }
        Ok(finished.stdout.bytes)
    }
}
