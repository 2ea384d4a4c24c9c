//! A lock that the agent keeps for somebody, between two commands.

use std::time::{Duration, Instant};

use api::agent::UUID;
use api::client::With;
use api::kv::Written;
use api::locks::{
    ACQUIRE, Acquire as Wanted, Acquired, CLOSE, LIST, Lock, NewSession, OPEN, RELEASE,
    Release as Given,
};
use clap::Args;
use serde::Serialize;

use super::hold::{session_id, slots};
use super::line::Line;
use crate::failure::{Exit, Failure, Outcome};
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
    #[arg(long, default_value_t = 1, value_parser = slots())]
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
///
/// Exits with 1 when `lock acquire` on this node does not hold it.
#[derive(Debug, Args)]
#[command(after_help = RELEASE_EXAMPLES)]
pub(super) struct Release {
    /// The lock
    name: String,
    /// The session that acquiring printed; may be left out when this node acquired the lock once
    #[arg(long)]
    session: Option<String>,
}

const RELEASE_EXAMPLES: &str = "Examples:
  opsbro lock release deploy
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
            name: label(&self.name),
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

/// Gives what the session is for, as people see it; it tells the locks that `lock acquire` keeps
/// from those of commands.
fn label(lock: &str) -> String {
    format!("lock acquire {lock}")
}

impl Release {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let session = match &self.session {
            Some(session) => session.clone(),
            None => match self.kept(program)? {
                Some(session) => session,
                None => {
                    program.printer.say(&format!(
                        "no `lock acquire` on this node holds the lock {}: opsbro lock list tells \
                         who does",
                        self.name
                    ));
                    return Ok(Exit::No);
                }
            },
        };
        let release = Given {
            name: self.name.clone(),
            session: session.clone(),
        };
        let Written { revision } = program.send(&RELEASE, With::default(), &release)?;
        let with = With {
            path: &[&session],
            ..With::default()
        };
        let _: Written = program.send(&CLOSE, with, &())?;
        program.printer.show(&Released {
            name: self.name,
            revision,
        })?;
        Ok(Exit::Yes)
    }

    /// Finds the one session by which this node acquired the lock.
    fn kept(&self, program: &Program) -> Result<Option<String>, Failure> {
        let with = With {
            query: &[("prefix", &self.name)],
            ..With::default()
        };
        let locks: Vec<Lock> = program.get(&LIST, with)?;
        let own: String = program.get(&UUID, With::default())?;
        let label = label(&self.name);
        let holders = locks.into_iter().filter(|lock| lock.name == self.name);
        let kept = holders.flat_map(|lock| lock.holders);
        let mut kept = kept.filter(|holder| holder.node == own && holder.name == label);
        let first = kept.next();
        if first.is_some() && kept.next().is_some() {
            let why = format!("this node acquired the lock {} several times", self.name);
            let hint = "name one with --session: opsbro lock list -o json tells them";
            return Err(Failure::new(why).with_hint(hint));
        }
        Ok(first.map(|holder| holder.session))
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
