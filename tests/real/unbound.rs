//! Unbound.

use std::net::UdpSocket;

use tests::{DEADLINE, Folder, Watch, free_port};

use crate::within;

/// Asks for the address of `here.test`, and gives the code of the answer.
pub(crate) fn ask(port: u16) -> u8 {
    let question =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04here\x04test\x00\x00\x01\x00\x01";
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.send_to(question, ("127.0.0.1", port)).unwrap();
    let mut answer = [0; 512];
    let count = socket.recv(&mut answer).unwrap();
    assert!(count > 12 && answer[..2] == question[..2]);
    answer[3] & 0xf
}

#[test]
fn unbound_is_measured_and_its_death_is_told() {
    let folder = Folder::new();
    let port = free_port();
    let socket = folder.path("control.sock");
    // It has the answer itself, and asks nobody.
    let configuration = folder.write(
        "unbound.conf",
        &format!(
            "server:\n  interface: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n\
             \x20 directory: \"{root}\"\n  pidfile: \"{pid}\"\n  use-syslog: no\n\
             \x20 num-threads: 1\n  extended-statistics: yes\n  module-config: \"iterator\"\n\
             \x20 local-zone: \"test.\" static\n  local-data: \"here.test. A 127.0.0.1\"\n\
             remote-control:\n  control-enable: yes\n  control-interface: {socket}\n\
             \x20 control-use-cert: no\n",
            root = folder.path(""),
            pid = folder.path("pid"),
        ),
    );
    let mut command = folder.command("/usr/sbin/unbound", "unbound");
    command.args(["-d", "-c", &configuration]);
    let server = folder.start(command).on_socket(&socket);
    assert_eq!((ask(port), ask(port)), (0, 0));
    let parameters = format!("socket: {socket}\n");
    let watch = Watch::new("unbound", &["unbound"], &parameters);
    let results = watch.results("unbound", |it| it["queries/s"].as_f64());
    assert_eq!(results["available"], true);
    assert_eq!(results["total.num.queries"], 2);
    assert_eq!(results["num.answer.rcode.NOERROR"], 2);
    assert!(within(&results["queries/s"], 0.0, 1e4));
    assert!(within(&results["time.up"], 0.0, 100.0));
    let names = results.as_object().unwrap();
    assert!(!names.keys().any(|name| name.starts_with("histogram")));
    server.kill();
    let reason = watch.reason("unbound", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
