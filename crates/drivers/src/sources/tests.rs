//! Servers as they should be, and as they are: silent, slow, endless, gone.

#![expect(
    clippy::disallowed_methods,
    reason = "a test writes the files that are read"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use model::Secret;

use super::*;

const LONG: Duration = Duration::from_secs(60);
/// A time box that is over soon; what ends within [`LONG`] of it has honoured it.
const SHORT: Duration = Duration::from_millis(300);

/// Serves each connection by a function, in a thread that ends with its listener's last client.
fn serve(talk: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || talk(stream));
        }
    });
    address
}

/// Accepts and never says a word, until the other side hangs up.
fn silent(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Says a byte now and then, for ever.
fn slow(mut stream: TcpStream) {
    stream.set_read_timeout(Some(SHORT / 10)).unwrap();
    // The read waits and takes what was asked; when it ends the other side is gone.
    let mut buffer = [0; 1024];
    loop {
        if stream.write_all(b"\x01").is_err() || matches!(stream.read(&mut buffer), Ok(0)) {
            return;
        }
    }
}

/// Says more than anybody wants to hear.
fn endless(mut stream: TcpStream) {
    let junk = vec![b'x'; 64 << 10];
    for _ in 0..(100 << 20) / junk.len() {
        if stream.write_all(&junk).is_err() {
            return;
        }
    }
}

fn gone(stream: TcpStream) {
    drop(stream);
}

/// Every source that speaks to a server, asking the one at an address.
fn requests(address: &str) -> Vec<Request> {
    let sql = |engine| {
        Request::Sql(Sql {
            engine,
            address: address.to_owned(),
            socket: String::new(),
            user: "u".to_owned(),
            password: Secret::new("p"),
            database: String::new(),
            queries: vec![("one".to_owned(), "select 1".to_owned())],
        })
    };
    vec![
        tcp(address, Until::Close),
        tcp(address, Until::Text("END\r\n".to_owned())),
        http(address),
        sql(Engine::Mysql),
        sql(Engine::Postgresql),
    ]
}

fn tcp(address: &str, until: Until) -> Request {
    Request::Tcp(Tcp {
        address: address.to_owned(),
        send: "stats\r\n".to_owned(),
        until,
    })
}

fn http(address: &str) -> Request {
    Request::Http(Http {
        url: format!("http://{address}/status"),
        headers: Vec::new(),
        user: String::new(),
        password: Secret::new(""),
        body: None,
    })
}

fn ask_within(request: &Request, time_box: Duration) -> Result<Answer, Trouble> {
    collect(&Host::real(), request, Deadline::after(time_box))
}

fn ask(request: &Request) -> Result<Answer, Trouble> {
    ask_within(request, LONG)
}

/// Asks a server by every source; each must fail in time, and say what happened.
#[track_caller]
fn check(talk: fn(TcpStream), time_box: Duration, expect: &[&str]) {
    let address = serve(talk);
    for request in requests(&address) {
        let start = Instant::now();
        let error = ask_within(&request, time_box).unwrap_err().to_string();
        assert!(start.elapsed() < time_box + LONG / 4, "{request:?}");
        assert!(error.contains(&address), "{error}");
        assert!(
            expect.iter().any(|expect| error.contains(expect)),
            "{error} for {request:?}"
        );
    }
}

#[test]
fn a_server_that_never_answers_costs_its_time_box() {
    check(silent, SHORT, &["took longer than 300ms"]);
}

#[test]
fn a_server_that_says_a_byte_now_and_then_costs_its_time_box() {
    // To PostgreSQL four such bytes announce 16 MiB.
    check(slow, SHORT, &["took longer than 300ms", "more than 4 MiB"]);
}

#[test]
fn a_server_that_never_ends_is_cut_off() {
    check(endless, LONG, &["more than 4 MiB", "gave no page", "greet"]);
}

#[test]
fn a_server_that_closes_at_once_is_told() {
    let words = ["closed", "reset", "ended before", "broken pipe"];
    check(gone, LONG, &words);
}

#[test]
fn a_port_where_nobody_listens_is_told() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for request in requests(&address) {
        let error = ask(&request).unwrap_err().to_string();
        assert!(error.contains("connection refused"), "{error}");
    }
}

#[test]
fn what_a_server_says_before_it_hangs_up_counts() {
    let address = serve(|mut stream| {
        // What was told and not read makes the end of the connection a reset.
        stream.peek(&mut [0]).unwrap();
        stream.write_all(b"-DENIED go away\r\n").unwrap();
    });
    let expect = Answer::Bytes(b"-DENIED go away\r\n".to_vec());
    assert_eq!(ask(&tcp(&address, Until::Close)).unwrap(), expect);
}

#[test]
fn an_answer_is_whole_at_its_end_or_at_a_text() {
    let address = serve(|mut stream| {
        let mut asked = [0; 7];
        stream.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"stats\r\n");
        for part in ["STAT a 1\r\nEN", "D\r", "\n"] {
            stream.write_all(part.as_bytes()).unwrap();
        }
    });
    let expect = Answer::Bytes(b"STAT a 1\r\nEND\r\n".to_vec());
    let end = || Until::Text("END\r\n".to_owned());
    assert_eq!(ask(&tcp(&address, end())).unwrap(), expect);
    assert_eq!(ask(&tcp(&address, Until::Close)).unwrap(), expect);
    let never = tcp(&address, Until::Text("OVER".to_owned()));
    let error = ask(&never).unwrap_err().to_string();
    assert!(
        error.ends_with("closed after 15 bytes, before it said \"OVER\""),
        "{error}"
    );
}

#[test]
fn a_unix_socket_is_talked_to_and_told_when_it_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.sock");
    let path = path.to_str().unwrap().to_owned();
    let request = Request::Unix(Unix {
        path: path.clone(),
        send: "show info\n".to_owned(),
        until: Until::Close,
    });
    let error = ask(&request).unwrap_err().to_string();
    let expect =
        format!("{path} is no socket: the server does not run, or has its socket elsewhere");
    assert_eq!(error, expect);
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 10];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"Name: x\n").unwrap();
    });
    assert_eq!(ask(&request).unwrap(), Answer::Bytes(b"Name: x\n".to_vec()));
    server.join().unwrap();
}

#[test]
fn addresses_are_taken_apart_or_refused() {
    let apart = |text| stream::host_and_port(text).map_err(|error| error.to_string());
    assert_eq!(apart("localhost:6379"), Ok(("localhost", 6379)));
    assert_eq!(apart("[::1]:6379"), Ok(("::1", 6379)));
    for broken in ["", "localhost", ":1", "x:0", "x:70000", "::1:6379", "x:"] {
        assert!(apart(broken).is_err(), "{broken}");
    }
}

#[test]
fn what_a_status_means_is_told() {
    for (status, kind, words) in [
        ("401 No", "configuration", "is not for nobody (status 401)"),
        ("403 No", "configuration", "is not for nobody (status 403)"),
        ("404 No", "configuration", "the server has no page"),
        ("500 No", "failed", "was answered with status 500"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let trouble = ask(&http(&address)).unwrap_err();
        server.join().unwrap();
        let is_configuration = matches!(trouble, Trouble::MissingConfiguration { .. });
        assert_eq!(is_configuration, kind == "configuration", "{status}");
        assert!(trouble.to_string().contains(words), "{trouble}");
    }
}

#[test]
fn user_headers_and_body_are_sent_and_an_empty_user_is_none() {
    let address = serve(|mut stream| {
        let mut request = String::new();
        let mut byte = [0];
        let end = |request: &str| {
            let end = if request.starts_with("GET") {
                "\r\n\r\n"
            } else {
                "{}"
            };
            request.ends_with(end)
        };
        while !end(&request) {
            stream.read_exact(&mut byte).unwrap();
            request.push(char::from(byte[0]));
        }
        let answer = format!("HTTP/1.0 200 OK\r\n\r\n{request}");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let text = |request: &Request| match ask(request).unwrap() {
        Answer::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let plain = text(&http(&address));
    assert!(plain.starts_with("GET /status HTTP/1.1\r\n"), "{plain}");
    assert!(!plain.contains("Authorization"), "{plain}");
    let sent = text(&Request::Http(Http {
        url: format!("http://{address}/status"),
        headers: vec![("X-Token".to_owned(), Secret::new("t"))],
        user: "u".to_owned(),
        password: Secret::new("p"),
        body: Some("{}".to_owned()),
    }));
    assert!(sent.starts_with("POST /status HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("X-Token: t\r\n"), "{sent}");
    assert!(sent.contains("Authorization: Basic dTpw\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n{}"), "{sent}");
}

fn command(arguments: &[&str], shell: bool) -> Request {
    Request::Command(Command {
        arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
        shell,
        environment: vec![("WORD".to_owned(), Secret::new("x y"))],
        exit_codes: vec![0],
    })
}

#[test]
fn a_program_gives_what_it_prints_and_tells_why_not() {
    let said = |request: &Request| match ask(request) {
        Ok(Answer::Bytes(bytes)) => String::from_utf8(bytes).unwrap(),
        Ok(other) => panic!("{other:?}"),
        Err(trouble) => format!("{}: {trouble}", kind(&trouble)),
    };
    assert_eq!(said(&command(&["echo", "$HOME; x"], false)), "$HOME; x\n");
    assert_eq!(said(&command(&["echo a | tr a b"], true)), "b\n");
    assert_eq!(said(&command(&["echo \"$WORD\""], true)), "x y\n");
    assert_eq!(
        said(&command(&["echo no >&2; exit 3"], true)),
        "failed: the shell ended with code 3: no"
    );
    let missing = said(&command(&["no-such-program"], false));
    assert!(
        missing.starts_with("not eligible: there is no program \"no-such-program\""),
        "{missing}"
    );
    let huge = said(&command(&["head", "-c", "9000000", "/dev/zero"], false));
    assert_eq!(
        huge,
        "failed: the answer of head is more than 4 MiB: ask for less of it"
    );
    let start = Instant::now();
    let endless = ask_within(&command(&["sleep", "1000"], false), SHORT).unwrap_err();
    assert_eq!(endless.to_string(), "running sleep took longer than 300ms");
    assert!(start.elapsed() < LONG / 2);
    let plugin = Request::Command(Command {
        arguments: vec!["echo CRITICAL; exit 2".to_owned()],
        shell: true,
        environment: Vec::new(),
        exit_codes: vec![0, 1, 2, 3],
    });
    assert_eq!(said(&plugin), "CRITICAL\n");
}

fn kind(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::NotEligible { .. } => "not eligible",
        Trouble::MissingConfiguration { .. } => "missing configuration",
        Trouble::Failed(_) => "failed",
    }
}

#[test]
fn a_link_of_somebody_else_shows_no_file_of_root() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    let at = |path: &str| folder.path().join(path);
    for path in ["etc", "data/own", "data/theirs"] {
        std::fs::create_dir_all(at(path)).unwrap();
    }
    std::fs::write(at("etc/shadow.stats"), "secret").unwrap();
    std::fs::write(at("data/theirs/real.stats"), "1").unwrap();
    let link = |to: &str, path: &str| std::os::unix::fs::symlink(to, at(path)).unwrap();
    link("../../etc/shadow.stats", "data/own/link.stats");
    link("../../etc/shadow.stats", "data/theirs/link.stats");
    link("../../etc", "data/theirs/folder");
    std::fs::hard_link(at("etc/shadow.stats"), at("data/theirs/name.stats")).unwrap();
    for (path, mode) in [
        ("etc", 0o755),
        ("data", 0o755),
        ("data/own", 0o755),
        ("data/theirs", 0o777),
    ] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(at(path), mode).unwrap();
    }
    let read = |path: &str| {
        let path = path.to_owned();
        collect(&host, &Request::File(File { path }), Deadline::after(LONG))
    };
    let secret = Answer::Bytes(b"secret".to_vec());
    assert_eq!(
        read("/data/own/link.stats").unwrap(),
        secret,
        "a link of root"
    );
    for (path, why) in [
        (
            "/data/theirs/link.stats",
            "behind a link that others could make",
        ),
        (
            "/data/theirs/l*.stats",
            "behind a link that others could make",
        ),
        ("/data/theirs/name.stats", "has several names"),
        ("/data/theirs/folder/shadow.stats", "behind a link"),
        ("/data/theirs/f*/shadow.stats", "behind a link"),
    ] {
        let error = read(path).unwrap_err().to_string();
        assert!(error.contains(why), "{path}: {error}");
    }
    let real = vec![("/data/theirs/real.stats".to_owned(), b"1".to_vec())];
    assert_eq!(read("/data/theirs/*.stats").unwrap(), Answer::Files(real));
}

#[test]
fn files_are_read_by_path_and_by_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    for (path, text) in [
        ("etc/a/x.conf", "1"),
        ("etc/b/x.conf", "2"),
        ("etc/b/.hidden.conf", "3"),
        ("etc/c", "4"),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let read = |path: &str| {
        let request = Request::File(File {
            path: path.to_owned(),
        });
        collect(&host, &request, Deadline::after(LONG))
    };
    assert_eq!(read("/etc/c").unwrap(), Answer::Bytes(b"4".to_vec()));
    let files = |names: &[(&str, &str)]| {
        let files = names.iter();
        Answer::Files(
            files
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
        )
    };
    assert_eq!(
        read("/etc/*/*.conf").unwrap(),
        files(&[("/etc/a/x.conf", "1"), ("/etc/b/x.conf", "2")])
    );
    assert_eq!(read("/*/c").unwrap(), files(&[("/etc/c", "4")]));
    for absent in ["/etc/d", "/etc/*.d/x", "/nowhere/*"] {
        let trouble = read(absent).unwrap_err();
        assert_eq!(kind(&trouble), "not eligible", "{absent}");
        assert_eq!(trouble.to_string(), format!("there is no file {absent}"));
    }
    for broken in ["etc/*", "etc/c"] {
        assert_eq!(kind(&read(broken).unwrap_err()), "failed", "{broken}");
    }
    let many = folder.path().join("many");
    std::fs::create_dir(&many).unwrap();
    for index in 0..300 {
        std::fs::write(many.join(index.to_string()), "x").unwrap();
    }
    let error = read("/many/*").unwrap_err().to_string();
    assert!(error.contains("more than 256 files"), "{error}");
    std::fs::write(many.join("large"), vec![b'x'; SOURCE_BYTES_MAX + 1]).unwrap();
    for path in ["/many/large", "/many/l*"] {
        let error = read(path).unwrap_err().to_string();
        assert!(error.contains("more than 4"), "{error}");
    }
}
