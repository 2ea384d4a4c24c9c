//! Child processes in bounds: of time, of output, and of what they leave behind.
//!
//! [`run`] starts a program without a shell, in a process group of its own, and answers when it has
//! ended, at the latest a moment after its deadline. Whatever it started in its group ends with it,
//! but for [`hand_over`], which is for programs that go on in the background by design.
//! The environment is small and always the same: the agent's own may hold secrets.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};

use model::limits::CHILDREN_STUCK_MAX;

use crate::accounts::User;
use crate::host::PROGRAM_DIRECTORIES;
use crate::{Deadline, Error, Host, meter};

mod frame;
pub mod helper;
pub mod orphans;
mod output;
mod running;
#[cfg(test)]
mod tests;

pub use output::Output;
use running::Running;

/// What to run, and in which bounds.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// The program, by absolute path or by a name that stands in a usual directory, and its
    /// arguments.
    pub argv: &'a [&'a str],
    /// What it can read.
    pub stdin: &'a [u8],
    /// Variables beside `PATH`, `LC_ALL=C` and the home and time zone of the agent's user.
    pub environment: &'a [(&'a str, &'a str)],
    /// How much of each output is kept; the rest is read and dropped, so that it never blocks.
    pub output_bytes_max: usize,
    /// When it is stopped: asked first, forced after [`model::limits::CHILD_STOP_GRACE`].
    pub deadline: Deadline,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal, which was not ours.
    Signal(i32),
    /// Its deadline was over and it was stopped.
    TimedOut,
}

/// A child that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it said.
    pub stdout: Output,
    /// What it complained about.
    pub stderr: Output,
}

impl Finished {
    /// Makes the error of a child that should have ended well.
    pub(crate) fn error(&self, name: &str, deadline: Deadline) -> Error {
        let problem = match self.end {
            End::Code(code) => format!("ended with code {code}"),
            End::Signal(signal) => format!("was ended by signal {signal}"),
            End::TimedOut => return deadline.error("running", name),
        };
        let complaint = self.stderr.text();
        match complaint.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => Error::bad_answer(name, format!("{problem}: {}", line.trim())),
            None => Error::bad_answer(name, problem),
        }
    }
}

/// Variables of the agent that children need: whose files to find, and what time it is.
const INHERITED: &[&str] = &["HOME", "USER", "LOGNAME", "TZ"];

/// Children that did not even end when forced (the kernel waits for a device for them). They are
/// collected when they do.
static STUCK: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Runs a program as the agent's own user and waits for its end.
pub fn run(host: &Host, command: &Command<'_>) -> Result<Finished, Error> {
    run_as(host, command, None)
}

/// Runs a program as another user, which only root may, and waits for its end. It has the first
/// group of that user and no other.
pub fn run_as(host: &Host, command: &Command<'_>, user: Option<&User>) -> Result<Finished, Error> {
    let is_other = |user: &&User| user.uid != rustix::process::geteuid().as_raw();
    if let Some(user) = user.filter(is_other).filter(|_| host.is_real())
        && let Some(finished) = helper::run(user, command)
    {
        return finished;
    }
    run_here(host, command, user, Rest::Ends)
}

/// Runs a program that takes something over, as `sendmail` does: when it ends in time, what it
/// left running in the background finishes its work.
pub(crate) fn hand_over(host: &Host, command: &Command<'_>) -> Result<Finished, Error> {
    run_here(host, command, None, Rest::Stays)
}

/// What becomes of processes that a program started and left running when it ended in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Ends,
    Stays,
}

/// Runs a program as a child of this process.
fn run_here(
    host: &Host,
    command: &Command<'_>,
    user: Option<&User>,
    rest: Rest,
) -> Result<Finished, Error> {
    let Some((name, arguments)) = command.argv.split_first() else {
        return Err(Error::bad_request(
            "",
            "is no command: its first word names a program",
        ));
    };
    let program = find(host, name)?;
    refuse_beside_stuck(&mut STUCK.lock().unwrap_or_else(PoisonError::into_inner))?;
    let stdin = if command.stdin.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    let mut child = std::process::Command::new(&program);
    let child = surround(&mut child)
        .args(arguments)
        .current_dir(host.root())
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if rest == Rest::Ends {
        orphans::put_mark(child);
    }
    if let Some(user) = user {
        become_user(child, user)?;
    }
    // What the caller says about the environment comes last.
    let child = child
        .envs(command.environment.iter().copied())
        .spawn()
        .map_err(|error| refused(error, &program, name))?;
    let mut running = Running::new(child, command).map_err(Error::system("run", *name))?;
    let in_time = running.attend(command.deadline);
    if in_time {
        running.drain();
    } else {
        running.stop();
    }
    let is_left = in_time && rest == Rest::Stays;
    let (child, stdout, stderr) = running.end(is_left);
    for output in [&stdout, &stderr] {
        meter::count(output.bytes.len());
        meter::count(usize::try_from(output.dropped).unwrap_or(usize::MAX));
    }
    let status = collect(child).map_err(Error::system("wait for", *name))?;
    let end = match (in_time, status) {
        (true, Some(status)) => match (status.code(), status.signal()) {
            (Some(code), _) => End::Code(code),
            (None, signal) => End::Signal(signal.unwrap_or_default()),
        },
        (true, None) | (false, _) => End::TimedOut,
    };
    Ok(Finished {
        end,
        stdout,
        stderr,
    })
}

/// Gives a program the environment of all children, and a process group of its own.
fn surround(child: &mut std::process::Command) -> &mut std::process::Command {
    let inherited = INHERITED
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    child
        .env_clear()
        .env("PATH", PROGRAM_DIRECTORIES.join(":"))
        .env("LC_ALL", "C")
        .envs(inherited)
        .process_group(0)
}

/// Lets a program run as another user.
fn become_user(child: &mut std::process::Command, user: &User) -> Result<(), Error> {
    let ours = rustix::process::geteuid();
    if ours.as_raw() == user.uid {
        return Ok(());
    }
    if !ours.is_root() {
        let problem = "is another user than the agent's, and only root may run programs as others: \
                       leave the user out, or run the agent as root";
        return Err(Error::bad_request(&user.name, problem));
    }
    child
        .uid(user.uid)
        .gid(user.gid)
        .env("HOME", &user.home)
        .env("USER", &user.name)
        .env("LOGNAME", &user.name);
    Ok(())
}

fn find(host: &Host, name: &str) -> Result<PathBuf, Error> {
    if name.contains('/') {
        return host.path(name);
    }
    host.program(name).ok_or_else(|| {
        Error::Missing(format!(
            "there is no program {name:?} in {}: install it, or name it by its whole path",
            PROGRAM_DIRECTORIES.join(" ")
        ))
    })
}

/// Says why a program did not start; the system's words for it mislead twice.
fn refused(error: io::Error, program: &Path, name: &str) -> Error {
    use rustix::io::Errno;
    let problem = match Errno::from_io_error(&error) {
        Some(Errno::NOENT) if program.exists() => {
            "names an interpreter in its first line that is not there"
        }
        Some(Errno::NOEXEC) => "is no program, and has no first line like `#!/bin/sh`",
        Some(Errno::ACCESS) if program.is_dir() => "is a directory, not a program",
        Some(Errno::ACCESS) => "may not be run by the agent's user (is it executable?)",
        Some(_) | None => return Error::system("run", name)(error),
    };
    Error::bad_answer(name, problem)
}

/// Takes the exit status of a child that has ended; keeps one that has not, to be collected later.
fn collect(mut child: Child) -> io::Result<Option<std::process::ExitStatus>> {
    let status = child.try_wait()?;
    if status.is_none() {
        STUCK
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(child);
    }
    Ok(status)
}

/// Collects stuck children that have ended since, and refuses to add to too many others.
fn refuse_beside_stuck(stuck: &mut Vec<Child>) -> Result<(), Error> {
    stuck.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    if stuck.len() < CHILDREN_STUCK_MAX {
        return Ok(());
    }
    let ids: Vec<_> = stuck.iter().map(|child| child.id().to_string()).collect();
    Err(Error::Missing(format!(
        "no more programs are run while {CHILDREN_STUCK_MAX} cannot even be killed (processes {}): \
         look for a dead disk or mount",
        ids.join(", ")
    )))
}
