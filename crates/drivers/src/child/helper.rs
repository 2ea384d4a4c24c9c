//! Small processes that run programs as other users.
//!
//! To become another user takes a fork, and a fork of a process as large as the agent costs more
//! than most plugins do (measured: 1.9 ms of processor time for a plugin that takes 1.1 when it is
//! started without): each page that the agent writes to afterwards is copied. So an agent that is
//! root starts itself anew as a small process of that user, which starts programs the cheap way.
//! A helper does one run at a time, so one that hangs holds nobody else up; those that are not
//! needed end. Where no helper can be had, the program is run without.
//!
//! Start with [`run`]; the other end is [`serve`].

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::limits::{CHILD_DRAIN_TIME, CHILD_STOP_GRACE, HELPER_IDLE_MAX, HELPERS_IDLE_MAX};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{DumpableBehavior, Pid, Signal, kill_process_group};

use super::frame::{self, REPLY_BYTES_MORE, REQUEST_BYTES_MAX, Reply, Request};
use super::{Command, End, Finished, Output, STUCK, become_user, collect, surround};
use crate::accounts::User;
use crate::{Deadline, Error, Host};

/// The only argument of a program that is started as a helper.
pub const ARGUMENT: &str = "internal-helper";

/// What a helper says first, so that one that cannot work is known before it is asked.
const READY: &[u8] = b"R";
/// Time that a helper has to begin.
const START_TIME: Duration = Duration::from_secs(5);
/// Time beyond all others that a helper has to answer.
const MARGIN: Duration = Duration::from_secs(2);

/// Whether this program answers [`ARGUMENT`].
static IS_OFFERED: AtomicBool = AtomicBool::new(false);
/// The helpers without work, who waits longest first. Work goes to the last: others can end.
static IDLE: Mutex<Vec<Helper>> = Mutex::new(Vec::new());

/// A helper, as the agent sees it.
struct Helper {
    /// `None` where the other end is no process of ours.
    child: Option<Child>,
    stream: UnixStream,
    user: User,
    used: Instant,
}

/// What came of asking a helper.
enum Asked {
    Said(Result<Finished, Error>),
    /// It is gone and did not begin.
    Gone,
    /// It ended before it answered.
    Lost,
    /// It did not answer in time.
    Late,
}

/// Says that this program serves when it is started with [`ARGUMENT`] alone.
pub fn offer() {
    IS_OFFERED.store(true, Ordering::Relaxed);
}

/// Runs programs for the agent that started this process, until that ends.
pub fn serve() -> io::Result<()> {
    // Programs of the same user shall not look into this one, or change what it says.
    super::orphans::take_over();
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    serve_on(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn serve_on(mut stream: UnixStream) -> io::Result<()> {
    stream.write_all(READY)?;
    let mut bytes = Vec::new();
    loop {
        wait_for_input(&stream, None);
        if !frame::read(&mut stream, &mut bytes, REQUEST_BYTES_MAX)? {
            return Ok(());
        }
        let reply = match Request::decode(&bytes) {
            Some(request) => done(&request),
            None => return Err(io::ErrorKind::InvalidData.into()),
        };
        stream.write_all(&reply.encode())?;
    }
}

/// Waits until there is something to read, or nobody who writes any more. A read waits too, but is
/// woken up for nothing when the other end takes what was written before.
fn wait_for_input(stream: &UnixStream, at_most: Option<Duration>) {
    let timeout = at_most.and_then(|it| Timespec::try_from(it).ok());
    // An interrupted wait is a short one.
    let _ = poll(&mut [PollFd::new(stream, PollFlags::IN)], timeout.as_ref());
}

/// Does what is asked.
fn done(request: &Request) -> Reply {
    let argv: Vec<&str> = request.argv.iter().map(String::as_str).collect();
    let pairs = request.environment.iter();
    let environment: Vec<(&str, &str)> = pairs.map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let finished = super::run(
        &Host::real(),
        &Command {
            argv: &argv,
            stdin: &request.stdin,
            environment: &environment,
            output_bytes_max: request.output_bytes_max,
            deadline: Deadline::after(request.time_box),
        },
    );
    let stuck = STUCK.lock().unwrap_or_else(PoisonError::into_inner);
    Reply {
        finished: finished.map_err(|error| error.to_string()),
        stuck: stuck.last().map(Child::id),
    }
}

/// Runs a program as another user; `None` when no helper can be had for it.
pub(super) fn run(user: &User, command: &Command<'_>) -> Option<Result<Finished, Error>> {
    if !IS_OFFERED.load(Ordering::Relaxed) {
        return None;
    }
    let request = Request::encode(command)?;
    loop {
        let (mut helper, is_new) = match idle(user) {
            Some(helper) => (helper, false),
            None => (Helper::start(user).ok()?, true),
        };
        match helper.ask(&request, command) {
            Asked::Said(said) => {
                keep(helper);
                return Some(said);
            }
            Asked::Gone if is_new => return None,
            // Somebody ended it while it had nothing to do.
            Asked::Gone => {}
            Asked::Lost => return Some(Err(lost(user, command))),
            Asked::Late => {
                return Some(Ok(Finished {
                    end: End::TimedOut,
                    stdout: Output::default(),
                    stderr: Output::default(),
                }));
            }
        }
    }
}

fn lost(user: &User, command: &Command<'_>) -> Error {
    let name = command.argv.first().copied().unwrap_or_default();
    let user = &user.name;
    Error::Missing(format!(
        "the process that runs programs as {user} was ended while it ran {name}: look for who \
         ends processes of {user}, or for a lack of memory"
    ))
}

/// Takes a helper that has nothing to do.
fn idle(user: &User) -> Option<Helper> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let at = idle.iter().rposition(|helper| helper.user == *user)?;
    Some(idle.remove(at))
}

/// Keeps a helper for the next run, and lets go of those that nobody needs.
fn keep(mut helper: Helper) {
    helper.used = Instant::now();
    let mut gone = Vec::new();
    {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(helper);
        while idle.len() > HELPERS_IDLE_MAX
            || idle
                .first()
                .is_some_and(|it| it.used.elapsed() > HELPER_IDLE_MAX)
        {
            gone.push(idle.remove(0));
        }
    }
}

impl Helper {
    fn start(user: &User) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        // The kernel leads there even where the file was replaced, or its folder is closed to the
        // other user.
        let mut command = std::process::Command::new("/proc/self/exe");
        surround(&mut command)
            .arg0("opsbro")
            .arg(ARGUMENT)
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        super::orphans::put_mark(&mut command);
        become_user(&mut command, user).map_err(io::Error::other)?;
        let mut helper = Self {
            child: Some(command.spawn()?),
            stream: ours,
            user: user.clone(),
            used: Instant::now(),
        };
        // Its end of the stream is held by the command until here.
        drop(command);
        helper.wait_until_ready()?;
        Ok(helper)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        self.stream.set_read_timeout(Some(START_TIME))?;
        let mut ready = [0; READY.len()];
        self.stream.read_exact(&mut ready)?;
        match ready == READY {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Has it run a program, and waits for what comes of it.
    fn ask(&mut self, request: &[u8], command: &Command<'_>) -> Asked {
        let all = command.deadline.remaining() + 2 * CHILD_STOP_GRACE + CHILD_DRAIN_TIME + MARGIN;
        let in_time = self.stream.set_read_timeout(Some(all));
        let in_time = in_time.and_then(|()| self.stream.set_write_timeout(Some(all)));
        if in_time
            .and_then(|()| self.stream.write_all(request))
            .is_err()
        {
            return Asked::Gone;
        }
        wait_for_input(&self.stream, Some(all));
        let mut bytes = Vec::new();
        let bytes_max = 2 * command.output_bytes_max + REPLY_BYTES_MORE;
        match frame::read(&mut self.stream, &mut bytes, bytes_max) {
            Ok(true) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Asked::Late,
            Ok(false) | Err(_) => return Asked::Lost,
        }
        let Some(reply) = Reply::decode(&bytes) else {
            return Asked::Lost;
        };
        if let Some(pid) = reply.stuck {
            self.force(pid);
        }
        Asked::Said(reply.finished.map_err(Error::Missing))
    }

    /// Ends a program that its helper could not end, as it has become another user (by sudo). Until
    /// the helper is asked again it stays the helper's child, so it is nobody else.
    fn force(&self, pid: u32) {
        let helper = self.child.as_ref().map(Child::id);
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        let parent = behind
            .split_whitespace()
            .nth(1)
            .and_then(|it| it.parse().ok());
        let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let (true, Some(group)) = (parent.is_some() && parent == helper, group) {
            // It may be gone by now.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone by now. One that cannot even be killed is collected later.
            let _ = child.kill();
            let _ = collect(child);
        }
    }
}

#[cfg(test)]
mod tests;
