//! `opsbro agent parameters show|get`: what is in force, and where it was said.

use std::collections::BTreeMap;

use clap::Args;
use daemon::configuration::keys::{self, Change, Key};
use daemon::configuration::{Loaded, Set};
use daemon::json::to_json;
use daemon::paths::Paths;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::find;
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, written};
use crate::program::Program;

/// Show all parameters, those of the files and those that have their defaults
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(super) struct Show {}

const SHOW_EXAMPLES: &str = "Examples:
  opsbro agent parameters show
  opsbro agent parameters show -o yaml";

/// Show one parameter: its value, where it is said, and what it does
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
pub(super) struct Get {
    /// The parameter
    #[arg(value_name = "PARAMETER", add = complete::parameters())]
    name: String,
}

const GET_EXAMPLES: &str = "Examples:
  opsbro agent parameters get log_level
  opsbro agent parameters get groups -o json";

impl Show {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let loaded = program.configuration()?;
        for problem in &loaded.problems {
            program.printer.say(problem.render().trim_end());
        }
        let shown = keys::ALL.iter().filter(|key| key.change != Change::Never);
        let shown = shown.map(|key| (key.name, Parameter::of(key, &loaded)));
        program.printer.show(&All(shown.collect()))?;
        Ok(if loaded.is_usable() {
            Exit::Yes
        } else {
            Exit::Usage
        })
    }
}

impl Get {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let key = find(&self.name)?;
        let loaded = program.configuration()?;
        for problem in loaded.problems.iter().filter(|problem| problem.is_error()) {
            program.printer.say(problem.render().trim_end());
        }
        program.printer.show(&One {
            name: key.name,
            parameter: Parameter::of(key, &loaded),
        })?;
        Ok(if loaded.is_usable() {
            Exit::Yes
        } else {
            Exit::Usage
        })
    }
}

/// A parameter with its value.
#[derive(Serialize)]
struct Parameter {
    value: serde_json::Value,
    /// `file:line:column`; absent when it has its default.
    #[serde(skip_serializing_if = "Option::is_none")]
    set_at: Option<String>,
    #[serde(skip)]
    doc: &'static str,
}

impl Parameter {
    fn of(key: &Key, loaded: &Loaded) -> Self {
        match loaded.set.get(key.name) {
            Some(Set { value, place }) => Self {
                value: to_json(value),
                set_at: Some(place.to_string()),
                doc: key.doc,
            },
            None => Self {
                value: default(key, &loaded.configuration.paths),
                set_at: None,
                doc: key.doc,
            },
        }
    }
}

/// Gives the value that holds when no file says another.
fn default(key: &Key, paths: &Paths) -> serde_json::Value {
    // Where the files are depends on who runs the agent.
    let path = match key.name {
        "data" => Some(&paths.data),
        "libexec" => Some(&paths.libexec),
        "log" => Some(&paths.log),
        "lock" => Some(&paths.lock),
        "socket" => Some(&paths.socket),
        _ => None,
    };
    match path {
        Some(path) => path.display().to_string().into(),
        None => packs::yaml::parse(key.name, key.default)
            .0
            .map_or(serde_json::Value::Null, |node| to_json(&node.to_value())),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct All(BTreeMap<&'static str, Parameter>);

impl Answer for All {
    fn text(&self, page: &mut Page) {
        page.title("Agent parameters");
        let row = |(name, parameter): (&&str, &Parameter)| {
            let value = written(&parameter.value);
            match &parameter.set_at {
                Some(place) => vec![
                    format!("  * {}", name.bold()),
                    format!("→ {}", value.green()),
                    place.dimmed().to_string(),
                ],
                None => vec![
                    format!("  * {name}"),
                    format!("→ {value}"),
                    "(default)".dimmed().to_string(),
                ],
            }
        };
        page.table(&[], &self.0.iter().map(row).collect::<Vec<_>>());
    }
}

#[derive(Serialize)]
struct One {
    name: &'static str,
    #[serde(flatten)]
    parameter: Parameter,
}

impl Answer for One {
    fn text(&self, page: &mut Page) {
        let from = self.parameter.set_at.as_deref().unwrap_or("default");
        let value = written(&self.parameter.value);
        page.line(format!(
            "agent.{} → {value}  {}",
            self.name.bold(),
            format!("({from})").dimmed()
        ));
        for line in self.parameter.doc.lines() {
            page.line(format!("  | # {}", line.trim()).dimmed());
        }
    }
}
