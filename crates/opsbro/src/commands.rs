//! The commands: one file for each noun, one entry here.
//!
//! A command is a struct: its fields are what it takes, its doc is its help, its `EXAMPLES` are
//! tried by a test, and `run` gives the answer. A hidden entry is an older spelling.

mod ack;
mod agent;
mod alerts;
mod backup;
mod collectors;
mod completion;
mod detectors;
mod dns;
mod docker;
mod election;
mod evaluator;
mod explain;
mod gossip;
mod internal;
mod inventory;
mod keys;
mod kv_store;
mod lock;
mod monitoring;
mod mute;
mod packs;
mod raft;
mod services;
mod token;
mod version;

use clap::Subcommand;

use crate::failure::Outcome;
use crate::program::Program;

/// Everything that the program can do, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Agent(agent::Agent),
    Gossip(gossip::Gossip),
    Keys(keys::Keys),
    Collectors(collectors::Collectors),
    Detectors(detectors::Detectors),
    Monitoring(monitoring::Monitoring),
    Services(services::Services),
    Dns(dns::Dns),
    Docker(docker::Docker),
    Inventory(inventory::Inventory),
    KvStore(kv_store::KvStore),
    Lock(lock::Lock),
    Election(election::Election),
    Backup(backup::Backup),
    Raft(raft::Raft),
    Explain(explain::Explain),
    Alerts(alerts::Alerts),
    Ack(ack::Ack),
    Downtime(mute::Downtime),
    Silence(mute::Silence),
    Packs(packs::Packs),
    Evaluator(evaluator::Evaluator),
    Token(token::Token),
    Completion(completion::Completion),
    Version(version::Version),
    Info(agent::info::Info),
    State(monitoring::state::State),
    Members(gossip::members::Members),
    Join(gossip::join::Join),
    Leave(gossip::leave::Leave),
    #[command(hide = true)]
    Detect(gossip::detect::Detect),
    Zone(gossip::zone::Zone),
    Keygen(agent::keygen::Keygen),
    #[command(hide = true)]
    Internal(internal::Internal),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self {
            Self::Agent(command) => command.run(program),
            Self::Gossip(command) => command.run(program),
            Self::Keys(command) => command.run(program),
            Self::Collectors(command) => command.run(program),
            Self::Detectors(command) => command.run(program),
            Self::Monitoring(command) => command.run(program),
            Self::Services(command) => command.run(program),
            Self::Dns(command) => command.run(program),
            Self::Docker(command) => command.run(program),
            Self::Inventory(command) => command.run(program),
            Self::KvStore(command) => command.run(program),
            Self::Lock(command) => command.run(program),
            Self::Election(command) => command.run(program),
            Self::Backup(command) => command.run(program),
            Self::Raft(command) => command.run(program),
            Self::Explain(command) => command.run(program),
            Self::Alerts(command) => command.run(program),
            Self::Ack(command) => command.run(program),
            Self::Downtime(command) => command.run(program),
            Self::Silence(command) => command.run(program),
            Self::Packs(command) => command.run(program),
            Self::Evaluator(command) => command.run(program),
            Self::Token(command) => command.run(program),
            Self::Completion(command) => command.run(program),
            Self::Version(command) => command.run(program),
            Self::State(command) => command.run(program),
            Self::Members(command) => command.run(program),
            Self::Join(command) => command.run(program),
            Self::Leave(command) => command.run(program),
            Self::Detect(command) => command.run(program),
            Self::Zone(command) => command.run(program),
            Self::Info(command) => command.run(program),
            Self::Keygen(command) => command.run(program),
            Self::Internal(command) => command.run(program),
        }
    }
}
