//! The API as clients meet it, proper and improper ones.

use std::io::{Read, Write};
use std::net::TcpStream;

use tests::{Agent, DEADLINE, request};

#[test]
fn every_route_is_listed_and_described() {
    let agent = Agent::start("");
    let routes = agent.get("/api").json();
    let document = agent.get("/openapi.json").json();
    for route in routes.as_array().unwrap() {
        let (method, path) = (
            route["method"].as_str().unwrap(),
            route["path"].as_str().unwrap(),
        );
        let described = &document["paths"][path][method.to_lowercase()];
        assert!(described["summary"].is_string(), "{method} {path}");
    }
    let metrics = agent.get("/metrics").body;
    assert!(metrics.contains("opsbro_initialized 1\n"), "{metrics}");
    assert_eq!(agent.get("/log/parts/").status, 200);
    let threads = agent.get("/threads").json();
    let loops: Vec<_> = threads["loops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    let known = [
        "cluster",
        "rules",
        "alerts",
        "series",
        "inventory",
        "services",
        "dns",
    ];
    assert_eq!(loops, known);
}

#[test]
fn errors_have_one_shape() {
    let agent = Agent::start("");
    for (method, path, status, code) in [
        ("GET", "/agent/inf", 404, "not_found"),
        ("PUT", "/agent/info", 405, "method_not_allowed"),
        (
            "GET",
            "/agent/parameters/add/groups/a%20b",
            400,
            "bad_request",
        ),
        ("PUT", "/log/levels/gosip?level=DEBUG", 404, "not_found"),
        ("POST", "/tokens", 400, "bad_request"),
        ("GET", "/agent/history?last=x", 400, "bad_request"),
        ("PUT", "/log/levels/%ff?level=DEBUG", 400, "bad_request"),
    ] {
        let reply = tests::request_over(&agent.home.socket(), method, path, &[], b"");
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        assert_eq!(reply.json()["error"]["code"], code, "{method} {path}");
        assert!(reply.json()["error"]["message"].is_string());
    }
    let near = agent.get("/agent/inf").json()["error"]["hint"].to_string();
    assert!(near.contains("/agent/info"), "{near}");
}

#[test]
fn over_tcp_only_reads_are_open() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    assert_eq!(request(at, "GET", "/agent/info", &[], b"").status, 200);
    for (method, path) in [
        ("GET", "/stop"),
        ("POST", "/agent/reload"),
        ("GET", "/agent/parameters/add/groups/x"),
        ("POST", "/agent/evaluator/eval"),
        ("GET", "/tokens"),
        ("GET", "/threads"),
    ] {
        let reply = request(at, method, path, &[], b"");
        assert_eq!(reply.status, 401, "{method} {path}");
        assert!(reply.head.contains("www-authenticate: bearer"), "{reply:?}");
    }
    for header in ["host: evil.example", "origin: http://evil.example"] {
        assert_eq!(
            request(at, "GET", "/agent/info", &[header], b"").status,
            403,
            "{header}"
        );
    }
    assert!(agent.info()["counters"]["http.requests_refused"].as_u64() >= Some(8));
}

#[test]
fn greedy_requests_are_refused() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    let bearer = format!("authorization: Bearer {}", agent.token("admin"));
    let body = vec![b'x'; 100 << 20];
    let reply = request(at, "POST", "/tokens", &[&bearer], &body);
    assert!(reply.status == 413 || reply.status == 0, "{reply:?}");
    let long = format!("x-long: {}", "y".repeat(64 << 10));
    assert_eq!(request(at, "GET", "/agent/name", &[&long], b"").status, 431);
    let many: Vec<String> = (0..1_000).map(|number| format!("x-{number}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(request(at, "GET", "/agent/name", &many, b"").status, 431);
    let long_path = format!("/{}", "z".repeat(64 << 10));
    assert_eq!(request(at, "GET", &long_path, &[], b"").status, 431);
    assert_eq!(agent.info()["agent_state"], "ok");
}

#[test]
fn junk_harms_nobody() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    let junk: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /tokens HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for bytes in junk {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{bytes:?}");
    }
    let gossip = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        gossip
            .send_to(b"{\"type\":\"gossip::alive\"}", agent.listen("gossip"))
            .unwrap();
    }
    tests::wait_for("the junk to be counted", || {
        (agent.junk() >= 90).then_some(())
    });
}
