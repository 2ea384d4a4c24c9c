//! The probes of ports: tcp, ssh, tls, smtp, icmp.

use super::*;

#[test]
fn a_port_answers_with_what_it_should() {
    use CheckState::{Critical, Ok};
    let port = greeting(b"+PONG\r\n");
    let outcome = check(probe("tcp", &options([at(port)])), Ok, "answers in");
    let figures: Vec<_> = outcome.figures.iter().map(|it| it.name).collect();
    assert_eq!(figures, ["latency_ms", "connect_ms"]);
    let given = options([
        at(port),
        ("send", text("PING\r\n")),
        ("regexp", text("^.PONG")),
    ]);
    let outcome = check(probe("tcp", &given), Ok, "answers in");
    assert_eq!(outcome.facts.get("answer"), Some(&text("+PONG")));
    let given = options([at(port), ("regexp", text("^-ERR"))]);
    let outcome = probe_within("tcp", &given, Duration::from_millis(300));
    check(
        outcome,
        Critical,
        "said \"+PONG\", which does not match ^-ERR",
    );
    check(
        probe("tcp", &options([at(closed())])),
        Critical,
        "connection refused",
    );
    let silent = options([at(greeting(b"")), ("regexp", text("x"))]);
    let outcome = probe_within("tcp", &silent, Duration::from_millis(100));
    check(outcome, Critical, "said nothing, and should match x");
    let flood = server(|mut stream| while stream.write_all(&[7; 65_536]).is_ok() {});
    let given = options([at(flood), ("regexp", text("x"))]);
    check(probe("tcp", &given), Critical, "which does not match x");
    let local = |port| ("address", text(format!("localhost:{port}")));
    let tls = ("tls", Value::Bool(true));
    let port = tls_server("server.pem");
    let given = options([local(port), tls.clone(), authority()]);
    check(probe("tcp", &given), Ok, "answers in");
    // Nobody else vouches for it; a machine that trusts nobody at all cannot even ask.
    let strict = probe("tcp", &options([local(port), tls])).ok();
    assert!(strict.is_none_or(|outcome| outcome.state == Critical));
}

#[test]
fn an_ssh_server_greets() {
    use CheckState::{Critical, Ok};
    let good = greeting(b"Welcome\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    let outcome = check(
        probe("ssh", &options([at(good)])),
        Ok,
        "SSH-2.0-OpenSSH_9.2p1 Debian-2 in",
    );
    assert_eq!(
        outcome.facts.get("banner"),
        Some(&text("SSH-2.0-OpenSSH_9.2p1 Debian-2"))
    );
    let given = options([at(good), ("regexp", text("OpenSSH_1"))]);
    check(
        probe("ssh", &given),
        Critical,
        "the banner does not match OpenSSH_1",
    );
    let other = options([at(saying("HTTP/1.1 400 Bad Request\r\n\r\n\u{1b}[31m"))]);
    let outcome = probe_within("ssh", &other, Duration::from_millis(300));
    check(outcome, Critical, "says nothing: no SSH server");
    let other = options([at(greeting(b"220 ftp\r\n"))]);
    let outcome = probe_within("ssh", &other, Duration::from_millis(300));
    check(outcome, Critical, "says \"220 ftp\", which is no SSH");
    let flood = server(|mut stream| while stream.write_all(b"SSH-2.0-aaaaaaaaaa").is_ok() {});
    check(
        probe("ssh", &options([at(flood)])),
        Critical,
        "which is no SSH",
    );
}

#[test]
fn a_certificate_is_judged_by_its_time_and_name() {
    use CheckState::{Critical, Ok, Warning};
    let address = |port| ("address", text(format!("localhost:{port}")));
    let good = tls_server("server.pem");
    let ask = |port, name: &'static str, value: Value| {
        probe("tls", &options([address(port), authority(), (name, value)]))
    };
    let outcome = check(
        ask(good, "insecure", Value::None),
        Ok,
        "CN=localhost is good until 2119-12-31 (TLS 1.3 in ",
    );
    assert_eq!(outcome.facts.get("is_trusted"), Some(&Value::Bool(true)));
    assert_eq!(
        outcome.facts.get("names"),
        Some(&Value::list([text("localhost")]))
    );
    assert_eq!(outcome.figures[0].name, "days_left");
    assert_eq!(outcome.figures[0].warning, Some(21.0));
    check(
        ask(good, "expires_warning", text("40000d")),
        Warning,
        "the certificate ends in 340",
    );
    check(
        ask(good, "expires_critical", text("40000d")),
        Critical,
        "less than 40000d",
    );
    let other = "has a certificate that is for another name than this host's";
    check(
        ask(good, "server_name", text("example.com")),
        Critical,
        other,
    );
    let expired = tls_server("expired.pem");
    let outcome = ask(expired, "insecure", Value::None);
    let outcome = check(
        outcome,
        Critical,
        "has a certificate that has expired; the certificate \
                                            ended on 2021-01-01; CN=localhost",
    );
    assert_eq!(outcome.facts.get("is_trusted"), Some(&Value::Bool(false)));
    // Also where nobody has to vouch for it, it must not be over.
    let given = options([address(expired), ("insecure", Value::Bool(true))]);
    check(
        probe("tls", &given),
        Critical,
        "the certificate ended on 2021-01-01",
    );
    let given = options([address(good), ("insecure", Value::Bool(true))]);
    check(probe("tls", &given), Ok, "CN=localhost");
    let plain = options([address(greeting(b"220 hello\r\n")), authority()]);
    check(probe("tls", &plain), Critical, "does not speak TLS");
    let silent = options([address(greeting(b"")), authority()]);
    let outcome = probe_within("tls", &silent, Duration::from_millis(100));
    check(outcome, Critical, "took longer than 100ms");
    check(
        probe("tls", &options([at(closed()), authority()])),
        Critical,
        "connection refused",
    );
}

#[test]
fn a_mail_server_is_greeted() {
    use CheckState::{Critical, Ok};
    let mail = |answers: &'static [&'static str]| {
        server(move |mut stream| {
            for answer in answers {
                let _ = stream.write_all(answer.as_bytes());
                if stream.read(&mut [0; 4_096]).unwrap_or(0) == 0 {
                    return;
                }
            }
        })
    };
    let good = mail(&[
        "220 mx ESMTP\r\n",
        "250-mx\r\n250 STARTTLS\r\n",
        "221 bye\r\n",
    ]);
    let outcome = check(probe("smtp", &options([at(good)])), Ok, "220 mx ESMTP in");
    assert_eq!(outcome.facts.get("has_starttls"), Some(&Value::Bool(true)));
    let none = mail(&["220 mx ESMTP\r\n", "250 mx\r\n", "221 bye\r\n"]);
    let given = options([at(none), ("starttls", Value::Bool(true))]);
    check(probe("smtp", &given), Critical, "offers no STARTTLS");
    let busy = mail(&["421 4.3.2 too busy\r\n"]);
    check(
        probe("smtp", &options([at(busy)])),
        Critical,
        "refuses its greeting: 421 4.3.2 too busy",
    );
    check(
        probe("smtp", &options([at(greeting(b"hi\r\n"))])),
        Critical,
        "which is no SMTP",
    );
    let flood = server(|mut stream| while stream.write_all(b"220-x\r\n").is_ok() {});
    check(
        probe("smtp", &options([at(flood)])),
        Critical,
        "an answer that does not end",
    );
    let silent = options([at(greeting(b""))]);
    let outcome = probe_within("smtp", &silent, Duration::from_millis(100));
    check(outcome, Critical, "took longer than 100ms");
}

#[test]
fn loopback_answers_echo_requests_where_the_agent_may_send_them() {
    for host in ["127.0.0.1", "localhost"] {
        let given = options([("host", text(host)), ("count", Value::Int(2))]);
        match probe("icmp", &given) {
            Ok(outcome) => {
                let figures: Vec<_> = outcome.figures.iter().map(|it| it.name).collect();
                assert_eq!(figures, ["loss_percent", "latency_ms", "longest_ms"]);
                check(Ok(outcome), CheckState::Ok, "answers in");
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("net.ipv4.ping_group_range"), "{error}");
            }
        }
    }
}
