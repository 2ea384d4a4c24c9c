//! The life of an agent.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tests::{Agent, Home, opsbro, wait_for};

#[test]
fn starts_answers_and_stops() {
    let agent = Agent::start("display_name: first\n");
    let info = agent.info();
    for key in [
        "agent_state",
        "pid",
        "uuid",
        "name",
        "display_name",
        "version",
        "zone",
        "groups",
        "socket",
        "data_dir",
        "listen",
        "topics",
        "counters",
        "memory_bytes",
        "logs",
    ] {
        assert!(!info[key].is_null(), "{key} in {info}");
    }
    assert_eq!(info["agent_state"], "ok");
    assert_eq!(info["pid"], agent.pid());
    assert_eq!(info["display_name"], "first");
    assert_eq!(agent.listen("gossip").port(), agent.listen("http").port());
    assert_eq!(agent.get("/agent/name").json(), info["name"]);
    let over_http = agent.get("/agent/info").json();
    assert_eq!(over_http["uuid"], info["uuid"]);
    let home = agent.stop();
    assert!(!home.socket().exists());
}

#[test]
fn stops_when_the_program_asks() {
    let mut agent = Agent::start("");
    agent.opsbro(&["agent", "stop"]).expect(0);
    assert_eq!(agent.ended().code(), Some(0), "{}", agent.said());
    let ran = agent.opsbro(&["agent", "info"]).expect(2);
    assert!(ran.stderr.contains("no agent is running"), "{}", ran.stderr);
    assert!(ran.stderr.contains("agent start"), "{}", ran.stderr);
}

#[test]
fn a_second_start_on_the_same_root_is_refused_with_the_pid() {
    let agent = Agent::start("");
    let ran = agent.opsbro(&["agent", "start"]).expect(2);
    assert!(
        ran.stderr.contains(&format!("pid {}", agent.pid())),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert_eq!(agent.info()["agent_state"], "ok");
}

#[test]
fn a_stale_lock_and_socket_are_taken_over() {
    let home = Home::with_port_0("");
    home.write("run/opsbro.lock", "99999999\n");
    home.write("run/opsbro.sock", "not a socket");
    let agent = home.launch().ready();
    assert_eq!(
        agent.home.read("run/opsbro.lock").trim(),
        agent.pid().to_string()
    );
}

#[test]
fn a_kill_is_survived_and_told() {
    let first = Agent::start("");
    let before = first.info();
    let second = first.kill().launch().ready();
    let after = second.info();
    assert_eq!(after["uuid"], before["uuid"]);
    assert_eq!(
        after["incarnation"],
        before["incarnation"].as_u64().unwrap() + 1
    );
    assert_eq!(after["previous_run"]["ended"], "killed");
    let third = second.stop().launch().ready();
    assert_eq!(third.info()["previous_run"]["ended"], "stopped");
}

#[test]
fn kills_at_any_moment_lose_nothing_that_was_acknowledged() {
    let mut home = Home::with_port_0("");
    let mut tokens = Vec::new();
    for round in 0..rounds() {
        let agent = home.launch().ready();
        let made = agent
            .opsbro(&["token", "create", "--role", "read", "-o", "json"])
            .expect(0);
        tokens.push(made.json()["id"].as_str().unwrap().to_owned());
        home = agent
            .kill()
            .launch_and_kill_after(Duration::from_millis(round % 40));
    }
    let agent = home.launch().ready();
    let kept = agent
        .opsbro(&["token", "list", "-o", "json"])
        .expect(0)
        .stdout;
    for token in &tokens {
        assert!(kept.contains(token), "{token} is lost");
    }
    assert_eq!(agent.info()["disk"]["repairs"].to_string(), "[]");
}

/// Rounds of kills: enough to hit each step of a start in the slow ring.
fn rounds() -> u64 {
    if std::env::var_os("SLOW_TESTS").is_some() {
        40
    } else {
        5
    }
}

#[test]
fn sigterm_in_the_middle_of_a_start_is_obeyed() {
    for delay_ms in [0, 1, 2, 5, 10, 20, 40] {
        let mut agent = Home::with_port_0("").launch();
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(delay_ms) {
            std::hint::spin_loop();
        }
        agent.signal(Signal::TERM);
        let status = agent.ended();
        // Before the handlers are there the signal itself ends the process: as well.
        let by_signal = std::os::unix::process::ExitStatusExt::signal(&status);
        assert!(
            status.success() || by_signal == Some(15),
            "{status} after {delay_ms} ms"
        );
        let home = agent.kill();
        home.launch().ready().stop();
    }
}

#[test]
fn ends_well_on_every_polite_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut agent = Agent::start("");
        agent.signal(signal);
        assert_eq!(agent.ended().code(), Some(0), "{}", agent.said());
    }
}

#[test]
fn detaches_and_is_found_again() {
    let home = Home::with_port_0("");
    let mut command = opsbro(home.root());
    command
        .args(["agent", "start", "--daemon"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    home.opsbro(&["agent", "wait-initialized", "--timeout", "30s"])
        .expect(0);
    let info = home
        .opsbro(&["agent", "info", "-o", "json"])
        .expect(0)
        .json();
    let pid = info["pid"].as_u64().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(3)
        .unwrap()
        .to_owned();
    assert_eq!(
        session,
        pid.to_string(),
        "the agent leads a session of its own"
    );
    home.opsbro(&["agent", "stop"]).expect(0);
    let gone = || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(());
    wait_for("the agent to end", gone);
}

#[test]
fn a_start_that_fails_detached_says_why() {
    let home = Home::new("prot: 1\n");
    let ran = home.opsbro(&["agent", "start", "--daemon"]).expect(64);
    assert!(ran.stderr.contains("unknown key `prot`"), "{}", ran.stderr);
}

#[test]
fn one_shot_runs_once_and_ends() {
    let home = Home::with_port_0("");
    home.opsbro(&["agent", "start", "--one-shot"]).expect(0);
    assert!(!home.socket().exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let home = Home::with_port_0("");
    home.write("var", "a file where a folder should be");
    let ran = home.opsbro(&["agent", "start"]).expect(2);
    let path = home.root().join("var").display().to_string();
    assert!(ran.stderr.contains(&path), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
}

#[test]
fn runs_as_an_ordinary_user() {
    let home = Home::with_port_0("");
    let Some(mut command) = as_nobody(&home) else {
        return;
    };
    let mut child = command.args(["agent", "start"]).spawn().unwrap();
    let state = wait_for("the agent", || {
        let ran = home.opsbro(&["agent", "info", "-o", "json"]);
        (ran.code == Some(0)).then(|| ran.json())
    });
    assert_eq!(state["pid"], child.id());
    home.opsbro(&["agent", "stop"]).expect(0);
    assert!(child.wait().unwrap().success());
}

/// Makes a command that runs as another user, where we may.
fn as_nobody(home: &Home) -> Option<std::process::Command> {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        // Then every other test shows the same.
        return None;
    }
    let nobody = 65_534;
    let mut paths = vec![home.root().to_owned()];
    while let Some(path) = paths.pop() {
        std::os::unix::fs::chown(&path, Some(nobody), Some(nobody)).unwrap();
        if path.is_dir() {
            paths.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    // The program may lie where only we may look.
    let copy = home.root().join("opsbro");
    std::fs::copy(tests::build(), &copy).unwrap();
    let mut command = std::process::Command::new(copy);
    command
        .arg("--root")
        .arg(home.root())
        .uid(nobody)
        .gid(nobody);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command)
}

#[test]
fn every_file_that_the_agent_writes_is_listed() {
    let readme = include_str!("../../var/README.md");
    let listed: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    let agent = Agent::start("");
    agent
        .opsbro(&["token", "create", "--role", "read"])
        .expect(0);
    agent.opsbro(&["agent", "reload"]).expect(0);
    let home = agent.stop();
    for folder in ["var/lib", "var/log", "run"] {
        let folder = home.root().join(folder);
        for file in tests::files_below(&folder) {
            let file = file.strip_prefix(&folder).unwrap().display().to_string();
            assert!(
                listed.iter().any(|pattern| fits(&file, pattern)),
                "{file} is not listed"
            );
        }
    }
}

/// Tells whether a path fits a listed one, where a word in capitals or a `*` stands for any name.
fn fits(path: &str, pattern: &str) -> bool {
    let (path, pattern): (Vec<_>, Vec<_>) =
        (path.split('/').collect(), pattern.split('/').collect());
    let same = |(name, listed): (&&str, &&str)| match listed.split_once(['*', 'N', 'K']) {
        Some((before, after)) => {
            let end = after.rsplit_once('.').map_or("", |(_, end)| end);
            name.starts_with(before) && name.ends_with(end)
        }
        None => name == listed,
    };
    path.len() == pattern.len() && path.iter().zip(&pattern).all(same)
}
