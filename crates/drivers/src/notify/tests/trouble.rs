//! Services in trouble, hostile words, and options that make no sense.

use super::*;

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
