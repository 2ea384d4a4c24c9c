//! The shipped packs of handlers: what each service is sent when a check fails, to the letter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tests::{Home, wait_for};

/// The parameters of each pack; `URL` is where the server is.
const PACKS: &[(&str, &str)] = &[
    ("discord", "url: URL/webhooks/1/s3cret\n"),
    ("mattermost", "url: URL/hooks/s3cret\nchannel: ops\n"),
    ("ntfy", "url: URL\ntopic: ops-s3cret\ntoken: tk_s3cret\n"),
    ("opsgenie", "url: URL\napi_key: s3cret\nteams: [ops, db]\n"),
    ("pagerduty", "url: URL\nrouting_key: s3cret\n"),
    ("slack", "url: URL/services/s3cret\n"),
    ("teams", "url: URL/workflows/s3cret\n"),
    ("telegram", "url: URL\ntoken: '7:s3cret'\nchat: '-100'\n"),
    ("webhook", "url: URL/notices\ntoken: s3cret\nsecret: key\n"),
];

/// What a service of any kind answers when it took a notice.
const TAKEN: &str =
    r#"{"ok":true,"id":"m-1","status":"success","requestId":"r-1","result":{"message_id":7}}"#;

#[test]
fn each_service_is_sent_what_it_understands() {
    let (address, requests) = server();
    let home = home();
    for (name, parameters) in PACKS {
        let url = format!("http://{address}/{name}");
        let on = match *name {
            "slack" => "enabled_if_group: '*'\n",
            _ => "enabled: true\n",
        };
        configure(
            &home,
            name,
            &format!("{on}{}", parameters.replace("URL", &url)),
        );
    }
    let log = UnixDatagram::bind(home.root().join("log")).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let socket = home.root().join("log");
    let parameters = format!("enabled: true\naddress: {}\n", socket.display());
    configure(&home, "syslog", &parameters);
    // It runs as whoever the tests run as, and may so write here.
    // An empty word of the command is one, too.
    let script = "printf '%s %s ' \"$OPSBRO_STATE\" $# > $0; cat >> $0";
    let written = home.root().join("written");
    let own = format!(
        "enabled: true\nuser: {}\ncommand: ['/bin/sh', '-c', {script:?}, '{}', '', x]\n",
        crate::alerts::user(),
        written.display()
    );
    configure(&home, "command", &own);
    home.write("bad", "");
    let agent = home.launch().ready();
    let all = wait_for("all services to be told", || {
        let requests = requests.lock().unwrap().clone();
        (requests.len() == PACKS.len()).then_some(requests)
    });
    let info = agent.info();
    let id = info["uuid"].as_str().unwrap();
    for (name, request) in &all {
        compare(name, &plain(request, id));
    }
    let taken = wait_for("the program to be told", || {
        let taken = std::fs::read_to_string(&written).ok()?;
        taken
            .strip_prefix("CRITICAL 2 ")
            .and_then(|json| serde_json::from_str(json).ok())
    });
    let taken: Value = taken;
    assert_eq!(taken["check"], "duty/flag", "{taken}");
    // Nothing of what is secret is shown where somebody may see it.
    let shown = agent.opsbro(&["alerts", "list", "-o", "json"]).expect(0);
    assert!(!shown.stdout.contains("s3cret"), "{}", shown.stdout);
    let mut line = [0; 2_048];
    let count = log.recv(&mut line).unwrap();
    let line = String::from_utf8_lossy(&line[..count]).into_owned();
    assert!(line.starts_with("<26>"), "daemon, critical: {line}");
    assert!(
        line.contains("flag on web-1") && line.contains("the flag is up"),
        "{line}"
    );
}

#[test]
fn a_pack_that_is_switched_on_without_an_address_says_what_it_needs() {
    let home = home();
    for (name, _) in PACKS {
        let on = if *name == "slack" {
            "enabled_if_group: '*'\n"
        } else {
            "enabled: true\n"
        };
        configure(&home, name, on);
    }
    configure(&home, "command", "enabled: true\n");
    let agent = home.launch().ready();
    for (name, needs) in [
        ("command", "command"),
        ("discord", "url"),
        ("mattermost", "url"),
        ("ntfy", "topic"),
        ("opsgenie", "api_key"),
        ("pagerduty", "routing_key"),
        ("slack", "token"),
        ("teams", "url"),
        ("telegram", "token"),
        ("webhook", "url"),
    ] {
        let ran = agent
            .opsbro(&["alerts", "test", &format!("{name}/{name}")])
            .expect(1);
        assert!(ran.stdout.contains(needs), "{name}: {}", ran.stdout);
    }
}

/// Makes a folder whose agent has one check, no other that may be bad on this machine, and no group
/// but that of its zone.
fn home() -> Home {
    let home = Home::with_port_0("display_name: web-1\n");
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/global");
    for pack in std::fs::read_dir(packs).unwrap() {
        let path = pack.unwrap().path();
        if !path.join("handlers").is_dir() {
            let text = std::fs::read_to_string(path.join("package.yml")).unwrap();
            let line = text
                .lines()
                .find(|line| line.starts_with("name: "))
                .unwrap();
            let folder = path.file_name().unwrap().to_str().unwrap();
            let file = format!("var/lib/local-configuration/packs/{folder}/package.yml");
            home.write(&file, &format!("{line}\n"));
        }
    }
    let duty = "var/lib/local-configuration/packs/duty";
    let flag = home.root().join("bad").display().to_string();
    home.write(&format!("{duty}/package.yml"), "name: duty\n");
    home.write(
        &format!("{duty}/monitoring/flag.yml"),
        &format!(
            "check:\n  if_group: '*'\n  interval: 1s\n  critical_if: \"file_exists('{flag}')\"\n  \
             ok_output: \"'good'\"\n  critical_output: \"'the flag is up: <b>*1* & _2_'\"\n"
        ),
    );
    home
}

fn configure(home: &Home, pack: &str, parameters: &str) {
    let folder = format!("var/lib/local-configuration/packs/{pack}");
    let package = format!("name: {pack}\noverlay: true\n");
    home.write(&format!("{folder}/package.yml"), &package);
    home.write(&format!("{folder}/parameters/parameters.yml"), parameters);
}

/// The head and the body of requests, by the first part of their path.
type Requests = Arc<Mutex<BTreeMap<String, (String, String)>>>;

/// Starts a server that keeps what it is sent. Its thread ends with the process.
fn server() -> (SocketAddr, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Requests::default();
    let kept = Arc::clone(&requests);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some((head, body)) = tests::take_request(&mut stream) else {
                continue;
            };
            let name = head.split('/').nth(1).unwrap_or_default().to_owned();
            let name = name.split(' ').next().unwrap_or_default().to_owned();
            kept.lock().unwrap().insert(name, (head, body));
            let length = TAKEN.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{TAKEN}"
            );
            // The agent may have ended meanwhile.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, requests)
}

/// Writes a request without what differs each time.
fn plain((head, body): &(String, String), id: &str) -> String {
    let mut text = String::new();
    let mut lines = head.lines();
    let _ = writeln!(text, "{}", lines.next().unwrap_or_default());
    let mut headers: Vec<String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| match name.to_ascii_lowercase().as_str() {
            // The signature is of the body with its times.
            "x-opsbro-signature" => format!("x-opsbro-signature: {}", value.len()),
            name => format!("{name}: {value}"),
        })
        .filter(|line| !line.starts_with("host:") && !line.starts_with("content-length:"))
        .filter(|line| !line.starts_with("user-agent:"))
        .collect();
    headers.sort();
    let _ = writeln!(text, "{}\n", headers.join("\n"));
    let mut json: Value = serde_json::from_str(body).unwrap();
    without_seconds(&mut json);
    text.push_str(&serde_json::to_string_pretty(&json).unwrap());
    without_times(&text.replace(id, "NODE-ID"))
}

/// Takes out numbers that are times: seconds since 1970.
fn without_seconds(json: &mut Value) {
    match json {
        Value::Number(number) if number.as_u64().is_some_and(|it| it > 1_700_000_000) => {
            *json = Value::from("SECONDS");
        }
        Value::Array(list) => list.iter_mut().for_each(without_seconds),
        Value::Object(map) => map.values_mut().for_each(without_seconds),
        _ => {}
    }
}

/// Takes out times as `2026-11-25T12:00:00.000Z`.
fn without_times(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('T') {
        let (before, after) = rest.split_at(at);
        let date = before.len().checked_sub("2026-11-25".len());
        let date = date.filter(|date| before.is_char_boundary(*date));
        let is_date = |date: &&str| date.starts_with("20") && date.matches('-').count() == 2;
        let end = after.find('Z').map(|end| end + 1);
        match (date.map(|date| (date, &before[date..])), end) {
            (Some((at, date)), Some(end)) if is_date(&date) => {
                plain.push_str(&before[..at]);
                plain.push_str("TIME");
                rest = &after[end..];
            }
            _ => {
                plain.push_str(before);
                plain.push('T');
                rest = &after[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Compares with what is kept; `UPDATE_GOLDEN=1` keeps it instead.
fn compare(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/notifiers");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()))
            .unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept.trim_end(), "{name}; UPDATE_GOLDEN=1 keeps it");
}
