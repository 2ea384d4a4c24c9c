//! Probes against real servers of each kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use drivers::probes::{self, Context, Outcome};
use drivers::{Deadline, Host};
use model::{CheckState, Value, WallTime};
use tests::{DEADLINE, Folder, free_port};

use crate::exim::{Exim, fixture};
use crate::{nginx, unbound};

/// 2026-11-20, when the certificates of the fixtures are good.
const NOW: u64 = 1_795_214_445_000;

fn probe(kind: &str, options: &[(&str, Value)]) -> Outcome {
    let options: BTreeMap<Arc<str>, Value> = options
        .iter()
        .map(|(name, value)| (Arc::from(*name), value.clone()))
        .collect();
    let context = Context {
        host: &Host::real(),
        wall: WallTime::from_millis(NOW),
        deadline: Deadline::after(DEADLINE),
    };
    probes::run(kind, &options, &context).unwrap()
}

#[track_caller]
fn check(outcome: &Outcome, state: CheckState, words: &str) {
    assert_eq!(outcome.state, state, "{}", outcome.message);
    assert!(outcome.message.contains(words), "{}", outcome.message);
}

fn authority() -> Value {
    Value::text(fixture("ca.pem").to_str().unwrap())
}

#[test]
fn a_real_web_server_is_probed() {
    let folder = Folder::new();
    let port = free_port();
    let locations = "location /up { return 200 'all is well'; } location /old { return 301 /up; }";
    let server = nginx::start(&folder, port, locations);
    let url = |path: &str| {
        (
            "url",
            Value::text(format!("http://127.0.0.1:{port}/{path}")),
        )
    };
    let well = ("regexp", Value::from("all is w.ll"));
    check(
        &probe("http", &[url("up"), well.clone()]),
        CheckState::Ok,
        "says 200",
    );
    let followed = probe("http", &[url("old"), well]);
    check(&followed, CheckState::Ok, "/up says 200");
    assert_eq!(followed.facts.get("redirects"), Some(&Value::Int(1)));
    check(
        &probe("http", &[url("none")]),
        CheckState::Critical,
        "status 404",
    );
    let header = Value::map([("Server", Value::from("^nginx"))]);
    check(
        &probe("http", &[url("up"), ("header", header)]),
        CheckState::Ok,
        "says 200",
    );
    let head = ("method", Value::from("HEAD"));
    check(
        &probe("http", &[url("up"), head]),
        CheckState::Ok,
        "says 200",
    );
    server.kill();
    check(
        &probe("http", &[url("up")]),
        CheckState::Critical,
        "connection refused",
    );
}

#[test]
fn a_real_name_server_is_probed() {
    let folder = Folder::new();
    let port = free_port();
    let text = format!(
        "server:\n  interface: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n\
         \x20 directory: \"{}\"\n  pidfile: \"\"\n  use-syslog: no\n  num-threads: 1\n\
         \x20 module-config: \"iterator\"\n  local-zone: \"test.\" static\n\
         \x20 local-data: \"here.test. A 127.0.0.1\"\n  local-data: \"here.test. AAAA ::1\"\n\
         \x20 local-data: \"test. MX 10 here.test.\"\n\
         \x20 local-data: 'here.test. TXT \"v=1 a b\"'\n{}",
        folder.path(""),
        (0..200)
            .map(|n| format!("  local-data: \"many.test. A 10.0.0.{n}\"\n"))
            .collect::<String>(),
    );
    let configuration = folder.write("unbound.conf", &text);
    let mut command = folder.command("/usr/sbin/unbound", "unbound");
    command.args(["-d", "-c", &configuration]);
    let _server = folder.start(command).on_port(port);
    assert_eq!(unbound::ask(port), 0);
    let server = ("server", Value::text(format!("127.0.0.1:{port}")));
    let ask = |name: &str, kind: &str, expect: &str| {
        let kind = ("type", Value::from(kind));
        let expect = ("expect", Value::from(expect));
        probe(
            "dns",
            &[("name", Value::from(name)), server.clone(), kind, expect],
        )
    };
    check(
        &ask("here.test", "A", "127.0.0.1"),
        CheckState::Ok,
        "says 127.0.0.1",
    );
    check(
        &ask("HERE.test.", "AAAA", "::1"),
        CheckState::Ok,
        "says ::1",
    );
    check(
        &ask("test", "MX", "10 here.test"),
        CheckState::Ok,
        "says 10 here.test",
    );
    check(
        &ask("here.test", "TXT", "v=1 a b"),
        CheckState::Ok,
        "says v=1 a b",
    );
    let gone = ask("gone.test", "A", "");
    check(&gone, CheckState::Critical, "there is no name gone.test");
    // More than fits a packet: the rest comes by TCP.
    let many = ask("many.test", "A", "10.0.0.199");
    check(&many, CheckState::Ok, "to many.test A in");
    let Some(Value::List(answers)) = many.facts.get("answers") else {
        panic!("{many:?}")
    };
    assert_eq!(answers.len(), 200);
}

#[test]
fn a_real_mail_server_and_its_certificate_are_probed() {
    let exim = Exim::start();
    let address = ("address", Value::text(format!("localhost:{}", exim.port)));
    let plain = probe("smtp", std::slice::from_ref(&address));
    check(&plain, CheckState::Ok, "220 mx.example.com ESMTP Exim");
    let starttls = ("starttls", Value::Bool(true));
    let secured = probe(
        "smtp",
        &[address.clone(), starttls.clone(), ("ca_file", authority())],
    );
    check(
        &secured,
        CheckState::Ok,
        "CN=localhost is good until 2119-12-31",
    );
    assert_eq!(secured.facts.get("is_trusted"), Some(&Value::Bool(true)));
    let name = ("server_name", Value::from("mx.example.com"));
    let other = probe(
        "smtp",
        &[address.clone(), starttls, ("ca_file", authority()), name],
    );
    check(
        &other,
        CheckState::Critical,
        "is for another name than this host's",
    );
    let banner = ("regexp", Value::from("^220 .*Exim"));
    check(
        &probe("tcp", &[address, banner]),
        CheckState::Ok,
        "answers in",
    );
}
