//! Who is logged in: from utmp where it is kept, else from the sessions of systemd-logind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Value;
use model::limits::SESSIONS_MAX;

use super::{Collector, Context, Native, Trouble, key};
use crate::{Error, Host};

/// The second is a link to the first where both are.
const UTMP: &[&str] = &["/run/utmp", "/var/run/utmp"];
const LOGIND: &str = "/run/systemd/sessions";

/// A record is about 400 bytes, and those of ended sessions are used again.
const UTMP_BYTES_MAX: usize = SESSIONS_MAX * 4 * 400;

pub(super) const COLLECTOR: Native = Native {
    name: "users",
    doc: "Who is logged in, from where and since when.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: &[
        key("count", "", "sessions"),
        key("names", "", "names of users, each once"),
        key("root", "", "sessions of root"),
        key("remote", "", "sessions that came over the network"),
        key("sessions", "", "each of them, the oldest first"),
        key("sessions.*.user", "", "the user"),
        key("sessions.*.line", "", "the terminal"),
        key(
            "sessions.*.from",
            "",
            "the address or display; empty when local",
        ),
        key(
            "sessions.*.since",
            "epoch",
            "when it began, in seconds since 1970",
        ),
    ],
    make: || Box::new(Users),
};

struct Users;

impl Collector for Users {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let utmp = UTMP.iter().find(|path| context.host.has(path));
        if let Some(path) = utmp {
            let bytes = context.host.read(path, UTMP_BYTES_MAX, context.deadline)?;
            return Ok(to_value(&parse(path, &bytes)?));
        }
        if context.host.has(LOGIND) {
            return Ok(to_value(&logind(context)?));
        }
        Err(Trouble::not_eligible(
            "nobody keeps a list of logins here: there is no /run/utmp and no systemd-logind",
            "usual in containers",
        ))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Session {
    user: String,
    line: String,
    from: String,
    since: u64,
}

/// Where the fields of a record stand: utmp(5) has two sizes, by how wide the time is.
struct Layout {
    size: usize,
    time: std::ops::Range<usize>,
}

const LAYOUTS: &[Layout] = &[
    Layout {
        size: 384,
        time: 340..344,
    },
    Layout {
        size: 400,
        time: 344..352,
    },
];

const USER_PROCESS: u16 = 7;
/// The highest type of a record (ACCOUNTING).
const TYPE_MAX: u16 = 9;

/// Reads records of fixed size. The layout is the one in which every record has a known type.
fn parse(path: &str, bytes: &[u8]) -> Result<Vec<Session>, Error> {
    let kind = |record: &[u8]| u16::from_ne_bytes([record[0], record[1]]);
    let layout = LAYOUTS.iter().find(|layout| {
        bytes.len().is_multiple_of(layout.size)
            && bytes
                .chunks_exact(layout.size)
                .all(|record| kind(record) <= TYPE_MAX)
    });
    let Some(layout) = layout else {
        let problem = "holds no records of logins in a form that is known (is it cut?)";
        return Err(Error::bad_answer(path, problem));
    };
    let sessions = bytes
        .chunks_exact(layout.size)
        .filter(|record| kind(record) == USER_PROCESS)
        .map(|record| {
            let since = record[layout.time.clone()]
                .iter()
                .rev()
                .fold(0, |since: u64, byte| since << 8 | u64::from(*byte));
            Session {
                user: text(&record[44..76]),
                line: text(&record[8..40]),
                from: text(&record[76..332]),
                since,
            }
        });
    Ok(sessions
        .filter(|session| !session.user.is_empty())
        .collect())
}

/// Gives the text of a field, which ends at its first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    let text = String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]);
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// Reads the sessions of systemd-logind: a file of `KEY=value` each.
fn logind(context: &Context<'_>) -> Result<Vec<Session>, Error> {
    let failed = || Error::system("list", LOGIND);
    let entries = std::fs::read_dir(context.host.path(LOGIND)?).map_err(failed())?;
    let mut sessions = Vec::new();
    for entry in entries.take(SESSIONS_MAX) {
        let name = entry.map_err(failed())?.file_name();
        let path = format!("{LOGIND}/{}", name.to_string_lossy());
        // A session may end while we look, and the folder holds FIFOs too.
        sessions.extend(logind_session(context.host, &path));
    }
    sessions.sort_unstable_by(|one, two| (one.since, &one.line).cmp(&(two.since, &two.line)));
    Ok(sessions)
}

fn logind_session(host: &Host, path: &str) -> Option<Session> {
    if path.ends_with(".ref") {
        return None;
    }
    let text = host.word(path)?;
    let fields: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
    let is_login = fields.get("CLASS") == Some(&"user") && fields.get("STATE") != Some(&"closing");
    let micros = field("REALTIME").parse::<u64>().unwrap_or_default();
    is_login.then(|| Session {
        user: field("USER"),
        line: field("TTY"),
        from: field("REMOTE_HOST"),
        since: micros / 1_000_000,
    })
}

fn to_value(sessions: &[Session]) -> Value {
    let names: BTreeSet<_> = sessions.iter().map(|session| &session.user).collect();
    // A display (`:0`) is not the network.
    let remote = sessions
        .iter()
        .filter(|session| !session.from.is_empty() && !session.from.starts_with(':'));
    let root = sessions.iter().filter(|session| session.user == "root");
    Value::map([
        ("count", Value::count(sessions.len())),
        ("root", Value::count(root.count())),
        ("remote", Value::count(remote.count())),
        (
            "names",
            Value::list(names.into_iter().map(|name| Value::from(name.as_str()))),
        ),
        (
            "sessions",
            Value::list(sessions.iter().take(SESSIONS_MAX).map(|session| {
                Value::map([
                    ("user", Value::from(session.user.as_str())),
                    ("line", Value::from(session.line.as_str())),
                    ("from", Value::from(session.from.as_str())),
                    ("since", Value::count(session.since)),
                ])
            })),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{collect, recorded_run};
    use super::*;

    fn record(kind: u16, user: &str, line: &str, from: &str, since: u32) -> Vec<u8> {
        let mut record = vec![0; 384];
        record[..2].copy_from_slice(&kind.to_ne_bytes());
        record[8..8 + line.len()].copy_from_slice(line.as_bytes());
        record[44..44 + user.len()].copy_from_slice(user.as_bytes());
        record[76..76 + from.len()].copy_from_slice(from.as_bytes());
        record[340..344].copy_from_slice(&since.to_le_bytes());
        record
    }

    #[test]
    fn users_of_utmp_are_told_and_the_boot_is_not() {
        let bytes = [
            record(2, "reboot", "~", "6.1.0-18-amd64", 1_790_000_000),
            record(7, "alice", "pts/0", "203.0.113.7", 1_790_000_100),
            record(8, "", "pts/1", "", 1_790_000_200),
            record(7, "root", "tty1", "", 1_790_000_300),
        ]
        .concat();
        let sessions = parse("/run/utmp", &bytes).unwrap();
        let value = to_value(&sessions);
        assert_eq!(value.get("count"), Some(&Value::Int(2)));
        assert_eq!(value.get("root"), Some(&Value::Int(1)));
        assert_eq!(value.get("remote"), Some(&Value::Int(1)));
        assert_eq!(sessions[0].from, "203.0.113.7");
        assert_eq!(sessions[0].since, 1_790_000_100);
        assert_eq!(parse("/run/utmp", &[]).unwrap(), Vec::new());
    }

    #[test]
    fn a_record_of_wide_times_is_read_too() {
        let mut wide = record(7, "bob", "pts/3", "", 0);
        wide.resize(800, 0);
        wide[344..352].copy_from_slice(&1_790_000_100_u64.to_le_bytes());
        // Two records, the second empty: 800 is no multiple of 384.
        let sessions = parse("/run/utmp", &wide).unwrap();
        assert_eq!(sessions[0].user, "bob");
        assert_eq!(sessions[0].since, 1_790_000_100);
    }

    #[test]
    fn a_cut_file_and_junk_are_told() {
        let whole = record(7, "alice", "pts/0", "", 1);
        for bytes in [&whole[..383], &[0xff; 384], &[0xff; 7]] {
            let error = parse("/run/utmp", bytes).unwrap_err();
            assert!(error.to_string().contains("/run/utmp"), "{error}");
        }
        let strange = parse("/run/utmp", &record(7, "a\u{7}b", "x", "y", 1)).unwrap();
        assert_eq!(strange[0].user, "ab");
    }

    #[test]
    fn sessions_of_logind_stand_in_for_utmp() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(2)));
        assert_eq!(
            value.get("names"),
            Some(&Value::list([Value::from("alice"), Value::from("root")]))
        );
        assert_eq!(value.get("remote"), Some(&Value::Int(1)));
        let first = value
            .get("sessions")
            .and_then(|list| list.get("0"))
            .unwrap();
        assert_eq!(first.get("since"), Some(&Value::Int(1_790_000_100)));
    }

    #[test]
    fn a_container_is_not_eligible_and_this_machine_answers_in_shape() {
        let trouble = recorded_run("alpine-3.22", &COLLECTOR).unwrap_err();
        assert!(matches!(trouble, Trouble::NotEligible { .. }));
        match collect(&Host::real(), &COLLECTOR) {
            Ok(value) => assert!(value.get("count").is_some()),
            Err(trouble) => assert!(matches!(trouble, Trouble::NotEligible { .. })),
        }
    }
}
