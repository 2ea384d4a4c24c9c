//! `opsbro kv-store`: keys that the nodes of the zone agree on.

pub(super) mod carry;
mod quota;
mod see;
mod wait;

use std::io::Read as _;

use api::client::With;
use api::kv::{DELETE, GET, KEYS, Key, PUT, Page as Keys, UNDO, Written};
use api::{ClientError, ErrorCode};
use clap::{Args, Subcommand};
use model::limits::KV_VALUE_BYTES_MAX;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Read and write the keys that the nodes of the zone agree on
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KvStore {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro kv-store put app/color blue
  opsbro kv-store get app/color
  opsbro kv-store cas app/color green --revision 7";

#[derive(Debug, Subcommand)]
enum Verb {
    Get(Get),
    Put(Put),
    Delete(Delete),
    Cas(Cas),
    List(see::List),
    History(see::History),
    Undo(Undo),
    Top(see::Top),
    Quota(quota::Quota),
    Watch(wait::Watch),
    WaitExists(wait::WaitExists),
    WaitValue(wait::WaitValue),
    Export(carry::Export),
    Import(carry::Import),
}

/// Print the value of a key
///
/// One that is no text is printed as hexadecimal digits, unless --raw is given. Exits with 1 when
/// the key does not exist.
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
struct Get {
    /// The key
    key: String,
    /// Take what this node knows, though it may be older
    #[arg(long)]
    stale: bool,
    /// Print the value byte for byte, with no line end behind it
    #[arg(long)]
    raw: bool,
}

const GET_EXAMPLES: &str = "Examples:
  opsbro kv-store get app/color
  opsbro kv-store get app/logo --raw > logo.png
  opsbro kv-store get app/color --stale -o json";

/// Give a key a value
#[derive(Debug, Args)]
#[command(after_help = PUT_EXAMPLES)]
struct Put {
    /// The key
    key: String,
    /// Its value, at most 1 MiB; `-` reads it from stdin, byte for byte
    value: String,
    /// How long it stays, such as 30s
    #[arg(long)]
    ttl: Option<String>,
    /// Only while this lock is held with --token
    #[arg(long, requires = "token")]
    lock: Option<String>,
    /// The fencing token of the lock
    #[arg(long, requires = "lock")]
    token: Option<u64>,
}

const PUT_EXAMPLES: &str = "Examples:
  opsbro kv-store put app/color blue
  opsbro kv-store put app/leader web-1 --ttl 1m
  opsbro kv-store put app/motd - < /etc/motd";

/// Delete a key
///
/// Exits with 1 when it does not exist.
#[derive(Debug, Args)]
#[command(after_help = DELETE_EXAMPLES)]
struct Delete {
    /// The key
    key: String,
}

const DELETE_EXAMPLES: &str = "Examples:
  opsbro kv-store delete app/color";

/// Give a key a value when it is at a revision
///
/// Exits with 1 when it is at another one: nothing was changed then.
#[derive(Debug, Args)]
#[command(after_help = CAS_EXAMPLES)]
struct Cas {
    /// The key
    key: String,
    /// Its value, at most 1 MiB; `-` reads it from stdin, byte for byte
    value: String,
    /// The revision that it must be at; 0: it must be absent
    #[arg(long)]
    revision: u64,
}

const CAS_EXAMPLES: &str = "Examples:
  opsbro kv-store cas app/color green --revision 7
  opsbro kv-store cas app/color blue --revision 0";

/// Give a key its earlier value
///
/// Exits with 1 when that is not known.
#[derive(Debug, Args)]
#[command(after_help = UNDO_EXAMPLES)]
struct Undo {
    /// The key
    key: String,
    /// As it was at this revision; before its last change when absent
    #[arg(long)]
    to: Option<u64>,
}

const UNDO_EXAMPLES: &str = "Examples:
  opsbro kv-store undo app/color
  opsbro kv-store undo app/color --to 12";

impl KvStore {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Get(get) => get.run(program),
            Verb::Put(put) => put.run(program),
            Verb::Delete(delete) => delete.run(program),
            Verb::Cas(cas) => cas.run(program),
            Verb::Undo(undo) => undo.run(program),
            Verb::List(list) => list.run(program),
            Verb::History(history) => history.run(program),
            Verb::Top(top) => top.run(program),
            Verb::Quota(quota) => quota.run(program),
            Verb::Watch(watch) => watch.run(program),
            Verb::WaitExists(wait) => wait.run(program),
            Verb::WaitValue(wait) => wait.run(program),
            Verb::Export(export) => export.run(program),
            Verb::Import(import) => import.run(program),
        }
    }
}

impl Get {
    fn run(self, program: &Program) -> Outcome {
        match read(program, &self.key, self.stale)? {
            Some(key) if self.raw => {
                program.printer.bytes(&bytes_of(key)?)?;
                Ok(Exit::Yes)
            }
            Some(key) => {
                program.printer.show_value(&Value(key))?;
                Ok(Exit::Yes)
            }
            None => absent(program, &self.key),
        }
    }
}

fn bytes_of(key: Key) -> Result<Vec<u8>, Failure> {
    let digits = match (key.value, key.value_hex) {
        (Some(text), _) => return Ok(text.into_bytes()),
        (None, digits) => digits.unwrap_or_default(),
    };
    let broken =
        || Failure::new("the agent answered no hexadecimal digits: is it another version?");
    model::from_hex(&digits).ok_or_else(broken)
}

fn absent(program: &Program, key: &str) -> Outcome {
    program
        .printer
        .say(&format!("the key {key} does not exist"));
    Ok(Exit::No)
}

/// Reads a key; none when it is absent.
fn read(program: &Program, key: &str, is_stale_ok: bool) -> Result<Option<Key>, Failure> {
    let mut query = vec![("format", "json")];
    if is_stale_ok {
        query.push(("stale", "ok"));
    }
    let with = With {
        path: &[key],
        query: &query,
    };
    match program.client()?.get(&GET, with) {
        Ok(key) => Ok(Some(key)),
        Err(ClientError::Refused(problem)) if problem.code == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(program.explain(error)),
    }
}

/// Gives what was typed as a value, or what stdin has.
fn value_of(typed: String) -> Result<Vec<u8>, Failure> {
    if typed != "-" {
        return Ok(typed.into_bytes());
    }
    let mut value = Vec::new();
    std::io::stdin()
        .take(KV_VALUE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut value)
        .map_err(|error| Failure::new(format!("cannot read the value from stdin: {error}")))?;
    if value.len() > KV_VALUE_BYTES_MAX {
        let why = "stdin has more than 1 MiB, the most that a value may have: nothing was written";
        return Err(Failure::new(why).with_hint("keep it in a file, and its name in the key"));
    }
    Ok(value)
}

/// How often a delete is begun anew because somebody writes the key meanwhile.
const DELETES_MAX: usize = 100;

impl Delete {
    /// Deletes the key as it was seen, so that of two who delete it one hears that it was absent.
    fn run(self, program: &Program) -> Outcome {
        for _ in 0..DELETES_MAX {
            let Some(revision) = revision_of(program, &self.key)? else {
                return absent(program, &self.key);
            };
            let revision = revision.to_string();
            let with = With {
                path: &[&self.key],
                query: &[("cas", &revision)],
            };
            match program.client()?.send(&DELETE, with, &()) {
                Ok(written) => return done(program, "deleted", &self.key, written),
                Err(ClientError::Refused(problem)) if problem.code == ErrorCode::Conflict => {}
                Err(error) => return Err(program.explain(error)),
            }
        }
        let why = format!(
            "the key {} is written all the time: it was not deleted",
            self.key
        );
        Err(Failure::new(why).with_hint("opsbro kv-store watch shows by whom it is written"))
    }
}

/// Tells where a key is, without its value; none when it is absent.
fn revision_of(program: &Program, key: &str) -> Result<Option<u64>, Failure> {
    let with = With {
        query: &[("prefix", key), ("limit", "1")],
        ..With::default()
    };
    let page: Keys = program.get(&KEYS, with)?;
    let found = page.keys.into_iter().find(|listed| listed.key == key);
    Ok(found.map(|listed| listed.revision))
}

impl Undo {
    fn run(self, program: &Program) -> Outcome {
        let to = self.to.map(|to| to.to_string());
        let query: Vec<(&str, &str)> = to.iter().map(|to| ("to", to.as_str())).collect();
        let with = With {
            path: &[&self.key],
            query: &query,
        };
        match program.client()?.send(&UNDO, with, &()) {
            Ok(written) => done(program, "is as it was", &self.key, written),
            Err(ClientError::Refused(problem)) if problem.code == ErrorCode::NotFound => {
                program.printer.say(&problem.message);
                Ok(Exit::No)
            }
            Err(error) => Err(program.explain(error)),
        }
    }
}

impl Put {
    fn run(self, program: &Program) -> Outcome {
        let value = value_of(self.value)?;
        let token = self.token.map(|token| token.to_string());
        let mut query = Vec::new();
        for (name, value) in [("ttl", &self.ttl), ("lock", &self.lock), ("token", &token)] {
            query.extend(value.as_deref().map(|value| (name, value)));
        }
        let with = With {
            path: &[&self.key],
            query: &query,
        };
        let put = program.client()?.send_bytes(&PUT, with, &value);
        done(
            program,
            "is set",
            &self.key,
            put.map_err(|error| program.explain(error))?,
        )
    }
}

impl Cas {
    fn run(self, program: &Program) -> Outcome {
        let value = value_of(self.value)?;
        let revision = self.revision.to_string();
        let with = With {
            path: &[&self.key],
            query: &[("cas", &revision)],
        };
        match program.client()?.send_bytes(&PUT, with, &value) {
            Ok(written) => done(program, "is set", &self.key, written),
            Err(ClientError::Refused(problem)) if problem.code == ErrorCode::Conflict => {
                program.printer.say(&problem.message);
                Ok(Exit::No)
            }
            Err(error) => Err(program.explain(error)),
        }
    }
}

fn done(program: &Program, what: &'static str, key: &str, written: Written) -> Outcome {
    program.printer.show(&Done {
        key: key.to_owned(),
        what,
        written,
    })?;
    Ok(Exit::Yes)
}

struct Done {
    key: String,
    what: &'static str,
    written: Written,
}

impl Serialize for Done {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl Answer for Done {
    fn text(&self, page: &mut Page) {
        let revision = self.written.revision;
        page.line(format!("{} {} at revision {revision}", self.key, self.what));
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Value(Key);

impl Answer for Value {
    fn text(&self, page: &mut Page) {
        let value = self.0.value.as_deref().or(self.0.value_hex.as_deref());
        page.line(value.unwrap_or_default());
    }
}
