//! Every notifier against a server that records what it gets, and against bad luck.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::json::to_json;
use recorder::{Recorder, Request, answer, head_only};

mod mail;
mod program;
mod recorder;
mod services;
mod system_log;
mod trouble;

const LONG: Duration = Duration::from_secs(60);

/// Makes options of pairs.
fn options<const N: usize>(pairs: [(&str, Value); N]) -> BTreeMap<Arc<str>, Value> {
    pairs.map(|(name, value)| (Arc::from(name), value)).into()
}

fn text(text: impl Into<Arc<str>>) -> Value {
    Value::text(text)
}

/// A problem of one check, with everything that a notice can have.
fn problem() -> Notice {
    Notice {
        id: Arc::from("n-1"),
        incident: Arc::from("web-1/http"),
        occasion: Occasion::Problem,
        state: Arc::from("CRITICAL"),
        tone: Tone::Critical,
        title: "CRITICAL: http on web-1 <é>".to_owned(),
        text: "connection refused\nsince *noon* & <b>".to_owned(),
        html: Some("<p>connection refused</p>".to_owned()),
        node: Arc::from("web-1"),
        check: Arc::from("http"),
        pack: Arc::from("nginx"),
        groups: vec![Arc::from("web"), Arc::from("linux")],
        when: model::WallTime::from_millis(1_795_214_445_000),
        fields: vec![(Arc::from("Change"), "nginx was upgraded".to_owned())],
        links: vec![Link {
            title: "Runbook".to_owned(),
            url: "https://wiki.example.com/http".to_owned(),
        }],
        items: vec![Item {
            node: Arc::from("web-1"),
            check: Arc::from("http"),
            state: Arc::from("CRITICAL"),
            tone: Tone::Critical,
            text: "connection refused".to_owned(),
            when: model::WallTime::from_millis(1_795_214_400_000),
        }],
    }
}

fn recovery() -> Notice {
    Notice {
        id: Arc::from("n-2"),
        occasion: Occasion::Recovery,
        state: Arc::from("OK"),
        tone: Tone::Good,
        title: "OK: http on web-1".to_owned(),
        text: "200 in 3 ms".to_owned(),
        ..problem()
    }
}

fn send_to(
    kind: &str,
    options: &BTreeMap<Arc<str>, Value>,
    notice: &Notice,
) -> Result<Receipt, Failure> {
    send(kind, options, notice, &Host::real(), Deadline::after(LONG))
}

/// Every notifier that speaks HTTP, with options that lead to a server: each secret holds `s3cret`.
fn over_http(base: &str) -> Vec<(&'static str, BTreeMap<Arc<str>, Value>)> {
    let hook = || text(format!("{base}/hook/s3cret"));
    let base = || text(base);
    let secret = || text("s3cret");
    vec![
        ("discord", options([("url", hook())])),
        ("mattermost", options([("url", hook())])),
        (
            "ntfy",
            options([("url", base()), ("topic", secret()), ("token", secret())]),
        ),
        (
            "opsgenie",
            options([("url", base()), ("api_key", secret())]),
        ),
        (
            "pagerduty",
            options([("url", base()), ("routing_key", secret())]),
        ),
        ("slack", options([("url", base()), ("token", secret())])),
        ("slack", options([("url", hook())])),
        ("teams", options([("url", hook())])),
        (
            "telegram",
            options([("url", base()), ("token", secret()), ("chat", text("-100"))]),
        ),
        (
            "webhook",
            options([
                ("url", hook()),
                ("secret", secret()),
                ("token", secret()),
                ("headers", Value::map([("X-Key", secret())])),
            ]),
        ),
    ]
}

/// Sends a notice to a server that gives one answer; gives the request and what became of it.
fn exchange(
    notice: &Notice,
    answer: &str,
    make: impl Fn(&str) -> (&'static str, BTreeMap<Arc<str>, Value>),
) -> (Request, Result<Receipt, Failure>) {
    let server = Recorder::new(vec![answer.to_owned()]);
    let (kind, options) = make(&server.base());
    let end = send_to(kind, &options, notice);
    (server.request(), end)
}

#[test]
fn the_list_is_in_order_and_every_entry_explains_itself() {
    assert!(ALL.is_sorted_by(|one, two| one.name < two.name));
    for kind in ALL {
        assert!(kind.doc.ends_with('.'), "{}: {}", kind.name, kind.doc);
        for option in kind.options {
            let name = format!("{}.{}", kind.name, option.name);
            assert!(option.doc.ends_with('.'), "{name}: {}", option.doc);
            assert!(!option.is_required || option.default.is_empty(), "{name}");
        }
    }
}

/// Writes the options of every notifier as the documentation has them.
fn documented() -> String {
    let mut text = String::new();
    for kind in ALL {
        text.push_str(&format!(
            "\n`{}`: {}\n\n| option | meaning |\n|---|---|\n",
            kind.name, kind.doc
        ));
        for option in kind.options {
            let default = match option.default {
                "" if option.is_required => " Needed.".to_owned(),
                "" => String::new(),
                default => format!(" Default `{default}`."),
            };
            let secret = if option.is_secret {
                " Never shown."
            } else {
                ""
            };
            let row = format!("| `{}` | {}{default}{secret} |\n", option.name, option.doc);
            text.push_str(&row);
        }
    }
    text
}

#[test]
fn the_documentation_has_every_option() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/packs.md");
    let page = std::fs::read_to_string(path).unwrap();
    let begin = "<!-- notifiers -->\n";
    let (before, rest) = page.split_once(begin).expect("the page has the mark");
    let (old, after) = rest.split_once("\n<!-- end of notifiers -->").unwrap();
    let new = documented();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let page = format!(
            "{before}{begin}{}\n<!-- end of notifiers -->{after}",
            new.trim_end()
        );
        std::io::Write::write_all(&mut std::fs::File::create(path).unwrap(), page.as_bytes())
            .unwrap();
        return;
    }
    assert_eq!(old.trim(), new.trim(), "UPDATE_GOLDEN=1 writes it");
}
