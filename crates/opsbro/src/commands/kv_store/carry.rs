//! Keys out of the store and into it: one a line, as JSON.

use std::io::{BufRead, Write as _};
use std::path::PathBuf;

use api::client::With;
use api::kv::{KEYS, Page as Keys, TRANSACT, Transaction, Write, Written};
use clap::Args;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Print keys and their values, one a line, as `kv-store import` reads them
///
/// Each page of keys is as of one moment; `opsbro backup create` takes all keys at one moment.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(super) struct Export {
    /// The beginning of the keys
    #[arg(default_value = "")]
    prefix: String,
}

const EXPORT_EXAMPLES: &str = "Examples:
  opsbro kv-store export > keys.jsonl
  opsbro kv-store export app/";

/// Write keys that `kv-store export` printed
///
/// Keys that are there get the new values; others stay as they are.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(super) struct Import {
    /// The file; `-` reads stdin
    file: PathBuf,
}

const IMPORT_EXAMPLES: &str = "Examples:
  opsbro kv-store import keys.jsonl";

/// Writes that one request carries, and about how many bytes: well below what agreement takes.
const WRITES_MAX: usize = 100;
const BYTES_MAX: usize = 400_000;

impl Export {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut out = std::io::stdout().lock();
        let broken = |error: std::io::Error| Failure::new(format!("cannot print: {error}"));
        let mut behind: Option<String> = None;
        loop {
            let mut query = vec![("prefix", &*self.prefix), ("values", "yes")];
            query.extend(behind.as_deref().map(|behind| ("behind", behind)));
            let with = With {
                query: &query,
                ..With::default()
            };
            let page: Keys = program.get(&KEYS, with)?;
            behind = page.keys.last().map(|last| last.key.clone());
            for one in page.keys {
                let write = Write {
                    key: one.key,
                    value: one.value,
                    value_hex: one.value_hex,
                    ttl_ms: one.ttl_ms,
                };
                let line = serde_json::to_string(&write);
                let line = line.map_err(|error| Failure::new(error.to_string()))?;
                writeln!(out, "{line}").map_err(broken)?;
            }
            if !page.has_more {
                return Ok(Exit::Yes);
            }
        }
    }
}

impl Import {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let name = self.file.display().to_string();
        let unread = |error: std::io::Error| Failure::new(format!("cannot read {name}: {error}"));
        let lines: Box<dyn BufRead> = if name == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            let file = std::fs::File::open(&self.file).map_err(unread)?;
            Box::new(std::io::BufReader::new(file))
        };
        let mut writer = Writer::new(program);
        for (at, line) in lines.lines().enumerate() {
            let line = line.map_err(unread)?;
            if line.trim().is_empty() {
                continue;
            }
            let write: Write = serde_json::from_str(&line).map_err(|error| {
                let why = format!("{name}:{}: this is no key: {error}", at + 1);
                let hint = format!("{} keys before it are written", writer.written);
                Failure::new(why).with_hint(hint)
            })?;
            writer.push(write)?;
        }
        let keys = writer.finish()?;
        program.printer.show(&Imported { keys })?;
        Ok(Exit::Yes)
    }
}

/// Gathers writes into requests.
pub(in crate::commands) struct Writer<'a> {
    program: &'a Program,
    writes: Vec<Write>,
    bytes: usize,
    written: u64,
}

impl<'a> Writer<'a> {
    pub(in crate::commands) fn new(program: &'a Program) -> Self {
        Self {
            program,
            writes: Vec::new(),
            bytes: 0,
            written: 0,
        }
    }

    pub(in crate::commands) fn push(&mut self, write: Write) -> Result<(), Failure> {
        let text = write.value.as_ref().map_or(0, String::len);
        let bytes = text + write.value_hex.as_ref().map_or(0, |hex| hex.len() / 2);
        let is_new = self.writes.iter().all(|other| other.key != write.key);
        if self.writes.len() >= WRITES_MAX || self.bytes + bytes > BYTES_MAX || !is_new {
            self.flush()?;
        }
        self.bytes += bytes;
        self.writes.push(write);
        Ok(())
    }

    /// Writes the rest, and tells how many there were.
    pub(in crate::commands) fn finish(mut self) -> Result<u64, Failure> {
        self.flush()?;
        Ok(self.written)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let transaction = Transaction {
            checks: Vec::new(),
            writes: std::mem::take(&mut self.writes),
        };
        self.bytes = 0;
        let _: Written = self
            .program
            .send(&TRANSACT, With::default(), &transaction)?;
        self.written += transaction.writes.len() as u64;
        Ok(())
    }
}

#[derive(Serialize)]
struct Imported {
    keys: u64,
}

impl Answer for Imported {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} keys are written", self.keys));
    }
}
