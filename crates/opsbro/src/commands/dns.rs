//! `opsbro dns`: what the names of the cluster answer, and letting this machine ask for them.

mod install;

use api::client::With;
use api::dns::{Answered, QUERY, RECORDS, Record, Records};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Ask for nodes, groups and services by name, and let this machine do so
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dns {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro dns query linux.group
  opsbro dns records
  opsbro dns install --for dnsmasq --print";

#[derive(Debug, Subcommand)]
enum Verb {
    Query(Query),
    Records(List),
    Install(install::Install),
}

/// Ask for a name, as `dig` would; the exit code is 1 when nothing is found
#[derive(Debug, Args)]
#[command(after_help = QUERY_EXAMPLES)]
struct Query {
    /// The name, with or without the domain, or an address
    name: String,
    /// The type, as behind --type; `dig` takes it before the name, and so does this
    #[arg(conflicts_with = "kind")]
    word: Option<String>,
    /// The type: A, AAAA, SRV, TXT, PTR, NS, SOA (default: SRV below _tcp and _udp, TXT for why,
    /// PTR for an address, else A)
    #[arg(long = "type", short = 't')]
    kind: Option<String>,
}

const QUERY_EXAMPLES: &str = "Examples:
  opsbro dns query linux.group
  opsbro dns query web.group --type AAAA
  opsbro dns query SRV _web._tcp
  opsbro dns query _web._tcp
  opsbro dns query why.web.service -o json";

/// List all names with their answers, and tell whether DNS listens
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {
    /// Also the names of single zones
    #[arg(long)]
    zones: bool,
}

const LIST_EXAMPLES: &str = "Examples:
  opsbro dns records
  opsbro dns records --zones -o json";

impl Dns {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Query(query) => query.run(program),
            Verb::Records(list) => list.run(program),
            Verb::Install(install) => install.run(program),
        }
    }
}

/// The types that may be named without a flag.
const KINDS: [&str; 7] = ["A", "AAAA", "SRV", "TXT", "PTR", "NS", "SOA"];

impl Query {
    /// Tells the name and the type, in whichever order they were typed.
    fn asked(&self) -> (&str, Option<&str>) {
        let is_kind = |word: &str| KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(word));
        match &self.word {
            None => (&self.name, self.kind.as_deref()),
            Some(word) if is_kind(&self.name) && !is_kind(word) => (word, Some(&self.name)),
            Some(word) => (&self.name, Some(word)),
        }
    }

    fn run(self, program: &Program) -> Outcome {
        let (name, kind) = self.asked();
        let mut query = vec![("name", name)];
        query.extend(kind.map(|kind| ("type", kind)));
        let with = With {
            query: &query,
            ..With::default()
        };
        let answered: Answered = program.get(&QUERY, with)?;
        let exit = Exit::when(!answered.answers.is_empty());
        program.printer.show(&Shown(answered))?;
        Ok(exit)
    }
}

impl List {
    fn run(self, program: &Program) -> Outcome {
        let zones = if self.zones { "true" } else { "false" };
        let query = [("zones", zones)];
        let with = With {
            query: &query,
            ..With::default()
        };
        let records: Records = program.get(&RECORDS, with)?;
        program.printer.show(&Listed(records))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Answered);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(answered) = self;
        let status = match answered.status.as_str() {
            "NOERROR" => answered.status.green().to_string(),
            _ => answered.status.red().to_string(),
        };
        page.line(format!(
            "{} {}: {status}, {} ({} bytes)",
            answered.name, answered.kind, answered.flags, answered.bytes
        ));
        for reason in &answered.reasons {
            page.note(reason);
        }
        let is_bare = answered.answers.is_empty() && answered.reasons.is_empty();
        if is_bare && answered.status == "NOERROR" {
            page.note(&format!(
                "the name is there, without records of type {}",
                answered.kind
            ));
        }
        for (title, records) in [
            ("Answer", &answered.answers),
            ("Authority", &answered.authority),
            ("Additional", &answered.additional),
        ] {
            if !records.is_empty() {
                page.title(title);
                page.table(&["name", "ttl", "type", "content"], &rows(records));
            }
        }
    }
}

fn rows(records: &[Record]) -> Vec<Vec<String>> {
    let row = |it: &Record| {
        vec![
            it.name.clone(),
            it.ttl.to_string(),
            it.kind.clone(),
            it.content.clone(),
        ]
    };
    records.iter().map(row).collect()
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Records);

impl Answer for Listed {
    fn text(&self, page: &mut Page) {
        let Self(records) = self;
        page.title(&format!("DNS of {}", records.domain));
        match (&records.listen, &records.off) {
            (Some(address), _) => page.field("Listens", address),
            (None, off) => page.field("Does not listen", off.as_deref().unwrap_or_default()),
        }
        for wrong in &records.wrong {
            page.line(format!("{} {wrong}", "‼".yellow()));
        }
        if let Some(share) = &records.cut_off {
            page.line(format!("{} This node is cut off: {share}", "‼".yellow()));
        }
        let counts = &records.counts;
        page.field(
            "Answered",
            format!(
                "{}, of these {} not there, {} refused, {} cut; {} limited, {} junk",
                counts.answered,
                counts.missing,
                counts.refused,
                counts.cut,
                counts.limited,
                counts.junk
            ),
        );
        let rows: Vec<Vec<String>> = records
            .names
            .iter()
            .map(|name| {
                let mark = match (name.panic, name.left_out) {
                    (true, _) => "panic".to_owned(),
                    (false, 0) => String::new(),
                    (false, left_out) => format!("{left_out} out"),
                };
                vec![
                    name.name.clone(),
                    name.kind.clone(),
                    name.ttl.to_string(),
                    mark,
                    name.answers.join(", "),
                ]
            })
            .collect();
        page.table(&["name", "type", "ttl", "", "answers"], &rows);
    }
}
