//! Completion of the command line, with live values from the agent.
//!
//! The shell runs the program itself with `COMPLETE` in the environment. Values that only the agent
//! knows are asked from it, quickly; without an agent they are silently absent, because a person
//! who presses TAB wants no lecture.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use api::client::With;
use api::collectors::Collector;
use api::{Client, Route};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use daemon::configuration::{self, keys};
use daemon::paths::{Paths, Surroundings};
use daemon::rules::pack_files;
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

/// Completes the collectors of the running agent.
pub(crate) fn collectors() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let with = With {
            query: &[("results", "false")],
            ..With::default()
        };
        let all: Option<BTreeMap<String, Collector>> = ask_with(&api::collectors::LIST, with);
        let all = all.into_iter().flatten();
        starting_with(typed, all.map(|(name, it)| (name, it.state)))
    })
}

/// Completes the detectors of the running agent.
pub(crate) fn detectors() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all: Option<Vec<api::detectors::Detector>> = ask(&api::detectors::LIST);
        let all = all.into_iter().flatten();
        starting_with(typed, all.map(|it| (it.id, it.outcome)))
    })
}

/// Completes the checks of this node.
pub(crate) fn checks() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all: Option<BTreeMap<String, api::monitoring::Check>> = ask(&api::monitoring::CHECKS);
        let all = all.into_iter().flatten();
        starting_with(typed, all.map(|(id, it)| (id, it.state)))
    })
}

/// Completes the checks of open problems.
pub(crate) fn problems() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all: Option<api::alerts::Alerts> = ask(&api::alerts::LIST);
        let problems = all.into_iter().flat_map(|all| all.problems);
        starting_with(typed, problems.map(|it| (it.check, it.state)))
    })
}

/// Completes the handlers of alerts.
pub(crate) fn handlers() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all: Option<api::alerts::Alerts> = ask(&api::alerts::LIST);
        let handlers = all.into_iter().flat_map(|all| all.handlers);
        starting_with(
            typed,
            handlers.map(|it| (it.id, if it.is_on { "on" } else { "off" }.to_owned())),
        )
    })
}

/// Completes the groups that this node has, and those that detectors may give.
pub(crate) fn groups() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let here: Option<Vec<api::groups::Group>> = ask(&api::groups::LIST);
        let detectors: Option<Vec<api::detectors::Detector>> = ask(&api::detectors::LIST);
        let mut all: BTreeMap<String, String> = detectors
            .into_iter()
            .flatten()
            .flat_map(|it| it.add_groups)
            .filter(|group| !group.contains("{{"))
            .map(|group| (group, "not on this node".to_owned()))
            .collect();
        for group in here.into_iter().flatten() {
            all.insert(group.name, "on this node".to_owned());
        }
        starting_with(typed, all.into_iter())
    })
}

/// Completes the nodes that the running agent knows.
pub(crate) fn nodes() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all: Option<BTreeMap<String, api::gossip::Member>> = ask(&api::gossip::MEMBERS);
        let all = all.into_iter().flatten().flat_map(|(_, it)| {
            let told = format!("{} {}", it.state, it.addr);
            let shown = (!it.display_name.is_empty()).then_some((it.display_name, told.clone()));
            shown.into_iter().chain([(it.name, told)])
        });
        starting_with(typed, all)
    })
}

/// Completes the zones that the running agent knows.
pub(crate) fn zones() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all: Option<BTreeMap<String, api::gossip::Zone>> = ask(&api::gossip::ZONES);
        let all = all.into_iter().flatten();
        starting_with(typed, all.map(|(name, it)| (name, it.relation)))
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

/// Completes packs as `LEVEL.pack`.
pub(crate) fn packs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let files = pack_files();
        let all = files
            .folders()
            .map(|folder| format!("{}.{}", folder.level, folder.name));
        starting_with(typed, all.map(|pack| (pack, String::new())))
    })
}

/// Completes the names of packs.
pub(crate) fn pack_names() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let files = pack_files();
        let names: BTreeSet<String> = files
            .folders()
            .map(|folder| folder.name.to_string())
            .collect();
        starting_with(typed, names.into_iter().map(|name| (name, String::new())))
    })
}

/// Completes parameters of packs as `LEVEL.pack.key`.
pub(crate) fn pack_parameters() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let registry = packs::Registry::load(&pack_files(), None);
        let all = registry.packs().flat_map(|pack| {
            pack.parameters.iter().map(|(key, parameter)| {
                let name = format!("{}.{}.{key}", pack.level, pack.name);
                (name, parameter.description.clone().unwrap_or_default())
            })
        });
        starting_with(typed, all)
    })
}

/// Completes the functions of the expression language.
pub(crate) fn functions() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all = daemon::evaluation::functions().into_iter();
        starting_with(typed, all.map(|function| (function.name, function.doc)))
    })
}

fn pack_files() -> packs::PackFiles {
    match data_folder() {
        Some(data) => pack_files::all(&data).files,
        None => pack_files::shipped(),
    }
}

fn data_folder() -> Option<PathBuf> {
    Some(configuration::load(&paths()?).configuration.paths.data)
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

fn paths() -> Option<Paths> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let root = cli::typed(&words, "--root")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("OPSBRO_ROOT").map(PathBuf::from));
    Paths::resolve(&Surroundings::of_process(root)).ok()
}

/// Asks the agent; `None` when it is down or slow.
fn ask<A: DeserializeOwned>(route: &Route) -> Option<A> {
    ask_with(route, With::default())
}

fn ask_with<A: DeserializeOwned>(route: &Route, with: With<'_>) -> Option<A> {
    let paths = paths()?;
    let socket = configuration::load(&paths).configuration.paths.socket;
    Client::new(socket)
        .with_timeout(AGENT_TIMEOUT)
        .get(route, with)
        .ok()
}
