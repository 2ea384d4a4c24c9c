//! A child while it runs: one loop that feeds it, reads it and sees it end.
//!
//! The child stays a zombie until the very end, so its process group cannot become somebody
//! else's, and signals to the group reach only what it started.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::time::Duration;

use model::limits::{CHILD_DRAIN_TIME, CHILD_STOP_GRACE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};

use super::Command;
use super::output::{Capture, Output};
use crate::Deadline;

/// Time that a child has to end before its outputs are read: most plugins need less, and then they
/// cost one wake-up. What they write meanwhile waits in the pipes.
const QUIET: Duration = Duration::from_millis(10);
/// Reads of one output in a row: then others have their turn, and the deadline is looked at.
const READS_MAX: usize = 16;
/// How often the child is looked at on kernels without pidfd (before 5.3).
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

pub(super) struct Running<'a> {
    child: Child,
    group: Option<Pid>,
    /// Becomes readable when the child ends.
    exit: Option<OwnedFd>,
    stdin: Option<ChildStdin>,
    unsent: &'a [u8],
    stdout: Capture<ChildStdout>,
    stderr: Capture<ChildStderr>,
    buffer: Vec<u8>,
}

impl<'a> Running<'a> {
    pub(super) fn new(mut child: Child, command: &Command<'a>) -> io::Result<Self> {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let exit = group.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = Self {
            child,
            group,
            exit,
            stdin,
            unsent: command.stdin,
            stdout: Capture::new(stdout, command.output_bytes_max),
            stderr: Capture::new(stderr, command.output_bytes_max),
            buffer: vec![0; 64 << 10],
        };
        running.never_block()?;
        Ok(running)
    }

    fn never_block(&self) -> io::Result<()> {
        if let Some(pipe) = &self.stdin {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        if let Some(pipe) = &self.stdout.pipe {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        if let Some(pipe) = &self.stderr.pipe {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(())
    }

    /// Feeds and reads the child until it ends; false when it still runs at the deadline.
    pub(super) fn attend(&mut self, deadline: Deadline) -> bool {
        if self.stdin.is_none() {
            self.wait_for_end(QUIET.min(deadline.remaining()));
        }
        loop {
            if self.has_ended() {
                return true;
            }
            if deadline.is_over() {
                return false;
            }
            self.turn(deadline.remaining());
        }
    }

    /// Reads what a child that has ended still left in its pipes. Something that it started may
    /// hold them open for ever, so that has an end too.
    pub(super) fn drain(&mut self) {
        self.exit = None;
        let deadline = Deadline::after(CHILD_DRAIN_TIME);
        while (self.stdout.pipe.is_some() || self.stderr.pipe.is_some()) && !deadline.is_over() {
            self.turn(deadline.remaining());
        }
    }

    /// Asks the whole group to end, and forces it when it does not.
    pub(super) fn stop(&mut self) {
        self.signal(Signal::TERM);
        if !self.attend(Deadline::after(CHILD_STOP_GRACE)) {
            self.signal(Signal::KILL);
            self.attend(Deadline::after(CHILD_STOP_GRACE));
        }
    }

    /// Hands over the child, which has to be collected, and ends what else is in its group, unless
    /// that is left to itself.
    pub(super) fn end(self, is_left: bool) -> (Child, Output, Output) {
        if !is_left {
            self.signal(Signal::KILL);
        }
        (
            self.child,
            self.stdout.into_output(),
            self.stderr.into_output(),
        )
    }

    /// Tells whether the child has ended, and leaves it a zombie.
    fn has_ended(&self) -> bool {
        let Some(pid) = self.group else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Nobody may be left in it.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits until the child ends, at most this long.
    fn wait_for_end(&self, at_most: Duration) {
        let Some(exit) = &self.exit else { return };
        let timeout = Timespec::try_from(at_most).ok();
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(exit, PollFlags::IN)], timeout.as_ref());
    }

    /// Waits until something can be done, at most this long, and does it.
    fn turn(&mut self, at_most: Duration) {
        let at_most = if self.exit.is_some() {
            at_most
        } else {
            at_most.min(LOOK_INTERVAL)
        };
        let mut fds = Vec::with_capacity(4);
        fds.extend(self.exit.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        fds.extend(
            self.stdin
                .as_ref()
                .map(|fd| PollFd::new(fd, PollFlags::OUT)),
        );
        fds.extend(
            self.stdout
                .pipe
                .as_ref()
                .map(|fd| PollFd::new(fd, PollFlags::IN)),
        );
        fds.extend(
            self.stderr
                .pipe
                .as_ref()
                .map(|fd| PollFd::new(fd, PollFlags::IN)),
        );
        let timeout = Timespec::try_from(at_most).ok();
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, timeout.as_ref());
        self.feed();
        read_on(&mut self.stdout, &mut self.buffer);
        read_on(&mut self.stderr, &mut self.buffer);
    }

    fn feed(&mut self) {
        let Some(pipe) = &mut self.stdin else { return };
        match pipe.write(self.unsent) {
            Ok(count) => self.unsent = &self.unsent[count..],
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                // It does not read any more, as it may.
                _ => self.unsent = &[],
            },
        }
        if self.unsent.is_empty() {
            self.stdin = None;
        }
    }
}

fn read_on(capture: &mut Capture<impl Read>, buffer: &mut [u8]) {
    for _ in 0..READS_MAX {
        if !capture.read(buffer) {
            return;
        }
    }
}
