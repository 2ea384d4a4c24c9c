//! `opsbro agent`: the agent of this machine, its life and its settings.

mod history;
pub(crate) mod info;
mod internal;
pub(crate) mod keygen;
mod log;
mod parameters;
mod print;
mod reload;
mod service;
mod start;
mod state;
mod stop;
mod wait_initialized;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::program::Program;

/// Run, ask and set up the agent of this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Agent {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro agent start
  opsbro agent info
  opsbro agent parameters set display_name web-1
  opsbro agent log follow gossip";

#[derive(Debug, Subcommand)]
enum Verb {
    Start(start::Start),
    Stop(stop::Stop),
    Info(info::Info),
    State(state::State),
    WaitInitialized(wait_initialized::WaitInitialized),
    Reload(reload::Reload),
    Print(print::Print),
    Parameters(parameters::Parameters),
    Log(log::Log),
    History(history::History),
    Keygen(keygen::Keygen),
    Service(service::Service),
    Internal(internal::Internal),
    #[command(hide = true)]
    ShowThreads(internal::ShowThreads),
    #[command(hide = true)]
    ListFollowLog(log::List),
    #[command(hide = true)]
    FollowLog(log::Follow),
    #[command(hide = true)]
    ServiceInstall(service::Install),
    #[command(hide = true)]
    ServiceRemove(service::Remove),
}

impl Agent {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Start(command) => command.run(program),
            Verb::Stop(command) => command.run(program),
            Verb::Info(command) => command.run(program),
            Verb::State(command) => command.run(program),
            Verb::WaitInitialized(command) => command.run(program),
            Verb::Reload(command) => command.run(program),
            Verb::Print(command) => command.run(program),
            Verb::Parameters(command) => command.run(program),
            Verb::Log(command) => command.run(program),
            Verb::History(command) => command.run(program),
            Verb::Keygen(command) => command.run(program),
            Verb::Service(command) => command.run(program),
            Verb::Internal(command) => command.run(program),
            Verb::ShowThreads(command) => command.run(program),
            Verb::ListFollowLog(command) => command.run(program),
            Verb::FollowLog(command) => command.run(program),
            Verb::ServiceInstall(command) => command.run(program),
            Verb::ServiceRemove(command) => command.run(program),
        }
    }
}
