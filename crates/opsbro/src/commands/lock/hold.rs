//! Doing something while a lock is held: the lease is renewed, and what runs ends before the lease
//! does when that fails.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use api::client::With;
use api::kv::Written;
use api::locks::{ACQUIRE, Acquire, Acquired, CLOSE, LIST, Lock, NewSession, OPEN, RENEW, Renewed};
use api::{Client, ClientError, ErrorCode};
use clap::Args;
use model::NodeId;
use model::limits::LOCK_SLOTS_MAX;

use super::line::Line;
use super::running::Running;
use crate::failure::{Exit, Failure, Outcome};
use crate::program::Program;

/// A command that runs while a lock is held.
#[derive(Debug, Args)]
pub(in crate::commands) struct Run {
    /// The lock
    #[arg(required = true)]
    name: Option<String>,
    /// How many may hold it at one time; all who use it must say the same
    #[arg(long, default_value_t = 1, value_parser = slots())]
    slots: u32,
    /// Time after which others may have the lock when this machine is gone, 2s to 1d
    #[arg(long, default_value = "15s", value_parser = crate::program::timeout)]
    ttl: Duration,
    /// How long to wait for the lock
    #[arg(long, default_value = "5m", value_parser = crate::program::timeout)]
    timeout: Duration,
    /// What it is for, shown to all who may see locks
    #[arg(long)]
    note: Option<String>,
    /// The command and what it takes
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

impl Run {
    /// Makes one that nobody typed.
    pub(in crate::commands) fn new(
        name: String,
        ttl: Duration,
        timeout: Duration,
        command: Vec<String>,
    ) -> Self {
        Self {
            name: Some(name),
            slots: 1,
            ttl,
            timeout,
            note: None,
            command,
        }
    }

    pub(in crate::commands) fn run(self, program: &Program) -> Outcome {
        let name = self.name.clone().expect("clap asks for a name");
        let session = session_id();
        let mut lease = Lease::open(program, session, self.ttl, self.purpose())?;
        let Some(token) = self.acquire(program, &name, &mut lease)? else {
            lease.close();
            program.printer.say(&format!(
                "the lock {name} did not come within {:?}: opsbro lock list tells who holds it",
                self.timeout
            ));
            return Ok(Exit::No);
        };
        lease.held = Some((name.clone(), token));
        let (file, arguments) = self.command.split_first().expect("clap asks for a command");
        let mut command = Command::new(file);
        command.args(arguments);
        command.env("OPSBRO_LOCK", &name);
        command.env("OPSBRO_LOCK_TOKEN", token.to_string());
        let mut running = match Running::start(&mut command) {
            Ok(running) => running,
            Err(error) => {
                lease.close();
                return Err(Failure::new(format!("cannot run {file}: {error}")));
            }
        };
        match watch(&mut running, &mut lease)? {
            Ended::ByItself(status) => {
                lease.close();
                if status.success() {
                    return Ok(Exit::Yes);
                }
                program.printer.say(&format!("{file} ended with {status}"));
                Ok(Exit::No)
            }
            Ended::Lost { completely } => {
                lease.close();
                let how = match completely {
                    true => "was ended",
                    false => "was told to end, and does not",
                };
                let why = format!("the lock {name} was lost, so {file} {how}");
                Err(Failure::new(why).with_hint("opsbro lock list tells who holds it"))
            }
        }
    }

    /// Says what the session is for. Every node keeps that and shows it, so what the command takes
    /// is left out: there may be a password in it.
    fn purpose(&self) -> String {
        let file = self.command.first().map(Path::new);
        let program = file.and_then(Path::file_name).unwrap_or_default();
        let said = match &self.note {
            Some(note) => format!("{note}: {}", program.display()),
            None => program.display().to_string(),
        };
        let said: String = said
            .chars()
            .filter(|one| !one.is_control())
            .take(200)
            .collect();
        format!("{said} (pid {})", std::process::id())
    }

    /// Waits for the lock, and gives its token.
    fn acquire(
        &self,
        program: &Program,
        name: &str,
        lease: &mut Lease<'_>,
    ) -> Result<Option<u64>, Failure> {
        let deadline = Instant::now() + self.timeout;
        let mut line = Line::new(program, name);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // The lease must not end while it waits.
            let turn = line.turn(left.min(lease.ttl / 3));
            let wanted = Acquire {
                name: name.to_owned(),
                session: lease.session.clone(),
                slots: self.slots,
                wait: Some(format!("{}ms", turn.as_millis())),
            };
            let acquired: Acquired = program.send(&ACQUIRE, With::default(), &wanted)?;
            if acquired.token.is_some() || left.is_zero() {
                return Ok(acquired.token);
            }
            line.tell();
            lease.renew();
        }
    }
}

/// Reads a count of slots.
pub(super) fn slots() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(LOCK_SLOTS_MAX))
}

/// A session that this process keeps open.
struct Lease<'a> {
    program: &'a Program,
    session: String,
    ttl: Duration,
    /// The lock and its token, once the session has it: who holds the session may lose the lock.
    held: Option<(String, u64)>,
    /// When the last renewal that came through was begun: the lease lasts at least a whole time
    /// from there.
    renewed: Instant,
    is_lost: bool,
}

impl<'a> Lease<'a> {
    fn open(
        program: &'a Program,
        session: String,
        ttl: Duration,
        purpose: String,
    ) -> Result<Self, Failure> {
        let renewed = Instant::now();
        let new = NewSession {
            ttl: model::format_interval(ttl),
            name: purpose,
            is_kept: false,
        };
        let with = With {
            path: &[&session],
            ..With::default()
        };
        let _: Written = program.send(&OPEN, with, &new)?;
        Ok(Self {
            program,
            session,
            ttl,
            held: None,
            renewed,
            is_lost: false,
        })
    }

    /// Renews when it is time to.
    fn renew(&mut self) {
        if self.renewed.elapsed() < self.ttl / 4 {
            return;
        }
        let begun = Instant::now();
        let with = With {
            path: &[&self.session],
            ..With::default()
        };
        let Ok(client) = self.program.client() else {
            return;
        };
        // It must leave time to end what runs.
        let client = client.with_timeout(self.ttl / 4);
        let still_held = client
            .send::<_, Renewed>(&RENEW, with, &())
            .and_then(|_| self.is_held(&client));
        match still_held {
            Ok(true) => self.renewed = begun,
            Ok(false) => self.is_lost = true,
            Err(ClientError::Refused(problem)) => {
                self.is_lost |= problem.code == ErrorCode::NotFound;
            }
            Err(_) => {}
        }
    }

    /// Tells whether the lock is still the session's: it can be taken away from one that lives.
    fn is_held(&self, client: &Client) -> Result<bool, ClientError> {
        let Some((name, token)) = &self.held else {
            return Ok(true);
        };
        let with = With {
            query: &[("prefix", name)],
            ..With::default()
        };
        let locks: Vec<Lock> = client.get(&LIST, with)?;
        let mut same_name = locks.iter().filter(|lock| lock.name == *name);
        Ok(same_name.any(|lock| lock.holders.iter().any(|one| one.token == *token)))
    }

    /// Tells whether what needs the lock must end.
    fn is_over(&self) -> bool {
        self.is_lost || self.renewed.elapsed() >= self.ttl / 4 * 3
    }

    fn close(&self) {
        let with = With {
            path: &[&self.session],
            ..With::default()
        };
        // When nobody answers the session ends by itself.
        let _ = self.program.send::<_, Written>(&CLOSE, with, &());
    }
}

/// How it came that a command does not run any more.
enum Ended {
    ByItself(ExitStatus),
    /// The lease is over; incomplete when something of the command cannot be ended.
    Lost {
        completely: bool,
    },
}

/// Waits for the command, and ends it when the lease is over.
fn watch(running: &mut Running, lease: &mut Lease<'_>) -> Result<Ended, Failure> {
    loop {
        let ended = running.ended();
        let failed = |error| Failure::new(format!("cannot wait for the command: {error}"));
        if let Some(status) = ended.map_err(failed)? {
            return Ok(Ended::ByItself(status));
        }
        lease.renew();
        if lease.is_over() {
            let completely = running.end(lease.ttl / 8);
            return Ok(Ended::Lost { completely });
        }
        running.attend();
    }
}

/// Makes up an id: no other process has the same, which is all that it must be.
pub(super) fn session_id() -> String {
    let mut bytes = [0; 16];
    for half in bytes.chunks_exact_mut(8) {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        half.copy_from_slice(&hasher.finish().to_ne_bytes());
    }
    NodeId::from_random(bytes).to_string()
}
