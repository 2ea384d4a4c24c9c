//! `opsbro agent log`

use std::collections::BTreeMap;

use api::client::With;
use api::log::{FOLLOW, LEVEL_SET, LEVEL_WORDS, LEVELS, Line, PARTS};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Read the agent's log as it is written, and set what it tells
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Log {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro agent log list
  opsbro agent log follow gossip
  opsbro agent log level gossip DEBUG";

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Follow(Follow),
    Level(Level),
}

/// List the parts of the log with their levels
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro agent log list
  opsbro agent log list -o json";

/// Show the log as it is written, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = FOLLOW_EXAMPLES)]
pub(crate) struct Follow {
    /// Only this part of the log
    #[arg(add = complete::log_parts())]
    part: Option<String>,
    /// From this level up: ERROR, WARNING, INFO, DEBUG or TRACE
    #[arg(long, default_value = "DEBUG", value_parser = level)]
    level: &'static str,
}

const FOLLOW_EXAMPLES: &str = "Examples:
  opsbro agent log follow
  opsbro agent log follow gossip --level INFO
  opsbro agent log follow http -o json | jq .message";

/// Show the levels of the log, or set one until the next restart
#[derive(Debug, Args)]
#[command(after_help = LEVEL_EXAMPLES)]
struct Level {
    /// The part of the log, or `all`
    #[arg(add = complete::log_parts())]
    part: Option<String>,
    /// ERROR, WARNING, INFO, DEBUG or TRACE
    #[arg(value_parser = level, requires = "part")]
    level: Option<&'static str>,
}

const LEVEL_EXAMPLES: &str = "Examples:
  opsbro agent log level
  opsbro agent log level gossip DEBUG
  opsbro agent log level all INFO";

fn level(word: &str) -> Result<&'static str, String> {
    let known = LEVEL_WORDS
        .into_iter()
        .find(|level| level.eq_ignore_ascii_case(word));
    known.ok_or_else(|| match model::nearest(word, LEVEL_WORDS) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the levels are {}", LEVEL_WORDS.join(", ")),
    })
}

impl Log {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(command) => command.run(program),
            Verb::Follow(command) => command.run(program),
            Verb::Level(command) => command.run(program),
        }
    }
}

impl List {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        program
            .printer
            .show(&Levels(program.get(&LEVELS, With::default())?))?;
        Ok(Exit::Yes)
    }
}

impl Follow {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let mut query = vec![("level", self.level)];
        if let Some(part) = &self.part {
            check_part(program, part)?;
            query.push(("part", part));
        }
        let with = With {
            query: &query,
            ..With::default()
        };
        let lines = program
            .client()?
            .lines(&FOLLOW, with)
            .map_err(|e| program.explain(e))?;
        for line in lines {
            let line = line.map_err(|error| program.explain(error))?;
            match serde_json::from_str(&line) {
                Ok(line) => program.printer.show_next(&Said(line))?,
                Err(error) => {
                    return Err(Failure::new(format!(
                        "the agent sent what is no line: {error}"
                    )));
                }
            }
        }
        program.printer.say("The agent has stopped.");
        Ok(Exit::Yes)
    }
}

impl Level {
    fn run(self, program: &Program) -> Outcome {
        let levels = match (self.part, self.level) {
            (Some(part), Some(level)) => {
                if part != "all" {
                    check_part(program, &part)?;
                }
                let query = [("level", level)];
                program.get(
                    &LEVEL_SET,
                    With {
                        path: &[&part],
                        query: &query,
                    },
                )?
            }
            (Some(part), None) => {
                check_part(program, &part)?;
                let mut levels: BTreeMap<String, String> = program.get(&LEVELS, With::default())?;
                levels.retain(|name, _| *name == part);
                levels
            }
            (None, Some(_) | None) => program.get(&LEVELS, With::default())?,
        };
        program.printer.show(&Levels(levels))?;
        Ok(Exit::Yes)
    }
}

/// Refuses a part that the log does not have, before anything is waited for.
fn check_part(program: &Program, part: &str) -> Result<(), Failure> {
    let parts: Vec<String> = program.get(&PARTS, With::default())?;
    if parts.iter().any(|known| known == part) {
        return Ok(());
    }
    let failure = Failure::usage(format!("the log has no part `{part}`"));
    Err(
        match model::nearest(part, parts.iter().map(String::as_str)) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint(format!("its parts are {}", parts.join(", "))),
        },
    )
}

#[derive(Serialize)]
#[serde(transparent)]
struct Levels(BTreeMap<String, String>);

impl Answer for Levels {
    fn text(&self, page: &mut Page) {
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|(part, level)| vec![part.clone(), painted(level, level)])
            .collect();
        page.table(&[], &rows);
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Said(Line);

impl Answer for Said {
    fn text(&self, page: &mut Page) {
        let Self(line) = self;
        let level = painted(&line.level, &format!("{:<7}", line.level));
        let fields: String = line
            .fields
            .iter()
            .map(|(name, value)| format!(" {}{value}", dim(name)))
            .collect();
        page.line(format!(
            "{} {level} {} {}{fields}",
            line.date.dimmed(),
            format!("[{}]", line.part).cyan(),
            line.message
        ));
    }
}

fn dim(name: &str) -> String {
    format!("{name}=").dimmed().to_string()
}

/// Paints a text in the colour of a level.
pub(super) fn painted(level: &str, text: &str) -> String {
    match level {
        "ERROR" => text.red().to_string(),
        "WARNING" => text.yellow().to_string(),
        "INFO" => text.blue().to_string(),
        "DEBUG" => text.magenta().to_string(),
        _ => text.dimmed().to_string(),
    }
}
