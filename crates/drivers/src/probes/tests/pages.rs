//! The probe `http`.

use super::*;

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
