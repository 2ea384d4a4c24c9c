//! Databases as they are spoken to, and as somebody may pretend to be one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use model::limits::SQL_ROWS_MAX;

use super::rows::{Kind, Rows};
use super::*;

const LONG: Duration = Duration::from_secs(60);

fn sql(engine: Engine, address: &str, queries: &[&str]) -> Sql {
    Sql {
        engine,
        address: address.to_owned(),
        socket: String::new(),
        user: "ops".to_owned(),
        password: Secret::new("secret"),
        database: String::new(),
        queries: queries
            .iter()
            .map(|name| ((*name).to_owned(), "select 1".to_owned()))
            .collect(),
    }
}

/// Asks a server that says this whatever it hears; gives the answer or why there is none.
fn ask(engine: Engine, queries: &[&str], said: Vec<u8>) -> Result<Value, String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Who has heard enough hangs up.
        let _ = stream.write_all(&said);
        let _ = stream.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
    });
    let answer = sql(engine, &address, queries).ask(Deadline::after(LONG));
    server.join().unwrap();
    answer.map_err(|trouble| trouble.to_string().replace(&address, "ADDRESS"))
}

/// One packet of MySQL.
fn packet(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    [&length[..3], &[0], payload].concat()
}

fn greeting() -> Vec<u8> {
    let mut greeting = b"\x0a8.4.0\0\x01\0\0\0".to_vec();
    greeting.extend(1..=8);
    greeting.extend([0, 0xff, 0xff, 45, 2, 0, 0xff, 0xff, 21]);
    greeting.extend([0; 10]);
    greeting.extend(9..=20);
    greeting.push(0);
    greeting.extend(b"caching_sha2_password\0");
    packet(&greeting)
}

/// A column of a kind, which stands for text, number and so on.
fn column(name: &str, kind: u8) -> Vec<u8> {
    let mut column = b"\x03def\0\0\0".to_vec();
    column.push(name.len() as u8);
    column.extend(name.as_bytes());
    column.extend(b"\0\x0c\x2d\0\x10\0\0\0");
    column.push(kind);
    column.extend([0; 5]);
    packet(&column)
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const END: &[u8] = b"\xfe\0\0\x02\0";

fn mysql_rows(rows: &[&[u8]]) -> Vec<u8> {
    let mut said = packet(b"\x02");
    said.extend(column("name", 0xfd));
    said.extend(column("count", 0x08));
    said.extend(packet(END));
    for row in rows {
        said.extend(packet(row));
    }
    said.extend(packet(END));
    said
}

fn mysql_talk() -> Vec<u8> {
    let fast = packet(b"\x01\x03");
    let rows = mysql_rows(&[b"\x01a\x0212", b"\xfb\xfb"]);
    [greeting(), fast, packet(OK), rows].concat()
}

/// One message of PostgreSQL.
fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32 + 4).to_be_bytes();
    [&[kind], &length[..], payload].concat()
}

fn postgresql_talk() -> Vec<u8> {
    let mut columns = b"\0\x02".to_vec();
    for (name, kind) in [("name", 25_u32), ("count", 20)] {
        columns.extend(name.as_bytes());
        columns.extend([0; 7]);
        columns.extend(kind.to_be_bytes());
        columns.extend([0; 8]);
    }
    [
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x0015\0"),
        message(b'K', &[0; 8]),
        message(b'Z', b"I"),
        message(b'T', &columns),
        message(b'D', b"\0\x02\0\0\0\x01a\0\0\0\x0212"),
        message(b'D', b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"),
        message(b'C', b"SELECT 2\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

fn expected() -> Value {
    let row = |name, count| Value::map([("name", name), ("count", count)]);
    let rows = [
        row(Value::from("a"), Value::Int(12)),
        row(Value::None, Value::None),
    ];
    Value::map([("q", Value::list(rows))])
}

#[test]
fn rows_are_read_and_nothing_stays_none() {
    assert_eq!(ask(Engine::Mysql, &["q"], mysql_talk()), Ok(expected()));
    let talk = postgresql_talk();
    assert_eq!(ask(Engine::Postgresql, &["q"], talk), Ok(expected()));
}

#[test]
fn no_answer_that_was_cut_or_bent_does_harm() {
    for (engine, talk) in [
        (Engine::Mysql, mysql_talk()),
        (Engine::Postgresql, postgresql_talk()),
    ] {
        let start = Instant::now();
        for length in 0..talk.len() {
            let outcome = ask(engine, &["q"], talk[..length].to_vec());
            assert!(outcome.is_err(), "{engine:?} at {length}: {outcome:?}");
        }
        for at in 0..talk.len() {
            for byte in [0x00, 0x01, 0x7f, 0xfb, 0xfe, 0xff] {
                let mut bent = talk.clone();
                bent[at] = byte;
                // Any outcome will do, but one there must be.
                let _ = ask(engine, &["q"], bent);
            }
        }
        assert!(start.elapsed() < LONG, "{engine:?}");
    }
}

#[test]
fn a_server_that_wants_a_file_of_ours_is_refused() {
    let talk = [greeting(), packet(OK), packet(b"\xfb/etc/shadow")].concat();
    let error = ask(Engine::Mysql, &["q"], talk).unwrap_err();
    assert_eq!(
        error,
        "the MySQL server at ADDRESS asks for a file of this machine: refused"
    );
}

#[test]
fn a_statement_may_be_refused_where_its_name_says_so() {
    let refusal = packet(b"\xff\x6b\x04#42000no right to do that");
    let talk = [greeting(), packet(OK), refusal, mysql_rows(&[])].concat();
    let answer = ask(Engine::Mysql, &["may?", "q"], talk.clone()).unwrap();
    assert_eq!(answer.get("may"), Some(&Value::None));
    assert_eq!(answer.get("q"), Some(&Value::list([])));
    assert_eq!(
        ask(Engine::Mysql, &["must", "q"], talk).unwrap_err(),
        "the MySQL server at ADDRESS refuses a statement: no right to do that"
    );
    let refusal = message(b'E', b"SERROR\0C42501\0Mno right to do that\0\0");
    let ready = message(b'Z', b"I");
    let talk = [message(b'R', &[0; 4]), ready.clone(), refusal, ready].concat();
    let answer = ask(Engine::Postgresql, &["may?"], talk.clone()).unwrap();
    assert_eq!(answer.get("may"), Some(&Value::None));
    assert_eq!(
        ask(Engine::Postgresql, &["must"], talk).unwrap_err(),
        "the PostgreSQL server at ADDRESS refuses a statement: no right to do that"
    );
}

#[test]
fn more_rows_than_anybody_needs_are_refused() {
    let rows = vec![&b"\x01a\x0212"[..]; SQL_ROWS_MAX + 1];
    let talk = [greeting(), packet(OK), mysql_rows(&rows)].concat();
    let error = ask(Engine::Mysql, &["q"], talk).unwrap_err();
    assert!(error.contains("more than 5000 rows"), "{error}");
}

#[test]
fn variables_of_a_server_are_a_map() {
    let mut rows = Rows::new(vec![
        (Arc::from("Variable_name"), Kind::Text),
        (Arc::from("Value"), Kind::Text),
    ]);
    for (name, value) in [
        ("Uptime", "12"),
        ("Ratio", "0.5"),
        ("Version", "10.11.19-MariaDB"),
        ("Date", "2026-11-25"),
    ] {
        let cells = [Some(name.as_bytes()), Some(value.as_bytes())];
        rows.push(&cells, "x").unwrap();
    }
    let expect = Value::map([
        ("Uptime", Value::Int(12)),
        ("Ratio", Value::Float(0.5)),
        ("Version", Value::from("10.11.19-MariaDB")),
        ("Date", Value::from("2026-11-25")),
    ]);
    assert_eq!(rows.into_value(), expect);
}

/// Asks a MySQL server on a unix socket that wants the password itself; gives what it heard.
fn heard_by_one_that_wants_the_password(over_tcp: bool) -> (String, Result<Value, String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    let mut request = sql(Engine::Mysql, "", &[]);
    let talk = [greeting(), packet(b"\x01\x04"), packet(OK)].concat();
    let server = if over_tcp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        request.address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || hear(listener.accept().unwrap().0, &talk))
    } else {
        let listener = UnixListener::bind(&path).unwrap();
        request.socket = path.to_str().unwrap().to_owned();
        std::thread::spawn(move || hear(listener.accept().unwrap().0, &talk))
    };
    let answer = request.ask(Deadline::after(LONG));
    let heard = String::from_utf8_lossy(&server.join().unwrap()).into_owned();
    (heard, answer.map_err(|trouble| trouble.to_string()))
}

fn hear(mut stream: impl Read + Write, talk: &[u8]) -> Vec<u8> {
    stream.write_all(talk).unwrap();
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    heard
}

#[test]
fn the_password_itself_goes_through_a_unix_socket_only() {
    let (heard, answer) = heard_by_one_that_wants_the_password(false);
    assert!(heard.contains("secret\0") && answer.is_ok(), "{answer:?}");
    let (heard, answer) = heard_by_one_that_wants_the_password(true);
    assert!(!heard.contains("secret"));
    let error = answer.unwrap_err();
    assert!(error.contains("set `socket`"), "{error}");
}
