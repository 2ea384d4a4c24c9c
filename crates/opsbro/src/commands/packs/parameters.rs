//! `opsbro packs parameters`: the settings of packs.

use clap::{Args, Subcommand};
use daemon::json::to_json;
use owo_colors::OwoColorize as _;
use packs::Registry;
use packs::levels::{OperationError, Plan, Standing};
use packs::parameters::{self, ChangeError, ParameterAt};
use serde::Serialize;

use super::disk::{Disk, Step};
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, written};
use crate::program::{Program, now};

/// Look at the settings of packs and change them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Parameters {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro packs parameters get global.statsd.port
  opsbro packs parameters set local.statsd.port 8126
  opsbro packs parameters reset local.statsd.port";

#[derive(Debug, Subcommand)]
enum Verb {
    Get(Get),
    Set(Set),
    Reset(Reset),
}

/// Show a parameter of a pack with its comments; a secret is ***
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
struct Get {
    /// The parameter, as LEVEL.pack.key
    #[arg(value_parser = parameter, add = complete::pack_parameters())]
    parameter: ParameterAt,
}

const GET_EXAMPLES: &str = "Examples:
  opsbro packs parameters get global.statsd.port";

/// Set a parameter of a pack; comments, order and layout of the file stay
#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLES)]
struct Set {
    /// The parameter, as LEVEL.pack.key
    #[arg(value_parser = parameter, add = complete::pack_parameters())]
    parameter: ParameterAt,
    /// Its value, as YAML; a secret may also be env:NAME or file:/path
    #[arg(allow_hyphen_values = true)]
    value: String,
}

const SET_EXAMPLES: &str = "Examples:
  opsbro packs parameters set global.statsd.port 8126
  opsbro packs parameters set local.slack.token env:SLACK_TOKEN";

/// Take a parameter out of the files of a level, so that its default counts
#[derive(Debug, Args)]
#[command(after_help = RESET_EXAMPLES)]
struct Reset {
    /// The parameter, as LEVEL.pack.key
    #[arg(value_parser = parameter, add = complete::pack_parameters())]
    parameter: ParameterAt,
}

const RESET_EXAMPLES: &str = "Examples:
  opsbro packs parameters reset global.statsd.port";

fn parameter(text: &str) -> Result<ParameterAt, String> {
    ParameterAt::parse(text).map_err(|error| error.to_string())
}

impl Parameters {
    pub(super) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Get(get) => show(program, &get.parameter),
            Verb::Set(set) => {
                let disk = Disk::read(program)?;
                let files = &disk.found.files;
                let plan = parameters::set(files, &set.parameter, &set.value, now());
                change(program, &disk, "SET", &set.parameter, plan)
            }
            Verb::Reset(reset) => {
                let disk = Disk::read(program)?;
                let plan = parameters::reset(&disk.found.files, &reset.parameter, now());
                change(program, &disk, "RESET", &reset.parameter, plan)
            }
        }
    }
}

fn show(program: &Program, parameter: &ParameterAt) -> Outcome {
    let disk = Disk::read(program)?;
    let shown = parameters::get(&disk.found.files, parameter).map_err(refused)?;
    program.printer.show(&Shown {
        parameter: parameter.to_string(),
        value: to_json(&shown.value),
        comments: shown.comments,
    })?;
    Ok(Exit::Yes)
}

fn change(
    program: &Program,
    disk: &Disk,
    verb: &'static str,
    parameter: &ParameterAt,
    plan: Result<Plan, ChangeError>,
) -> Outcome {
    let plan = plan.map_err(refused)?;
    let steps = disk.carry_out(&plan, false)?;
    if steps.len() > 1 && !program.printer.is_for_programs() {
        program.printer.say(&format!(
            "The pack was inside the program and is a copy on disk from here on. To get its later \
             versions, use an overlay instead:\n  opsbro packs overload {} --overlay",
            parameter.pack
        ));
    }
    // The value as the file says it now: a secret is not repeated.
    let after = Disk::read(program)?;
    let value = parameters::get(&after.found.files, parameter)
        .map_or(serde_json::Value::Null, |shown| to_json(&shown.value));
    let registry = Registry::load(&after.found.files, None);
    let standing = |it: &&Standing| {
        *it.name == *parameter.pack.name && it.level == parameter.pack.level && !it.counts()
    };
    let without_effect = registry.standings().iter().find(standing);
    program.printer.show(&Changed {
        parameter: parameter.to_string(),
        verb,
        value,
        steps,
        without_effect: without_effect.map(Standing::why),
    })?;
    Ok(Exit::Yes)
}

fn refused(error: ChangeError) -> Failure {
    match &error {
        ChangeError::Pack(OperationError::NoSuchPack { pack, levels, .. })
            if levels.iter().any(|level| *level < pack.level) =>
        {
            let below = levels.iter().filter(|level| **level < pack.level).max();
            let below = below.copied().unwrap_or(pack.level);
            Failure::new(error.to_string()).with_hint(format!(
                "make one that changes single fields: opsbro packs overload {below}.{} \
                 --to-level {} --overlay",
                pack.name, pack.level
            ))
        }
        ChangeError::Pack(_) => {
            Failure::new(error.to_string()).with_hint("opsbro packs list shows all packs")
        }
        ChangeError::NoSuchParameter { .. } | ChangeError::NotAllowed { .. } => {
            Failure::usage(error.to_string())
                .with_hint("opsbro packs show PACK lists its parameters with their types")
        }
        ChangeError::File { .. } => Failure::usage(error.to_string()),
    }
}

#[derive(Serialize)]
struct Shown {
    parameter: String,
    value: serde_json::Value,
    comments: Vec<String>,
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        page.line(format!(
            "{} → {}",
            self.parameter.bold(),
            written(&self.value)
        ));
        for comment in &self.comments {
            page.line(format!("  | {comment}").dimmed());
        }
    }
}

#[derive(Serialize)]
struct Changed {
    parameter: String,
    verb: &'static str,
    value: serde_json::Value,
    steps: Vec<Step>,
    /// Why nothing comes of it: another pack of the name counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    without_effect: Option<String>,
}

impl Answer for Changed {
    fn text(&self, page: &mut Page) {
        let sign = if self.steps.is_empty() {
            "OK (was not set):"
        } else {
            "OK:"
        };
        let value = written(&self.value);
        page.line(format!(
            "{} {} {} → {value}",
            sign.green(),
            self.verb,
            self.parameter.bold()
        ));
        if let Some(why) = &self.without_effect {
            page.line(format!("{} It has no effect: {why}", "‼".yellow()));
        }
    }
}
