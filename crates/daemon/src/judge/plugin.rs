//! Runs a plugin, and makes of its exit code and output what it says.

use std::sync::Arc;

use drivers::Deadline;
use drivers::accounts::User;
use drivers::child::{self, Command, End, Finished};
use model::{CheckState, format_interval, limits};
use packs::Scope;
use packs::check::{CommandLine, Method, Plugin};
use rules::checks::{Ended, Outcome, Run, Said};
use rules::formats::nagios::{self, Perfdata};

use super::{Ears, timed};
use crate::agent::Agent;
use crate::evaluation::World;
use crate::machine::Machine;

/// The account that plugins of an agent that is root run as.
const UNPRIVILEGED: &str = "nobody";
/// Output that is read of a plugin: text and figures are cut further, each in its own way.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Runs a plugin.
pub(crate) fn plugin(agent: &Arc<Agent>, run: &Run, _: &Ears) -> Ended {
    timed(run, || {
        let Method::Script(plugin) = &run.check.method else {
            return unknown("UNKNOWN: it is no plugin");
        };
        let world = World::of(agent);
        let scope = Scope::new(&world, Arc::clone(&run.check.home.parameters));
        let line = match plugin.fill(&scope) {
            Ok(line) => line,
            Err(failure) => return unknown(&format!("UNKNOWN: script: {failure}")),
        };
        let timeout = run.check.timing.timeout;
        let deadline = Deadline::after(timeout);
        match execute(&agent.machine, plugin, &line, deadline) {
            Ok(finished) => Outcome::Said(vec![said(&finished, &format_interval(timeout))]),
            Err(problem) => unknown(&format!("UNKNOWN: {problem}")),
        }
    })
}

fn unknown(text: &str) -> Outcome {
    Outcome::Said(vec![Said::new(CheckState::Unknown, text)])
}

fn execute(
    machine: &Machine,
    plugin: &Plugin,
    line: &CommandLine,
    deadline: Deadline,
) -> Result<Finished, String> {
    let user = user(machine, plugin.run_as.as_deref(), deadline)?;
    let argv: Vec<&str> = match line {
        CommandLine::Shell(text) => vec!["/bin/sh", "-c", text],
        CommandLine::Arguments(words) => words.iter().map(String::as_str).collect(),
    };
    let command = Command {
        argv: &argv,
        stdin: b"",
        environment: &[],
        output_bytes_max: OUTPUT_BYTES_MAX,
        deadline,
    };
    child::run_as(machine.host(), &command, user.as_ref()).map_err(|error| error.to_string())
}

/// Names whom a plugin runs as.
pub(crate) fn runs_as(plugin: &Plugin) -> String {
    let is_root = rustix::process::geteuid().is_root();
    match (&plugin.run_as, is_root) {
        (Some(name), _) => name.to_string(),
        (None, true) => format!("{UNPRIVILEGED} (the agent is root; `run_as` names another)"),
        (None, false) => "the user of the agent".to_owned(),
    }
}

/// Finds whom a plugin runs as; `None` is the agent itself.
fn user(
    machine: &Machine,
    run_as: Option<&str>,
    deadline: Deadline,
) -> Result<Option<User>, String> {
    let is_root = rustix::process::geteuid().is_root();
    let name = match (run_as, is_root) {
        (None, false) => return Ok(None),
        (Some(name), false) => {
            return Err(format!(
                "only an agent that is root runs a plugin as `{name}`: remove `run_as`, or run \
                 the agent as root"
            ));
        }
        (Some("root"), true) => return Ok(None),
        (name, true) => name.unwrap_or(UNPRIVILEGED),
    };
    let found = machine.user(name, deadline);
    match found.map_err(|error| error.to_string())? {
        Some(user) => Ok(Some(user)),
        None => Err(format!(
            "there is no user `{name}` to run the plugin as: name one by `run_as`"
        )),
    }
}

/// Makes of what a plugin did what it says.
fn said(finished: &Finished, timeout: &str) -> Said {
    let stdout = finished.stdout.text();
    let stderr = finished.stderr.text();
    let text = if stdout.trim().is_empty() {
        &stderr
    } else {
        &stdout
    };
    let output = nagios::parse(text);
    let (state, problem) = match finished.end {
        End::Code(code @ 0..=3) => (CheckState::ALL[code as usize], None),
        End::Code(code) => (CheckState::Unknown, Some(format!("ended with code {code}"))),
        End::Signal(signal) => (
            CheckState::Unknown,
            Some(format!("was ended by signal {signal}")),
        ),
        End::TimedOut => (
            CheckState::Unknown,
            Some(format!("took longer than {timeout} and was stopped")),
        ),
    };
    let first = match (&problem, output.text.is_empty()) {
        (None, true) => format!("{state}: the plugin said nothing"),
        (None, false) => output.text.to_string(),
        (Some(problem), true) => format!("{state}: the plugin {problem}"),
        (Some(problem), false) => format!("{state}: the plugin {problem}: {}", output.text),
    };
    let figures: Vec<String> = output.perfdata.iter().map(written).collect();
    let text = format!("{first}\n{}", output.long_text);
    Said::new(state, &text[..floor(&text)]).with_perfdata(&figures.join(" "))
}

/// Finds where a text that is far too long may be cut.
fn floor(text: &str) -> usize {
    let most = limits::CHECK_OUTPUT_BYTES_MAX * 2;
    (0..=text.len().min(most))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Writes a figure as plugins write it.
pub(super) fn written(figure: &Perfdata) -> String {
    let label = figure.label.replace('\'', "''");
    let value = figure.value.map_or("U".to_owned(), |it| it.to_string());
    let number = |it: Option<f64>| it.map(|it| it.to_string()).unwrap_or_default();
    let range = |it: &Option<Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    let text = format!(
        "'{label}'={value}{};{};{};{};{}",
        figure.unit,
        range(&figure.warning),
        range(&figure.critical),
        number(figure.min),
        number(figure.max)
    );
    text.trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests;
