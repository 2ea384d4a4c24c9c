//! Pages of servers as they should be, and as they are.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use model::Secret;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// A server on loopback that gives one answer to each connection, in order, and keeps the requests.
struct Server {
    port: u16,
    requests: Receiver<String>,
}

impl Server {
    fn new(answers: Vec<Vec<u8>>) -> Self {
        Self::serving(answers, |mut stream, answer| {
            let request = read_request(&mut stream);
            // Who has read enough hangs up.
            let _ = stream.write_all(&answer);
            request
        })
    }

    /// Serves each connection by a function from the stream and the answer to the request.
    fn serving(answers: Vec<Vec<u8>>, serve: fn(TcpStream, Vec<u8>) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tx, requests) = sync_channel(answers.len());
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                if tx.send(serve(stream, answer)).is_err() {
                    return;
                }
            }
        });
        Self { port, requests }
    }

    fn get(&self, path: &str) -> Result<Page, String> {
        self.get_within(path, LONG)
    }

    fn get_within(&self, path: &str, time_box: Duration) -> Result<Page, String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        url_get(&Host::real(), &url, Deadline::after(time_box)).map_err(|error| error.to_string())
    }

    fn request(&self) -> String {
        self.requests.recv_timeout(LONG).unwrap()
    }
}

fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

/// Checks what becomes of a server's whole answer.
#[track_caller]
fn check(answer: &[u8], expect: Result<(u16, &str), &str>) {
    let server = Server::new(vec![answer.to_vec()]);
    let page = server.get("/p?token=secret");
    let shown = format!("http://127.0.0.1:{}/p gave no page: ", server.port);
    match (page, expect) {
        (Ok(page), expect) => assert_eq!(Ok((page.status, page.body.as_str())), expect),
        (Err(error), Err(expect)) => assert_eq!(error, format!("{shown}{expect}")),
        (Err(error), Ok(_)) => assert_eq!(error, ""),
    }
}

#[test]
fn a_page_is_status_and_body() {
    check(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
        Ok((200, "hello")),
    );
    check(
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        Ok((200, "until the end")),
    );
    check(
        b"HTTP/1.1 404 Not Found\r\ncontent-length:3\r\n\r\nno\n",
        Ok((404, "no\n")),
    );
    check(b"HTTP/1.1 503\n\nbare", Ok((503, "bare")));
    check(
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        Ok((204, "")),
    );
    check(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xffx",
        Ok((200, "\u{fffd}x")),
    );
    let preliminary = b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx";
    check(preliminary, Ok((200, "x")));
}

#[test]
fn chunks_are_put_together() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = |body: &str| format!("{head}{body}").into_bytes();
    check(
        &chunked("3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"),
        Ok((200, "abc0123456789")),
    );
    check(&chunked("0\r\n\r\n"), Ok((200, "")));
    check(
        &chunked("2\r\nabc\r\n0\r\n\r\n"),
        Err("a chunk is longer than it says"),
    );
    check(&chunked("x\r\n"), Err("a chunk has no size"));
    check(&chunked("+3\r\nabc\r\n"), Err("a chunk has no size"));
    check(
        &chunked("11112222333344445\r\n"),
        Err("a chunk has no size"),
    );
    check(
        &chunked("3\r\nab"),
        Err("the connection ended before the answer did"),
    );
    check(&chunked(&"1".repeat(5_000)), Err("its head does not end"));
}

#[test]
fn what_is_no_http_says_so() {
    check(b"", Err("the connection ended before the answer did"));
    check(b"220 mail.example.com ESMTP\r\n", Err("this is not HTTP"));
    check(b"HTTP/1.1 abc\r\n\r\n", Err("this is not HTTP"));
    check(b"HTTP/1.1 20\r\n\r\n", Err("this is not HTTP"));
    check(
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        Err("a header is broken"),
    );
    check(
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        Err("its length is no number"),
    );
    let two = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx";
    check(two, Err("it has two lengths"));
    let gzip = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx";
    check(gzip, Err("its transfer encoding was not asked for"));
    let short = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx";
    check(short, Err("the connection ended before the answer did"));
}

#[test]
fn what_never_ends_is_cut_or_refused() {
    let endless_head = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(20_000)].concat();
    check(&endless_head, Err("its head does not end"));
    let endless_line = [b"HTTP/1.1 200 OK\r\na: ".to_vec(), vec![b'x'; 100_000]].concat();
    check(&endless_line, Err("its head does not end"));
    let max = EXPRESSION_TEXT_BYTES_MAX;
    let chunk = [b"80000\r\n".to_vec(), vec![b'x'; 0x80000], b"\r\n".to_vec()].concat();
    let length = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    for (head, body, is_cut) in [
        (length(max), vec![b'x'; max], false),
        (length(max + 1), vec![b'x'; max + 1], true),
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), vec![b'x'; max], false),
        (
            "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
            vec![b'x'; max + 1],
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            [chunk.repeat(2), b"0\r\n\r\n".to_vec()].concat(),
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            chunk.repeat(9),
            true,
        ),
    ] {
        let server = Server::new(vec![[head.clone().into_bytes(), body].concat()]);
        let page = server.get("/").unwrap();
        assert_eq!((page.body.len(), page.is_cut), (max, is_cut), "{head}");
    }
    let wrong = [length(max).into_bytes(), vec![0xff; max]].concat();
    let page = Server::new(vec![wrong]).get("/").unwrap();
    assert!(page.is_cut && page.body.len() <= max && page.body.ends_with('\u{fffd}'));
}

#[test]
fn a_request_says_who_asks_and_for_what() {
    let server = Server::new(vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec()]);
    server.get("/a b?c=d#e").unwrap();
    let request = server.request();
    let expect = format!(
        "GET /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: opsbro/{}\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n\r\n",
        server.port,
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(request, expect);
}

#[test]
fn credentials_go_into_the_request_and_nowhere_else() {
    for (plain, coded) in [("a:b", "YTpi"), ("ab:c", "YWI6Yw=="), ("a:bcd", "YTpiY2Q=")] {
        let server = Server::new(vec![b"nonsense\r\n".to_vec()]);
        let url = format!("http://{plain}@127.0.0.1:{}/", server.port);
        let error = url_get(&Host::real(), &url, Deadline::after(LONG))
            .unwrap_err()
            .to_string();
        assert!(!error.contains(plain), "{error}");
        let request = server.request();
        assert!(
            request.contains(&format!("\r\nAuthorization: Basic {coded}\r\n")),
            "{request}"
        );
    }
}

#[test]
fn redirects_are_followed_so_far() {
    let to = |code: u16, location: &str| {
        format!("HTTP/1.1 {code} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
            .into_bytes()
    };
    let end = b"HTTP/1.1 200 OK\r\n\r\nend".to_vec();
    let codes = [301, 302, 303, 307, 308];
    let mut answers: Vec<_> = codes.iter().map(|code| to(*code, "next?x")).collect();
    answers.push(end.clone());
    let server = Server::new(answers);
    assert_eq!(server.get("/a/first").unwrap().body, "end");
    assert!(server.request().starts_with("GET /a/first HTTP"));
    assert!(server.request().starts_with("GET /a/next?x HTTP"));

    let server = Server::new(vec![to(302, "/again"); 9]);
    let error = server.get("/first").unwrap_err();
    assert!(
        error.ends_with("/first redirects more than 5 times"),
        "{error}"
    );

    let server = Server::new(vec![to(302, "ftp://x/")]);
    let error = server.get("/").unwrap_err();
    assert_eq!(error, "\"ftp://x/\" is no URL of http:// or https://");

    let elsewhere = Server::new(vec![end]);
    let server = Server::new(vec![to(
        302,
        &format!("http://127.0.0.1:{}/", elsewhere.port),
    )]);
    let url = format!("http://me:secret@127.0.0.1:{}/", server.port);
    url_get(&Host::real(), &url, Deadline::after(LONG)).unwrap();
    assert!(server.request().contains("Authorization"));
    assert!(!elsewhere.request().contains("Authorization"));

    let server = Server::new(vec![to(304, "/x")]);
    assert_eq!(server.get("/").unwrap().status, 304);
}

#[test]
fn a_server_that_is_silent_or_slow_is_given_up() {
    let silent = Server::serving(vec![Vec::new()], |mut stream, _| {
        read_request(&mut stream);
        read_request(&mut stream)
    });
    let start = Instant::now();
    let error = silent
        .get_within("/", Duration::from_millis(100))
        .unwrap_err();
    assert!(error.starts_with("reading http://127.0.0.1:"), "{error}");
    assert!(error.ends_with("took longer than 100ms"), "{error}");
    // Each byte comes in time, all of them never do.
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n".to_vec();
    let drip = Server::serving(vec![head], |mut stream, head| {
        let request = read_request(&mut stream);
        stream
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        stream.write_all(&head).unwrap();
        // The client says nothing more, so each read takes its whole time.
        while stream.write_all(b"x").is_ok() && !matches!(stream.read(&mut [0]), Ok(0)) {}
        request
    });
    let error = drip
        .get_within("/", Duration::from_millis(100))
        .unwrap_err();
    assert!(error.ends_with("took longer than 100ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn nobody_there_is_an_error_with_the_reason() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}/");
    let error = url_get(&Host::real(), &url, Deadline::after(LONG))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        format!("cannot connect to 127.0.0.1 port {port}: connection refused")
    );
}

#[test]
fn a_page_is_a_map_for_expressions() {
    let page = Page {
        status: 200,
        body: "x".to_owned(),
        is_cut: false,
    }
    .to_value();
    assert_eq!(page.get("status"), Some(&Value::from(200)));
    assert_eq!(page.get("body"), Some(&Value::from("x")));
    assert_eq!(page.get("is_cut"), Some(&Value::from(false)));
}

/// Reads a request with the body that it says it has.
fn read_whole(stream: &mut impl Read) -> String {
    let mut request = read_request(stream);
    let length = request
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    request.push_str(&String::from_utf8(body).unwrap());
    request
}

fn answering(answers: Vec<Vec<u8>>) -> Server {
    Server::serving(answers, |mut stream, answer| {
        let request = read_whole(&mut stream);
        let _ = stream.write_all(&answer);
        request
    })
}

fn send_to(request: &Request<'_>) -> Result<Response, String> {
    http_send(&Host::real(), request, Deadline::after(LONG)).map_err(|error| error.to_string())
}

#[test]
fn a_body_and_headers_are_handed_over_as_given() {
    let answer = b"HTTP/1.1 201 Created\r\nRetry-After:  7 \r\nX: 1\r\nx: 2\r\n\r\nmade".to_vec();
    let server = answering(vec![answer]);
    let url = format!("http://127.0.0.1:{}/things?a=b", server.port);
    let mut request = Request::new(Method::Post, &url)
        .header("Content-Type", "application/json")
        .header("User-Agent", "me");
    request.basic = Some(("me", Secret::new("secret")));
    request.body = "{\"é\":1}".as_bytes();
    request.answer_bytes_max = 3;
    let response = send_to(&request).unwrap();
    let expect = format!(
        "POST /things?a=b HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\nContent-Length: 8\r\n\
         Content-Type: application/json\r\nUser-Agent: me\r\n\
         Authorization: Basic bWU6c2VjcmV0\r\n\r\n{{\"é\":1}}",
        server.port
    );
    assert_eq!(server.request(), expect);
    assert_eq!(
        (response.status, response.text().as_str(), response.is_cut),
        (201, "mad", true)
    );
    assert_eq!(response.header("retry-after"), Some("7"));
    assert_eq!(response.header("X"), Some("1"));
    assert_eq!(response.headers.len(), 3);
    let Timing {
        connected,
        secured,
        answered,
        whole,
    } = response.timing;
    assert!(connected == secured && secured <= answered && answered <= whole);
}

#[test]
fn a_head_has_no_body_and_an_empty_post_says_so() {
    let server = answering(vec![
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n".to_vec(),
        b"HTTP/1.1 204 None\r\n\r\n".to_vec(),
    ]);
    let url = format!("http://127.0.0.1:{}/", server.port);
    assert_eq!(
        send_to(&Request::new(Method::Head, &url)).unwrap().status,
        200
    );
    assert!(server.request().starts_with("HEAD / "));
    assert_eq!(
        send_to(&Request::new(Method::Post, &url)).unwrap().status,
        204
    );
    assert!(server.request().contains("\r\nContent-Length: 0\r\n"));
}

#[test]
fn nothing_in_a_header_can_begin_another() {
    let refused = |name: &'static str, value: &str| {
        let request = Request::new(Method::Get, "http://127.0.0.1:1/").header(name, value);
        send_to(&request).unwrap_err()
    };
    for value in ["a\r\nX: b", "a\nb", "a\rb", "a\0b"] {
        let error = refused("X", value);
        let expect = "\"X\" has a value with a line break or another control character";
        assert_eq!(error, expect);
    }
    for name in ["", "a b", "a:", "a\r\nb", "é"] {
        let error = refused(name, "x");
        assert!(
            error.ends_with("is no name of a header: letters, digits and - are"),
            "{error}"
        );
    }
    let error = refused("content-length", "7");
    assert!(
        error.ends_with("a header that the agent sets itself: leave it out"),
        "{error}"
    );
}

#[test]
fn a_redirect_keeps_the_method_only_where_it_says_so() {
    let to = |code: u16, location: &str| {
        format!("HTTP/1.1 {code} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
            .into_bytes()
    };
    let end = b"HTTP/1.1 200 OK\r\n\r\nend".to_vec();
    for (code, method) in [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
        let server = answering(vec![to(code, "/next"), end.clone()]);
        let url = format!("http://127.0.0.1:{}/", server.port);
        let mut request = Request::new(Method::Post, &url)
            .header("Content-Type", "text/plain")
            .header("X-Token", "t");
        request.body = b"body";
        let response = send_to(&request).unwrap();
        assert_eq!((response.status, response.redirects), (200, 1));
        assert!(server.request().starts_with("POST / "));
        let second = server.request();
        assert!(second.starts_with(&format!("{method} /next ")), "{second}");
        assert_eq!(
            second.ends_with("\r\n\r\nbody"),
            method == "POST",
            "{second}"
        );
        assert_eq!(
            second.contains("Content-Type"),
            method == "POST",
            "{second}"
        );
        assert!(second.contains("X-Token: t"), "{second}");
    }
    let elsewhere = answering(vec![end]);
    let server = answering(vec![to(
        307,
        &format!("http://127.0.0.1:{}/", elsewhere.port),
    )]);
    let url = format!("http://127.0.0.1:{}/", server.port);
    let mut request = Request::new(Method::Get, &url).header("X-Token", "t");
    request.basic = Some(("me", Secret::new("secret")));
    send_to(&request).unwrap();
    let second = elsewhere.request();
    assert!(
        !second.contains("X-Token") && !second.contains("Authorization"),
        "{second}"
    );

    for code in [307, 308] {
        let place = format!("http://localhost:{}/there", elsewhere.port);
        let server = answering(vec![to(code, &place)]);
        let url = format!("http://127.0.0.1:{}/", server.port);
        let mut request = Request::new(Method::Post, &url);
        request.body = b"password=x";
        let error = send_to(&request).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("has moved to {place}: set the new address")),
            "{error}"
        );
    }

    let server = answering(vec![to(301, "/next")]);
    let url = format!("http://127.0.0.1:{}/", server.port);
    let mut request = Request::new(Method::Get, &url);
    request.redirects_max = 0;
    let response = send_to(&request).unwrap();
    assert_eq!(
        (response.status, response.header("location")),
        (301, Some("/next"))
    );
}

#[test]
fn a_path_that_is_a_token_is_never_shown() {
    let server = answering(vec![b"nonsense\r\n".to_vec()]);
    let to = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://a b/{}\r\n\r\n",
        "hooks/token"
    );
    let moving = answering(vec![to.into_bytes()]);
    for url in [
        format!("http://127.0.0.1:{}/hooks/token", server.port),
        format!("http://127.0.0.1:{}/hooks/token", moving.port),
        "http://127.0.0.1:x/hooks/token".to_owned(),
        "127.0.0.1/hooks/token".to_owned(),
        "hooks-token".to_owned(),
    ] {
        let mut request = Request::new(Method::Get, &url);
        request.is_path_secret = true;
        let error = send_to(&request).unwrap_err();
        assert!(
            !error.contains("token") && !format!("{request:?}").is_empty(),
            "{error}"
        );
    }
}

#[test]
fn a_unix_socket_is_spoken_to_by_the_same_means() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").unwrap();
        request
    });
    let mut request = Request::new(Method::Get, "http://docker/version");
    request.unix_socket = path.to_str();
    assert_eq!(send_to(&request).unwrap().text(), "hello");
    assert!(
        server
            .join()
            .unwrap()
            .starts_with("GET /version HTTP/1.1\r\nHost: docker\r\n")
    );
    let error = send_to(&request).unwrap_err();
    assert!(
        error.starts_with("cannot connect to ") && error.ends_with("refused"),
        "{error}"
    );
    request.unix_socket = Some("/nowhere/socket");
    let error = send_to(&request).unwrap_err();
    assert_eq!(
        error,
        "cannot connect to /nowhere/socket: no such file or directory"
    );
}
