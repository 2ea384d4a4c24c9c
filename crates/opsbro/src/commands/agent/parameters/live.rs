//! What an edit of `agent.yml` means for the agent that runs.

use api::agent::{GROUP_ADD, GROUP_REMOVE, RELOAD, ReloadReport};
use api::client::With;
use api::{Client, ClientError};
use daemon::configuration::keys::{Change, Key};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::Verbed;
use crate::failure::Failure;
use crate::output::Page;
use crate::program::Program;

/// When a change is in force.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub(super) enum Effect {
    /// The value was this one already.
    Unchanged,
    /// The running agent has taken it.
    AppliedLive,
    /// The running agent takes it at its next start.
    RestartNeeded,
    /// No agent runs: the next one has it.
    AtNextStart,
    /// The running agent keeps its last good configuration.
    Refused {
        /// Why.
        refused: Vec<String>,
    },
}

impl Effect {
    /// Writes it below the change.
    pub(super) fn text(&self, page: &mut Page) {
        match self {
            Self::Unchanged => {}
            Self::AppliedLive => page.line("  applied live".green()),
            Self::RestartNeeded => {
                page.line("  restart needed: the agent keeps the old value".yellow());
            }
            Self::AtNextStart => page.line("  no agent is running: the next start has it".dimmed()),
            Self::Refused { refused } => {
                page.line("  the agent keeps its last good configuration:".red());
                for reason in refused {
                    page.line(format!("    {reason}"));
                }
            }
        }
    }
}

/// Tells the running agent, where there is one and it can take the change.
pub(super) fn apply(
    program: &Program,
    key: &Key,
    verb: Verbed,
    value: &str,
) -> Result<Effect, Failure> {
    let client = program.client()?;
    let told = match (key.change, key.name, verb) {
        (Change::Restart | Change::Never, _, _) => client
            .text(&api::agent::ROOT, With::default())
            .map(|_| Effect::RestartNeeded),
        (Change::Reload, "groups", Verbed::Add) => change_group(&client, &GROUP_ADD, value),
        (Change::Reload, "groups", Verbed::Remove) => change_group(&client, &GROUP_REMOVE, value),
        (Change::Reload, _, _) => reload(&client),
    };
    match told {
        Ok(effect) => Ok(effect),
        Err(ClientError::NotRunning(_)) => Ok(Effect::AtNextStart),
        Err(error) => {
            program
                .printer
                .say("The file is changed, but the running agent could not be told:");
            Err(program.explain(error))
        }
    }
}

fn change_group(client: &Client, route: &api::Route, group: &str) -> Result<Effect, ClientError> {
    let with = With {
        path: &[group],
        ..With::default()
    };
    client.get::<bool>(route, with).map(|_| Effect::AppliedLive)
}

fn reload(client: &Client) -> Result<Effect, ClientError> {
    let report: ReloadReport = client.get(&RELOAD, With::default())?;
    Ok(match report.refused.is_empty() {
        true => Effect::AppliedLive,
        false => Effect::Refused {
            refused: report.refused,
        },
    })
}
