//! What is kept of the checks: their states over a restart, and what happened to them.
//!
//! The document is written now and then; the history has each transition. After a crash the
//! document is brought up to date by the history, so that nothing is lost and nothing told twice.

use std::sync::Arc;

use model::{CheckState, GroupSet, Level, NodeId, Place, WallTime, limits};
use rules::checks::{Kept, Snapshot};
use rules::transition::{Change, Standing, Subject, Transition};
use tracing::warn;

use super::{Keep, last_of, record};

impl Keep {
    /// Gives how the checks were before this start.
    pub(crate) fn checks(&self) -> Kept {
        let mut kept = match self.load::<Kept>("checks") {
            Ok(document) => document.unwrap_or_default(),
            Err(error) => {
                let error = format!("{error:#}");
                warn!(error, "How the checks were before this start is not known");
                Kept::default()
            }
        };
        match self.check_history(limits::CHECK_REPLAY_MAX) {
            Ok(history) => {
                let transitions = history.iter().filter_map(transition);
                transitions.for_each(|transition| kept.replay(&transition));
            }
            Err(error) => warn!(%error, "What happened to the checks cannot be read"),
        }
        kept
    }

    /// Keeps how the checks are for the next start.
    pub(crate) fn save_checks(&self, snapshot: &Snapshot) {
        self.save("checks", &Kept::of(snapshot));
    }

    /// Adds a transition to the history, which [`Keep::flush`] writes.
    pub(crate) fn note_transition(&self, transition: &Transition) {
        record(&self.checks, transition.at, &to_api(transition));
    }

    /// Gives the last transitions, oldest first.
    pub(crate) fn check_history(
        &self,
        last: usize,
    ) -> Result<Vec<api::monitoring::Transition>, store::Error> {
        let entries = last_of(&self.checks, last)?;
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }
}

/// Writes a transition as the API and the history have it.
pub(crate) fn to_api(transition: &Transition) -> api::monitoring::Transition {
    let subject = &transition.subject;
    let (old, new) = (transition.old, transition.new);
    api::monitoring::Transition {
        number: transition.number,
        node: transition.node.to_string(),
        node_name: transition.node_name.to_string(),
        name: transition.name(),
        check: subject.id.to_string(),
        instance: transition.instance.as_deref().map(str::to_owned),
        display_name: subject.display_name.to_string(),
        pack_name: subject.pack.to_string(),
        pack_level: subject.level.to_string(),
        change: transition.change.as_str().to_owned(),
        old_state: word(old.state),
        old_state_id: old.state.number(),
        old_is_hard: old.is_hard,
        state: word(new.state),
        state_id: new.state.number(),
        is_hard: new.is_hard,
        old_hard_state: word(transition.old_hard),
        hard_state: word(transition.hard),
        attempt: transition.attempt,
        attempts: transition.attempts,
        is_flapping: transition.is_flapping,
        is_news: transition.is_news(),
        output: transition.output.to_string(),
        long_output: transition.long_output.to_string(),
        perfdata: transition.perfdata.to_string(),
        at: transition.at.to_string(),
        at_ms: transition.at.as_millis(),
        since_ms: transition.since.as_millis(),
        service: subject.service.as_deref().map(str::to_owned),
        blocked_by: transition
            .blocked_by
            .iter()
            .map(|it| it.to_string())
            .collect(),
    }
}

/// The word of a state on the routes that the original had.
pub(crate) fn word(state: CheckState) -> String {
    state.as_str().to_lowercase()
}

/// Reads a transition back, as far as the checks need it.
fn transition(entry: &api::monitoring::Transition) -> Option<Transition> {
    let standing = |state: &str, is_hard| {
        Some(Standing {
            state: CheckState::parse(state)?,
            is_hard,
        })
    };
    Some(Transition {
        number: entry.number,
        node: NodeId::parse(&entry.node).ok()?,
        node_name: Arc::from(entry.node_name.as_str()),
        groups: Arc::default(),
        subject: Arc::new(Subject {
            id: Arc::from(entry.check.as_str()),
            display_name: Arc::from(entry.display_name.as_str()),
            pack: Arc::from(entry.pack_name.as_str()),
            level: Level::parse(&entry.pack_level)?,
            place: Place::new("(history)", 1, 1),
            if_group: GroupSet::all(),
            service: entry.service.as_deref().map(Arc::from),
            depends_on: Arc::default(),
            notes: None,
        }),
        instance: entry.instance.as_deref().map(Arc::from),
        change: Change::parse(&entry.change)?,
        old: standing(&entry.old_state, entry.old_is_hard)?,
        new: standing(&entry.state, entry.is_hard)?,
        old_hard: CheckState::parse(&entry.old_hard_state)?,
        hard: CheckState::parse(&entry.hard_state)?,
        attempt: entry.attempt,
        attempts: entry.attempts,
        is_flapping: entry.is_flapping,
        flapping_pct: 0.0,
        output: Arc::from(entry.output.as_str()),
        long_output: Arc::from(entry.long_output.as_str()),
        perfdata: Arc::from(entry.perfdata.as_str()),
        at: WallTime::from_millis(entry.at_ms),
        since: WallTime::from_millis(entry.since_ms),
        blocked_by: entry
            .blocked_by
            .iter()
            .map(|it| Arc::from(it.as_str()))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_is_read_back_from_the_history() {
        let entry = api::monitoring::Transition {
            number: 7,
            node: NodeId::from_random([7; 16]).to_string(),
            name: "linux/disks[/srv]".to_owned(),
            check: "linux/disks".to_owned(),
            instance: Some("/srv".to_owned()),
            pack_level: "global".to_owned(),
            change: "hardened".to_owned(),
            old_state: "critical".to_owned(),
            old_state_id: 2,
            state: "critical".to_owned(),
            state_id: 2,
            is_hard: true,
            old_hard_state: "ok".to_owned(),
            hard_state: "critical".to_owned(),
            is_news: true,
            at: WallTime::from_millis(5_000).to_string(),
            at_ms: 5_000,
            since_ms: 4_000,
            ..api::monitoring::Transition::default()
        };
        let read = transition(&entry).unwrap();
        assert_eq!(to_api(&read), entry);
    }

    #[test]
    fn states_after_the_last_document_come_from_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let entry = api::monitoring::Transition {
            number: 3,
            node: NodeId::from_random([7; 16]).to_string(),
            check: "a/x".to_owned(),
            pack_level: "local".to_owned(),
            change: "state".to_owned(),
            old_state: "ok".to_owned(),
            state: "critical".to_owned(),
            is_hard: true,
            old_hard_state: "ok".to_owned(),
            hard_state: "critical".to_owned(),
            // What is too old is dropped.
            at_ms: crate::clock::wall().as_millis(),
            ..api::monitoring::Transition::default()
        };
        keep.note_transition(&transition(&entry).unwrap());
        keep.flush();
        drop(keep);
        let kept = Keep::open(folder.path()).unwrap().checks();
        assert_eq!((kept.number, kept.things.len()), (3, 1));
        assert_eq!(kept.things[0].hard, "CRITICAL");
    }
}
