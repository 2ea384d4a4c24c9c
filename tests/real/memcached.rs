//! memcached.

use std::io::{Read, Write};
use std::net::TcpStream;

use tests::{Folder, Watch, free_port};

use crate::within;

#[test]
fn memcached_is_measured_and_its_death_is_told() {
    let folder = Folder::of_user("nobody");
    let port = free_port();
    let mut command = folder.command("/usr/bin/memcached", "memcached");
    command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-m", "8"]);
    let server = folder.start(command).on_port(port);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(b"set a 0 0 1\r\nx\r\nget a\r\nget b\r\nquit\r\n")
        .unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let watch = Watch::new("memcached", &["memcached"], &format!("port: {port}\n"));
    let results = watch.results("memcached", |it| it["cmd_get/s"].as_f64());
    assert_eq!(results["available"], true);
    assert!(results["version"].as_str().unwrap().starts_with("1.6"));
    assert_eq!(results["curr_items"], 1);
    assert_eq!(results["get_hits"], 1);
    assert_eq!(results["get_misses"], 1);
    assert_eq!(results["limit_maxbytes"], 8 << 20);
    assert!(within(&results["used_pct"], 0.0, 1.0));
    assert!(within(&results["bytes_written/s"], 0.0, 1e7));
    server.kill();
    let reason = watch.reason("memcached", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
