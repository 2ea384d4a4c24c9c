//! Probes against services that are well, ill and hostile.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

mod names;
mod pages;
mod ports;

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
