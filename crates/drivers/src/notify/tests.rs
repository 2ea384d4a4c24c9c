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
fn slack_gets_the_attachment_that_people_know() {
    let ok = answer(200, r#"{"ok":true,"ts":"1.2"}"#);
    let (request, end) = exchange(&problem(), &ok, |base| {
        (
            "slack",
            options([("url", text(base)), ("token", text("xoxb-1"))]),
        )
    });
    assert_eq!(end.unwrap().text, "in #alerts as message 1.2");
    assert_eq!(request.line, "POST /chat.postMessage HTTP/1.1");
    assert_eq!(request.header("authorization"), "Bearer xoxb-1");
    let expect = json!({
        "channel": "#alerts",
        "text": "",
        "unfurl_links": false,
        "metadata": {
            "event_type": "opsbro_notice",
            "event_payload": {"id": "n-1", "incident": "web-1/http"},
        },
        "attachments": [{
            "fallback": "CRITICAL: http on web-1 &lt;é&gt;",
            "pretext": "CRITICAL: http on web-1 &lt;é&gt;",
            "text": "connection refused\nsince *noon* &amp; &lt;b&gt;",
            "color": "danger",
            "author_name": "web-1",
            "footer": "OpsBro",
            "ts": 1_795_214_445,
            "title": "Runbook",
            "title_link": "https://wiki.example.com/http",
            "fields": [
                {"title": "Node", "value": "web-1", "short": true},
                {"title": "Check", "value": "http", "short": true},
                {"title": "Change", "value": "nginx was upgraded", "short": true},
            ],
        }],
    });
    assert_eq!(request.json(), expect);
    let (request, end) = exchange(&recovery(), &answer(200, "ok"), |base| {
        (
            "slack",
            options([("url", text(format!("{base}/services/T/B/X")))]),
        )
    });
    assert_eq!(end.unwrap().text, "taken by the incoming webhook: ok");
    assert_eq!(request.line, "POST /services/T/B/X HTTP/1.1");
    assert_eq!(request.json()["attachments"][0]["color"], "good");
    assert_eq!(request.json().get("channel"), None);
    for (tone, colour) in [
        (Tone::Warning, "warning"),
        (Tone::Unknown, "#764fa5"),
        (Tone::Changed, "#cde6ff"),
        (Tone::Neutral, "#cccccc"),
    ] {
        let notice = Notice { tone, ..problem() };
        let attachment = slack::attachment(&notice, slack::Dialect::Slack);
        assert_eq!(attachment["color"], colour);
    }
}

#[test]
fn slack_says_what_its_errors_mean() {
    for (error, retry, words) in [
        ("channel_not_found", Retry::Never, "create it and invite it"),
        ("not_in_channel", Retry::Never, "invite it there"),
        ("invalid_auth", Retry::Never, "set another one"),
        ("ratelimited", Retry::Later, "too many messages"),
        ("internal_error", Retry::Later, "in trouble"),
        ("who_knows", Retry::Never, "see the list"),
    ] {
        let body = json!({"ok": false, "error": error}).to_string();
        let (_, end) = exchange(&problem(), &answer(200, &body), |base| {
            (
                "slack",
                options([("url", text(base)), ("token", text("xoxb-1"))]),
            )
        });
        let failure = end.unwrap_err();
        assert_eq!(failure.retry, retry, "{error}");
        assert!(failure.message.contains(words), "{failure}");
        assert!(failure.message.starts_with("slack: "), "{failure}");
    }
    let failure = send_to("slack", &options([]), &problem()).unwrap_err();
    assert_eq!(
        failure.message,
        "slack: the option token of slack is not set, and neither is url"
    );
}

#[test]
fn mattermost_and_teams_get_what_they_can_show() {
    let (request, end) = exchange(&problem(), &answer(200, "ok"), |base| {
        let channel = ("channel", text("town-square"));
        (
            "mattermost",
            options([("url", text(base)), channel, ("username", text("ops"))]),
        )
    });
    assert_eq!(end.unwrap().text, "taken by the incoming webhook: ok");
    let got = request.json();
    assert_eq!(
        (&got["channel"], &got["username"]),
        (&json!("town-square"), &json!("ops"))
    );
    assert_eq!(got["props"]["opsbro"]["id"], "n-1");
    assert_eq!(
        got["attachments"][0]["text"],
        "connection refused\nsince \\*noon\\* & <b>"
    );

    let (request, end) = exchange(&problem(), &answer(202, ""), |base| {
        ("teams", options([("url", text(base))]))
    });
    assert_eq!(end.unwrap().text, "status 202");
    let card = &request.json()["attachments"][0]["content"];
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["body"][0]["text"], "CRITICAL: http on web-1 <é>");
    assert_eq!(card["body"][0]["color"], "Attention");
    assert_eq!(
        card["body"][1]["text"],
        "connection refused\n\nsince \\*noon\\* & <b>"
    );
    assert_eq!(
        card["body"][2]["facts"][0],
        json!({"title": "State", "value": "CRITICAL"})
    );
    assert_eq!(card["actions"][0]["url"], "https://wiki.example.com/http");
    let lie = answer(200, "Webhook message delivery failed with error: 429");
    let (_, end) = exchange(&problem(), &lie, |base| {
        ("teams", options([("url", text(base))]))
    });
    assert_eq!(end.unwrap_err().retry, Retry::Later);
}

#[test]
fn discord_and_telegram_get_what_they_can_show() {
    let (request, end) = exchange(&problem(), &answer(200, r#"{"id":"77"}"#), |base| {
        (
            "discord",
            options([("url", text(format!("{base}/api/webhooks/1/t")))]),
        )
    });
    assert_eq!(end.unwrap().text, "message 77");
    assert_eq!(request.line, "POST /api/webhooks/1/t?wait=true HTTP/1.1");
    let got = request.json();
    assert_eq!(got["allowed_mentions"], json!({"parse": []}));
    assert_eq!(got["embeds"][0]["color"], 0x00e0_1e5a);
    assert_eq!(got["embeds"][0]["timestamp"], "2026-11-20T22:40:45.000Z");
    assert_eq!(
        got["embeds"][0]["description"],
        "connection refused\nsince \\*noon\\* & \\<b>"
    );
    let busy = answer(429, r#"{"message":"limited","retry_after":1.5}"#);
    let (_, end) = exchange(&problem(), &busy, |base| {
        ("discord", options([("url", text(base))]))
    });
    assert_eq!(
        end.unwrap_err().retry,
        Retry::After(Duration::from_millis(1_500))
    );

    let ok = answer(200, r#"{"ok":true,"result":{"message_id":9}}"#);
    let telegram = |base: &str| {
        let chat = ("chat", text("-100"));
        (
            "telegram",
            options([("url", text(base)), ("token", text("1:abcd")), chat]),
        )
    };
    let (request, end) = exchange(&problem(), &ok, telegram);
    assert_eq!(end.unwrap().text, "message 9");
    assert_eq!(request.line, "POST /bot1:abcd/sendMessage HTTP/1.1");
    let expect = json!({
        "chat_id": "-100",
        "text": "CRITICAL: http on web-1 <é>\nconnection refused\nsince *noon* & <b>",
        "entities": [{"type": "bold", "offset": 0, "length": 27}],
        "link_preview_options": {"is_disabled": true},
        "disable_notification": false,
    });
    assert_eq!(request.json(), expect);
    let busy = answer(
        429,
        r#"{"ok":false,"description":"slow","parameters":{"retry_after":8}}"#,
    );
    let failure = exchange(&problem(), &busy, telegram).1.unwrap_err();
    assert_eq!(failure.retry, Retry::After(Duration::from_secs(8)));
    let away = answer(
        400,
        r#"{"ok":false,"description":"Bad Request: chat not found"}"#,
    );
    let failure = exchange(&problem(), &away, telegram).1.unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    assert!(failure.message.contains("check chat"), "{failure}");
}

#[test]
fn incidents_are_opened_and_closed_under_one_key() {
    let pagerduty = |base: &str| {
        (
            "pagerduty",
            options([("url", text(base)), ("routing_key", text("R0UT"))]),
        )
    };
    let taken = answer(202, r#"{"status":"success"}"#);
    let (request, end) = exchange(&problem(), &taken, pagerduty);
    assert_eq!(
        end.unwrap().text,
        "trigger of the incident web-1/http was taken"
    );
    assert_eq!(request.line, "POST /v2/enqueue HTTP/1.1");
    let got = request.json();
    assert_eq!(got["routing_key"], "R0UT");
    assert_eq!(
        (&got["event_action"], &got["dedup_key"]),
        (&json!("trigger"), &json!("web-1/http"))
    );
    let payload = &got["payload"];
    assert_eq!(payload["severity"], "critical");
    assert_eq!(payload["source"], "web-1");
    assert_eq!(payload["custom_details"]["id"], "n-1");
    assert_eq!(payload["custom_details"]["items"][0]["check"], "http");
    let (request, _) = exchange(&recovery(), &taken, pagerduty);
    let expect = json!({
        "routing_key": "R0UT", "event_action": "resolve", "dedup_key": "web-1/http",
    });
    assert_eq!(request.json(), expect);

    let opsgenie = |base: &str| {
        let teams = Value::list([text("night"), text("")]);
        (
            "opsgenie",
            options([
                ("url", text(base)),
                ("api_key", text("KEY1")),
                ("teams", teams),
            ]),
        )
    };
    let taken = answer(
        202,
        r#"{"result":"Request will be processed","requestId":"r1"}"#,
    );
    let (request, end) = exchange(&problem(), &taken, opsgenie);
    assert_eq!(
        end.unwrap().text,
        "create of the alert web-1/http was taken, request r1"
    );
    assert_eq!(request.line, "POST /v2/alerts HTTP/1.1");
    assert_eq!(request.header("authorization"), "GenieKey KEY1");
    let got = request.json();
    assert_eq!(
        (&got["alias"], &got["priority"]),
        (&json!("web-1/http"), &json!("P1"))
    );
    assert_eq!(
        got["responders"],
        json!([{"name": "night", "type": "team"}])
    );
    assert_eq!(got["details"]["Change"], "nginx was upgraded");
    let (request, _) = exchange(&recovery(), &taken, opsgenie);
    let line = "POST /v2/alerts/web-1%2Fhttp/close?identifierType=alias HTTP/1.1";
    assert_eq!(request.line, line);
}

#[test]
fn a_topic_of_ntfy_is_published_to() {
    let (request, end) = exchange(&problem(), &answer(200, r#"{"id":"x1"}"#), |base| {
        let name = ("user", text("me"));
        let password = ("password", text("secret"));
        (
            "ntfy",
            options([("url", text(base)), ("topic", text("ops")), name, password]),
        )
    });
    assert_eq!(end.unwrap().text, "message x1");
    assert_eq!(request.line, "POST / HTTP/1.1");
    assert_eq!(request.header("authorization"), "Basic bWU6c2VjcmV0");
    let expect = json!({
        "topic": "ops",
        "title": "CRITICAL: http on web-1 <é>",
        "message": "connection refused\nsince *noon* & <b>",
        "tags": ["rotating_light"],
        "priority": 5,
        "click": "https://wiki.example.com/http",
    });
    assert_eq!(request.json(), expect);
    let (_, end) = exchange(&problem(), &answer(200, "<html>"), |base| {
        (
            "ntfy",
            options([("url", text(base)), ("topic", text("ops"))]),
        )
    });
    assert!(end.unwrap_err().message.contains("check url"));
}

#[test]
fn a_webhook_gets_the_whole_notice_signed() {
    let (request, end) = exchange(&problem(), &answer(204, ""), |base| {
        (
            "webhook",
            options([
                ("url", text(base)),
                ("secret", text("It's a Secret to Everybody")),
            ]),
        )
    });
    assert_eq!(end.unwrap().text, "status 204");
    assert_eq!(request.header("idempotency-key"), "n-1");
    let got = request.json();
    assert_eq!(got, to_json(&problem().to_value()));
    assert_eq!(got["groups"], json!(["web", "linux"]));
    assert_eq!(got["items"][0]["tone"], "critical");

    let (request, _) = exchange(&problem(), &answer(200, "fine"), |base| {
        let headers = Value::map([("X-Room", text("7")), ("content-type", text("text/plain"))]);
        let body = ("body", text("Hello, World!"));
        let secret = ("secret", text("It's a Secret to Everybody"));
        let method = ("method", text("PUT"));
        let headers = ("headers", headers);
        (
            "webhook",
            options([("url", text(base)), body, secret, method, headers]),
        )
    });
    assert_eq!(
        (request.line.as_str(), request.body.as_str()),
        ("PUT / HTTP/1.1", "Hello, World!")
    );
    assert_eq!(request.header("content-type"), "text/plain");
    assert_eq!(request.header("x-room"), "7");
    // The example with which GitHub documents signatures of this form.
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(request.header("x-opsbro-signature"), signature);
}

#[test]
fn a_status_says_whether_to_try_again() {
    for (status, retry, words) in [
        (
            400,
            Retry::Never,
            "does not take the message (status 400: why)",
        ),
        (
            401,
            Retry::Never,
            "refuses us (status 401: why): check url, token and headers",
        ),
        (403, Retry::Never, "refuses us (status 403: why)"),
        (
            404,
            Retry::Never,
            "does not know this address (status 404: why)",
        ),
        (408, Retry::Later, "is in trouble (status 408: why)"),
        (
            413,
            Retry::Never,
            "does not take the message (status 413: why)",
        ),
        (
            429,
            Retry::Later,
            "has had too many messages for now (status 429: why)",
        ),
        (500, Retry::Later, "is in trouble (status 500: why)"),
        (503, Retry::Later, "is in trouble (status 503: why)"),
    ] {
        let (_, end) = exchange(&problem(), &answer(status, "why"), |base| {
            ("webhook", options([("url", text(base))]))
        });
        let failure = end.unwrap_err();
        assert_eq!(failure.retry, retry, "{status}");
        assert!(failure.message.contains(words), "{failure}");
    }
    for (header, retry) in [
        ("Retry-After: 30", Retry::After(Duration::from_secs(30))),
        (
            "Retry-After: 99999999",
            Retry::After(Duration::from_secs(3_600)),
        ),
        ("Retry-After: -1", Retry::Later),
        ("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", Retry::Later),
    ] {
        let (_, end) = exchange(&problem(), &head_only(503, header), |base| {
            ("webhook", options([("url", text(base))]))
        });
        assert_eq!(end.unwrap_err().retry, retry, "{header}");
    }
    let moved = head_only(308, "Location: https://elsewhere.example.com/x?token=t");
    let (_, end) = exchange(&problem(), &moved, |base| {
        ("webhook", options([("url", text(base))]))
    });
    let failure = end.unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    let words = "has moved to https://elsewhere.example.com/x: set the new address";
    assert!(failure.message.ends_with(words), "{failure}");
}

#[test]
fn nobody_there_and_nobody_answering_may_pass() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (kind, options) in over_http(&format!("http://{closed}")) {
        let failure = send_to(kind, &options, &problem()).unwrap_err();
        assert_eq!(failure.retry, Retry::Later, "{failure}");
        assert!(failure.message.contains("connection refused"), "{failure}");
    }
    // Connections are taken by the kernel, and by nobody else.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    for (kind, options) in over_http(&base) {
        let soon = Deadline::after(Duration::from_millis(50));
        let failure = send(kind, &options, &problem(), &Host::real(), soon).unwrap_err();
        assert_eq!(failure.retry, Retry::Later, "{failure}");
        assert!(
            failure.message.ends_with("took longer than 50ms"),
            "{failure}"
        );
        assert!(!failure.message.contains("s3cret"), "{failure}");
    }
}

#[test]
fn a_service_that_repeats_secrets_does_not_get_them_shown() {
    for index in 0..over_http("").len() {
        for status in [200, 400, 401, 429, 500] {
            let server = Recorder::echoing(status);
            let (kind, options) = over_http(&server.base()).swap_remove(index);
            let shown = match send_to(kind, &options, &problem()) {
                Ok(receipt) => receipt.text,
                Err(failure) => format!("{failure} {failure:?}"),
            };
            assert!(!shown.contains("s3cret"), "{kind} {status}: {shown}");
        }
    }
}

#[test]
fn what_a_plugin_says_cannot_break_out_of_a_message() {
    let evil = "x\r\nX-Evil: 1\r\n\r\n{\"evil\":1}\u{0}\u{1b}[31m\u{202e}";
    let notice = Notice {
        id: Arc::from("n-3"),
        title: evil.to_owned(),
        text: evil.to_owned(),
        node: Arc::from(evil),
        check: Arc::from(evil),
        fields: vec![(Arc::from(evil), evil.to_owned())],
        groups: vec![Arc::from(evil)],
        incident: Arc::from(evil),
        ..problem()
    };
    for index in 0..over_http("").len() {
        let server = Recorder::new(vec![answer(500, "")]);
        let (kind, options) = over_http(&server.base()).swap_remove(index);
        send_to(kind, &options, &notice).unwrap_err();
        let request = server.request();
        assert_eq!(request.find("x-evil"), None, "{kind}");
        let body = request.json();
        assert!(body.get("evil").is_none(), "{kind}");
        if kind != "webhook" {
            assert!(
                !request.body.contains("\\u001b"),
                "{kind}: {}",
                request.body
            );
            assert!(
                !request.body.contains('\u{202e}'),
                "{kind}: {}",
                request.body
            );
        }
    }
    let evil = options([
        ("url", text("http://127.0.0.1:1/")),
        ("token", text("a\r\nX-Evil: 1")),
    ]);
    let failure = send_to("webhook", &evil, &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    assert!(
        failure.message.contains("has a value with a line break"),
        "{failure}"
    );
}

#[test]
fn a_long_text_is_cut_to_what_the_service_takes() {
    let notice = Notice {
        title: "t\u{1f600}".repeat(100_000),
        text: "\u{1f600} é \\ \" *\n".repeat(100_000),
        fields: vec![(Arc::from("f".repeat(10_000)), "v".repeat(1 << 20)); 100],
        items: vec![problem().items[0].clone(); 5_000],
        ..problem()
    };
    for (index, bytes_max) in [
        (0, 24 << 10),
        (1, 64 << 10),
        (2, 8 << 10),
        (3, 100 << 10),
        (4, 512 << 10),
        (5, 64 << 10),
        (6, 64 << 10),
        (7, 28 << 10),
        (8, 32 << 10),
    ] {
        let server = Recorder::new(vec![answer(500, "")]);
        let (kind, options) = over_http(&server.base()).swap_remove(index);
        send_to(kind, &options, &notice).unwrap_err();
        let request = server.request();
        assert!(
            request.body.len() <= bytes_max,
            "{kind}: {}",
            request.body.len()
        );
        assert!(request.body.contains("(cut)"), "{kind}");
    }
    let server = Recorder::new(vec![answer(500, "")]);
    let (kind, options) = over_http(&server.base()).swap_remove(8);
    send_to(kind, &options, &notice).unwrap_err();
    let body = server.request().json();
    assert!(body["text"].as_str().unwrap().encode_utf16().count() <= 4_096);
    let server = Recorder::new(vec![answer(500, "")]);
    let (kind, options) = over_http(&server.base()).swap_remove(0);
    send_to(kind, &options, &notice).unwrap_err();
    let body = server.request().json();
    let embed = &body["embeds"][0];
    let count = |text: &Json| text.as_str().unwrap().chars().count();
    let fields = embed["fields"].as_array().unwrap();
    let fields: usize = fields
        .iter()
        .map(|it| count(&it["name"]) + count(&it["value"]))
        .sum();
    assert!(count(&embed["title"]) + count(&embed["description"]) + fields <= 5_994);
}

#[test]
fn a_service_of_ones_own_may_have_a_certificate_of_ones_own() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/tls");
    let folder = std::fs::canonicalize(folder).unwrap();
    let authority = folder.join("ca.pem").to_str().unwrap().to_owned();
    let server = Recorder::with_tls(vec![answer(204, "")]);
    let url = ("url", text(format!("https://localhost:{}/", server.port)));
    let trusting = options([url, ("ca_file", text(authority))]);
    assert_eq!(
        send_to("webhook", &trusting, &problem()).unwrap().text,
        "status 204"
    );
    assert_eq!(server.request().header("idempotency-key"), "n-1");
    let server = Recorder::with_tls(vec![answer(204, "")]);
    let url = (
        "url",
        text(format!("https://localhost:{}/hook/s3cret", server.port)),
    );
    let failure = send_to("webhook", &options([url]), &problem()).unwrap_err();
    let words = "was issued by nobody whom this machine trusts";
    let no_bundle = "this machine trusts no certificates";
    assert!(
        [words, no_bundle]
            .iter()
            .any(|it| failure.message.contains(it)),
        "{failure}"
    );
    assert!(!failure.message.contains("s3cret"), "{failure}");
}

#[test]
fn options_that_make_no_sense_are_told_before_anything_is_sent() {
    let refused = |kind, given: &BTreeMap<Arc<str>, Value>| {
        let failure = check(kind, given).unwrap_err();
        assert_eq!(failure.retry, Retry::Never);
        assert_eq!(
            send_to(kind, given, &problem()).unwrap_err().retry,
            Retry::Never
        );
        failure.message
    };
    let none = options([]);
    assert_eq!(
        refused("slak", &none),
        "there is no notifier \"slak\": did you mean slack?"
    );
    assert_eq!(
        refused("webhook", &none),
        "the option url of webhook is not set: Address that takes the notice."
    );
    let url = || ("url", text("http://127.0.0.1:1/"));
    assert_eq!(
        refused("webhook", &options([url(), ("metod", text("PUT"))])),
        "the option metod of webhook is unknown: did you mean method?"
    );
    assert_eq!(
        refused("webhook", &options([url(), ("method", text("EAT"))])),
        "the option method of webhook is none of POST, PUT, PATCH"
    );
    assert_eq!(
        refused("webhook", &options([("url", Value::Int(1))])),
        "the option url of webhook is an integer, not a text"
    );
    assert_eq!(
        refused("webhook", &options([url(), ("headers", text("a: b"))])),
        "the option headers of webhook is a text, not a map"
    );
    assert_eq!(
        refused(
            "mail",
            &options([("to", Value::list([Value::Bool(true), Value::None]))])
        ),
        "the option to of mail is none, not a text"
    );
    assert!(check("syslog", &options([("address", text(""))])).is_ok());
}

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
