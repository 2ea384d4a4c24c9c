//! Commands that run while a lock is held: how they end, and what others see of them.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::{Agent, holds_for, opsbro, wait_for};

/// Starts `opsbro lock door`; what it writes goes to a file.
fn lock(agent: &Agent, more: &[&str]) -> Child {
    let mut command = opsbro(agent.home.root());
    command.args(["lock", "door"]).args(more);
    command.stdout(File::create(said(agent)).unwrap());
    // Not in front of a terminal that the tests may have, which would tell the command itself.
    command.process_group(0);
    command.stderr(Stdio::null()).spawn().unwrap()
}

fn said(agent: &Agent) -> std::path::PathBuf {
    agent.home.root().join("spoken")
}

/// Waits until the command has written so many words, and gives them.
fn words(agent: &Agent, count: usize) -> Vec<String> {
    wait_for("the command to speak", || {
        let text = fs::read_to_string(said(agent)).unwrap();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        (words.len() >= count).then_some(words)
    })
}

/// Tells whether a process runs; one that nobody has collected does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn tell(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[test]
fn what_a_command_started_ends_with_the_lock() {
    let agent = Agent::start("");
    // One that it waits for, one whose parent is gone, one that does not want to end.
    let script = "(sleep 301 & echo $!) & sh -c 'trap : TERM; echo $$; while :; do sleep 1; done' &
                  sleep 302 & echo $!; wait";
    let mut holder = lock(&agent, &["--ttl", "3s", "--", "sh", "-c", script]);
    let pids = words(&agent, 3);
    assert!(pids.iter().all(|pid| runs(pid)), "{pids:?}");
    agent.opsbro(&["lock", "force-release", "door"]).expect(0);
    assert_eq!(holder.wait().unwrap().code(), Some(2));
    let left: Vec<&String> = pids.iter().filter(|pid| runs(pid)).collect();
    assert!(left.is_empty(), "{left:?} live on without the lock");
}

#[test]
fn a_signal_reaches_what_runs_under_a_lock() {
    let agent = Agent::start("");
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT")] {
        let script = format!(
            "trap 'echo told; exit 0' {name}; (sleep 303 & echo $!) & wait; \
             while :; do sleep 0.1; done"
        );
        let mut holder = lock(&agent, &["--", "sh", "-c", &script]);
        let pid = words(&agent, 1).remove(0);
        tell(&holder, signal);
        assert_eq!(holder.wait().unwrap().code(), Some(0), "{name}");
        assert_eq!(words(&agent, 2)[1], "told");
        // A shell lets what it starts in the background ignore Ctrl-C.
        assert_eq!(runs(&pid), signal == Signal::INT, "{name}");
        let pid = pid.parse().unwrap();
        let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        let next = agent.opsbro(&["lock", "door", "--timeout", "1s", "--", "true"]);
        next.expect(0);
    }
}

#[test]
fn a_command_under_a_lock_has_the_terminal() {
    let agent = Agent::start("");
    let inner = "read line; echo got-$line; trap 'echo told' INT; echo ready; \
                 read line; read line; echo end";
    let typed = format!(
        "exec {} --root {} lock door -- sh -c \"{}\"",
        tests::build().display(),
        agent.home.root().display(),
        inner.replace('$', "\\$")
    );
    let mut terminal = Command::new("script")
        .args(["-qec", &typed, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(File::create(said(&agent)).unwrap())
        .spawn()
        .unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    let shown = || fs::read_to_string(said(&agent)).unwrap();
    let wait = |word: &str| wait_for(word, || shown().contains(word).then_some(()));
    keys.write_all(b"hello\n").unwrap();
    wait("got-hello");
    wait("ready");
    keys.write_all(b"\x03").unwrap();
    wait("told");
    let once = Duration::from_millis(400);
    holds_for(once, "Ctrl-C comes once", || {
        shown().matches("told").count() == 1 && !shown().contains("end")
    });
    keys.write_all(b"\n").unwrap();
    wait("end");
    assert!(terminal.wait().unwrap().success(), "{}", shown());
}

#[test]
fn nobody_is_told_what_a_command_under_a_lock_takes() {
    let agent = Agent::start("");
    let script = "echo $0; sleep 304";
    let more = ["--note", "dump", "--", "/bin/sh", "-c", script, "s3cret"];
    let mut holder = lock(&agent, &more);
    words(&agent, 1);
    let shown = format!("dump: sh (pid {})", holder.id());
    assert_eq!(agent.get("/sessions").json()[0]["name"], *shown);
    let locks = agent.get("/locks");
    assert_eq!(locks.json()[0]["holders"][0]["name"], *shown);
    assert!(!locks.body.contains("s3cret"), "{}", locks.body);
    tell(&holder, Signal::TERM);
    holder.wait().unwrap();
}
