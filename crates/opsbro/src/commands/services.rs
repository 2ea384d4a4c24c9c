//! `opsbro services`: what the nodes offer, and what applications of this node say that they do.

mod shown;

use std::collections::BTreeMap;

use api::client::With;
use api::monitoring::{SERVICE_STATE, SERVICES_STATE, Service};
use api::services::{DEREGISTER, Done, REGISTER, Register as Asked};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;
use shown::{All, One};

/// See what the nodes offer to others, and offer something
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Services {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro services list
  opsbro services show web
  opsbro services register web --port 8080 --ttl 30s";

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Register(Register),
    Deregister(Deregister),
}

/// List the services of all nodes that are known
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro services list
  opsbro services list -o json";

/// Show on which nodes a service is, where it is reached there, and how it is
///
/// The exit code is 1 when it is well on none.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
struct Show {
    /// The service
    name: String,
}

const SHOW_EXAMPLES: &str = "Examples:
  opsbro services show web
  opsbro services show web -o json";

/// Offer something from this node, or say again that it is offered
///
/// It is kept over a restart of the agent. With --ttl it must be said again in time, or it fails,
/// and is forgotten after ten times as long.
#[derive(Debug, Args)]
#[command(after_help = REGISTER_EXAMPLES)]
struct Register {
    /// The service
    name: String,
    /// Where it is reached
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How it is spoken to: tcp or udp
    #[arg(long, default_value = "tcp")]
    protocol: String,
    /// What tells its kinds apart; may be given several times
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Its share of the questions
    #[arg(long, default_value_t = 1)]
    weight: u16,
    /// Who asks takes the lowest number that answers
    #[arg(long, default_value_t = 0)]
    priority: u16,
    /// Time after which it fails when it is not said again, such as 30 (seconds) or 5m; 0 for never
    #[arg(long, default_value = "0", value_parser = seconds)]
    ttl: u32,
    /// How it is: ok, warning, critical or unknown
    #[arg(long, default_value = "ok")]
    state: String,
    /// Why
    #[arg(long, default_value = "")]
    message: String,
}

const REGISTER_EXAMPLES: &str = "Examples:
  opsbro services register web --port 8080 --tag blue
  opsbro services register queue --port 5672 --ttl 30s --state warning --message 'nearly full'";

/// Reads a time, or a bare count of seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let whole = text.parse().or_else(|_| {
        let time = crate::program::timeout(text)?;
        u32::try_from(time.as_secs()).map_err(|_| format!("{text} is longer than can be waited"))
    })?;
    match whole {
        0 if text != "0" => Err(format!("{text} is less than a second; 0 is for never")),
        whole => Ok(whole),
    }
}

/// Offer something no longer that was registered
#[derive(Debug, Args)]
#[command(after_help = DEREGISTER_EXAMPLES)]
struct Deregister {
    /// The service
    name: String,
}

const DEREGISTER_EXAMPLES: &str = "Examples:
  opsbro services deregister web";

impl Services {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(List {}) => {
                let all: BTreeMap<String, Service> =
                    program.get(&SERVICES_STATE, With::default())?;
                program.printer.show(&All(all))?;
                Ok(Exit::Yes)
            }
            Verb::Show(show) => {
                let with = With {
                    path: &[&show.name],
                    ..With::default()
                };
                let service: Service = program.get(&SERVICE_STATE, with)?;
                let exit = Exit::when(service.passing > 0);
                program.printer.show(&One(service))?;
                Ok(exit)
            }
            Verb::Register(register) => register.run(program),
            Verb::Deregister(deregister) => {
                let with = With {
                    path: &[&deregister.name],
                    ..With::default()
                };
                let done: Done = program.get(&DEREGISTER, with)?;
                program.printer.show(&Forgotten(done))?;
                Ok(Exit::Yes)
            }
        }
    }
}

impl Register {
    fn run(self, program: &Program) -> Outcome {
        let asked = Asked {
            port: self.port,
            protocol: Some(self.protocol),
            tags: self.tags,
            weight: Some(self.weight),
            priority: self.priority,
            ttl: self.ttl,
            state: Some(self.state),
            output: self.message,
        };
        let with = With {
            path: &[&self.name],
            ..With::default()
        };
        let done: Done = program.send(&REGISTER, with, &asked)?;
        let has_port = asked.port > 0;
        program.printer.show(&Offered { done, has_port })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
struct Offered {
    #[serde(flatten)]
    done: Done,
    #[serde(skip)]
    has_port: bool,
}

impl Answer for Offered {
    fn text(&self, page: &mut Page) {
        let name = self.done.dns.as_deref().unwrap_or(&self.done.name);
        let name = name.trim_end_matches('.');
        page.line(format!(
            "{} {} is offered as {name}",
            "√".green(),
            self.done.name
        ));
        if !self.has_port {
            page.note("it has no --port, so there are no SRV records for it");
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Forgotten(Done);

impl Answer for Forgotten {
    fn text(&self, page: &mut Page) {
        page.line(format!(
            "{} {} is offered no longer",
            "√".green(),
            self.0.name
        ));
    }
}
