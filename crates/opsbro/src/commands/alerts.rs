//! `opsbro alerts`: what is wrong, who was told, and whether they can be.

use std::time::{Duration, Instant};

use api::alerts::{Alerts as Listed, LIST, Notice, SHOW, Shown, TEST, Test as Tested};
use api::client::With;
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::ack::person;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
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
    /// The number of a problem, or n and the number of a notice
    id: String,
}

const SHOW_EXAMPLES: &str = "Examples:
  opsbro alerts show 17
  opsbro alerts show n5";

/// Send a test notice by a handler, and say what the other side answered
#[derive(Debug, Args)]
#[command(after_help = TEST_EXAMPLES)]
struct Test {
    /// The handler, as the list shows it
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
            by: person(),
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
        page.title("Problems");
        if self.0.problems.is_empty() {
            page.line("none");
        }
        let rows = self.0.problems.iter().map(|problem| {
            let mark = match (&problem.acknowledged, &problem.downtime, &problem.caused_by) {
                (Some(by), _, _) => format!("acknowledged by {}", by.by),
                (None, Some(downtime), _) => format!("in downtime {downtime}"),
                (None, None, Some(cause)) => format!("because of {cause}"),
                (None, None, None) if problem.told.is_empty() => "nobody was told".to_owned(),
                (None, None, None) => format!("told: {}", problem.told.join(", ")),
            };
            let name = format!("{} on {}", problem.check, problem.node);
            vec![
                problem.id.to_string(),
                colored(&problem.state),
                name,
                problem.since.clone(),
                mark,
            ]
        });
        let rows = rows.collect::<Vec<_>>();
        page.table(&["id", "state", "check", "since", ""], &rows);
        page.title("Handlers");
        let rows = self.0.handlers.iter().map(|handler| {
            let state = match (handler.is_on, handler.is_failing) {
                (false, _) => "off".dimmed().to_string(),
                (true, true) => "FAILING".red().to_string(),
                (true, false) => "on".green().to_string(),
            };
            let last = handler
                .last
                .as_ref()
                .map(|last| format!("{} {}", last.at, last.text));
            let remark = handler.off.clone().or(last).unwrap_or_default();
            let waiting = format!("{} waiting, {} given up", handler.waiting, handler.failed);
            vec![handler.id.bold().to_string(), state, waiting, remark]
        });
        let rows = rows.collect::<Vec<_>>();
        page.table(&["handler", "state", "notices", ""], &rows);
        page.title("Notices");
        let rows: Vec<_> = self.0.notices.iter().map(row).collect();
        page.table(&["id", "made", "handler", "", "stage", ""], &rows);
        if self.0.refused > 0 {
            page.line(format!(
                "{} more were not taken: there are too many",
                self.0.refused
            ));
        }
    }
}

fn row(notice: &Notice) -> Vec<String> {
    vec![
        notice.id.clone(),
        notice.made.clone(),
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
                for one in handlers {
                    let told = one.told.as_deref().unwrap_or("not told");
                    page.field(&one.handler, format!("{told}; now: {}", one.verdict));
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
