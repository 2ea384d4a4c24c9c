//! `opsbro agent stop`

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use api::agent::STOP_POST;
use api::client::With;
use api::{Client, ClientError};
use clap::Args;
use owo_colors::OwoColorize as _;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::progress::Progress;
use crate::output::{Answer, Page};
use crate::program::{POLL, Program, timeout};

/// Stop the agent politely, and wait until it is gone
///
/// Below systemd it would be started again: there, use `systemctl stop opsbro`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Stop {
    /// How long to wait until it is gone
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro agent stop
  opsbro agent stop --timeout 5s";

impl Stop {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let paths = program.configuration()?.configuration.paths;
        let client = Client::new(&paths.socket);
        match client.text(&STOP_POST, With::default()) {
            // An agent that stops may hang up before its answer is out.
            Ok(_) | Err(ClientError::Broken(_)) => {}
            Err(error) => return Err(program.explain(error)),
        }
        let deadline = Instant::now() + self.timeout;
        let mut progress = Progress::new("the agent to stop");
        while paths.socket.exists() || !is_free(&paths.lock) {
            if Instant::now() >= deadline {
                let seconds = self.timeout.as_secs();
                drop(progress);
                return Err(
                    Failure::new(format!("the agent still runs after {seconds} s"))
                        .with_hint("see what holds it up: opsbro agent internal show-threads"),
                );
            }
            progress.turn();
            std::thread::sleep(POLL);
        }
        drop(progress);
        program.printer.show(&Stopped {
            agent_state: "stopped",
        })?;
        Ok(Exit::Yes)
    }
}

/// Tells whether nobody holds the lock, which an agent lets go of last of all.
fn is_free(lock: &Path) -> bool {
    let Ok(file) = File::open(lock) else {
        return true;
    };
    flock(&file, FlockOperation::NonBlockingLockShared).is_ok()
}

#[derive(Serialize)]
struct Stopped {
    agent_state: &'static str,
}

impl Answer for Stopped {
    fn text(&self, page: &mut Page) {
        page.line("OK".green());
    }
}
