//! `opsbro monitoring`: how everything is, what happened, and results that others report.

pub(crate) mod history;
mod push;
mod run;
pub(crate) mod state;
mod wait_ok;

use std::collections::BTreeMap;
use std::time::Duration;

use api::client::With;
use api::monitoring::{CHECKS, Check};
use clap::{Args, Subcommand};
use model::{format_interval, nearest};
use owo_colors::OwoColorize as _;

use crate::failure::{Failure, Outcome};
use crate::output::{Page, whole_seconds};
use crate::program::Program;

/// See how everything is, what happened, and report results
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Monitoring {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro monitoring state
  opsbro monitoring history --check linux/cpu
  opsbro monitoring wait-ok linux/cpu --timeout 1m
  opsbro monitoring push import/nightly OK '12 GiB | size=12GB'";

#[derive(Debug, Subcommand)]
enum Verb {
    State(state::State),
    History(history::History),
    WaitOk(wait_ok::WaitOk),
    Run(run::Run),
    Push(push::Push),
}

impl Monitoring {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::State(command) => command.run(program),
            Verb::History(command) => command.run(program),
            Verb::WaitOk(command) => command.run(program),
            Verb::Run(command) => command.run(program),
            Verb::Push(command) => command.run(program),
        }
    }
}

/// Gives the id of the check that somebody means: `linux/cpu`, the full name of one
/// of its things, its file name or its name for people, where that is clear.
pub(crate) fn find(program: &Program, name: &str) -> Result<String, Failure> {
    let all: BTreeMap<String, Check> = program.get(&CHECKS, With::default())?;
    let ids = found(&all, name);
    match &ids[..] {
        [one] => Ok((*one).to_owned()),
        // The agent says why it does not run here, or what is spelled like it.
        [] if name.contains('/') => Ok(name.to_owned()),
        [] => {
            let failure = Failure::new(format!("there is no check `{name}` on this node"));
            let near = nearest(name, all.values().map(|check| check.check.as_str()));
            Err(match near {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure.with_hint("`opsbro state` lists the checks of this node"),
            })
        }
        several => {
            let failure = Failure::new(format!("several checks have the name `{name}`"));
            Err(failure.with_hint(format!("say which: {}", several.join(", "))))
        }
    }
}

fn found<'a>(all: &'a BTreeMap<String, Check>, name: &str) -> Vec<&'a str> {
    let mut ids: Vec<&str> = Vec::new();
    let exact = |check: &Check| check.check == name || check.id == name;
    let by_name = |check: &Check| {
        let file = check.check.split_once('/').map(|(_, file)| file);
        check.display_name == name || file == Some(name)
    };
    let is_exact = all.values().any(exact);
    for check in all.values() {
        if if is_exact {
            exact(check)
        } else {
            by_name(check)
        } {
            ids.push(&check.check);
        }
    }
    ids.dedup();
    ids
}

/// Writes a state in its colour, with its sign.
pub(crate) fn colored(state: &str) -> String {
    let word = state.to_uppercase();
    match state {
        "ok" => format!("√ {word}").green().to_string(),
        "warning" => format!("‼ {word}").yellow().to_string(),
        "critical" => format!("Х {word}").red().to_string(),
        "unknown" => format!("‼ {word}").cyan().to_string(),
        _ => format!("… {word}").dimmed().to_string(),
    }
}

/// Leaves the thing of a check that was named, as `linux/disks[/srv]`; all where the check was.
fn narrow(things: &mut BTreeMap<String, Check>, name: &str) {
    if things.contains_key(name) {
        things.retain(|id, _| id == name);
    }
}

/// Writes since when a check is as it is.
pub(crate) fn since(check: &Check) -> String {
    since_when(&check.since, check.since_seconds)
}

/// Writes since when something is so: for how long first, with its two largest units.
pub(crate) fn since_when(at: &str, seconds: u64) -> String {
    let step = match seconds {
        0..3_600 => 1,
        3_600..86_400 => 60,
        _ => 3_600,
    };
    let age = Duration::from_secs(seconds / step * step);
    let at = whole_seconds(at);
    format!("since {} ({at})", format_interval(age))
}

/// Writes what a check says, line by line.
pub(crate) fn output(page: &mut Page, indent: &str, first: &str, rest: &str) {
    for line in first.lines().chain(rest.lines()) {
        page.said(indent, line);
    }
}

/// Lines of one check that a list of many shows.
const LIST_LINES_MAX: usize = 12;
/// Letters of each of these lines.
const LIST_LETTERS_MAX: usize = 400;

/// Writes the beginning of what a check says, so that one that says a lot does not hide the others.
fn beginning(page: &mut Page, indent: &str, first: &str, rest: &str, check: &str) {
    let lines: Vec<&str> = first.lines().chain(rest.lines()).collect();
    let kept: Vec<String> = lines
        .iter()
        .take(LIST_LINES_MAX)
        .map(|it| short(it))
        .collect();
    output(page, indent, &kept.join("\n"), "");
    let is_cut = kept.iter().zip(&lines).any(|(kept, line)| kept != line);
    if is_cut || lines.len() > LIST_LINES_MAX {
        let more = format!("{indent}| … all of it: opsbro explain check '{check}'");
        page.line(more.dimmed());
    }
}

fn short(line: &str) -> String {
    match line.char_indices().nth(LIST_LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_says_a_lot_does_not_hide_the_others() {
        let told = |first: &str, rest: &str| {
            let mut page = Page::new(None);
            beginning(&mut page, "  ", first, rest, "mine/long");
            page.plain()
        };
        let all = "  | … all of it: opsbro explain check 'mine/long'\n";
        assert_eq!(told("one", "two\nthree"), "  | one\n  | two\n  | three\n");
        let wide = told(&"x".repeat(8_000), "");
        assert_eq!(wide, format!("  | {}…\n{all}", "x".repeat(400)));
        let high = told("0", &"1\n".repeat(500));
        assert_eq!(high, format!("  | 0\n{}{all}", "  | 1\n".repeat(11)));
    }

    #[test]
    fn a_check_is_found_by_any_of_its_names() {
        let check = |id: &str, check: &str, display_name: &str| {
            let shown = Check {
                id: id.to_owned(),
                check: check.to_owned(),
                display_name: display_name.to_owned(),
                ..Check::default()
            };
            (id.to_owned(), shown)
        };
        let all = BTreeMap::from([
            check("linux/cpu", "linux/cpu", "cpu"),
            check("linux/load", "linux/load", "System Load Average"),
            check("linux/disks[/]", "linux/disks", "disks"),
            check("linux/disks[/srv]", "linux/disks", "disks"),
            check("other/disks", "other/disks", "disks"),
        ]);
        assert_eq!(found(&all, "cpu"), ["linux/cpu"]);
        assert_eq!(found(&all, "System Load Average"), ["linux/load"]);
        assert_eq!(found(&all, "linux/disks"), ["linux/disks"]);
        assert_eq!(found(&all, "linux/disks[/srv]"), ["linux/disks"]);
        assert_eq!(found(&all, "disks"), ["linux/disks", "other/disks"]);
        assert!(found(&all, "nothing").is_empty());
        let mut disks = all;
        disks.retain(|id, _| id.starts_with("linux/disks"));
        narrow(&mut disks, "linux/disks");
        assert_eq!(disks.len(), 2);
        narrow(&mut disks, "linux/disks[/srv]");
        assert_eq!(disks.keys().collect::<Vec<_>>(), ["linux/disks[/srv]"]);
    }
}
