//! `opsbro backup`: all keys of the zone in one file.

use std::path::{Path, PathBuf};

use api::client::With;
use api::kv::{BACKUP, USAGE, Usage, Write};
use clap::{Args, Subcommand};
use daemon::backup::{self, Backup as Read, Head};
use serde::Serialize;

use super::kv_store::carry::Writer;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Save all keys of the kv-store in a file, and write them back
///
/// Locks are not part of it: who held them is gone when a backup is needed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backup {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro backup create keys.backup
  opsbro backup inspect keys.backup
  opsbro backup restore keys.backup";

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Create),
    Inspect(Inspect),
    Restore(Restore),
}

/// Save all keys as they are at one moment
#[derive(Debug, Args)]
#[command(after_help = CREATE_EXAMPLES)]
struct Create {
    /// The file; one that is there is replaced when the new one is whole
    file: PathBuf,
}

const CREATE_EXAMPLES: &str = "Examples:
  opsbro backup create keys.backup";

/// Check a file and tell what is in it; asks no agent
///
/// Exits with 1 when it is damaged.
#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
struct Inspect {
    /// The file
    file: PathBuf,
}

const INSPECT_EXAMPLES: &str = "Examples:
  opsbro backup inspect keys.backup";

/// Write the keys of a file into the kv-store
///
/// The file is checked as a whole first. A store that has keys is left alone unless --merge says
/// that they may be overwritten; keys that are not in the file stay.
#[derive(Debug, Args)]
#[command(after_help = RESTORE_EXAMPLES)]
struct Restore {
    /// The file
    file: PathBuf,
    /// Write into a store that has keys
    #[arg(long)]
    merge: bool,
}

const RESTORE_EXAMPLES: &str = "Examples:
  opsbro backup restore keys.backup
  opsbro backup restore keys.backup --merge";

impl Backup {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Create(create) => create.run(program),
            Verb::Inspect(Inspect { file }) => match read(&file)? {
                Ok(backup) => {
                    program.printer.show(&Shown::new(backup))?;
                    Ok(Exit::Yes)
                }
                Err(why) => {
                    let file = file.display();
                    program
                        .printer
                        .say(&format!("{file} is no whole backup: {why}"));
                    Ok(Exit::No)
                }
            },
            Verb::Restore(restore) => restore.run(program),
        }
    }
}

fn read(file: &Path) -> Result<Result<Read, String>, Failure> {
    let text = std::fs::read(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    let text = String::from_utf8(text).map_err(|_| "it is no text".to_owned());
    Ok(text.and_then(|text| backup::decode(&text)))
}

impl Create {
    fn run(self, program: &Program) -> Outcome {
        let text = program
            .client()?
            .text(&BACKUP, With::default())
            .map_err(|error| program.explain(error))?;
        // What cannot be restored is no backup.
        let backup = backup::decode(&text)
            .map_err(|why| Failure::new(format!("the agent gave no whole backup: {why}")))?;
        store::file::replace(&self.file, text.as_bytes(), store::file::PRIVATE)
            .map_err(|error| Failure::new(error.to_string()))?;
        program.printer.show(&Shown::new(backup))?;
        Ok(Exit::Yes)
    }
}

impl Restore {
    fn run(self, program: &Program) -> Outcome {
        let backup = read(&self.file)?.map_err(|why| {
            let file = self.file.display();
            Failure::new(format!(
                "{file} is no whole backup, nothing was written: {why}"
            ))
        })?;
        let usage: Vec<Usage> = program.get(&USAGE, With::default())?;
        let keys = usage.first().map_or(0, |whole| whole.keys);
        if keys > 0 && !self.merge {
            let why = format!("the kv-store has {keys} keys, nothing was written");
            let hint = "say --merge to overwrite those that are in the file";
            return Err(Failure::new(why).with_hint(hint));
        }
        let mut writer = Writer::new(program);
        let head = backup.head.clone();
        for key in backup.keys {
            writer.push(key)?;
        }
        writer.finish()?;
        program.printer.show(&Shown { head, bytes: 0 })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    head: Head,
    #[serde(skip)]
    bytes: usize,
}

impl Shown {
    fn new(backup: Read) -> Self {
        let size = |write: &Write| {
            let value = write.value.as_ref().map_or(0, String::len);
            write.key.len() + value + write.value_hex.as_ref().map_or(0, |hex| hex.len() / 2)
        };
        Self {
            bytes: backup.keys.iter().map(size).sum(),
            head: backup.head,
        }
    }
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let head = &self.head;
        page.field("created", &head.created);
        page.field("group", &head.group);
        page.field("revision", head.revision);
        page.field("keys", head.keys);
        if self.bytes > 0 {
            page.field("bytes", self.bytes);
        }
    }
}
