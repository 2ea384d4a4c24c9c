//! Probes against services that are well, ill and hostile.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

const LONG: Duration = Duration::from_secs(60);
/// 2026-11-20.
const NOW: u64 = 1_795_214_445_000;

fn options<const N: usize>(pairs: [(&str, Value); N]) -> BTreeMap<Arc<str>, Value> {
    pairs.map(|(name, value)| (Arc::from(name), value)).into()
}

fn text(text: impl Into<Arc<str>>) -> Value {
    Value::text(text)
}

fn probe(kind: &str, options: &BTreeMap<Arc<str>, Value>) -> Result<Outcome, Error> {
    probe_within(kind, options, LONG)
}

fn probe_within(
    kind: &str,
    options: &BTreeMap<Arc<str>, Value>,
    time_box: Duration,
) -> Result<Outcome, Error> {
    let context = Context {
        host: &Host::real(),
        wall: WallTime::from_millis(NOW),
        deadline: Deadline::after(time_box),
    };
    run(kind, options, &context)
}

/// Serves connections by a function until the test ends; gives the port.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    port
}

/// A server that says the same to everybody who has said something.
fn saying(answer: impl Into<Vec<u8>>) -> u16 {
    let answer = answer.into();
    server(move |mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(&answer);
    })
}

/// A server that greets, and then listens until the other side leaves.
fn greeting(words: &'static [u8]) -> u16 {
    server(move |mut stream| {
        let _ = stream.write_all(words);
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

/// A port on which nobody listens.
fn closed() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn at(port: u16) -> (&'static str, Value) {
    ("address", text(format!("127.0.0.1:{port}")))
}

/// Checks the state and how the message begins.
#[track_caller]
fn check(outcome: Result<Outcome, Error>, state: CheckState, words: &str) -> Outcome {
    let outcome = outcome.unwrap();
    assert_eq!(outcome.state, state, "{}", outcome.message);
    assert!(outcome.message.contains(words), "{}", outcome.message);
    assert!(
        !outcome.message.contains(char::is_control),
        "{}",
        outcome.message
    );
    assert!(outcome.message.len() < 2_000, "{}", outcome.message);
    let is_reachable = outcome.facts.get("is_reachable");
    assert!(matches!(is_reachable, Some(Value::Bool(_))), "{outcome:?}");
    outcome
}

fn tls_server(certificate: &'static str) -> u16 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/tls");
    let read = |name: &str| std::fs::read(std::path::Path::new(folder).join(name)).unwrap();
    let certificate = CertificateDer::from_pem_slice(&read(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    server(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut request = [0; 4_096];
        if stream.read(&mut request).is_ok_and(|count| count > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            let _ = stream.flush();
        }
    })
}

fn authority() -> (&'static str, Value) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/tls/ca.pem"
    );
    let path = std::fs::canonicalize(path).unwrap();
    ("ca_file", text(path.to_str().unwrap()))
}

#[test]
fn the_list_is_in_order_and_every_entry_explains_itself() {
    assert!(ALL.is_sorted_by(|one, two| one.name < two.name));
    for kind in ALL {
        assert!(kind.doc.ends_with('.'), "{}: {}", kind.name, kind.doc);
        assert_eq!(kind.of, format!("the probe {}", kind.name));
        for option in kind.options {
            let name = format!("{}.{}", kind.name, option.name);
            assert!(option.doc.ends_with('.'), "{name}: {}", option.doc);
            assert!(!option.is_required || option.default.is_empty(), "{name}");
        }
    }
}

// tidy: long, a table of expectations
#[test]
fn a_page_is_judged_by_all_that_was_asked_for() {
    use CheckState::{Critical, Ok, Warning};
    let body = r#"{"status": {"db": "up", "count": 3}, "a.b": [true]}"#;
    let page = format!(
        "HTTP/1.1 200 OK\r\nX-Cache: HIT\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let port = saying(page);
    let ask = |name: &'static str, value: Value| {
        let url = (
            "url",
            text(format!("http://127.0.0.1:{port}/health?key=hidden")),
        );
        probe("http", &options([url, (name, value)]))
    };
    let map = |name: &str, value: Value| Value::map([(name, value)]);
    let seen = format!("http://127.0.0.1:{port}/health says 200 in ");
    let outcome = check(ask("status", Value::None), Ok, &seen);
    assert!(!outcome.message.contains("hidden"));
    assert_eq!(outcome.facts.get("status"), Some(&Value::Int(200)));
    let names: Vec<_> = outcome.figures.iter().map(|figure| figure.name).collect();
    assert_eq!(
        names,
        ["latency_ms", "connect_ms", "answer_ms", "size_bytes"]
    );
    for (name, value) in [
        ("status", Value::Int(200)),
        ("status", Value::list([text("404"), text("200-204")])),
        ("regexp", text("\"db\": *\"up\"")),
        ("not_regexp", text("Exception")),
        ("header", map("x-cache", text("^HIT$"))),
        ("json", map("status.db", text("up"))),
        ("json", map("status.count", Value::Int(3))),
        ("json", map("a.b.0", Value::Bool(true))),
        ("slow_critical", text("1m")),
        ("method", text("POST")),
    ] {
        check(ask(name, value), Ok, &seen);
    }
    for (name, value, words) in [
        ("status", text("404"), "status 200; http://"),
        ("regexp", text("down"), "the body does not match down: \"{"),
        (
            "not_regexp",
            text("up"),
            "the body holds \"up\", which it must not",
        ),
        (
            "header",
            map("x-cache", text("MISS")),
            "the header x-cache is \"HIT\", not MISS",
        ),
        (
            "header",
            map("x-none", text(".")),
            "there is no header x-none",
        ),
        (
            "json",
            map("status.db", text("down")),
            "status.db is up, not down",
        ),
        (
            "json",
            map("status.cache", text("up")),
            "the body has no status.cache",
        ),
        ("slow_critical", text("0ms"), ", more than 0s; http://"),
    ] {
        check(ask(name, value), Critical, words);
    }
    let outcome = check(
        ask("slow_warning", text("0ms")),
        Warning,
        ", more than 0s; http://",
    );
    assert_eq!(outcome.figures[0].warning, Some(0.0));
}

#[test]
fn a_web_server_in_trouble_is_critical_and_says_how() {
    use CheckState::{Critical, Ok};
    let url = |port| ("url", text(format!("http://me:s3cret@127.0.0.1:{port}/")));
    let ask = |port| probe("http", &options([url(port)]));
    let outcome = check(ask(closed()), Critical, "connection refused");
    assert_eq!(outcome.facts.get("is_reachable"), Some(&Value::Bool(false)));
    assert!(!outcome.message.contains("s3cret"));
    check(ask(saying("SSH-2.0-x\r\n")), Critical, "this is not HTTP");
    check(
        ask(saying("HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n")),
        Critical,
        "status 503",
    );
    let moved = "HTTP/1.1 302 Found\r\nLocation: /login?token=t\r\nContent-Length: 0\r\n\r\n";
    let port = saying(moved);
    check(ask(port), Critical, "redirects more than 5 times");
    let stay = ("redirects", Value::Bool(false));
    let outcome = probe("http", &options([url(port), stay.clone()]));
    let outcome = check(outcome, Critical, "status 302 to /login; ");
    assert!(!outcome.message.contains("token"));
    let fine = options([url(port), stay, ("status", text("3xx"))]);
    check(probe("http", &fine), Ok, "says 302");
    let json = ("json", Value::map([("a", text("b"))]));
    let html = "HTTP/1.1 200 OK\r\n\r\n<html>\u{1b}[31m";
    check(
        probe("http", &options([url(saying(html)), json.clone()])),
        Critical,
        "is no JSON",
    );
    let nested = format!("HTTP/1.1 200 OK\r\n\r\n{}", "[".repeat(100_000));
    check(
        probe("http", &options([url(saying(nested)), json.clone()])),
        Critical,
        "is no JSON",
    );
    let endless = server(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'['; 65_536]).is_ok() {}
    });
    check(
        probe("http", &options([url(endless), json])),
        Critical,
        "too large to be read as JSON",
    );
    let silent = greeting(b"");
    let soon = Duration::from_millis(100);
    let outcome = probe_within("http", &options([url(silent)]), soon);
    check(outcome, Critical, "took longer than 100ms");
}

#[test]
fn options_that_make_no_sense_are_errors_and_no_outcome() {
    let url = || ("url", text("http://127.0.0.1:1/"));
    for (kind, given, words) in [
        ("htp", options([]), "is no probe: there are dns, http, icmp"),
        (
            "http",
            options([]),
            "the option url of the probe http is not set",
        ),
        ("http", options([("url", text("ftp://x/"))]), "is no URL"),
        (
            "http",
            options([url(), ("regexp", text("("))]),
            "is no regular expression",
        ),
        (
            "http",
            options([url(), ("status", text("2x"))]),
            "is no code like 200, 2xx",
        ),
        (
            "http",
            options([url(), ("slow_warning", text("soon"))]),
            "is no interval",
        ),
        (
            "tcp",
            options([("address", text("127.0.0.1"))]),
            "has no port from 1 to 65535",
        ),
        (
            "tcp",
            options([("address", text("127.0.0.1:0"))]),
            "has no port from 1 to 65535",
        ),
        (
            "tcp",
            options([("address", text("a b:1"))]),
            "is neither a host name nor an address",
        ),
        (
            "dns",
            options([("name", text("a..b")), ("server", text("127.0.0.1"))]),
            "is no name",
        ),
        (
            "icmp",
            options([("host", text("x")), ("loss_warning", text("101"))]),
            "from 0 to 100",
        ),
    ] {
        let error = probe(kind, &given).unwrap_err().to_string();
        assert!(error.contains(words), "{kind}: {error}");
    }
}

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

/// A name server that answers each question by a function; gives its address.
fn name_server(answer: fn(&[u8]) -> Vec<Vec<u8>>) -> (&'static str, Value) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for packet in answer(&buffer[..length]) {
                let _ = socket.send_to(&packet, from);
            }
        }
    });
    ("server", text(address))
}

/// An answer with a code, and one address where the code is good.
fn reply(question: &[u8], code: u8) -> Vec<u8> {
    let mut packet = question[..question.len() - 11].to_vec();
    packet[2] |= 0x80;
    packet[3] = 0x80 | code;
    packet[7] = u8::from(code == 0);
    packet[11] = 0;
    if code == 0 {
        packet.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    packet
}

#[test]
fn a_name_server_answers_as_expected() {
    use CheckState::{Critical, Ok};
    let name = || ("name", text("www.example.com"));
    let good = || {
        name_server(|question| {
            // Junk and a forgery come before the answer.
            let mut forged = reply(question, 3);
            forged[0] ^= 0xff;
            vec![b"junk".to_vec(), forged, reply(question, 0)]
        })
    };
    let outcome = probe("dns", &options([name(), good()]));
    let outcome = check(
        outcome,
        Ok,
        "127.0.0.1 says 192.0.2.1 to www.example.com A in",
    );
    assert_eq!(
        outcome.facts.get("answers"),
        Some(&Value::list([text("192.0.2.1")]))
    );
    assert_eq!(outcome.facts.get("time_to_live"), Some(&Value::Int(60)));
    check(
        probe(
            "dns",
            &options([name(), good(), ("expect", text("192.0.2.1"))]),
        ),
        Ok,
        "says",
    );
    let given = options([name(), good(), ("expect", Value::list([text("192.0.2.2")]))]);
    check(
        probe("dns", &given),
        Critical,
        "192.0.2.2 is not among the answers",
    );
    let gone = name_server(|question| vec![reply(question, 3)]);
    check(
        probe("dns", &options([name(), gone])),
        Critical,
        "there is no name www.example.com",
    );
    let broken = name_server(|question| vec![reply(question, 2)]);
    check(
        probe("dns", &options([name(), broken])),
        Critical,
        "the server answers SERVFAIL",
    );
    let silent = options([name(), name_server(|_| Vec::new())]);
    let outcome = probe_within("dns", &silent, Duration::from_millis(100));
    check(
        outcome,
        Critical,
        "waiting for an answer of the name server 127.0.0.1 took longer",
    );
    let nobody = ("server", text(format!("127.0.0.1:{}", closed())));
    let outcome = probe_within("dns", &options([name(), nobody]), Duration::from_secs(5));
    check(outcome, Critical, "name server 127.0.0.1");
}

#[test]
fn an_answer_that_is_cut_is_fetched_whole() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        let (length, from) = udp.recv_from(&mut buffer).unwrap();
        let mut cut = reply(&buffer[..length], 0);
        cut[2] |= 2;
        udp.send_to(&cut, from).unwrap();
        let (mut stream, _) = tcp.accept().unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question).unwrap();
        let whole = reply(&question, 0);
        let length = u16::try_from(whole.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &whole].concat()).unwrap();
    });
    let server = ("server", text(format!("127.0.0.1:{port}")));
    let given = options([("name", text("www.example.com")), server]);
    check(probe("dns", &given), CheckState::Ok, "says 192.0.2.1");
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
