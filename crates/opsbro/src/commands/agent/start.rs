//! `opsbro agent start`
//!
//! The agent itself always runs in the foreground. `--daemon` starts this same program a second
//! time, in a session of its own, and waits until that one answers or has failed.

use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::agent::{INFO, Info};
use api::client::With;
use clap::Args;
use daemon::{Options, StartError};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::progress::Progress;
use crate::output::{Answer, Page};
use crate::program::{POLL, Program, timeout};

/// Start the agent, in the foreground
///
/// It needs no file: the shipped packs and the default configuration are inside the program.
/// Ctrl-C, SIGTERM and `opsbro agent stop` stop it; SIGHUP and `opsbro agent reload` make it read
/// its configuration again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Start {
    /// Go on in the background, and come back when the agent answers
    #[arg(long, conflicts_with = "one_shot")]
    daemon: bool,
    /// Let everything run once, then stop
    #[arg(long)]
    one_shot: bool,
    /// Join whoever answers a call to everybody on the networks of this machine
    #[arg(long, conflicts_with = "one_shot")]
    auto_detect: bool,
    /// How long --daemon waits for the agent to answer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
    /// What --daemon gives to the process that it starts
    #[arg(long, hide = true)]
    detached: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro agent start
  opsbro agent start --daemon
  opsbro agent start --one-shot
  opsbro --root /tmp/playground agent start";

/// The most of a failed start's last words that is passed on.
const LAST_WORDS_BYTES_MAX: u64 = 64 << 10;

impl Start {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        if self.daemon {
            return in_background(program, &self);
        }
        daemon::heap::settle();
        if self.detached {
            // Without a session of its own the agent would end with the terminal. It fails only for
            // the leader of a session, which then has one.
            let _ = rustix::process::setsid();
        }
        let options = Options {
            root: program.root.clone(),
            one_shot: self.one_shot,
            auto_detect: self.auto_detect,
        };
        match daemon::start(&options) {
            Ok(()) => Ok(Exit::Yes),
            Err(error) => Err(explain(error)),
        }
    }
}

fn explain(error: StartError) -> Failure {
    let hint = error.hint();
    let message = error.to_string();
    let failure = match error {
        StartError::Configuration(problems) => Failure::problems(message, problems)
            .with_hint("the agent was not started, and nothing was changed"),
        StartError::Lock(_)
        | StartError::Listen(_)
        | StartError::Place(_)
        | StartError::Broken(_) => Failure::new(message),
    };
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn in_background(program: &Program, start: &Start) -> Outcome {
    let timeout = start.timeout;
    let itself = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the program itself: {error}")))?;
    let mut child = detached(&itself, program.root.as_deref(), start.auto_detect)?;
    let deadline = Instant::now() + timeout;
    let mut progress = Progress::new("the agent to answer");
    loop {
        // Only the answer of this very process counts: an agent that ran before answers too.
        let client = program.client()?;
        if let Ok(info) = client.get::<Info>(&INFO, With::default())
            && info.pid == child.id()
        {
            drop(progress);
            let Info {
                agent_state,
                pid,
                socket,
                ..
            } = info;
            program.printer.show(&Started {
                agent_state,
                pid,
                socket,
            })?;
            return Ok(Exit::Yes);
        }
        if let Ok(Some(status)) = child.try_wait() {
            drop(progress);
            pass_on(&last_words(&mut child));
            let is_usage = status.code() == Some(64);
            return Err(Failure::told(if is_usage {
                Exit::Usage
            } else {
                Exit::Failed
            }));
        }
        if Instant::now() >= deadline {
            drop(progress);
            let seconds = timeout.as_secs();
            let message = format!(
                "the agent (pid {}) does not answer after {seconds} s",
                child.id()
            );
            return Err(Failure::new(message)
                .with_hint("it goes on trying; see: opsbro agent wait-initialized"));
        }
        progress.turn();
        std::thread::sleep(POLL);
    }
}

fn detached(itself: &Path, root: Option<&Path>, auto_detect: bool) -> Result<Child, Failure> {
    let mut command = Command::new(itself);
    if let Some(root) = root {
        command
            .arg("--root")
            .arg(std::path::absolute(root).unwrap_or_else(|_| root.to_owned()));
    }
    command.args(["agent", "start", "--detached"]);
    if auto_detect {
        command.arg("--auto-detect");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.current_dir("/");
    command
        .spawn()
        .map_err(|error| Failure::new(format!("cannot start the agent: {error}")))
}

/// Tells what the agent told; it says `error:` and `hint:` itself.
fn pass_on(words: &str) {
    // Nobody is left to be told when stderr is gone too.
    let _ = anstream::stderr().write_all(words.as_bytes());
}

fn last_words(child: &mut Child) -> String {
    let mut words = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // What cannot be read is not passed on; the exit code is.
        let _ = stderr.take(LAST_WORDS_BYTES_MAX).read_to_end(&mut words);
    }
    String::from_utf8_lossy(&words).into_owned()
}

#[derive(Serialize)]
struct Started {
    agent_state: String,
    pid: u32,
    socket: String,
}

impl Answer for Started {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} the agent runs (pid {})", "√".green(), self.pid));
    }
}
