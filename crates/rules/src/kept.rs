//! What is kept over a restart, as plain values: the daemon writes it and gives it back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Group, WallTime};

use crate::facts::{Facts, Good, State, Taken};

/// What is kept over a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Of each collector that has run, by name.
    pub collectors: BTreeMap<Arc<str>, Collector>,
    /// The groups that each detector gave, by its id.
    pub detectors: BTreeMap<Arc<str>, BTreeSet<Group>>,
    /// Since when this node has each detected group.
    pub groups_since: BTreeMap<Group, WallTime>,
}

/// What is kept of a collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Collector {
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: WallTime,
    /// Its last good result.
    pub good: Option<Good>,
}

impl PartialEq for Good {
    fn eq(&self, other: &Self) -> bool {
        self.taken == other.taken && self.value == other.value
    }
}

impl Kept {
    /// Takes from a snapshot what is worth keeping.
    pub fn of(facts: &Facts) -> Self {
        let has_run = |state| state != State::Pending;
        let collectors = facts.collectors.values().filter(|it| has_run(it.state));
        let detectors = facts.detectors.values().filter(|it| !it.groups.is_empty());
        Self {
            collectors: collectors
                .map(|it| (Arc::clone(&it.name), Collector::of(it)))
                .collect(),
            detectors: detectors
                .map(|it| (Arc::clone(&it.id), it.groups.clone()))
                .collect(),
            groups_since: facts
                .detected_groups
                .iter()
                .map(|(group, detected)| (group.clone(), detected.since))
                .collect(),
        }
    }
}

impl Collector {
    fn of(fact: &crate::facts::Collector) -> Self {
        Self {
            state: fact.state,
            since: fact.since,
            good: fact.good.as_ref().map(|good| Good {
                value: good.value.clone(),
                taken: Taken {
                    moment: None,
                    wall: good.taken.wall,
                },
            }),
        }
    }
}
