//! `opsbro gossip events`

use std::time::Duration;

use api::client::With;
use api::gossip::{AddEvent, EVENT, EVENT_ADD, EVENTS, Event};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, whole_seconds};
use crate::program::{Program, timeout};
use crate::waiting::until;

/// Tell the cluster that something happened, and wait for what others tell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Events {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip events add deployed
  opsbro gossip events wait deployed --timeout 1m
  opsbro gossip events list";

#[derive(Debug, Subcommand)]
enum Verb {
    Add(Add),
    Wait(Wait),
    List(List),
}

impl Events {
    pub(super) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Add(command) => command.run(program),
            Verb::Wait(command) => command.run(program),
            Verb::List(_) => {
                let all = Listed(program.get(&EVENTS, With::default())?);
                program.printer.show(&all)?;
                Ok(Exit::Yes)
            }
        }
    }
}

/// Tell the cluster that something happened; it is known for 300 s
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct Add {
    /// What, in a word
    event_type: String,
    /// More of it
    #[arg(default_value = "")]
    payload: String,
}

const ADD_EXAMPLES: &str = "Examples:
  opsbro gossip events add deployed
  opsbro gossip events add deployed 'version 1.2'";

impl Add {
    fn run(self, program: &Program) -> Outcome {
        let add = AddEvent {
            kind: self.event_type,
            payload: self.payload,
        };
        let added = Added(program.send(&EVENT_ADD, With::default(), &add)?);
        program.printer.show(&added)?;
        Ok(Exit::Yes)
    }
}

/// Wait until an event is known here
///
/// The exit code is 1 when it was not in time.
#[derive(Debug, Args)]
#[command(after_help = WAIT_EXAMPLES)]
struct Wait {
    /// What, in a word
    event_type: String,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const WAIT_EXAMPLES: &str = "Examples:
  opsbro gossip events wait deployed
  opsbro gossip events wait deployed --timeout 5m";

impl Wait {
    fn run(self, program: &Program) -> Outcome {
        let what = format!("the event {}", self.event_type);
        let event = until(what, self.timeout, Option::is_some, || {
            let with = With {
                path: &[&self.event_type],
                ..With::default()
            };
            program.get::<Option<Event>>(&EVENT, with)
        })?;
        let exit = Exit::when(event.is_some());
        let event_type = self.event_type;
        program.printer.show(&Waited { event_type, event })?;
        Ok(exit)
    }
}

/// List the events that are known here, oldest first
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro gossip events list
  opsbro gossip events list -o json";

#[derive(Serialize)]
#[serde(transparent)]
struct Added(Event);

impl Answer for Added {
    fn text(&self, page: &mut Page) {
        page.line(format!(
            "{} The event {} is added",
            "√".green(),
            self.0.kind
        ));
    }
}

#[derive(Serialize)]
struct Waited {
    event_type: String,
    event: Option<Event>,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        let kind = &self.event_type;
        match &self.event {
            Some(event) => page.line(format!("{} {}", "√".green(), line(event))),
            None => page.line(format!(
                "{} The event {kind} did not come in time",
                "Х".red()
            )),
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<Event>);

impl Answer for Listed {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            page.line("No event is known.");
        }
        for event in &self.0 {
            page.line(format!(
                "{}  {}",
                whole_seconds(&event.at).dimmed(),
                line(event)
            ));
        }
    }
}

fn line(event: &Event) -> String {
    let from = match event.from_name.as_str() {
        "" => &event.from,
        name => name,
    };
    let more = match event.payload.as_str() {
        "" => String::new(),
        payload => format!(": {payload}"),
    };
    format!("{} of {from}{more}", event.kind.bold())
}
