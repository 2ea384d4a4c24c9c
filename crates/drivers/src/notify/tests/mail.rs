//! Mail against servers that follow a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, sync_channel};

use rustls::{ServerConnection, StreamOwned};

use super::recorder::tls_server;
use super::*;

/// What a server says to a line; an empty text hangs up.
type Script = fn(&str) -> &'static str;

/// A mail server of one connection; it gives all that it heard.
struct Server {
    port: u16,
    heard: Receiver<String>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Server {
    fn new(script: Script) -> Self {
        Self::serving(move |stream| {
            let mut heard = String::new();
            talk(stream, script, &mut heard);
            heard
        })
    }

    /// Speaks TLS from the first byte, or when it is asked to.
    fn with_tls(at_once: bool, script: Script) -> Self {
        Self::serving(move |mut stream| {
            let mut heard = String::new();
            if !at_once && !talk(&mut stream, script, &mut heard) {
                return heard;
            }
            let connection = ServerConnection::new(tls_server()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            heard.push_str("[TLS]\n");
            if at_once {
                talk(stream, script, &mut heard);
            } else {
                commands(&mut stream, script, &mut heard);
            }
            heard
        })
    }

    fn serving(serve: impl FnOnce(TcpStream) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tx, heard) = sync_channel(1);
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let _ = tx.send(serve(stream));
        });
        Self { port, heard }
    }

    fn address(&self) -> Value {
        text(format!("localhost:{}", self.port))
    }

    #[track_caller]
    fn heard(&self) -> String {
        self.heard.recv_timeout(LONG).unwrap()
    }
}

/// Greets and follows the script; true when TLS is to be spoken from here.
fn talk(mut stream: impl Stream, script: Script, heard: &mut String) -> bool {
    stream.write_all(script("").as_bytes()).is_ok() && commands(stream, script, heard)
}

fn commands(stream: impl Stream, script: Script, heard: &mut String) -> bool {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        heard.push_str(&line);
        let said = script(line.trim_end());
        if said.is_empty() || reader.get_mut().write_all(said.as_bytes()).is_err() {
            return false;
        }
        if line.starts_with("STARTTLS") && said.starts_with('2') {
            return true;
        }
        if said.starts_with("354") {
            while !heard.ends_with("\r\n.\r\n") {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return false;
                }
                heard.push_str(&line);
            }
            let _ = reader.get_mut().write_all(script("[end]").as_bytes());
        }
        if line.starts_with("QUIT") {
            return false;
        }
    }
}

/// A server that takes everything.
fn kind(line: &str) -> &'static str {
    match line.split([' ', ':']).next().unwrap_or_default() {
        "" => "220 mx.example.com ESMTP\r\n",
        "EHLO" => "250-mx.example.com\r\n250-SIZE 100\r\n250 8BITMIME\r\n",
        "DATA" => "354 go on\r\n",
        "[end]" => "250 2.0.0 Ok: queued as ABC1\r\n",
        _ => "250 2.1.0 Ok\r\n",
    }
}

fn with_starttls(line: &str) -> &'static str {
    match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-mx\r\n250-STARTTLS\r\n250 AUTH LOGIN PLAIN\r\n",
        "STARTTLS" => "220 go\r\n",
        "AUTH" => "235 welcome\r\n",
        _ => kind(line),
    }
}

fn to(server: &Server) -> [(&'static str, Value); 3] {
    [
        ("server", server.address()),
        (
            "to",
            Value::list(["Öps <ops@example.com>", "night@example.com"].map(text)),
        ),
        ("from", text("OpsBro <opsbro@example.com>")),
    ]
}

fn with<const N: usize>(server: &Server, more: [(&str, Value); N]) -> BTreeMap<Arc<str>, Value> {
    let mut all = options(to(server));
    all.extend(options(more));
    all
}

fn authority() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/tls/ca.pem"
    );
    text(std::fs::canonicalize(path).unwrap().to_str().unwrap())
}

#[test]
fn a_mail_has_its_headers_and_both_forms() {
    let server = Server::new(kind);
    let receipt = send_to("mail", &with(&server, []), &problem()).unwrap();
    let expect = format!(
        "taken by localhost:{}: 250 2.0.0 Ok: queued as ABC1",
        server.port
    );
    assert_eq!(receipt.text, expect);
    let heard = server.heard();
    for line in [
        "MAIL FROM:<opsbro@example.com>\r\nRCPT TO:<ops@example.com>\r\n",
        "RCPT TO:<night@example.com>\r\nDATA\r\n",
        "\r\nFrom: OpsBro <opsbro@example.com>\r\n",
        "night@example.com\r\n",
        "\r\nDate: Fri, 20 Nov 2026 22:40:45 +0000\r\n",
        "\r\nAuto-Submitted: auto-generated\r\n",
        "\r\nX-OpsBro-Id: n-1\r\n",
        "\r\nContent-Type: multipart/alternative;",
        "\r\nContent-Type: text/plain; charset=utf-8\r\n",
        "connection refused\r\nsince *noon* & <b>\r\n",
        "\r\nContent-Type: text/html; charset=utf-8\r\n",
        "<p>connection refused</p>",
        "\r\n.\r\nQUIT\r\n",
    ] {
        assert!(heard.contains(line), "{line:?} is missing in {heard}");
    }
    assert!(
        !heard.contains('é') && heard.contains("=?utf-8?"),
        "{heard}"
    );
    let id = |heard: &str| {
        let line = heard.lines().find(|line| line.starts_with("Message-ID: "));
        line.unwrap().to_owned()
    };
    // A second try has the same identity, another notice another one, of the same thread.
    let again = Server::new(kind);
    send_to("mail", &with(&again, []), &problem()).unwrap();
    assert_eq!(id(&again.heard()), id(&heard));
    let other = Server::new(kind);
    send_to("mail", &with(&other, []), &recovery()).unwrap();
    let other = other.heard();
    assert_ne!(id(&other), id(&heard));
    let thread = heard
        .lines()
        .find(|line| line.starts_with("References: "))
        .unwrap();
    assert!(other.contains(thread), "{thread} is missing in {other}");
}

#[test]
fn nothing_in_a_notice_can_add_a_header_or_a_recipient() {
    let server = Server::new(kind);
    let evil = "x\r\nBcc: evil@example.org\r\n\r\n.\r\nRCPT TO:<evil@example.org>\r\n";
    let notice = Notice {
        id: Arc::from(evil),
        title: evil.to_owned(),
        text: format!("{evil}.\n.\r.\n"),
        html: None,
        state: Arc::from(evil),
        ..problem()
    };
    send_to("mail", &with(&server, []), &notice).unwrap();
    let heard = server.heard();
    let (commands, mail) = heard.split_once("DATA\r\n").unwrap();
    assert_eq!(commands.matches("RCPT TO").count(), 2);
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(body.ends_with("\r\n.\r\nQUIT\r\n"), "{body}");
    assert_eq!(body.matches("\r\n.\r\n").count(), 1, "{body}");
    for wrong in [
        "evil@example.org\r\nDATA",
        "a b",
        "<>",
        "x@",
        "a@b>\r\nRCPT TO:<c@d",
    ] {
        let server = Server::new(kind);
        for option in ["to", "from"] {
            let given = with(&server, [(option, text(wrong))]);
            let failure = send_to("mail", &given, &problem()).unwrap_err();
            assert_eq!(failure.retry, Retry::Never);
            assert!(failure.message.contains("which is no address"), "{failure}");
            assert!(!failure.message.contains('\n'), "{failure}");
        }
    }
}

#[test]
fn a_long_mail_is_cut() {
    let server = Server::new(kind);
    let notice = Notice {
        title: "é".repeat(1 << 20),
        text: "línea de salida\n".repeat(100_000),
        html: Some("x".repeat(2 << 20)),
        ..problem()
    };
    send_to("mail", &with(&server, []), &notice).unwrap();
    let heard = server.heard();
    assert!(heard.len() < 1 << 20, "{}", heard.len());
    assert!(heard.lines().all(|line| line.len() <= 998));
}

#[test]
fn tls_is_spoken_as_it_is_wanted() {
    let password = || [("user", text("me")), ("password", text("s3cret"))];
    let word = "AUTH PLAIN AG1lAHMzY3JldA==";
    // By STARTTLS, with a certificate that must be good since a password follows.
    let server = Server::with_tls(false, with_starttls);
    let mut given = with(&server, password());
    given.extend(options([("ca_file", authority())]));
    send_to("mail", &given, &problem()).unwrap();
    let heard = server.heard();
    let (clear, hidden) = heard.split_once("[TLS]\n").unwrap();
    assert!(
        !clear.contains("AUTH") && clear.contains("STARTTLS"),
        "{clear}"
    );
    assert!(
        hidden.contains(word) && hidden.contains("MAIL FROM"),
        "{hidden}"
    );
    // From the first byte.
    let server = Server::with_tls(true, with_starttls);
    let more = [("tls", Value::Bool(true)), ("ca_file", authority())];
    send_to("mail", &with(&server, more), &problem()).unwrap();
    assert!(server.heard().starts_with("[TLS]\nEHLO "));
    // Without a password any certificate is better than none.
    let server = Server::with_tls(false, with_starttls);
    send_to("mail", &with(&server, []), &problem()).unwrap();
    assert!(server.heard().contains("[TLS]\n"));
    // Unless it must be a good one.
    for more in [options([("tls", text("starttls"))]), options(password())] {
        let server = Server::with_tls(false, with_starttls);
        let mut given = with(&server, []);
        given.extend(more);
        let failure = send_to("mail", &given, &problem()).unwrap_err();
        assert_eq!(failure.retry, Retry::Later);
        let heard = server.heard();
        assert!(
            !heard.contains("MAIL") && !heard.contains("AUTH"),
            "{heard}"
        );
    }
}

#[test]
fn a_password_is_not_sent_in_the_clear_unless_told_to() {
    let password = || [("user", text("me")), ("password", text("s3cret"))];
    let server = Server::new(kind);
    let failure = send_to("mail", &with(&server, password()), &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    assert!(
        failure.message.contains("is not sent in the clear"),
        "{failure}"
    );
    let plain: Script = |line| match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-mx\r\n250-AUTH=LOGIN\r\n250 AUTH LOGIN\r\n",
        "AUTH" => "334 VXNlcm5hbWU6\r\n",
        "bWU=" => "334 UGFzc3dvcmQ6\r\n",
        "czNjcmV0" => "235 welcome\r\n",
        _ => kind(line),
    };
    let server = Server::new(plain);
    let mut given = with(&server, password());
    given.extend(options([("tls", text("none"))]));
    send_to("mail", &given, &problem()).unwrap();
    assert!(
        server
            .heard()
            .contains("AUTH LOGIN\r\nbWU=\r\nczNjcmV0\r\nMAIL")
    );
    let refusing: Script = |line| match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-mx\r\n250 AUTH PLAIN\r\n",
        "AUTH" => "535 5.7.8 bad AG1lAHMzY3JldA== s3cret\r\n",
        _ => kind(line),
    };
    let server = Server::new(refusing);
    let mut given = with(&server, password());
    given.extend(options([("tls", text("none"))]));
    let failure = send_to("mail", &given, &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    assert!(
        failure.message.contains("refuses the password: 535"),
        "{failure}"
    );
    assert!(!failure.message.contains("s3cret"), "{failure}");
}

#[test]
fn a_code_says_whether_to_try_again() {
    let busy: Script = |line| match line {
        "" => "421 4.3.2 too busy\r\n",
        _ => kind(line),
    };
    let greylisting: Script = |line| match line.split(':').next().unwrap_or_default() {
        "RCPT TO" => "451 4.7.1 try later\r\n",
        _ => kind(line),
    };
    let closed: Script = |line| match line.split(':').next().unwrap_or_default() {
        "RCPT TO" => "550 5.7.1 relaying denied\r\n",
        _ => kind(line),
    };
    let full: Script = |line| match line {
        "[end]" => "552 5.3.4 too large\r\n",
        _ => kind(line),
    };
    let vanishing: Script = |line| match line {
        "DATA" => "",
        _ => kind(line),
    };
    for (script, retry, words) in [
        (
            busy,
            Retry::Later,
            "refuses its greeting: 421 4.3.2 too busy",
        ),
        (
            greylisting,
            Retry::Later,
            "refuses the recipient ops@example.com: 451 4.7.1 try later",
        ),
        (
            closed,
            Retry::Never,
            "refuses the recipient ops@example.com: 550 5.7.1 relaying denied",
        ),
        (full, Retry::Never, "refuses the mail: 552 5.3.4 too large"),
        (vanishing, Retry::Later, "hangs up"),
    ] {
        let server = Server::new(script);
        let failure = send_to("mail", &with(&server, []), &problem()).unwrap_err();
        assert_eq!(failure.retry, retry, "{failure}");
        assert!(failure.message.ends_with(words), "{failure}");
    }
    let half: Script = |line| match line {
        "RCPT TO:<night@example.com>" => "550 nobody\r\n",
        _ => kind(line),
    };
    let server = Server::new(half);
    let receipt = send_to("mail", &with(&server, []), &problem()).unwrap();
    assert!(
        receipt
            .text
            .starts_with("not for night@example.com; taken by "),
        "{receipt:?}"
    );
}

#[test]
fn servers_are_tried_in_order() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let good = Server::new(kind);
    let mut given = with(&good, []);
    let list = Value::list([text(closed.to_string()), good.address()]);
    given.extend(options([("server", list)]));
    send_to("mail", &given, &problem()).unwrap();
    given.extend(options([(
        "server",
        Value::list([text(closed.to_string())]),
    )]));
    let failure = send_to("mail", &given, &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Later);
    given.extend(options([("server", text("localhost:many"))]));
    let failure = send_to("mail", &given, &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
}

#[test]
fn a_server_that_does_not_behave_is_given_up() {
    let endless_line: fn(TcpStream) -> String = |mut stream| {
        while stream.write_all(&[b'2'; 4_096]).is_ok() {}
        String::new()
    };
    let endless_reply: fn(TcpStream) -> String = |mut stream| {
        while stream.write_all(&b"220-hello\r\n".repeat(100)).is_ok() {}
        String::new()
    };
    let no_smtp: fn(TcpStream) -> String = |mut stream| {
        let _ = stream.write_all(b"SSH-2.0-x\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    };
    for (serve, words) in [
        (endless_line, "a line of its answer does not end"),
        (endless_reply, "gives an answer that does not end"),
        (no_smtp, "says \"SSH-2.0-x\", which is no SMTP"),
    ] {
        let server = Server::serving(serve);
        let failure = send_to("mail", &with(&server, []), &problem()).unwrap_err();
        assert_eq!(failure.retry, Retry::Later);
        assert!(failure.message.ends_with(words), "{failure}");
    }
    let silent = Server::serving(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    });
    let soon = Deadline::after(Duration::from_millis(100));
    let given = with(&silent, []);
    let failure = send("mail", &given, &problem(), &Host::real(), soon).unwrap_err();
    assert_eq!(failure.retry, Retry::Later);
    assert!(failure.message.contains("took longer than"), "{failure}");
    // Who stands in between may not put his words before TLS.
    let injected: Script = |line| match line {
        "STARTTLS" => "220 go\r\n250 forged\r\n",
        _ => with_starttls(line),
    };
    let server = Server::with_tls(false, injected);
    let failure = send_to("mail", &with(&server, []), &problem()).unwrap_err();
    assert!(
        failure.message.contains("somebody may be in between"),
        "{failure}"
    );
}

#[test]
fn sendmail_gets_the_mail_as_lines() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sendmail");
    let kept = folder.path().join("kept");
    let script = |end: &str| {
        let mut file = std::fs::File::create(&program).unwrap();
        let kept = kept.display();
        write!(
            file,
            "#!/bin/sh\necho \"$@\" >{kept}\ncat >>{kept}\n{end}\n"
        )
        .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        file.set_permissions(mode).unwrap();
    };
    script("");
    let given = options([
        ("to", text("ops@example.com")),
        ("sendmail", text(program.to_str().unwrap())),
    ]);
    send_to("mail", &given, &problem()).unwrap();
    let mail = std::fs::read_to_string(&kept).unwrap();
    assert!(
        mail.starts_with("-i -f opsbro@localhost -- ops@example.com\nFrom: "),
        "{mail}"
    );
    assert!(!mail.contains('\r'), "{mail}");
    script("echo no such user >&2; exit 67");
    let failure = send_to("mail", &given, &problem()).unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    assert!(
        failure
            .message
            .ends_with("ended with code 67: no such user"),
        "{failure}"
    );
    script("exit 75");
    assert_eq!(
        send_to("mail", &given, &problem()).unwrap_err().retry,
        Retry::Later
    );
}
