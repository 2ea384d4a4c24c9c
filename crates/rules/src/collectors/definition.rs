//! What a collector is told to be.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{Group, GroupSet};

use super::Trouble;
use crate::facts::State;

/// What a collector is told to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is defined; `None` when it is built in and no pack speaks of it.
    pub defined_at: Option<Arc<str>>,
    /// Changes with everything that it is made of: source, script, parameters.
    pub version: u64,
    /// The nodes that it runs on, by their groups.
    pub if_group: GroupSet,
    /// How often it runs.
    pub interval: Duration,
    /// Time that one run may take.
    pub timeout: Duration,
    /// Whether its rates need a second look soon after the first.
    pub has_rates: bool,
    /// Whether it is known to cost next to nothing, so that its first look needs no spreading.
    pub is_cheap: bool,
    /// Why it cannot run here, whatever the groups are.
    pub refusal: Option<Refusal>,
}

/// Why a collector cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The state that it leads to.
    pub state: State,
    /// What is the matter.
    pub reason: Arc<str>,
    /// What to do.
    pub todo: Arc<str>,
}

impl Definition {
    /// Tells what keeps it from running in these groups.
    pub(super) fn obstacle(&self, groups: &BTreeSet<Group>) -> Option<Trouble> {
        if let Some(Refusal {
            state,
            reason,
            todo,
        }) = &self.refusal
        {
            return Some(Trouble {
                state: *state,
                reason: Arc::clone(reason),
                todo: Arc::clone(todo),
            });
        }
        let set = &self.if_group;
        if set.matches(groups) {
            return None;
        }
        let is_one = set.groups().len() == 1 && !set.as_str().contains('!');
        let (reason, todo) = if is_one {
            let reason = format!("this node is not in the group {set}");
            (reason, format!("add the group {set}"))
        } else {
            let reason = format!("this node is not in the groups {set}");
            (reason, format!("bring it into the groups {set}"))
        };
        Some(Trouble {
            state: State::NotEligible,
            reason: Arc::from(reason),
            todo: Arc::from(todo),
        })
    }
}
