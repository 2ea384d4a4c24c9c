//! What starts, or is installed, while an agent runs is seen without a restart.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tests::{Agent, wait_for};

use super::{detected, home_with_detector, with_detector};

/// How soon it is seen.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// Waits for the group of what began just now.
#[track_caller]
fn seen(agent: &Agent) {
    let began = Instant::now();
    agent.opsbro(&["detectors", "wait-group", "mine"]).expect(0);
    let took = began.elapsed();
    assert!(took < SEEN_WITHIN, "it took {took:?}");
}

/// Waits until the group of what ended just now is gone.
#[track_caller]
fn gone(agent: &Agent) {
    let began = Instant::now();
    wait_for("the group to go", || (!detected(agent)).then_some(()));
    let took = began.elapsed();
    assert!(took < SEEN_WITHIN, "it took {took:?}");
}

fn closed_port() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

#[test]
fn a_service_that_starts_later_is_seen_without_a_restart() {
    let address = closed_port();
    let apply_if = format!("check_tcp('127.0.0.1', {})", address.port());
    let agent = with_detector("", &apply_if);
    assert!(!detected(&agent));
    agent.opsbro(&["detectors", "run", "mine"]).expect(1);
    let explained = agent.opsbro(&["explain", "group", "mine"]).expect(1).stdout;
    assert!(
        explained.contains("does not give it") && explained.contains("check_tcp"),
        "{explained}"
    );
    let service = TcpListener::bind(address).unwrap();
    seen(&agent);
    agent.opsbro(&["detectors", "run", "mine"]).expect(0);
    agent.opsbro(&["explain", "group", "mine"]).expect(0);
    drop(service);
    gone(&agent);
    let history = agent.opsbro(&["detectors", "history"]).expect(0).stdout;
    assert!(
        history.contains("+ mine") && history.contains("- mine"),
        "{history}"
    );
}

#[test]
fn a_port_that_is_opened_later_gives_a_group_by_what_was_collected() {
    let address = closed_port();
    let apply_if = format!("{} in {{{{collector.openports.ports}}}}", address.port());
    let agent = with_detector("", &apply_if);
    assert!(!detected(&agent));
    let service = TcpListener::bind(address).unwrap();
    seen(&agent);
    drop(service);
    gone(&agent);
}

#[test]
fn a_process_that_starts_later_gives_a_group() {
    let name = format!("late{}", std::process::id());
    let agent = with_detector(
        "",
        &format!("'{name}' in {{{{collector.processes.names}}}}"),
    );
    assert!(!detected(&agent));
    // It waits for a line that never comes, and is called like its file.
    let program = agent.home.root().join(&name);
    agent.home.write(&name, "#!/bin/sh\nread line\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut process = Command::new(&program)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    seen(&agent);
    process.kill().unwrap();
    process.wait().unwrap();
    gone(&agent);
}

#[test]
fn a_package_that_is_installed_later_gives_a_group() {
    let home = home_with_detector("", "has_package('latecomer')");
    let status = |state: &str| {
        format!(
            "Package: base\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n\
             Package: latecomer\nStatus: {state}\nArchitecture: all\nVersion: 1\n"
        )
    };
    home.write("dpkg/status", &status("deinstall ok config-files"));
    let Some(agent) = home.launch_with_folder_at("dpkg", "/var/lib/dpkg") else {
        return;
    };
    let agent = agent.ready();
    assert!(!detected(&agent));
    // As dpkg does it: the new file takes the place of the old one.
    let set = |state: &str| {
        agent.home.write("dpkg/status-new", &status(state));
        let path = |name: &str| agent.home.root().join("dpkg").join(name);
        fs::rename(path("status-new"), path("status")).unwrap();
    };
    set("install ok installed");
    seen(&agent);
    set("deinstall ok config-files");
    gone(&agent);
}

#[test]
fn a_unit_that_starts_later_gives_a_group() {
    let apply_if = "{{collector.systemd.units.'late.service'.active}} == 'active'";
    let home = home_with_detector("", apply_if);
    home.write("run-of-machine/systemd/system/here", "");
    let state = Arc::new(Mutex::new("inactive"));
    let socket = home.root().join("run-of-machine/systemd/private");
    systemd(UnixListener::bind(socket).unwrap(), Arc::clone(&state));
    let Some(agent) = home.launch_with_folder_at("run-of-machine", "/run") else {
        return;
    };
    let agent = agent.ready();
    wait_for("the unit", || {
        let units = agent.get("/collectors/systemd").json()["results"]["units"].clone();
        (units["late.service"]["active"] == "inactive").then_some(())
    });
    assert!(!detected(&agent));
    *state.lock().unwrap() = "active";
    seen(&agent);
    *state.lock().unwrap() = "inactive";
    gone(&agent);
}

/// A systemd that has one unit, in this state; it answers each connection once. Its thread ends
/// with the process.
fn systemd(listener: UnixListener, state: Arc<Mutex<&'static str>>) {
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 4_096];
            // The agent may have been stopped meanwhile.
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"OK 0123456789abcdef\r\n");
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(&units(*state.lock().unwrap()));
            while matches!(stream.read(&mut buffer), Ok(1..)) {}
        }
    });
}

/// Writes the answer of D-Bus to the first question: a list of one unit.
fn units(active: &str) -> Vec<u8> {
    fn align(bytes: &mut Vec<u8>, to: usize) {
        bytes.resize(bytes.len().next_multiple_of(to), 0);
    }
    fn number(bytes: &mut Vec<u8>, number: usize) {
        align(bytes, 4);
        bytes.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    let mut unit = Vec::new();
    let sub = if active == "active" {
        "running"
    } else {
        "dead"
    };
    let path = "/org/freedesktop/systemd1/unit/late_2eservice";
    let text = |unit: &mut Vec<u8>, text: &str| {
        number(unit, text.len());
        unit.extend(text.as_bytes());
        unit.push(0);
    };
    for word in ["late.service", "Late", "loaded", active, sub, "", path] {
        text(&mut unit, word);
    }
    number(&mut unit, 0);
    text(&mut unit, "");
    text(&mut unit, "/");
    let mut body = Vec::new();
    number(&mut body, unit.len());
    align(&mut body, 8);
    body.extend(unit);
    let mut fields = vec![5, 1, b'u', 0];
    number(&mut fields, 1);
    align(&mut fields, 8);
    let signature = b"a(ssssssouso)";
    fields.extend([8, 1, b'g', 0, u8::try_from(signature.len()).unwrap()]);
    fields.extend(signature);
    fields.push(0);
    let mut message = vec![b'l', 2, 0, 1];
    number(&mut message, body.len());
    number(&mut message, 1);
    number(&mut message, fields.len());
    message.extend(fields);
    align(&mut message, 8);
    message.extend(body);
    message
}
