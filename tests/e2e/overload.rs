//! Clients that are too many, too slow or silent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::{Agent, DEADLINE, wait_for};

#[test]
fn ten_thousand_idle_connections_do_not_stop_the_agent() {
    let wanted = 10_000;
    let room = allow_many_files();
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
        began.elapsed() < Duration::from_secs(10),
        "the socket answers before any of these is given up"
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
fn slow_and_silent_clients_are_cut_off_and_hold_nobody_up() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    let sent: [&[u8]; 3] = [
        b"GET /agent/name HTTP/1.1\r\nhost: ",
        b"",
        // Answered, and then silent.
        b"GET /agent/name HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ];
    let began = Instant::now();
    let slow = sent.map(|bytes| {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    });
    assert_eq!(agent.get("/agent/name").status, 200);
    for mut stream in slow {
        stream.read_to_end(&mut Vec::new()).unwrap();
        let took = began.elapsed();
        assert!(
            took > Duration::from_secs(5) && took < DEADLINE,
            "cut off after {took:?}"
        );
    }
}

#[test]
fn a_follower_that_does_not_read_is_no_burden_and_is_told_what_it_missed() {
    let agent = Agent::start("");
    let mut deaf = std::os::unix::net::UnixStream::connect(agent.home.socket()).unwrap();
    deaf.set_read_timeout(Some(DEADLINE)).unwrap();
    deaf.write_all(b"GET /log/follow?part=gossip HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    send_junk(&agent, 20_000);
    assert_eq!(agent.info()["agent_state"], "ok");
    assert!(agent.info()["memory_bytes"].as_u64().unwrap() < 64 << 20);
    let mut lines = BufReader::new(deaf).lines();
    let told = lines.find(|line| line.as_ref().unwrap().contains("lines were missed"));
    assert!(told.is_some());
}

#[test]
fn a_stop_waits_for_no_job_and_no_follower() {
    let agent = Agent::start("");
    let mut deaf = std::os::unix::net::UnixStream::connect(agent.home.socket()).unwrap();
    deaf.write_all(b"GET /log/follow?part=gossip HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    send_junk(&agent, 5_000);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let expression = format!("url_get('http://{}/', 10)", silent.local_addr().unwrap());
    let body = format!("{{\"expr\": {expression:?}}}");
    let socket = agent.home.socket();
    let asking = std::thread::spawn(move || {
        tests::request_over(
            &socket,
            "POST",
            "/agent/evaluator/eval",
            &[],
            body.as_bytes(),
        )
    });
    // The job has begun, and nobody will ever answer it.
    let _asked = silent.accept().unwrap();
    let began = Instant::now();
    agent.stop();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "stopped after {took:?}");
    assert_eq!(asking.join().unwrap().status, 0);
}

#[test]
fn answers_that_nobody_reads_take_little_memory_and_nothing_from_others() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    let bearer = format!("authorization: Bearer {}", agent.token("read"));
    // Each of these bytes takes six as JSON.
    let value = vec![b'\x01'; 1 << 20];
    let keys = ["a", "b", "c"];
    for key in keys {
        let path = format!("/kv/{key}");
        let put = tests::request_over(&agent.home.socket(), "PUT", &path, &[], &value);
        assert_eq!(put.status, 200, "{put:?}");
    }
    let before = agent.info()["memory_bytes"].as_u64().unwrap();
    let ask = |path: &str| {
        let mut deaf = TcpStream::connect(at).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        deaf.write_all(request.as_bytes()).unwrap();
        deaf
    };
    let paths = ["/kv-meta/changed/0", "/kv/a?format=json"];
    let deaf: Vec<_> = paths
        .iter()
        .cycle()
        .take(24)
        .map(|path| ask(path))
        .collect();
    let get = |headers: &[&str]| tests::request(at, "GET", "/kv/a?format=json", headers, b"");
    let refused = wait_for("an answer to find no room", || {
        let reply = get(&[]);
        (reply.status == 503).then_some(reply)
    });
    assert!(refused.body.contains("do not read"), "{refused:?}");
    // Small answers, those who show a token and the socket are served.
    assert_eq!(
        tests::request(at, "GET", "/agent/name", &[], b"").status,
        200
    );
    assert_eq!(get(&[&bearer]).status, 200);
    assert_eq!(agent.get("/kv/a?format=json").status, 200);
    let grown = agent.info()["memory_bytes"].as_u64().unwrap();
    let grown = grown.saturating_sub(before);
    assert!(grown < 96 << 20, "grew by {grown} bytes");
    drop(deaf);
    wait_for("room to be there again", || {
        (get(&[]).status == 200).then_some(())
    });
    // The pages of a long list are one list.
    let changed = tests::request(at, "GET", "/kv-meta/changed/0", &[], b"").json();
    let changed = changed.as_array().unwrap();
    assert_eq!(changed.len(), keys.len());
    for (one, key) in changed.iter().zip(keys) {
        assert_eq!(
            (&one[0], one[1].as_str().unwrap().len()),
            (&key.into(), 1 << 20)
        );
    }
}

#[test]
fn who_takes_all_connections_shuts_nobody_out() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    let bearer = format!("authorization: Bearer {}\r\n", agent.token("read"));
    let watch = |headers: &str| {
        let mut watching = TcpStream::connect(at).unwrap();
        watching.set_read_timeout(Some(DEADLINE)).unwrap();
        let path = "/kv-meta/events?wait=600s&prefix=told";
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        watching.write_all(request.as_bytes()).unwrap();
        watching
    };
    let count = |name: &str| agent.info()["counters"][name].as_u64().unwrap();
    // One request is answered on it, so that it is known before the others come.
    let mut known = TcpStream::connect(at).unwrap();
    known.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET /agent/name HTTP/1.1\r\nhost: localhost\r\n{bearer}\r\n");
    known.write_all(request.as_bytes()).unwrap();
    let mut known = BufReader::new(known);
    let mut line = String::new();
    known.read_line(&mut line).unwrap();
    assert!(line.contains("200"), "{line}");
    let path = "/kv-meta/events?wait=600s&prefix=told";
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{bearer}\r\n");
    known.get_mut().write_all(request.as_bytes()).unwrap();
    assert!(allow_many_files() > 1_000);
    let _greedy: Vec<_> = (0..600).map(|_| watch("")).collect();
    wait_for("all places to be taken", || {
        (count("http.connections_rejected") > 80).then_some(())
    });
    // A newcomer gets in, with a token and without, and who has shown a token was never ended.
    for headers in [vec![], vec![bearer.trim()]] {
        let reply = tests::request(at, "GET", "/agent/name", &headers, b"");
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let put = tests::request_over(&agent.home.socket(), "PUT", "/kv/told", &[], b"it");
    assert_eq!(put.status, 200);
    let told = known
        .lines()
        .find(|line| line.as_ref().unwrap().contains("\"told\""));
    assert!(told.is_some());
}

/// Lets this process have as many connections open as it may; gives how many files that are.
fn allow_many_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let room = limit.maximum.unwrap_or(u64::MAX).min(20_000);
    let limit = Rlimit {
        current: Some(room),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    room
}

/// Has the agent log a line for each of so many datagrams, when somebody follows them.
fn send_junk(agent: &Agent, count: u64) {
    let gossip = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = agent.listen("gossip");
    wait_for("the junk to be seen", || {
        for _ in 0..1_000 {
            gossip.send_to(b"junk", at).unwrap();
        }
        (agent.junk() >= count).then_some(())
    });
}
