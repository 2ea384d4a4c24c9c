//! Where an agent is in its life.

use std::fmt;

/// The life of an agent, as `agent wait-initialized` and `/agent/state` tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// Sockets are open, the first round of work is not done.
    Initializing,
    /// Everything ran at least once.
    Ok,
    /// Leaving: no new work is taken.
    Stopped,
}

impl AgentState {
    /// Gives the word that users and scripts know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Ok => "ok",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for AgentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
