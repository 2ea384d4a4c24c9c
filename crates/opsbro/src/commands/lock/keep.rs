//! A lock that the agent keeps for somebody, between two commands.

use std::time::{Duration, Instant};

use api::client::With;
use api::kv::Written;
use api::locks::{ACQUIRE, Acquire as Wanted, Acquired, CLOSE, NewSession, OPEN};
use clap::Args;
use serde::Serialize;

use super::hold::session_id;
use super::line::Line;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Take a lock that the agent keeps until it is released
///
/// Prints the session and the fencing token. When the agent ends, others may have the lock after
/// the lease. Exits with 1 when the lock did not come in time.
#[derive(Debug, Args)]
#[command(after_help = ACQUIRE_EXAMPLES)]
pub(super) struct Acquire {
    /// The lock
    name: String,
    /// How many may hold it at one time; all who use it must say the same
    #[arg(long, default_value_t = 1)]
    slots: u32,
    /// Time after which others may have the lock when this agent is gone, 2s to 1d
    #[arg(long, default_value = "15s")]
    ttl: String,
    /// How long to wait for the lock
    #[arg(long, default_value = "30s", value_parser = crate::program::timeout)]
    timeout: Duration,
}

const ACQUIRE_EXAMPLES: &str = "Examples:
  opsbro lock acquire deploy
  opsbro lock acquire deploy --timeout 5s -o json";

/// Give back a lock that was acquired
#[derive(Debug, Args)]
#[command(after_help = RELEASE_EXAMPLES)]
pub(super) struct Release {
    /// The lock
    name: String,
    /// The session that acquiring printed
    #[arg(long)]
    session: String,
}

const RELEASE_EXAMPLES: &str = "Examples:
  opsbro lock release deploy --session 5f0c6a0e-3b4f-4d5e-8b3a-0a4f6c1d2e3f";

impl Acquire {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let session = session_id();
        let with = With {
            path: &[&session],
            ..With::default()
        };
        let new = NewSession {
            ttl: self.ttl,
            name: format!("lock acquire {}", self.name),
            is_kept: true,
        };
        let _: Written = program.send(&OPEN, with, &new)?;
        let deadline = Instant::now() + self.timeout;
        let mut line = Line::new(program, &self.name);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let turn = line.turn(left);
            let wanted = Wanted {
                name: self.name.clone(),
                session: session.clone(),
                slots: self.slots,
                wait: Some(format!("{}ms", turn.as_millis())),
            };
            let acquired: Acquired = program.send(&ACQUIRE, With::default(), &wanted)?;
            if let Some(token) = acquired.token {
                program.printer.show(&Kept { session, token })?;
                return Ok(Exit::Yes);
            }
            if left.is_zero() {
                let _: Written = program.send(&CLOSE, with, &())?;
                program.printer.say(&format!(
                    "the lock {} did not come in time: opsbro lock list tells who holds it",
                    self.name
                ));
                return Ok(Exit::No);
            }
            line.tell();
        }
    }
}

impl Release {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let with = With {
            path: &[&self.session],
            ..With::default()
        };
        let Written { revision } = program.send(&CLOSE, with, &())?;
        program.printer.show(&Released {
            name: self.name,
            revision,
        })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
struct Kept {
    session: String,
    token: u64,
}

impl Answer for Kept {
    fn text(&self, page: &mut Page) {
        page.field("session", &self.session);
        page.field("token", self.token);
    }
}

#[derive(Serialize)]
struct Released {
    name: String,
    revision: u64,
}

impl Answer for Released {
    fn text(&self, page: &mut Page) {
        page.line(format!(
            "{} is released at revision {}",
            self.name, self.revision
        ));
    }
}
