//! Completion of the command line, with live values from the agent.
//!
//! The shell runs the program itself with `COMPLETE` in the environment. Values that only the agent
//! knows are asked from it, quickly; without an agent they are silently absent, because a person
//! who presses TAB wants no lecture.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use api::client::With;
use api::{Client, Route};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use daemon::configuration::{self, keys};
use daemon::paths::{Paths, Surroundings};
use serde::de::DeserializeOwned;

use crate::cli;

/// The longest that TAB may wait for the agent.
const AGENT_TIMEOUT: Duration = Duration::from_millis(200);

/// Answers the shell when it asks for completions, and ends the process then.
pub(crate) fn answer_the_shell() {
    CompleteEnv::with_factory(cli::command).complete();
}

/// Completes the names of the parameters of the agent.
pub(crate) fn parameters() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let first_line = |doc: &'static str| doc.lines().next().unwrap_or_default();
        let all = keys::ALL
            .iter()
            .map(|key| (key.name.to_owned(), first_line(key.doc).to_owned()));
        starting_with(typed, all)
    })
}

/// Completes the parts of the log.
pub(crate) fn log_parts() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let parts: Option<Vec<String>> = ask(&api::log::PARTS);
        starting_with(
            typed,
            parts
                .into_iter()
                .flatten()
                .map(|part| (part, String::new())),
        )
    })
}

/// Completes the static groups of the node.
pub(crate) fn list_items() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let info: Option<api::agent::Info> = ask(&api::agent::INFO);
        let groups = info.into_iter().flat_map(|info| info.static_groups);
        starting_with(typed, groups.map(|group| (group, String::new())))
    })
}

/// Completes the tokens that exist.
pub(crate) fn tokens() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let tokens: Option<Vec<api::tokens::Token>> = ask(&api::tokens::LIST);
        let all = tokens.into_iter().flatten();
        starting_with(
            typed,
            all.map(|token| (token.id, format!("{} {}", token.role, token.note))),
        )
    })
}

fn starting_with(
    typed: &OsStr,
    all: impl Iterator<Item = (String, String)>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    all.filter(|(value, _)| value.starts_with(&*typed))
        .map(|(value, help)| {
            CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
        })
        .collect()
}

/// Asks the agent; `None` when it is down or slow.
fn ask<A: DeserializeOwned>(route: &Route) -> Option<A> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let root = cli::typed(&words, "--root")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("OPSBRO_ROOT").map(PathBuf::from));
    let paths = Paths::resolve(&Surroundings::of_process(root)).ok()?;
    let socket = configuration::load(&paths).configuration.paths.socket;
    Client::new(socket)
        .with_timeout(AGENT_TIMEOUT)
        .get(route, With::default())
        .ok()
}
