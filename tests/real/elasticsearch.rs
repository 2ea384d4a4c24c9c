//! Elasticsearch, of which Debian has no package: its answers were written down.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use tests::Watch;

use crate::within;

const HEALTH: &str = include_str!("../fixtures/answers/elasticsearch-health.json");
const NODE: &str = include_str!("../fixtures/answers/elasticsearch-node.json");

/// Answers one request as a node does that wants the user `ops` with the password `secret`.
fn serve(mut stream: TcpStream) {
    let mut request = String::new();
    let mut byte = [0];
    while !request.ends_with("\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        request.push(char::from(byte[0]));
    }
    let body = match request.split(' ').nth(1) {
        _ if !request.contains("Authorization: Basic b3BzOnNlY3JldA==\r\n") => None,
        Some("/_cluster/health") => Some(HEALTH),
        Some("/_nodes/_local/stats/jvm,indices,fs,process,thread_pool") => Some(NODE),
        Some(_) | None => None,
    };
    let (status, body) = body.map_or(("401 Unauthorized", "{}"), |body| ("200 OK", body));
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    // Who has heard enough hangs up.
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
fn elasticsearch_is_measured_and_a_missing_login_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("uri: http://{}\n", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    let collectors = ["elasticsearch", "elasticsearch_node"];
    let watch = Watch::new("elasticsearch", &collectors, &uri);
    for collector in collectors {
        let reason = watch.reason(collector, "MISSING-CONFIGURATION");
        assert!(reason.contains("(status 401)"), "{reason}");
    }
    watch.agent().home.write(
        "var/lib/local-configuration/packs/elasticsearch/parameters/parameters.yml",
        &format!("{uri}user: ops\npassword: secret\n"),
    );
    let cluster = watch.results("elasticsearch", |it| it["status"].as_str().map(str::len));
    assert_eq!(cluster["available"], true);
    assert_eq!(cluster["status"], "yellow");
    assert_eq!(cluster["unassigned_shards"], 4);
    let node = watch.results("elasticsearch_node", |it| it["searches/s"].as_f64());
    assert_eq!(node["name"], "node-1");
    assert_eq!(node["heap_used_pct"], 40);
    assert_eq!(node["documents"], 10_500);
    assert_eq!(node["searches/s"], 0.0);
    assert_eq!(node["gc_old_pct"], 0.0);
    assert!(within(&node["disk_available_bytes"], 3e10, 4e10));
}
