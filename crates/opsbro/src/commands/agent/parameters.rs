//! `opsbro agent parameters`: the keys of `agent.yml`.
//!
//! It works without an agent. An edit is checked as the agent would check it, keeps every comment,
//! and leaves a trail at the end of the file; a running agent is told at once.

mod agent_yml;
mod live;
mod show;

use clap::{Args, Subcommand};
use daemon::configuration::keys::{self, Change, Key, Kind};
use owo_colors::OwoColorize as _;
use packs::yaml::edit;
use serde::Serialize;

use self::agent_yml::AgentYml;
use self::live::Effect;
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, now};

/// Look at the agent's parameters and change them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Parameters {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro agent parameters show
  opsbro agent parameters get log_level
  opsbro agent parameters set display_name web-1
  opsbro agent parameters add groups web";

#[derive(Debug, Subcommand)]
enum Verb {
    Show(show::Show),
    Get(show::Get),
    Set(SetValue),
    Add(Add),
    Remove(Remove),
}

/// Set a parameter in agent.yml
///
/// The file keeps its comments. A running agent takes the change at once where it can; where it
/// cannot, the answer says that a restart is needed.
#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLES)]
struct SetValue {
    /// The parameter
    #[arg(value_name = "PARAMETER", add = complete::parameters())]
    name: String,
    /// Its value, as YAML
    #[arg(allow_hyphen_values = true)]
    value: String,
}

const SET_EXAMPLES: &str = "Examples:
  opsbro agent parameters set display_name web-1
  opsbro agent parameters set port 6770
  opsbro agent parameters set monitoring_topic_enabled false
  opsbro agent parameters set seeds '[10.0.0.1, 10.0.0.2]'";

/// Add a value to a parameter that is a list (groups, seeds …)
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct Add {
    /// The parameter
    #[arg(value_name = "PARAMETER", add = complete::parameters())]
    name: String,
    /// The value
    value: String,
}

const ADD_EXAMPLES: &str = "Examples:
  opsbro agent parameters add groups web
  opsbro agent parameters add seeds 10.0.0.1";

/// Remove a value from a parameter that is a list
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct Remove {
    /// The parameter
    #[arg(value_name = "PARAMETER", add = complete::parameters())]
    name: String,
    /// The value
    #[arg(add = complete::list_items())]
    value: String,
}

const REMOVE_EXAMPLES: &str = "Examples:
  opsbro agent parameters remove groups web";

impl Parameters {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Show(command) => command.run(program),
            Verb::Get(command) => command.run(program),
            Verb::Set(SetValue { name, value }) => change(program, Verbed::Set, &name, &value),
            Verb::Add(Add { name, value }) => change(program, Verbed::Add, &name, &value),
            Verb::Remove(Remove { name, value }) => change(program, Verbed::Remove, &name, &value),
        }
    }
}

/// What is done to a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verbed {
    Set,
    Add,
    Remove,
}

fn change(program: &Program, verb: Verbed, name: &str, value: &str) -> Outcome {
    let key = find(name)?;
    if key.change == Change::Never {
        return Err(Failure::usage(format!(
            "`{}` has no effect any more",
            key.name
        )));
    }
    if verb != Verbed::Set && key.kind != Kind::List {
        return Err(
            Failure::usage(format!("`{}` is no list", key.name)).with_hint(format!(
                "use: opsbro agent parameters set {} {value}",
                key.name
            )),
        );
    }
    let file = AgentYml::read(program.paths()?)?;
    let yaml = match (verb, key.kind) {
        (Verbed::Add | Verbed::Remove, _) | (Verbed::Set, Kind::Text | Kind::Interval) => {
            agent_yml::text(value)
        }
        (
            Verbed::Set,
            Kind::Port | Kind::Bool | Kind::BoolOrCount | Kind::Count | Kind::List | Kind::Levels,
        ) => value.to_owned(),
    };
    let edit = |trail| edited(&file, key, verb, &yaml, trail);
    // Only what changes something leaves a trail.
    let changed = edit(None)? != file.text;
    if changed {
        file.replace(&edit(Some(edit::Trail {
            at: now(),
            hide_value: false,
        }))?)?;
    }
    let effect = match changed || key.change == Change::Reload {
        true => live::apply(program, key, verb, value)?,
        false => Effect::Unchanged,
    };
    let exit = Exit::when(!matches!(effect, Effect::Refused { .. }));
    program.printer.show(&Changed {
        parameter: key.name,
        verb,
        value: value.to_owned(),
        changed,
        file: file.path.display().to_string(),
        effect,
    })?;
    Ok(exit)
}

/// Gives the text of the file after the edit.
fn edited(
    file: &AgentYml,
    key: &Key,
    verb: Verbed,
    yaml: &str,
    trail: Option<edit::Trail>,
) -> Result<String, Failure> {
    let edited = match verb {
        Verbed::Set => edit::set(&file.text, key.name, yaml, trail),
        Verbed::Add => edit::add(&file.text, key.name, yaml, trail),
        Verbed::Remove => match edit::remove(&file.text, key.name, yaml, trail) {
            // What is not there need not be removed.
            Err(edit::EditError::NoSuchItem { .. } | edit::EditError::NoSuchKey { .. }) => {
                Ok(file.text.clone())
            }
            edited => edited,
        },
    };
    edited.map_err(|error| file.refuse(&error))
}

/// Finds a key, or the one that was probably meant.
fn find(name: &str) -> Result<&'static Key, Failure> {
    keys::find(name).ok_or_else(|| {
        let failure = Failure::usage(format!("there is no parameter `{name}`"));
        match model::nearest(name, keys::names()) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint("`opsbro agent parameters show` lists all parameters"),
        }
    })
}

#[derive(Serialize)]
struct Changed {
    parameter: &'static str,
    verb: Verbed,
    value: String,
    /// False when the file said so already.
    changed: bool,
    file: String,
    #[serde(flatten)]
    effect: Effect,
}

impl Answer for Changed {
    fn text(&self, page: &mut Page) {
        let (sign, verb) = match (self.verb, self.changed) {
            (Verbed::Set, true) => ("OK:", "SET"),
            (Verbed::Set, false) => ("OK (already set):", "SET"),
            (Verbed::Add, true) => ("OK:", "ADD"),
            (Verbed::Add, false) => ("OK (already there):", "ADD"),
            (Verbed::Remove, true) => ("OK:", "REMOVE"),
            (Verbed::Remove, false) => ("OK (was not there):", "REMOVE"),
        };
        page.line(format!(
            "{} agent.{} ({}) {verb} {}",
            sign.green(),
            self.parameter.bold(),
            self.file,
            self.value
        ));
        self.effect.text(page);
    }
}
