//! Redis.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use tests::{Folder, Server, Watch, free_port, wait_for};

use crate::within;

fn start(folder: &Folder, port: u16, options: &[&str]) -> Server {
    let mut command = folder.command("/usr/bin/redis-server", "redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", ""]).args(options);
    folder.start(command).on_port(port)
}

/// Says lines to the server, and waits for as many answers.
fn say(port: u16, lines: &[&str]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for line in lines {
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(!said.contains('-'), "{said}");
}

#[test]
fn redis_is_measured_and_its_death_is_told() {
    let folder = Folder::new();
    let port = free_port();
    let server = start(&folder, port, &[]);
    say(port, &["SET one 1 EX 1000", "SET two 2", "GET one"]);
    let watch = Watch::new("redis", &["redis"], &format!("port: {port}\n"));
    let results = watch.results("redis", |it| it["total_commands_processed/s"].as_f64());
    assert_eq!(results["available"], true);
    assert_eq!(results["role"], "master");
    assert_eq!(results["tcp_port"], port);
    assert_eq!(results["db0"]["keys"], 2);
    assert_eq!(results["db0"]["expires"], 1);
    assert!(results["redis_version"].as_str().unwrap().starts_with("7."));
    assert!(within(&results["total_commands_processed/s"], 0.0, 1e4));
    assert!(within(&results["used_cpu_user/s"], 0.0, 400.0));
    assert!(within(&results["used_memory_rss"], 1e6, 1e9));
    assert!(within(&results["keyspace_hits"], 1.0, 1.0));
    server.kill();
    let reason = watch.reason("redis", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}

#[test]
fn redis_that_wants_a_password_is_told_it() {
    let folder = Folder::new();
    let port = free_port();
    let _server = start(&folder, port, &["--requirepass", "hunter2"]);
    let parameters = format!("port: {port}\n");
    let watch = Watch::new("redis", &["redis"], &parameters);
    let reason = watch.reason("redis", "MISSING-CONFIGURATION");
    assert!(reason.contains("NOAUTH"), "{reason}");
    assert!(reason.contains("local.redis.login"), "{reason}");
    watch.agent().home.write(
        "var/lib/local-configuration/packs/redis/parameters/parameters.yml",
        &format!("{parameters}login: AUTH wrong\n"),
    );
    wait_for("the wrong password to be told", || {
        let reason = watch.reason("redis", "MISSING-CONFIGURATION");
        reason.contains("WRONGPASS").then_some(())
    });
    watch.agent().home.write(
        "var/lib/local-configuration/packs/redis/parameters/parameters.yml",
        &format!("{parameters}login: AUTH hunter2\n"),
    );
    let results = watch.results("redis", |it| it["redis_version"].as_str().map(str::len));
    assert_eq!(results["available"], true);
    let told = watch.collector("redis").to_string() + &watch.agent().said();
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn redis_that_does_not_let_a_user_ask_is_told_what_to_give_it() {
    let folder = Folder::new();
    let port = free_port();
    let users = ["--user", "default", "on", "nopass", "~*", "+@all", "-info"];
    let _server = start(&folder, port, &users);
    let watch = Watch::new("redis", &["redis"], &format!("port: {port}\n"));
    let reason = watch.reason("redis", "MISSING-CONFIGURATION");
    assert!(reason.contains("NOPERM"), "{reason}");
    assert!(reason.contains("give it +info"), "{reason}");
}

/// A Redis without a password speaks to its own machine only, which no test can leave: this says
/// what it says to others, and hangs up without listening, as it does.
#[test]
fn redis_in_protected_mode_is_told_how_to_leave_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let denied = "-DENIED Redis is running in protected mode because protected mode is \
                          enabled and no password is set for the default user.\r\n";
            // The agent speaks first, and may have hung up again.
            let _ = stream.peek(&mut [0]);
            let _ = stream.write_all(denied.as_bytes());
        }
    });
    let watch = Watch::new("redis", &["redis"], &format!("port: {port}\n"));
    let reason = watch.reason("redis", "MISSING-CONFIGURATION");
    assert!(reason.contains("DENIED"), "{reason}");
    assert!(reason.contains("loopback address"), "{reason}");
}
