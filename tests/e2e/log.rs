//! The log: forms, levels, followers.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use tests::{Agent, Home, opsbro, wait_for};

#[test]
fn json_is_one_document_a_line() {
    let agent = Agent::start("log_format: json\n");
    let home = agent.stop();
    let said = home.read("said");
    assert!(said.lines().count() >= 3, "{said}");
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["date"].is_string() && line["part"].is_string(),
            "{line}"
        );
    }
    let file = home.read("var/log/opsbro.log");
    assert!(file.contains("daemon: Started"), "{file}");
}

#[test]
fn levels_change_at_run_time_and_a_follower_sees_it() {
    let agent = Agent::start("");
    let gossip = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = agent.listen("gossip");
    let send_junk = || {
        gossip.send_to(b"junk", at).unwrap();
        agent.junk()
    };
    // A line that was silent once must speak all the same when somebody wants it.
    wait_for("the first junk", || (send_junk() > 0).then_some(()));
    assert!(!agent.said().contains("Junk"), "{}", agent.said());
    let mut command = opsbro(agent.home.root());
    command
        .args(["agent", "log", "follow", "gossip"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut follower = command.spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let (tx, heard) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || tx.send(lines.next()));
    let line = wait_for("a line", || {
        send_junk();
        heard.try_recv().ok()
    });
    let line = line.expect("the follower heard a line").unwrap();
    assert!(line.contains("Junk on the gossip port"), "{line}");
    follower.kill().unwrap();
    follower.wait().unwrap();
    agent
        .opsbro(&["agent", "log", "level", "gossip", "DEBUG"])
        .expect(0);
    let levels = agent.get("/log/levels").json();
    assert_eq!(levels["gossip"], "DEBUG");
    assert_eq!(levels["http"], "INFO");
    wait_for("the junk in the log", || {
        send_junk();
        agent
            .said()
            .contains("Junk on the gossip port")
            .then_some(())
    });
    agent.opsbro(&["agent", "reload"]).expect(0);
    assert_eq!(agent.get("/log/levels").json()["gossip"], "DEBUG");
    let unknown = agent.opsbro(&["agent", "log", "level", "gosip", "DEBUG"]);
    assert_ne!(unknown.code, Some(0));
    assert!(unknown.stderr.contains("gossip"), "{unknown:?}");
}

#[test]
fn warnings_and_errors_are_kept_for_info() {
    let agent = Agent::start("");
    let logs = agent.info()["logs"].to_string();
    assert!(logs.contains("Gossip is open to everybody"), "{logs}");
    let home = Home::with_port_0("");
    home.write(
        "etc/zone_keys/internet.gossip.key",
        "zLaFkI9ZKh1nM1k1m8wQyQ==",
    );
    let etc = home.root().join("etc");
    std::fs::set_permissions(&etc, std::fs::Permissions::from_mode(0o777)).unwrap();
    let agent = home.launch().ready();
    let info = agent.info();
    let open = format!("folder={}", etc.display());
    assert!(
        info["logs"]["WARNING"].to_string().contains(&open),
        "{info}"
    );
    assert_eq!(info["is_zone_protected"], true);
    assert!(
        !info["logs"].to_string().contains("Gossip is open"),
        "{info}"
    );
}
