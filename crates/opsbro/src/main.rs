//! The program `opsbro`: one call, one question to the agent or to the files, one answer.
//!
//! A command is one file below [`commands`] and one entry in its list. It says what it takes, how
//! its help reads, and gives one value; [`output`] turns that value into text, JSON or YAML. No
//! runtime is started here: a call costs a few milliseconds, and only `agent start` runs for long.
//!
//! Start with [`cli`], then [`commands`].

mod cli;
mod commands;
mod complete;
mod failure;
mod manual;
mod nodes;
mod output;
mod overview;
mod program;
mod usage;
mod waiting;

use std::process::ExitCode;

use crate::program::Program;

fn main() -> ExitCode {
    if is_helper() {
        // The agent sees how it ends; nobody reads what it would say.
        return ExitCode::from(u8::from(daemon::helper::serve().is_err()));
    }
    daemon::helper::offer();
    complete::answer_the_shell();
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error).into(),
    };
    let program = Program::new(&cli.global);
    let outcome = match cli.command {
        Some(command) => command.run(&program),
        None => overview::show(&program),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report().into(),
    }
}

/// Tells whether an agent started this process to run programs as another user. It is found out
/// before anything else, as such a process shall stay small.
fn is_helper() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    first.is_some_and(|it| it == daemon::helper::ARGUMENT) && arguments.next().is_none()
}
