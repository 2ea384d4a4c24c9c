//! One look of a detector: its condition, and the groups that it gives.

use std::collections::BTreeSet;
use std::sync::Arc;

use expr::{Env, Failure};
use model::{Group, GroupError, limits};
use packs::{Scope, detector::Detector};

use crate::facts::Outcome;

/// What a look told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether the condition holds.
    pub outcome: Outcome,
    /// The groups that it gives.
    pub groups: BTreeSet<Group>,
    /// Names that it would give and that are no groups, and why.
    pub refused: Vec<Arc<str>>,
}

impl Look {
    /// Makes a look that gives nothing.
    pub fn without_groups(outcome: Outcome) -> Self {
        Self {
            outcome,
            groups: BTreeSet::new(),
            refused: Vec::new(),
        }
    }
}

/// Looks once. May block where the condition asks the machine, as long as `env` lets it.
pub fn look(detector: &Detector, env: &dyn Env) -> Look {
    let scope = Scope::new(env, Arc::clone(&detector.home.parameters));
    match detector.apply_if.holds(&scope) {
        Ok(true) => {}
        Ok(false) => return Look::without_groups(Outcome::Differs),
        Err(failure) => return Look::without_groups(outcome_of(&failure)),
    }
    let mut look = Look::without_groups(Outcome::Matches);
    for text in &detector.add_groups {
        match text.fill_each(&scope) {
            Ok(filled) => filled
                .iter()
                .flat_map(|text| text.split(','))
                .for_each(|name| look.take(name.trim())),
            Err(failure) => look.outcome = outcome_of(&failure),
        }
    }
    look
}

fn outcome_of(failure: &Failure) -> Outcome {
    match failure {
        Failure::Unknown(unknown) => Outcome::Unknown(Arc::from(&*unknown.reason)),
        Failure::Error(diagnostic) => Outcome::Error(Arc::from(diagnostic.to_string())),
    }
}

impl Look {
    /// Takes a name as a group. An empty one, as `country::` of a node whose country is not known,
    /// is no group and no mistake.
    fn take(&mut self, name: &str) {
        let full = self.groups.len() >= limits::DETECTOR_GROUPS_MAX;
        match Group::parse(name) {
            Ok(group) if !full || self.groups.contains(&group) => {
                self.groups.insert(group);
            }
            Ok(_) => self.refuse(name, "it gives too many groups"),
            Err(GroupError::Empty) => {}
            Err(error) => self.refuse(name, &error.to_string()),
        }
    }

    fn refuse(&mut self, name: &str, why: &str) {
        if self.refused.len() < REFUSED_MAX {
            let shown: String = name.chars().take(REFUSED_CHARS_MAX).collect();
            self.refused.push(Arc::from(format!("`{shown}`: {why}")));
        }
    }
}

/// Refused names that are told; the first ones show what is wrong.
const REFUSED_MAX: usize = 8;
/// Characters of a refused name that are told.
const REFUSED_CHARS_MAX: usize = 64;
