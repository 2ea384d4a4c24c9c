//! The command that runs while a lock is held, with all that it starts.
//!
//! It stays in the process group of whoever typed it, so the terminal is its own as it is without
//! a lock: what is typed, Ctrl-C, Ctrl-Z. What it starts is found by descent instead: this process
//! becomes the parent of those whose parent ends. Who opens a session of its own, as daemons do,
//! has left.

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, set_child_subreaper, wait,
};
use rustix::termios::tcgetpgrp;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal as Told, SignalKind, signal};

use crate::program::POLL;

/// Signals that a terminal sends to everybody in front of it.
const OF_TERMINALS: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::HUP];

/// A command that runs.
pub(super) struct Running {
    child: Child,
    runtime: Runtime,
    /// What this process hands on when it is told so.
    told: Vec<(Signal, Told)>,
}

/// Names the signals of terminals that this process listens to: what it ignores, as under `nohup`,
/// the command has to inherit so.
fn of_terminals() -> io::Result<Vec<Signal>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let ignored = mask.unwrap_or(0);
    let is_heard = |one: &Signal| (ignored >> (one.as_raw() - 1)) & 1 == 0;
    Ok(OF_TERMINALS.into_iter().filter(is_heard).collect())
}

impl Running {
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let mut told = vec![(Signal::TERM, signal(SignalKind::terminate())?)];
        for one in of_terminals()? {
            // Without it the signal ends this process, as it always did.
            let listening = signal(SignalKind::from_raw(one.as_raw()));
            told.extend(listening.ok().map(|listening| (one, listening)));
        }
        // Behind that: a signal may come as soon as the command runs.
        let child = command.spawn()?;
        drop(entered);
        Ok(Self {
            child,
            runtime,
            told,
        })
    }

    /// Waits a moment, and hands on what this process is told meanwhile.
    pub(super) fn attend(&mut self) {
        let told = &mut self.told;
        let next = poll_fn(|ctx| {
            for (signal, listening) in told.iter_mut() {
                if listening.poll_recv(ctx).is_ready() {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        });
        let heard = self
            .runtime
            .block_on(async { tokio::time::timeout(POLL, next).await });
        if let Ok(signal) = heard
            && !(OF_TERMINALS.contains(&signal) && is_in_front())
        {
            self.tell_all(signal);
        }
    }

    /// Tells how the command ended, when it has. Others that ended are forgotten.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        while let Some((pid, status)) = wait(WaitOptions::NOHANG)? {
            if pid.as_raw_nonzero().get().unsigned_abs() == self.child.id() {
                return Ok(Some(ExitStatus::from_raw(status.as_raw())));
            }
        }
        Ok(None)
    }

    /// Asks the command and all that it started to end, and then makes them; false when some do
    /// not.
    pub(super) fn end(&mut self, grace: Duration) -> bool {
        self.tell_all(Signal::TERM);
        if self.wait_for_all(grace, || {}) {
            return true;
        }
        // Who starts others while it is ended may have done so behind our back.
        self.wait_for_all(grace, || self.tell_all(Signal::KILL))
    }

    fn wait_for_all(&self, at_most: Duration, each_time: impl Fn()) -> bool {
        let deadline = Instant::now() + at_most;
        loop {
            each_time();
            if self.all().is_empty() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn tell_all(&self, signal: Signal) {
        for pid in self.all() {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }

    /// Gives the command and what it started, as far as they run in our session.
    fn all(&self) -> Vec<Pid> {
        let seen = processes();
        let own = getpid().as_raw_nonzero().get();
        let Some(session) = seen.get(&own).map(|process| process.session) else {
            // Without /proc nobody but the command itself is known.
            return i32::try_from(self.child.id())
                .ok()
                .and_then(Pid::from_raw)
                .into_iter()
                .collect();
        };
        let descends = |pid: i32| {
            let parents = std::iter::successors(Some(pid), |at| Some(seen.get(at)?.parent));
            // Who moves while it is read could make a ring.
            parents.skip(1).take(seen.len()).any(|parent| parent == own)
        };
        let ours = seen.iter().filter(|(pid, process)| {
            process.session == session && !process.has_ended && descends(**pid)
        });
        ours.filter_map(|(pid, _)| Pid::from_raw(*pid)).collect()
    }
}

/// Tells whether a terminal shows us in front: then it has told the command itself.
fn is_in_front() -> bool {
    let terminal = fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|front| front == getpgrp()))
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    session: i32,
    has_ended: bool,
}

/// Gives the processes of the machine by their ids.
fn processes() -> BTreeMap<i32, Process> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let read = folders.filter_map(|folder| {
        let pid = folder.file_name().to_str()?.parse().ok()?;
        // It may be gone since.
        let stat = fs::read(folder.path().join("stat")).ok()?;
        Some((pid, parse(&String::from_utf8_lossy(&stat))?))
    });
    read.collect()
}

/// Reads `/proc/PID/stat`. The name in it may hold anything.
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process {
        parent,
        session,
        has_ended: matches!(state, "Z" | "X" | "x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_cannot_forge_its_parent() {
        let stat = "77 (a) S 1 1 1 (b) Z 12 13 14 0 -1";
        let expect = Process {
            parent: 12,
            session: 14,
            has_ended: true,
        };
        assert_eq!(parse(stat), Some(expect));
        assert_eq!(parse("77 (a) S 1"), None);
        assert_eq!(parse(""), None);
    }
}
