//! `opsbro alerts`: what is wrong, who was told, and whether they can be.

use std::time::{Duration, Instant};

use api::alerts::{
    Alerts as Listed, Explained, Handler, LIST, Notice, Problem, SHOW, Shown, TEST, Test as Tested,
    Told,
};
use api::client::With;
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, whole_seconds};
use crate::program::{POLL, Program};

/// See what is wrong, who was told of it, and why others were not
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Alerts {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro alerts list
  opsbro alerts show 17
  opsbro alerts test mail/mail";

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Test(Test),
}

/// List the open problems, the handlers and the latest notices
///
/// Exits with 1 when a handler fails: then somebody may not have been told.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {
    /// How many notices to show
    #[arg(long, default_value_t = 10)]
    last: usize,
}

const LIST_EXAMPLES: &str = "Examples:
  opsbro alerts list
  opsbro alerts list -o json";

/// Show a problem, or a notice and all tries to deliver it
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
struct Show {
    /// A problem by its number or its check; a notice by n and its number
    #[arg(add = complete::problems())]
    id: String,
}

const SHOW_EXAMPLES: &str = "Examples:
  opsbro alerts show linux/cpu
  opsbro alerts show 17
  opsbro alerts show n5";

/// Send a test notice by a handler, and say what the other side answered
#[derive(Debug, Args)]
#[command(after_help = TEST_EXAMPLES)]
struct Test {
    /// The handler, as the list shows it
    #[arg(add = complete::handlers())]
    handler: String,
    /// How long to wait for the answer
    #[arg(long, default_value = "40s", value_parser = crate::program::timeout)]
    timeout: Duration,
}

const TEST_EXAMPLES: &str = "Examples:
  opsbro alerts test mail/mail
  opsbro alerts test slack/slack --timeout 10s";

impl Alerts {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(list) => {
                let mut all: Listed = program.get(&LIST, With::default())?;
                all.notices.truncate(list.last);
                let is_failing = all.handlers.iter().any(|handler| handler.is_failing);
                program.printer.show(&All(all))?;
                Ok(Exit::when(!is_failing))
            }
            Verb::Show(show) => {
                let with = With {
                    path: &[&show.id],
                    ..With::default()
                };
                program.printer.show(&One(program.get(&SHOW, with)?))?;
                Ok(Exit::Yes)
            }
            Verb::Test(test) => test.run(program),
        }
    }
}

impl Test {
    fn run(self, program: &Program) -> Outcome {
        let asked = Tested {
            handler: self.handler,
        };
        let mut notice: Notice = program.send(&TEST, With::default(), &asked)?;
        let deadline = Instant::now() + self.timeout;
        while matches!(&*notice.stage, "waiting" | "sending") {
            if Instant::now() >= deadline {
                let why = format!("{} did not answer in time", notice.handler);
                let hint = format!("look later with: opsbro alerts show {}", notice.id);
                return Err(Failure::new(why).with_hint(hint));
            }
            std::thread::sleep(POLL);
            let with = With {
                path: &[&notice.id],
                ..With::default()
            };
            if let Shown::Notice { notice: newer, .. } = program.get(&SHOW, with)? {
                notice = newer;
            }
        }
        let is_delivered = notice.stage == "delivered";
        program.printer.show(&Sent(notice))?;
        Ok(Exit::when(is_delivered))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct All(Listed);

impl Answer for All {
    fn text(&self, page: &mut Page) {
        let all = &self.0;
        if all.problems.is_empty() && all.notices.is_empty() {
            page.line("No alerts: nothing is wrong, and nobody had to be told.");
        }
        if !all.problems.is_empty() {
            page.title("Problems");
            let rows: Vec<_> = all.problems.iter().map(problem_row).collect();
            page.table(&["id", "state", "check", "since", ""], &rows);
        }
        // Those that are off and have nothing to say are many: packs bring one for each service.
        let is_quiet = |it: &&Handler| !it.is_on && it.waiting == 0 && it.last.is_none();
        let (quiet, shown): (Vec<&Handler>, Vec<&Handler>) =
            all.handlers.iter().partition(is_quiet);
        if !shown.is_empty() {
            page.title("Handlers");
            let rows: Vec<_> = shown.into_iter().map(handler_row).collect();
            page.table(&["handler", "state", "notices", ""], &rows);
        }
        if !all.handlers.iter().any(|it| it.is_on) {
            page.line(
                "No handler is on, so nobody is told of anything."
                    .yellow()
                    .to_string(),
            );
            page.more("opsbro packs show mail");
        }
        if !quiet.is_empty() {
            let names: Vec<&str> = quiet.iter().map(|it| &*it.id).collect();
            page.field("Off here", names.join(", "));
        }
        if !all.notices.is_empty() {
            page.title("Notices");
            let rows: Vec<_> = all.notices.iter().map(row).collect();
            page.table(&["id", "made", "handler", "", "stage", ""], &rows);
        }
        if all.refused > 0 {
            let refused = all.refused;
            page.line(format!("{refused} more were not taken: there are too many"));
        }
    }
}

fn problem_row(problem: &Problem) -> Vec<String> {
    let mark = match (&problem.acknowledged, &problem.downtime, &problem.caused_by) {
        (Some(by), _, _) => format!("acknowledged by {}", by.by),
        (None, Some(downtime), _) => format!("in downtime {downtime}"),
        (None, None, Some(cause)) => format!("because of {cause}"),
        (None, None, None) => who_knows(&problem.told),
    };
    vec![
        problem.id.to_string(),
        colored(&problem.state),
        format!("{} on {}", problem.check, problem.node),
        whole_seconds(&problem.since),
        mark,
    ]
}

/// Says who was told, who is about to be, and who could not be.
fn who_knows(told: &[Told]) -> String {
    let part = |stage: &str, words: String| {
        let of_stage = told.iter().filter(|it| it.stage == stage);
        let handlers: Vec<&str> = of_stage.map(|it| &*it.handler).collect();
        (!handlers.is_empty()).then(|| format!("{words}: {}", handlers.join(", ")))
    };
    let parts = [
        part("failed", "FAILED".red().to_string()),
        part("waiting", "waiting".yellow().to_string()),
        part("told", "told".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "nobody was told".to_owned(),
        false => parts.join("; "),
    }
}

fn handler_row(handler: &Handler) -> Vec<String> {
    let state = match (handler.is_on, handler.is_failing) {
        (false, _) => "off".dimmed().to_string(),
        (true, true) => "FAILING".red().to_string(),
        (true, false) => "on".green().to_string(),
    };
    let last = handler.last.as_ref();
    let last = last.map(|last| format!("{} {}", whole_seconds(&last.at), last.text));
    let counts = match (handler.waiting, handler.failed) {
        (0, 0) => String::new(),
        (waiting, 0) => format!("{waiting} waiting"),
        (0, failed) => format!("{failed} given up"),
        (waiting, failed) => format!("{waiting} waiting, {failed} given up"),
    };
    vec![
        handler.id.bold().to_string(),
        state,
        counts,
        handler.off.clone().or(last).unwrap_or_default(),
    ]
}

fn row(notice: &Notice) -> Vec<String> {
    vec![
        notice.id.clone(),
        whole_seconds(&notice.made),
        notice.handler.clone(),
        notice.occasion.clone(),
        notice.stage.clone(),
        notice.summary.clone(),
    ]
}

#[derive(Serialize)]
#[serde(transparent)]
struct One(Shown);

impl Answer for One {
    fn text(&self, page: &mut Page) {
        match &self.0 {
            Shown::Problem {
                problem,
                handlers,
                decisions,
            } => {
                page.title(&format!("Problem {}", problem.id));
                page.field("Check", format!("{} on {}", problem.check, problem.node));
                page.field(
                    "State",
                    format!("{} since {}", colored(&problem.state), problem.since),
                );
                page.field("Output", &problem.output);
                for line in &problem.just_before {
                    page.field("Just before", line);
                }
                if let Some(by) = &problem.acknowledged {
                    page.field(
                        "Acknowledged",
                        format!("by {} at {}: {}", by.by, by.at, by.comment),
                    );
                }
                page.title("Handlers");
                let is_quiet = |it: &&Explained| !it.is_on && it.told.is_none();
                let (off, on): (Vec<&Explained>, Vec<&Explained>) =
                    handlers.iter().partition(is_quiet);
                for one in on {
                    let told = one.told.as_deref().unwrap_or("not told");
                    page.field(&one.handler, format!("{told}; now: {}", one.verdict));
                }
                if !off.is_empty() {
                    let off: Vec<&str> = off.iter().map(|it| &*it.handler).collect();
                    page.field("Off here", off.join(", "));
                }
                page.title("Decisions");
                for one in decisions {
                    page.line(format!("{} {} {}", one.at, one.handler.bold(), one.text));
                }
            }
            Shown::Notice {
                notice,
                items,
                affected,
            } => {
                sent(notice, page);
                items.iter().for_each(|item| page.line(item));
                if !affected.is_empty() {
                    page.field("Silent meanwhile", affected.join(", "));
                }
            }
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Sent(Notice);

impl Answer for Sent {
    fn text(&self, page: &mut Page) {
        sent(&self.0, page);
    }
}

fn sent(notice: &Notice, page: &mut Page) {
    page.title(&format!("Notice {}", notice.id));
    page.field("About", &notice.summary);
    page.field("Handler", &notice.handler);
    page.field("Stage", &notice.stage);
    if let Some(next) = &notice.next_try {
        page.field("Next try", next);
    }
    for one in &notice.tries {
        let mark = match one.is_success {
            true => "√".green().to_string(),
            false => "×".red().to_string(),
        };
        page.line(format!("{mark} {} by {}: {}", one.at, one.via, one.text));
    }
}

fn colored(state: &str) -> String {
    match state {
        "OK" => state.green().to_string(),
        "WARNING" => state.yellow().to_string(),
        "CRITICAL" => state.red().to_string(),
        _ => state.dimmed().to_string(),
    }
}
