//! Configuration: wrong ones are refused whole, changed ones are taken while the agent runs.

use std::net::{TcpListener, UdpSocket};

use rustix::process::Signal;
use tests::{Agent, Home, wait_for};

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

#[test]
fn broken_yaml_and_foreign_bytes_are_explained() {
    for (text, said) in [
        ("port: [1\n", "agent.yml:"),
        ("port: \u{1}\n", "agent.yml:"),
    ] {
        let ran = Home::new(text).opsbro(&["agent", "start"]).expect(64);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_taken_port_names_its_owner() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (port, protocol) in [
        (tcp.local_addr().unwrap().port(), "tcp"),
        (udp.local_addr().unwrap().port(), "udp"),
    ] {
        let home = Home::new(&format!("port: {port}\nlisten_address: 127.0.0.1\n"));
        let ran = home.opsbro(&["agent", "start"]).expect(2);
        let owner = format!("port {port}/{protocol} is taken by ");
        assert!(ran.stderr.contains(&owner), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("pid {}", std::process::id())),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn a_reload_applies_what_it_can_and_says_what_not() {
    let agent = Agent::start("groups: [web]\n");
    let port = agent.listen("http").port();
    agent.home.write(
        "etc/agent.yml",
        "port: 1\nlisten_address: 127.0.0.1\ndisplay_name: front\ngroups: [web, db]\n\
         log_level: DEBUG\n",
    );
    let report = agent
        .opsbro(&["agent", "reload", "-o", "json"])
        .expect(0)
        .json();
    let applied = report["applied"].to_string();
    for key in ["display_name", "groups", "log_level"] {
        assert!(applied.contains(key), "{key} in {report}");
    }
    assert_eq!(report["needs_restart"].to_string(), "[\"port\"]");
    let info = agent.info();
    assert_eq!(info["display_name"], "front");
    assert_eq!(info["static_groups"].to_string(), "[\"db\",\"web\"]");
    assert_eq!(agent.listen("http").port(), port);
}

#[test]
fn a_bad_reload_keeps_the_last_good_configuration() {
    let agent = Agent::start("display_name: good\n");
    agent
        .home
        .write("etc/agent.yml", "display_name: bad\nnonsense: 1\n");
    let report = agent.opsbro(&["agent", "reload", "-o", "json"]).json();
    assert!(
        report["refused"]
            .to_string()
            .contains("unknown key `nonsense`"),
        "{report}"
    );
    let info = agent.info();
    assert_eq!(info["display_name"], "good");
    assert!(info["problems"].to_string().contains("nonsense"), "{info}");
}

#[test]
fn sighup_reloads() {
    let agent = Agent::start("");
    let port = "port: 0\nlisten_address: 127.0.0.1\n";
    agent
        .home
        .write("etc/agent.yml", &format!("{port}display_name: after\n"));
    agent.signal(Signal::HUP);
    wait_for("the new name", || {
        (agent.info()["display_name"] == "after").then_some(())
    });
    wait_for("the entry in the history", || {
        let history = agent
            .opsbro(&["agent", "history", "-o", "json"])
            .expect(0)
            .stdout;
        history.contains("display_name").then_some(())
    });
}

#[test]
fn groups_change_live_and_stay_in_the_file() {
    let agent = Agent::start("# Mine.\ngroups: [web]  # front\n");
    agent
        .opsbro(&["agent", "parameters", "add", "groups", "db"])
        .expect(0);
    assert_eq!(
        agent.info()["static_groups"].to_string(),
        "[\"db\",\"web\"]"
    );
    agent
        .opsbro(&["agent", "parameters", "remove", "groups", "web"])
        .expect(0);
    assert_eq!(agent.info()["static_groups"].to_string(), "[\"db\"]");
    let file = agent.home.read("etc/agent.yml");
    assert!(file.contains("# Mine."), "{file}");
    assert!(file.contains("groups: [db]"), "{file}");
    let agent = agent.stop().launch().ready();
    assert_eq!(agent.info()["static_groups"].to_string(), "[\"db\"]");
}

#[test]
fn a_topic_that_is_off_is_off() {
    let agent = Agent::start("service_discovery_topic_enabled: false\n");
    let info = agent.info();
    assert_eq!(info["topics"]["1"], false);
    assert_eq!(info["topics"]["4"], true);
    assert!(info["listen"]["gossip"].is_null(), "{info}");
    let port = agent.listen("http").port();
    UdpSocket::bind(("127.0.0.1", port)).expect("nobody has the gossip port");
    let text = agent.opsbro(&["agent", "info"]).expect(0).stdout;
    assert!(text.contains("off"), "{text}");
}
