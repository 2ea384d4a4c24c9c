//! The life of an agent.

use rustix::process::Signal;
use tests::{Agent, Home};

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
fn ends_well_on_every_polite_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut agent = Agent::start("");
        agent.signal(signal);
        assert_eq!(agent.ended().code(), Some(0), "{}", agent.said());
    }
}

#[test]
fn wrong_configuration_is_told_whole_and_changes_nothing() {
    let home = Home::new("prot: 1\nport: x\n");
    let ran = home.opsbro(&["agent", "start"]).expect(64);
    for text in [
        "agent.yml:1:1:",
        "unknown key `prot`",
        "did you mean `port`?",
        "agent.yml:2:7:",
    ] {
        assert!(ran.stderr.contains(text), "{text} in {}", ran.stderr);
    }
    assert!(!home.root().join("var").exists());
    assert!(!home.root().join("run").exists());
}
