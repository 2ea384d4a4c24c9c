//! `opsbro agent internal`: what works inside the agent.

use api::client::With;
use api::threads::{THREADS, Threads};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Look inside the agent
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Internal {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro agent internal show-threads
  opsbro agent internal show-threads -o json";

#[derive(Debug, Subcommand)]
enum Verb {
    ShowThreads(ShowThreads),
}

/// Show the loops, tasks and threads of the agent with what they did and cost
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowThreads {}

impl Internal {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::ShowThreads(command) => command.run(program),
        }
    }
}

impl ShowThreads {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        program
            .printer
            .show(&Shown(program.get(&THREADS, With::default())?))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Threads);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(threads) = self;
        page.title("Loops");
        let rows: Vec<Vec<String>> = threads.loops.iter().map(loop_row).collect();
        page.table(&["loop", "busy", "longest turn", "events"], &rows);
        page.blank();
        page.title("Tasks");
        page.line(threads.tasks.join(", "));
        page.blank();
        page.title("Threads");
        let mut busiest: Vec<_> = threads.threads.iter().collect();
        busiest.sort_by(|a, b| {
            (cpu(b), &a.name)
                .partial_cmp(&(cpu(a), &b.name))
                .unwrap_or(EQUAL)
        });
        let rows: Vec<Vec<String>> = busiest
            .iter()
            .map(|thread| {
                vec![
                    thread.name.clone(),
                    thread.tid.to_string(),
                    format!("{:.2} s", cpu(thread)),
                ]
            })
            .collect();
        page.table(&["thread", "tid", "cpu"], &rows);
        page.line(format!(
            "The process: {:.2} s in user code and {:.2} s in the kernel, in {} s",
            threads.user_seconds, threads.system_seconds, threads.age
        ));
    }
}

const EQUAL: std::cmp::Ordering = std::cmp::Ordering::Equal;

fn cpu(thread: &api::threads::Thread) -> f64 {
    thread.user_seconds + thread.system_seconds
}

fn loop_row(figures: &api::threads::LoopFigures) -> Vec<String> {
    let events: Vec<String> = figures
        .events
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    vec![
        figures.name.clone(),
        format!("{:.1} ms", figures.busy_us as f64 / 1e3),
        format!("{:.1} ms", figures.longest_turn_us as f64 / 1e3),
        events.join(", "),
    ]
}
