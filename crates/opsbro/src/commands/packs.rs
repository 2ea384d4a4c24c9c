//! `opsbro packs`: what is measured, judged and kept right, as files that people edit.
//!
//! All of it works on the files, with or without an agent; a running agent notices a change by
//! itself.

mod diff;
mod disk;
mod export;
mod finding;
mod levels;
mod lint;
mod list;
mod parameters;
mod show;
mod test;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::program::Program;

/// Look at packs, change them, check and test them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Packs {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro packs list
  opsbro packs show redis
  opsbro packs overload global.redis --to-level local --overlay
  opsbro packs parameters set local.redis.port 6380
  opsbro packs lint";

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Show(show::Show),
    Parameters(parameters::Parameters),
    Overload(levels::Overload),
    Promote(levels::Promote),
    Copy(levels::Copy),
    Delete(levels::Delete),
    Diff(diff::Diff),
    Lint(lint::Lint),
    Test(test::Test),
    Export(export::Export),
}

impl Packs {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(command) => command.run(program),
            Verb::Show(command) => command.run(program),
            Verb::Parameters(command) => command.run(program),
            Verb::Overload(command) => command.run(program),
            Verb::Promote(command) => command.run(program),
            Verb::Copy(command) => command.run(program),
            Verb::Delete(command) => command.run(program),
            Verb::Diff(command) => command.run(program),
            Verb::Lint(command) => command.run(program),
            Verb::Test(command) => command.run(program),
            Verb::Export(command) => command.run(program),
        }
    }
}
