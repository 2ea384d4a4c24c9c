//! Looking at keys: lists, what they were, what takes the room.

use api::client::With;
use api::kv::{HISTORY, KEYS, Listed, Page as Keys, Past, USAGE, Usage};
use clap::Args;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// List the keys, or those that begin with a prefix
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(super) struct List {
    /// The beginning of the keys
    #[arg(default_value = "")]
    prefix: String,
}

const LIST_EXAMPLES: &str = "Examples:
  opsbro kv-store list
  opsbro kv-store list app/ -o json";

/// Show the last values of a key, newest first
///
/// Exits with 1 when nothing is known of the key.
#[derive(Debug, Args)]
#[command(after_help = HISTORY_EXAMPLES)]
pub(super) struct History {
    /// The key
    key: String,
}

const HISTORY_EXAMPLES: &str = "Examples:
  opsbro kv-store history app/color";

/// Show how much there is, and the largest keys
#[derive(Debug, Args)]
#[command(after_help = TOP_EXAMPLES)]
pub(super) struct Top {
    /// How many keys to show
    #[arg(long, default_value_t = 10)]
    last: usize,
}

const TOP_EXAMPLES: &str = "Examples:
  opsbro kv-store top
  opsbro kv-store top --last 50";

impl List {
    pub(super) fn run(self, program: &Program) -> Outcome {
        program.printer.show(&Names(all(program, &self.prefix)?))?;
        Ok(Exit::Yes)
    }
}

/// Reads all pages of a list.
fn all(program: &Program, prefix: &str) -> Result<Vec<Listed>, Failure> {
    let mut listed: Vec<Listed> = Vec::new();
    loop {
        let behind = listed.last().map(|last| last.key.clone());
        let mut query = vec![("prefix", prefix)];
        query.extend(behind.as_deref().map(|behind| ("behind", behind)));
        let with = With {
            query: &query,
            ..With::default()
        };
        let page: Keys = program.get(&KEYS, with)?;
        listed.extend(page.keys);
        if !page.has_more {
            return Ok(listed);
        }
    }
}

impl History {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let with = With {
            path: &[&self.key],
            ..With::default()
        };
        let pasts: Vec<Past> = program.get(&HISTORY, with)?;
        let is_known = !pasts.is_empty();
        if !is_known {
            let key = &self.key;
            let why = format!("the key {key} does not exist, and nothing is known of what it was");
            program.printer.say(&why);
        }
        if is_known || program.printer.is_for_programs() {
            program.printer.show(&Pasts(pasts))?;
        }
        Ok(Exit::when(is_known))
    }
}

impl Top {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let usage = program.get(&USAGE, With::default())?;
        let mut keys = all(program, "")?;
        keys.sort_by_key(|key| std::cmp::Reverse(key.bytes));
        keys.truncate(self.last);
        program.printer.show(&Room { usage, keys })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Names(Vec<Listed>);

impl Answer for Names {
    fn text(&self, page: &mut Page) {
        for key in &self.0 {
            page.line(&key.key);
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Pasts(Vec<Past>);

impl Answer for Pasts {
    fn text(&self, page: &mut Page) {
        let rows: Vec<Vec<String>> = self.0.iter().map(row).collect();
        page.table(&["revision", "at", "value"], &rows);
    }
}

fn row(past: &Past) -> Vec<String> {
    let value = past.value.clone().or_else(|| past.value_hex.clone());
    let value = match past.is_deleted {
        true => "(deleted)".to_owned(),
        false => value.unwrap_or_default(),
    };
    vec![past.revision.to_string(), past.at.clone(), value]
}

#[derive(Serialize)]
struct Room {
    usage: Vec<Usage>,
    keys: Vec<Listed>,
}

impl Answer for Room {
    fn text(&self, page: &mut Page) {
        let rows: Vec<Vec<String>> = self.usage.iter().map(usage_row).collect();
        page.table(&["below", "keys", "bytes", "quota"], &rows);
        page.blank();
        let row = |key: &Listed| vec![key.key.clone(), key.bytes.to_string()];
        let rows: Vec<Vec<String>> = self.keys.iter().map(row).collect();
        page.table(&["key", "bytes"], &rows);
    }
}

fn usage_row(usage: &Usage) -> Vec<String> {
    let prefix = match usage.prefix.as_str() {
        "" => "(all)",
        prefix => prefix,
    };
    let quota = usage.quota.as_ref().map(|quota| {
        let bounds = [(quota.keys_max, "keys"), (quota.bytes_max, "bytes")];
        let set = bounds.iter().filter(|(most, _)| *most < u64::MAX);
        let told: Vec<String> = set.map(|(most, of)| format!("{most} {of}")).collect();
        told.join(", ")
    });
    vec![
        prefix.to_owned(),
        usage.keys.to_string(),
        usage.bytes.to_string(),
        quota.unwrap_or_default(),
    ]
}
