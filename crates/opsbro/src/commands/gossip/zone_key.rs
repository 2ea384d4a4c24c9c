//! `opsbro gossip zone key`: the file of a zone's key.

use std::io::Read as _;
use std::path::Path;

use api::agent::{RELOAD, ReloadReport};
use api::client::With;
use clap::{Args, Subcommand};
use daemon::zone_keys::{self, Key};
use model::Zone;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Make or bring the key that seals the gossip of a zone
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ZoneKey {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip zone key generate --zone internet
  opsbro gossip zone key import --zone internet --key \"$KEY\"";

#[derive(Debug, Subcommand)]
enum Verb {
    Generate(Generate),
    Import(Import),
}

/// Make a key for a zone, write its file, and print it for the other nodes
#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLES)]
struct Generate {
    /// The zone
    #[arg(long)]
    zone: String,
    /// Replace a key that is there; nodes with the old one hear this one no more
    #[arg(long)]
    erase: bool,
}

const GENERATE_EXAMPLES: &str = "Examples:
  opsbro gossip zone key generate --zone internet
  opsbro gossip zone key generate --zone internet --erase";

/// Write the file of a zone's key
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
struct Import {
    /// The zone
    #[arg(long)]
    zone: String,
    /// The key, base64 of 16 or 32 bytes; without it, it is read from stdin, where no list of
    /// processes shows it
    #[arg(long)]
    key: Option<String>,
    /// Replace a key that is there; nodes with the old one hear this one no more
    #[arg(long)]
    erase: bool,
}

const IMPORT_EXAMPLES: &str = "Examples:
  opsbro gossip zone key import --zone internet --key \"$KEY\"";

impl ZoneKey {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Generate(it) => {
                let zone = zone(&it.zone)?;
                let key = zone_keys::generate().map_err(|why| Failure::new(why.to_string()))?;
                put(program, &zone, &key, it.erase, true)
            }
            Verb::Import(it) => {
                let zone = zone(&it.zone)?;
                let text = match it.key {
                    Some(text) => text,
                    None => from_stdin()?,
                };
                let key = parsed(&text)?;
                put(program, &zone, &key, it.erase, false)
            }
        }
    }
}

/// Reads a key from stdin; what is much longer is none.
pub(crate) fn from_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(1_024).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(format!("cannot read the key from stdin: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn zone(name: &str) -> Result<Zone, Failure> {
    Zone::parse(name).map_err(|why| Failure::usage(format!("`{name}` is no zone: {why}")))
}

/// Writes the file, and lets the agent take it when one runs.
fn put(program: &Program, zone: &Zone, key: &Key, erase: bool, is_new: bool) -> Outcome {
    let home = program.paths()?;
    let path = zone_keys::path(&home, zone);
    if path.exists() && !erase {
        let message = format!("the zone {zone} has a key already: {}", path.display());
        return Err(Failure::new(message).with_hint(
            "replace it with --erase, or change it on all nodes without a gap: opsbro keys add",
        ));
    }
    let path = zone_keys::write(&home, zone, key).map_err(Failure::new)?;
    program.printer.show(&Written {
        zone: zone.to_string(),
        file: path.display().to_string(),
        fingerprint: zone_keys::shown(key.fingerprint()),
        gossip_key: is_new.then(|| key.to_base64()),
    })?;
    if !program
        .configuration()?
        .configuration
        .zones
        .contains_key(zone.as_str())
    {
        let note = format!(
            "No file declares the zone {zone} here: zones/{zone}.yml has to say `zone: {{name: \
             {zone}}}` before the key seals anything."
        );
        program.printer.say(&note);
    }
    told(program, &path)
}

/// Brings the key of a zone from its other nodes, for this node to join them; a key that is there
/// and is another one is replaced.
pub(super) fn bring(program: &Program, zone: &str, text: &str) -> Result<(), Failure> {
    let zone = self::zone(zone)?;
    let key = parsed(text)?;
    let home = program.paths()?;
    let known = zone_keys::load(&home).keys.remove(&zone);
    if known.as_ref() == Some(&key) {
        return Ok(());
    }
    let path = zone_keys::write(&home, &zone, &key).map_err(Failure::new)?;
    told(program, &path).map(drop)
}

fn parsed(text: &str) -> Result<Key, Failure> {
    Key::parse(text).map_err(|why| {
        Failure::usage(format!("the key is not valid: {why}"))
            .with_hint("make one with: opsbro agent keygen")
    })
}

/// Makes the running agent read its keys again.
fn told(program: &Program, path: &Path) -> Outcome {
    let reloaded = program
        .client()?
        .send::<_, ReloadReport>(&RELOAD, With::default(), &());
    match reloaded {
        Ok(report) => {
            let file = path.display().to_string();
            let refused = report.refused.iter().find(|why| why.contains(&file));
            match refused {
                Some(why) => Err(Failure::new(format!("the agent refused the key: {why}"))),
                None => Ok(Exit::Yes),
            }
        }
        Err(api::ClientError::NotRunning(_)) => {
            let note = "No agent is running: the next start takes the key.";
            program.printer.say(note);
            Ok(Exit::Yes)
        }
        Err(error) => Err(program.explain(error)),
    }
}

#[derive(Serialize)]
struct Written {
    zone: String,
    file: String,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gossip_key: Option<String>,
}

impl Answer for Written {
    fn text(&self, page: &mut Page) {
        let done = "√ OK".green();
        page.line(format!("{done} the key is saved as file {}", self.file));
        if let Some(key) = &self.gossip_key {
            page.line(format!(
                "The other nodes of the zone {} need it:",
                self.zone
            ));
            page.line(key);
        }
    }
}
