//! Clients that are too many, too slow or silent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::{Agent, DEADLINE, wait_for};

#[test]
fn ten_thousand_idle_connections_do_not_stop_the_agent() {
    let wanted = 10_000;
    let limit = getrlimit(Resource::Nofile);
    let room = limit.maximum.unwrap_or(u64::MAX).min(20_000);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(room),
            maximum: limit.maximum,
        },
    )
    .unwrap();
    assert!(
        room > wanted + 500,
        "the test needs {wanted} files, it may have {room}"
    );
    let agent = Agent::start("");
    let at = agent.listen("http");
    let before = agent.info()["memory_bytes"].as_u64().unwrap();
    let mut idle = Vec::new();
    for _ in 0..wanted {
        idle.extend(TcpStream::connect_timeout(&at, DEADLINE));
    }
    let began = Instant::now();
    let info = agent.info();
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "the socket answers at once"
    );
    let counters = &info["counters"];
    assert!(
        counters["http.connections_rejected"].as_u64().unwrap() > 0,
        "{counters}"
    );
    let grown = info["memory_bytes"]
        .as_u64()
        .unwrap()
        .saturating_sub(before);
    assert!(grown < 64 << 20, "grew by {grown} bytes");
    drop(idle);
    let reply = || {
        let reply = tests::request(at, "GET", "/agent/name", &[], b"");
        (reply.status == 200).then_some(())
    };
    wait_for("TCP to be open again", reply);
}

#[test]
fn a_slow_head_is_cut_off_and_holds_nobody_up() {
    let agent = Agent::start("");
    let mut slow = TcpStream::connect(agent.listen("http")).unwrap();
    slow.set_read_timeout(Some(DEADLINE)).unwrap();
    slow.write_all(b"GET /agent/name HTTP/1.1\r\nhost: ")
        .unwrap();
    assert_eq!(agent.get("/agent/name").status, 200);
    let began = Instant::now();
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer);
    let took = began.elapsed();
    assert!(
        took > Duration::from_secs(5) && took < DEADLINE,
        "cut off after {took:?}"
    );
}

#[test]
fn a_follower_that_does_not_read_is_no_burden() {
    let agent = Agent::start("log_level: DEBUG\n");
    let mut deaf = std::os::unix::net::UnixStream::connect(agent.home.socket()).unwrap();
    deaf.write_all(b"GET /log/follow HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    for _ in 0..2_000 {
        assert_eq!(agent.get("/nowhere").status, 404);
    }
    assert_eq!(agent.info()["agent_state"], "ok");
    assert!(agent.info()["memory_bytes"].as_u64().unwrap() < 64 << 20);
}
