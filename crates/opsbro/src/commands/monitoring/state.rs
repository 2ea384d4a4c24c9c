//! `opsbro monitoring state`, `opsbro state`

mod cluster;

use std::time::{Duration, Instant};

use api::client::With;
use api::monitoring::{Check, STATE, STATE_OF, State as Shown};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{beginning, colored, since};
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Show how everything is, problems first
///
/// The exit code is 0 when nothing is a problem, and 1 when something is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct State {
    /// The node, by its UUID or name; this one if none
    #[arg(add = complete::nodes())]
    node: Option<String>,
    /// All nodes of the cluster, as each says it is
    #[arg(long, conflicts_with = "node")]
    cluster: bool,
    /// Only problems
    #[arg(long)]
    problems: bool,
    /// Show it again whenever it changes, until interrupted
    #[arg(long)]
    watch: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro state
  opsbro state --problems
  opsbro state web-1
  opsbro state --cluster
  opsbro monitoring state -o json";

/// How often it is looked at again.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

impl State {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        if self.cluster {
            return cluster::run(program, self.problems, self.watch);
        }
        let mut last = self.ask(program)?;
        program.printer.show(&last)?;
        if !self.watch {
            let services = last.state.services.values();
            let is_well = !last.state.checks.values().chain(services).any(is_problem);
            return Ok(Exit::when(is_well));
        }
        loop {
            let next = Instant::now() + WATCH_INTERVAL;
            let state = self.ask(program)?;
            if state.marks() != last.marks() {
                program.printer.show_next(&state)?;
                last = state;
            }
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn ask(&self, program: &Program) -> Result<States, Failure> {
        let mut state: Shown = match &self.node {
            None => program.get(&STATE, With::default())?,
            Some(node) => {
                let with = With {
                    path: &[node],
                    ..With::default()
                };
                program.get(&STATE_OF, with)?
            }
        };
        if self.problems {
            state.checks.retain(|_, check| is_problem(check));
            state.services.retain(|_, check| is_problem(check));
        }
        Ok(States {
            state,
            only_problems: self.problems,
        })
    }
}

fn is_problem(check: &Check) -> bool {
    matches!(check.state.as_str(), "warning" | "critical" | "unknown")
}

#[derive(Serialize)]
struct States {
    #[serde(flatten)]
    state: Shown,
    #[serde(skip)]
    only_problems: bool,
}

impl States {
    /// What makes it worth being shown again.
    fn marks(&self) -> Vec<(&str, &str, bool, &str)> {
        let checks = self.state.checks.values();
        checks
            .map(|it| {
                (
                    it.id.as_str(),
                    it.state.as_str(),
                    it.is_hard,
                    it.output.as_str(),
                )
            })
            .collect()
    }
}

impl Answer for States {
    fn text(&self, page: &mut Page) {
        let all = &self.state.checks;
        let mut problems: Vec<&Check> = all.values().filter(|check| is_problem(check)).collect();
        problems.sort_by_key(|check| (handled(check), weight(&check.state), &check.id));
        if !problems.is_empty() {
            page.title("Problems");
            problems.iter().for_each(|check| show(page, check));
        }
        if self.only_problems {
            if problems.is_empty() {
                page.line(format!("{} No problem", "√".green()));
            }
            self.packs(page);
            return;
        }
        if !self.state.services.is_empty() {
            page.title("Services");
            for (name, check) in &self.state.services {
                page.line(format!("  - {name:44}  {}", colored(&check.state)));
            }
        }
        page.title("Checks");
        let mut pack = "";
        for check in all.values().filter(|check| !is_problem(check)) {
            if check.pack_name != pack {
                pack = &check.pack_name;
                page.line(format!("{} Pack {}", "*".cyan(), pack.bold()));
            }
            show(page, check);
        }
        if all.is_empty() {
            page.line("No check runs on this node.");
        }
        page.line(counts(all.values()));
        self.packs(page);
    }
}

impl States {
    /// Tells that what is shown may not be all.
    fn packs(&self, page: &mut Page) {
        let errors = match self.state.pack_errors {
            0 => return,
            1 => "1 error".to_owned(),
            count => format!("{count} errors"),
        };
        page.line(format!(
            "{} The packs have {errors}: checks may be missing or old",
            "‼".yellow()
        ));
        page.more("opsbro packs lint");
    }
}

/// What somebody looks after already comes last.
fn handled(check: &Check) -> bool {
    check.is_acknowledged || check.is_in_downtime
}

fn weight(state: &str) -> u8 {
    match state {
        "critical" => 0,
        "warning" => 1,
        _ => 2,
    }
}

fn show(page: &mut Page, check: &Check) {
    let mut words = Vec::new();
    if check.state != "pending" {
        words.push(since(check));
    }
    if !check.is_hard {
        words.push(format!("soft {}/{}", check.attempt, check.attempts));
    }
    if check.is_flapping {
        words.push(format!("flapping {} %", check.flapping_pct));
    }
    if check.is_acknowledged {
        words.push("acknowledged".to_owned());
    }
    if check.is_in_downtime {
        words.push("in downtime".to_owned());
    }
    let name = name(check);
    let state = colored(&check.state);
    let words = words.join(", ");
    page.line(format!("  - {name:44}  {state}  {}", words.dimmed()));
    beginning(
        page,
        "    ",
        &check.output,
        &check.long_output,
        &check.check,
    );
}

/// Names a check as people do: with its name for people where it has one of its own.
fn name(check: &Check) -> String {
    let file = check.check.split_once('/').map_or("", |(_, file)| file);
    if check.display_name == file || check.display_name.is_empty() {
        return check.id.clone();
    }
    format!("{} [{}]", check.id, check.display_name)
}

fn counts<'a>(checks: impl Iterator<Item = &'a Check> + Clone) -> String {
    let states = ["critical", "warning", "unknown", "ok", "pending"];
    let counted = states.iter().filter_map(|state| {
        let count = checks.clone().filter(|it| it.state == *state).count();
        (count > 0).then(|| format!("{count} {}", colored(state)))
    });
    format!(" {}", counted.collect::<Vec<_>>().join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    fn check(id: &str, state: &str) -> Check {
        Check {
            id: id.to_owned(),
            check: id.to_owned(),
            display_name: id.split_once('/').unwrap().1.to_owned(),
            pack_name: id.split_once('/').unwrap().0.to_owned(),
            state: state.to_owned(),
            is_hard: true,
            output: format!("{} it is", state.to_uppercase()),
            since: "2026-11-20T22:39:28.417Z".to_owned(),
            since_seconds: 3_725,
            last_check: 5,
            ..Check::default()
        }
    }

    fn text(checks: Vec<Check>, only_problems: bool) -> String {
        let checks = checks.into_iter().map(|it| (it.id.clone(), it)).collect();
        let states = States {
            state: Shown {
                checks,
                ..Shown::default()
            },
            only_problems,
        };
        text_of(&states)
    }

    #[test]
    fn problems_come_first_and_what_is_handled_last_of_them() {
        let soft = Check {
            is_hard: false,
            attempt: 2,
            attempts: 3,
            ..check("linux/disks", "critical")
        };
        let known = Check {
            is_acknowledged: true,
            ..check("a/known", "critical")
        };
        let all = vec![
            known,
            check("linux/cpu", "ok"),
            soft,
            check("z/w", "warning"),
        ];
        let shown = text(all, false);
        let at = |what: &str| {
            shown
                .find(what)
                .unwrap_or_else(|| panic!("{what}: {shown}"))
        };
        assert!(at("linux/disks") < at("z/w") && at("z/w") < at("a/known"));
        assert!(at("a/known") < at("* Pack linux") && at("* Pack linux") < at("linux/cpu"));
        assert!(
            shown.contains("since 1h2m (2026-11-20T22:39:28Z), soft 2/3"),
            "{shown}"
        );
        assert!(shown.contains("acknowledged"), "{shown}");
        assert!(shown.contains("    | CRITICAL it is"), "{shown}");
        assert!(
            shown.contains("2 Х CRITICAL / 1 ‼ WARNING / 1 √ OK"),
            "{shown}"
        );
        assert_eq!(text(Vec::new(), true), "√ No problem\n");
    }

    #[test]
    fn broken_packs_are_told_where_their_checks_would_stand() {
        let states = States {
            state: Shown {
                pack_errors: 2,
                ..Shown::default()
            },
            only_problems: true,
        };
        let expect = "√ No problem\n\
                      ‼ The packs have 2 errors: checks may be missing or old\n   \
                      └ More →          opsbro packs lint\n";
        assert_eq!(text_of(&states), expect);
    }
}
