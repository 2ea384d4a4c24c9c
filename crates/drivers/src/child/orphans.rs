//! Programs that outlived their agent. One that is killed cannot end what it runs, and may not ask
//! the kernel to: that takes a fork of the whole agent for each program (see [`super::helper`]).
//! So each program carries the mark of its agent, and the next run of that agent ends what is left.
//!
//! Only what is still of the agent's session counts: a service that a program started has one of
//! its own, and lives on.

use std::process::Command;
use std::sync::OnceLock;

use model::limits::CHILD_STOP_GRACE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::Deadline;

/// The variable that has the mark: the agent's session, and what names the agent.
const VARIABLE: &str = "OPSBRO_CHILD";

static MARK: OnceLock<String> = OnceLock::new();

/// Says what names this agent, and no other on this machine: all that is run from here on is known
/// as its own.
pub fn mark(agent: &str) {
    let session = Place::own().map_or(0, |place| place.session);
    // Who said it first is right: one process is one agent.
    let _ = MARK.set(format!("{session} {agent}"));
}

/// Takes over the mark of the agent that started this process as a helper.
pub(super) fn take_over() {
    if let Ok(mark) = std::env::var(VARIABLE) {
        let _ = MARK.set(mark);
    }
}

/// Marks a program that is about to start.
pub(super) fn put_mark(child: &mut Command) {
    if let Some(mark) = MARK.get() {
        child.env(VARIABLE, mark);
    }
}

/// Ends what earlier runs of the agent of this name left running; tells how many process groups
/// that were. Call it before anything is run, and while no other process is this agent.
pub fn end_left(agent: &str) -> usize {
    let groups = left(agent);
    for group in &groups {
        // It may have ended meanwhile.
        let _ = kill_process_group(*group, Signal::TERM);
    }
    let deadline = Deadline::after(CHILD_STOP_GRACE);
    for group in &groups {
        wait_for_end(*group, deadline);
        let _ = kill_process_group(*group, Signal::KILL);
    }
    groups.len()
}

/// Where a process stands among the others. Both are 0 for one whose group or session was begun
/// outside of its container, which the kernel's own calls may tell and rustix takes for impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    group: i32,
    session: i32,
}

impl Place {
    fn own() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// Reads proc_pid_stat(5): the name in brackets, state, parent, group, session.
    fn read(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(2);
        let (group, session) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { group, session })
    }
}

/// Gives the process groups that carry a mark of this agent.
fn left(agent: &str) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own_group = Place::own().map(|place| place.group);
    let mut groups: Vec<Pid> = entries
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            folder.file_name()?.to_str()?.parse::<u32>().ok()?;
            // Those of other users cannot be read, and are none of ours.
            let environment = std::fs::read(folder.join("environ")).ok()?;
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            group_of(&environment, &stat, agent)
        })
        .filter(|group| Some(group.as_raw_nonzero().get()) != own_group)
        .collect();
    groups.sort_unstable_by_key(|group| group.as_raw_nonzero());
    groups.dedup();
    groups
}

/// Gives the group of a process that carries a mark of this agent and is of its session.
fn group_of(environment: &[u8], stat: &str, agent: &str) -> Option<Pid> {
    let mut pairs = environment.split(|byte| *byte == 0);
    let mark = pairs.find_map(|pair| pair.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="))?;
    let (session, name) = std::str::from_utf8(mark).ok()?.split_once(' ')?;
    let place = Place::read(stat)?;
    let is_left = name == agent && session.parse() == Ok(place.session);
    // No group is number 0, and to signal it would be to signal our own.
    Pid::from_raw(place.group).filter(|_| is_left)
}

fn wait_for_end(process: Pid, deadline: Deadline) {
    if let Ok(end) = pidfd_open(process, PidfdFlags::empty()) {
        let timeout = Timespec::try_from(deadline.remaining()).ok();
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], timeout.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Stdio};
    use std::time::Duration;

    use super::super::tests::expect_gone;
    use super::*;

    fn marked(program: &[&str], mark: &str) -> Command {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).env(VARIABLE, mark);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn sleeper(program: &[&str], mark: &str) -> Child {
        use std::os::unix::process::CommandExt;
        marked(program, mark).process_group(0).spawn().unwrap()
    }

    fn wait_for_session(service: &Child) {
        let deadline = Deadline::after(Duration::from_secs(30));
        let stat = format!("/proc/{}/stat", service.id());
        let own = Place::own();
        while Place::read(&std::fs::read_to_string(&stat).unwrap()) == own {
            assert!(!deadline.is_over(), "setsid began no session");
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_a_killed_agent_left_is_ended_and_nothing_else() {
        let session = Place::own().unwrap().session;
        let sleep = ["sleep", "600"];
        let (ours, other) = (format!("{session} /run/one.lock"), "/run/two.lock");
        let mut left = sleeper(&sleep, &ours);
        let mut deaf = sleeper(&["sh", "-c", "trap '' TERM; sleep 600; :"], &ours);
        let mut others = sleeper(&sleep, &format!("{session} {other}"));
        // What has a session of its own is a service that somebody started. As no leader of a
        // group, `setsid` becomes the service itself.
        let mut service = marked(&["setsid", "sleep", "600"], &ours).spawn().unwrap();
        wait_for_session(&service);
        assert_eq!(end_left("/run/one.lock"), 2);
        for child in [&mut left, &mut deaf] {
            expect_gone(&child.id().to_string());
            child.wait().unwrap();
        }
        for child in [&mut others, &mut service] {
            assert!(child.try_wait().unwrap().is_none());
        }
        assert_eq!(end_left(other), 1);
        others.wait().unwrap();
        service.kill().unwrap();
        service.wait().unwrap();
    }

    #[test]
    fn a_mark_is_read_to_the_letter() {
        let stat = "7 (a) b) S 1 70 9 0 -1";
        let check = |environment: &[u8], expect: Option<i32>| {
            let group = group_of(environment, stat, "one");
            assert_eq!(group.map(|it| it.as_raw_nonzero().get()), expect);
        };
        check(b"A=1\0OPSBRO_CHILD=9 one\0B=2\0", Some(70));
        check(b"OPSBRO_CHILD=9 one", Some(70));
        check(b"OPSBRO_CHILD=8 one\0", None);
        check(b"OPSBRO_CHILD=9 oneself\0", None);
        check(b"XOPSBRO_CHILD=9 one\0", None);
        check(b"OPSBRO_CHILD=\xff one\0", None);
        check(b"", None);
        assert_eq!(group_of(b"OPSBRO_CHILD=9 one", "junk", "one"), None);
        // An agent in a container whose session was begun outside of it: all there have session 0.
        let inside = |stat| group_of(b"OPSBRO_CHILD=0 one", stat, "one");
        assert_eq!(
            inside("7 (a) S 1 70 0 0 -1").map(|it| it.as_raw_nonzero().get()),
            Some(70)
        );
        assert_eq!(inside("7 (a) S 1 0 0 0 -1"), None);
    }
}
