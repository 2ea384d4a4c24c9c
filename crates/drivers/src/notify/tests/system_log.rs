//! The log of this machine, and of another.

use super::*;

#[test]
fn the_log_of_this_machine_gets_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = UnixDatagram::bind(&path).unwrap();
    log.set_read_timeout(Some(LONG)).unwrap();
    let address = || ("address", text(path.to_str().unwrap()));
    let given = options([address(), ("facility", text("local0"))]);
    let receipt = send_to("syslog", &given, &problem()).unwrap();
    assert!(receipt.text.ends_with("which gives no answer"));
    let mut buffer = [0; 4_096];
    let length = log.recv(&mut buffer).unwrap();
    let expect = format!(
        "<130>opsbro[{}]: CRITICAL: http on web-1 <é> | connection refused since *noon* & <b>",
        std::process::id()
    );
    assert_eq!(std::str::from_utf8(&buffer[..length]), Ok(expect.as_str()));
    drop(log);
    std::fs::remove_file(&path).unwrap();
    // Some logs are streams.
    let listener = UnixListener::bind(&path).unwrap();
    send_to("syslog", &given, &recovery()).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut line = String::new();
    std::io::Read::read_to_string(&mut stream, &mut line).unwrap();
    let expect = format!(
        "<134>opsbro[{}]: OK: http on web-1 | 200 in 3 ms\n",
        std::process::id()
    );
    assert_eq!(line, expect);
    let nowhere = options([("address", text("/nowhere/log"))]);
    let failure = send_to("syslog", &nowhere, &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Later);
    let words = "syslog: cannot write to /nowhere/log: no such file or directory";
    assert_eq!(failure.message, words);
}

#[test]
fn a_log_that_does_not_read_is_told_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let _log = UnixDatagram::bind(&path).unwrap();
    let given = options([("address", text(path.to_str().unwrap()))]);
    let failure = (0..100_000).find_map(|_| send_to("syslog", &given, &problem()).err());
    let failure = failure.expect("the queue of a socket is finite");
    assert_eq!(failure.retry, Retry::Later);
}

#[test]
fn another_machine_gets_a_line_by_the_standard() {
    let log = UdpSocket::bind("127.0.0.1:0").unwrap();
    log.set_read_timeout(Some(LONG)).unwrap();
    let address = log.local_addr().unwrap().to_string();
    let notice = Notice {
        incident: Arc::from("a\"b]c\\d\ne"),
        text: "x".repeat(1 << 20),
        ..problem()
    };
    send_to(
        "syslog",
        &options([("address", text(address.as_str()))]),
        &notice,
    )
    .unwrap();
    let mut buffer = [0; 65_536];
    let length = log.recv(&mut buffer).unwrap();
    assert!(length <= 2_048 + 512, "{length}");
    let line = std::str::from_utf8(&buffer[..length]).unwrap();
    assert!(
        line.starts_with("<26>1 2026-11-20T22:40:45.000Z "),
        "{line}"
    );
    let middle = format!(
        " opsbro {} problem [opsbro@32473 id=\"n-1\" incident=\"a\\\"b\\]c\\\\d e\" node=\"web-1\" \
         check=\"http\" state=\"CRITICAL\"] \u{feff}CRITICAL: http on web-1 <é> | xxx",
        std::process::id()
    );
    assert!(line.contains(&middle), "{line}");
    assert!(line.ends_with("… (cut)"), "{line}");
    for (address, words) in [
        ("127.0.0.1:x", "has no port from 1 to 65535"),
        ("a b:514", "is neither a host name nor an address"),
    ] {
        let given = options([("address", text(address))]);
        let failure = send_to("syslog", &given, &notice).unwrap_err();
        assert_eq!(failure.retry, Retry::Never);
        assert!(failure.message.contains(words), "{failure}");
    }
}
