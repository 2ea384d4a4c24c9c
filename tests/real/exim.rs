//! Mail by a real server: Exim with a configuration and a spool of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use drivers::notify::{self, Failure, Notice, Occasion, Receipt, Retry, Tone};
use drivers::{Deadline, Host};
use model::{Value, WallTime};
use tests::{DEADLINE, Folder, Server, free_port, wait_for};

const EXIM: &str = "/usr/sbin/exim4";

/// A mail server, and where it puts what it takes.
pub(crate) struct Exim {
    pub(crate) port: u16,
    folder: Folder,
    _server: Server,
}

/// Gives a file of the fixtures of TLS.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls")).join(name)
}

impl Exim {
    pub(crate) fn start() -> Self {
        let folder = Folder::of_user("Debian-exim");
        let port = free_port();
        for file in ["server.pem", "server.key"] {
            folder.write(file, &fs::read_to_string(fixture(file)).unwrap());
        }
        let configuration = folder.write("exim.conf", &configuration(&folder, port));
        let mut command = folder.command(EXIM, "exim4-daemon-light");
        command.args(["-C", &configuration, "-bdf"]);
        let server = folder.start(command).on_port(port);
        Self {
            port,
            folder,
            _server: server,
        }
    }

    /// Waits for so many mails and gives them in the order of their arrival.
    fn mails(&self, count: usize) -> Vec<String> {
        let inbox = self.folder.root().join("mail/new");
        wait_for("the mails", || {
            let files = fs::read_dir(&inbox).ok()?.flatten();
            let mut files: Vec<_> = files.map(|file| file.path()).collect();
            files.sort_by_key(|path| fs::metadata(path).and_then(|it| it.modified()).ok());
            (files.len() == count).then_some(files)
        })
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
    }

    fn send(&self, more: &[(&str, Value)]) -> Result<Receipt, Failure> {
        let mut options = BTreeMap::from([
            (Arc::from("to"), Value::from("Öps <ops@example.com>")),
            (Arc::from("from"), Value::from("opsbro@example.com")),
            (
                Arc::from("server"),
                Value::text(format!("localhost:{}", self.port)),
            ),
        ]);
        for (name, value) in more {
            options.insert(Arc::from(*name), value.clone());
        }
        let deadline = Deadline::after(DEADLINE);
        notify::send("mail", &options, &notice(), &Host::real(), deadline)
    }
}

impl Drop for Exim {
    /// A test that failed shows what the server thinks of it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["mainlog", "paniclog"] {
                let log = fs::read_to_string(self.folder.path(name)).unwrap_or_default();
                // It may be closed.
                let _ = writeln!(std::io::stderr(), "{name} of exim:\n{log}");
            }
        }
    }
}

/// Takes everything for anybody but `nobody`, and puts it into one Maildir. A password counts under
/// TLS only.
fn configuration(folder: &Folder, port: u16) -> String {
    let root = folder.path("");
    let root = root.trim_end_matches('/');
    format!(
        "primary_hostname = mx.example.com\nspool_directory = {root}/spool\n\
         log_file_path = {root}/%slog\npid_file_path = {root}/pid\n\
         local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\n\
         tls_advertise_hosts = *\ntls_certificate = {root}/server.pem\n\
         tls_privatekey = {root}/server.key\nhost_lookup =\nkeep_environment =\n\
         deliver_drop_privilege = true\nacl_smtp_rcpt = rcpt\n\
         begin acl\nrcpt:\n  deny local_parts = nobody\n       message = no such user\n  accept\n\
         begin routers\nall:\n  driver = accept\n  transport = box\n\
         begin transports\nbox:\n  driver = appendfile\n  directory = {root}/mail\n\
         \x20 maildir_format\n\
         begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n\
         \x20 server_prompts = :\n  server_set_id = $auth2\n\
         \x20 server_condition = ${{if and{{{{eq{{$auth2}}{{me}}}}{{eq{{$auth3}}{{s3cret}}}}}}}}\n\
         \x20 server_advertise_condition = ${{if def:tls_in_cipher}}\n"
    )
}

fn notice() -> Notice {
    Notice {
        id: Arc::from("n-1"),
        incident: Arc::from("web-1/http"),
        occasion: Occasion::Problem,
        state: Arc::from("CRITICAL"),
        tone: Tone::Critical,
        title: "CRITICAL: http on wéb-1\r\nBcc: evil@example.org".to_owned(),
        text: "connection refused\n.\nQUIT\nsince noon".to_owned(),
        html: Some("<p>connection refused</p>".to_owned()),
        node: Arc::from("web-1"),
        check: Arc::from("http"),
        pack: Arc::from("nginx"),
        groups: Vec::new(),
        when: WallTime::from_millis(1_795_214_445_000),
        fields: Vec::new(),
        links: Vec::new(),
        items: Vec::new(),
    }
}

fn authority() -> Value {
    Value::text(fixture("ca.pem").to_str().unwrap())
}

#[test]
fn a_real_server_takes_mail_in_each_way() {
    let exim = Exim::start();
    let receipt = exim.send(&[]).unwrap();
    assert!(receipt.text.contains(": 250 OK id="), "{receipt:?}");
    let mail = exim.mails(1).remove(0);
    for line in [
        "Received: from ",
        "with esmtps",
        "\nMessage-ID: <",
        "\nDate: Fri, 20 Nov 2026 22:40:45 +0000\n",
        "\nX-OpsBro-Incident: web-1/http\n",
        "connection refused\n.\nQUIT\nsince noon\n",
        "<p>connection refused</p>",
    ] {
        assert!(mail.contains(line), "{line:?} is missing in {mail}");
    }
    assert!(!mail.contains("\nBcc:"), "{mail}");
    let none = Value::from("none");
    exim.send(&[("tls", none)]).unwrap();
    let mails = exim.mails(2);
    let clear = mails.iter().find(|mail| mail.contains("with esmtp ("));
    let identity = |mail: &String| {
        let line = mail.lines().find(|line| line.starts_with("Message-ID"));
        line.map(str::to_owned)
    };
    assert_eq!(
        identity(clear.unwrap()),
        identity(&mail),
        "it is the same notice"
    );
    let user = ("user", Value::from("me"));
    let password = |word: &str| ("password", Value::from(word));
    exim.send(&[user.clone(), password("s3cret"), ("ca_file", authority())])
        .unwrap();
    let mails = exim.mails(3);
    assert!(mails.iter().any(|mail| mail.contains("with esmtpsa")));
    let wrong = exim.send(&[user, password("wr0ng"), ("ca_file", authority())]);
    let wrong = wrong.unwrap_err();
    assert_eq!(wrong.retry, Retry::Never);
    assert!(
        wrong.message.contains("refuses the password: 535"),
        "{wrong}"
    );
    let nobody = exim.send(&[("to", Value::from("nobody@example.com"))]);
    let nobody = nobody.unwrap_err();
    assert_eq!(nobody.retry, Retry::Never);
    assert!(nobody.message.contains("550 no such user"), "{nobody}");
    assert_eq!(exim.mails(3).len(), 3);
}

#[test]
fn a_real_sendmail_takes_mail() {
    use std::os::unix::fs::PermissionsExt;
    let exim = Exim::start();
    let configuration = exim.folder.path("exim.conf");
    // Exim takes the configuration of its own user from that user only.
    let run = format!(
        "#!/bin/sh\nset -- {EXIM} -C {configuration} \"$@\"\n\
         [ $(id -u) != 0 ] || set -- setpriv --reuid=Debian-exim --regid=Debian-exim \\\n\
         --clear-groups \"$@\"\nexec \"$@\"\n"
    );
    let program = exim.folder.write("sendmail", &run);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    exim.send(&[("sendmail", Value::text(program))]).unwrap();
    let mail = exim.mails(1).remove(0);
    assert!(
        mail.contains("connection refused\n.\nQUIT\nsince noon\n"),
        "{mail}"
    );
}
