//! `opsbro kv-store`: keys that the nodes of the zone agree on.

pub(super) mod carry;
mod see;
mod wait;

use api::client::With;
use api::kv::{DELETE, GET, Key, PUT, UNDO, Written};
use api::{ClientError, ErrorCode};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::{Exit, Outcome};
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
    Watch(wait::Watch),
    WaitExists(wait::WaitExists),
    WaitValue(wait::WaitValue),
    Export(carry::Export),
    Import(carry::Import),
}

/// Print the value of a key
///
/// Exits with 1 when the key does not exist.
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
struct Get {
    /// The key
    key: String,
    /// Take what this node knows, though it may be older
    #[arg(long)]
    stale: bool,
}

const GET_EXAMPLES: &str = "Examples:
  opsbro kv-store get app/color
  opsbro kv-store get app/color --stale -o json";

/// Give a key a value
#[derive(Debug, Args)]
#[command(after_help = PUT_EXAMPLES)]
struct Put {
    /// The key
    key: String,
    /// Its value
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
  opsbro kv-store put app/leader web-1 --ttl 1m";

/// Delete a key
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
    /// Its value
    value: String,
    /// The revision that it must be at; 0: it must be absent
    #[arg(long)]
    revision: u64,
}

const CAS_EXAMPLES: &str = "Examples:
  opsbro kv-store cas app/color green --revision 7
  opsbro kv-store cas app/color blue --revision 0";

/// Give a key its earlier value
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
            Verb::Delete(Delete { key }) => {
                let with = With {
                    path: &[&key],
                    ..With::default()
                };
                let written: Written = program.send(&DELETE, with, &())?;
                done(program, "deleted", &key, written)
            }
            Verb::Cas(cas) => cas.run(program),
            Verb::Undo(undo) => {
                let to = undo.to.map(|to| to.to_string());
                let query: Vec<(&str, &str)> = to.iter().map(|to| ("to", to.as_str())).collect();
                let with = With {
                    path: &[&undo.key],
                    query: &query,
                };
                let written: Written = program.send(&UNDO, with, &())?;
                done(program, "is as it was", &undo.key, written)
            }
            Verb::List(list) => list.run(program),
            Verb::History(history) => history.run(program),
            Verb::Top(top) => top.run(program),
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
            Some(key) => {
                program.printer.show(&Value(key))?;
                Ok(Exit::Yes)
            }
            None => {
                program
                    .printer
                    .say(&format!("the key {} does not exist", self.key));
                Ok(Exit::No)
            }
        }
    }
}

/// Reads a key; none when it is absent.
fn read(
    program: &Program,
    key: &str,
    is_stale_ok: bool,
) -> Result<Option<Key>, crate::failure::Failure> {
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

impl Put {
    fn run(self, program: &Program) -> Outcome {
        let token = self.token.map(|token| token.to_string());
        let mut query = Vec::new();
        for (name, value) in [("ttl", &self.ttl), ("lock", &self.lock), ("token", &token)] {
            query.extend(value.as_deref().map(|value| (name, value)));
        }
        let with = With {
            path: &[&self.key],
            query: &query,
        };
        let put = program
            .client()?
            .send_bytes(&PUT, with, self.value.as_bytes());
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
        let revision = self.revision.to_string();
        let with = With {
            path: &[&self.key],
            query: &[("cas", &revision)],
        };
        match program
            .client()?
            .send_bytes(&PUT, with, self.value.as_bytes())
        {
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
