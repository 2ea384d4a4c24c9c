//! What happened to a check: the event that alerts, the history and everybody who listens consume.
//!
//! Each one is complete in itself: it tells what the check is, how it was and is, and what is said
//! about it, so that nobody has to ask the checks again. The number of a transition grows over
//! restarts; with the node it names the transition for ever, which is how one that is told twice
//! is known.

use std::fmt;
use std::sync::Arc;

use model::{CheckState, Group, GroupSet, Level, NodeId, Place, WallTime};

use crate::checks::Thing;

/// One change of one check, or of one of the things that a check with `for_each` looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The number of the transition on its node: each is larger than the one before, over restarts
    /// too.
    pub number: u64,
    /// The node that it happened on.
    pub node: NodeId,
    /// The name of that node at the time.
    pub node_name: Arc<str>,
    /// The groups of that node at the time, in order.
    pub groups: Arc<[Group]>,
    /// The check.
    pub subject: Arc<Subject>,
    /// Which of the things of a check with `for_each`.
    pub instance: Option<Arc<str>>,
    /// What kind of change it is.
    pub change: Change,
    /// How it was.
    pub old: Standing,
    /// How it is.
    pub new: Standing,
    /// The last hard state before this change: what people were last told.
    pub old_hard: CheckState,
    /// The hard state from this change on. Alerts look at `old_hard` and `hard`: while both are
    /// the same, nothing happened that somebody should be woken for.
    pub hard: CheckState,
    /// Which bad (or, on the way to a recovery, good) run in a row this is.
    pub attempt: u32,
    /// How many make it hard.
    pub attempts: u32,
    /// Whether it changes too often to be told each time.
    pub is_flapping: bool,
    /// How much of its recent runs were changes, in percent.
    pub flapping_pct: f64,
    /// The first line of what is said.
    pub output: Arc<str>,
    /// The further lines; often empty.
    pub long_output: Arc<str>,
    /// The performance data of a plugin as it was printed; often empty.
    pub perfdata: Arc<str>,
    /// When it happened.
    pub at: WallTime,
    /// Since when the check is not OK, or, when it is, since when it is.
    pub since: WallTime,
    /// The parents in `depends_on` that are in a hard bad state: while there is one, this check is
    /// a consequence and no news.
    pub blocked_by: Arc<[Arc<str>]>,
}

/// What kind of change a transition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It says something else than before, soft or hard.
    State,
    /// It says the same for long enough: what was soft is hard.
    Hardened,
    /// It began to change too often.
    FlappingBegan,
    /// It no longer changes too often.
    FlappingEnded,
    /// It is no longer looked at: the thing vanished, its check was removed, or this node is no
    /// longer meant by it. Whoever was told of a problem is told that it is closed, not solved.
    Gone(Reason),
}

/// Why something is no longer looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// `for_each` no longer gives this thing: the disk was unmounted, the container removed.
    InstanceVanished,
    /// The file of the check was removed.
    CheckRemoved,
    /// The node left the group that the check is for.
    GroupLeft,
}

/// A state, and whether it counts already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: CheckState,
    /// True when it was seen often enough to count.
    pub is_hard: bool,
}

/// What a transition is about, in the words of its pack.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The name of the check, unique among all of a node: `linux/cpu`.
    pub id: Arc<str>,
    /// Its name for people.
    pub display_name: Arc<str>,
    /// The pack.
    pub pack: Arc<str>,
    /// The level that the file in force comes from.
    pub level: Level,
    /// Where it is written.
    pub place: Place,
    /// The nodes that it is for, by their groups.
    pub if_group: GroupSet,
    /// The service whose state it tells.
    pub service: Option<Arc<str>>,
    /// The checks, `node:NAME` or `group:NAME` that it depends on, as written.
    pub depends_on: Arc<[Arc<str>]>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

/// Whose transition it is, and which.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Its number.
    pub(crate) number: u64,
    /// The node.
    pub(crate) node: NodeId,
    /// The name of the node.
    pub(crate) node_name: Arc<str>,
    /// The groups of the node.
    pub(crate) groups: Arc<[Group]>,
}

impl Transition {
    /// Makes the transition of a thing as it is, which was the same before and waits for nothing.
    pub(crate) fn of(
        origin: Origin,
        subject: &Arc<Subject>,
        thing: &Thing,
        change: Change,
        at: WallTime,
    ) -> Self {
        let Origin {
            number,
            node,
            node_name,
            groups,
        } = origin;
        Self {
            number,
            node,
            node_name,
            groups,
            subject: Arc::clone(subject),
            instance: thing.instance.clone(),
            change,
            old: thing.standing(),
            new: thing.standing(),
            old_hard: thing.hard,
            hard: thing.hard,
            attempt: thing.attempt,
            attempts: thing.attempts,
            is_flapping: thing.flapping.is_flapping,
            flapping_pct: thing.flapping.percent(),
            output: Arc::clone(&thing.output),
            long_output: Arc::clone(&thing.long_output),
            perfdata: Arc::clone(&thing.perfdata),
            at,
            since: thing.since,
            blocked_by: Arc::default(),
        }
    }

    /// Names the thing for people and patterns: `linux/disks` or `linux/disks[/srv]`.
    pub fn name(&self) -> String {
        full_name(&self.subject.id, self.instance.as_deref())
    }

    /// Tells whether people who are told of hard states only have something new to hear.
    pub fn is_news(&self) -> bool {
        match self.change {
            Change::State | Change::Hardened => {
                let concerns = is_problem(self.old_hard) || is_problem(self.hard);
                concerns && self.old_hard != self.hard
            }
            Change::FlappingBegan | Change::FlappingEnded => true,
            Change::Gone(_) => is_problem(self.old_hard),
        }
    }

    /// Tells whether it is a problem from now on.
    pub fn is_problem(&self) -> bool {
        !matches!(self.change, Change::Gone(_)) && is_problem(self.hard)
    }
}

/// Names a check, or one of its things.
pub fn full_name(id: &str, instance: Option<&str>) -> String {
    match instance {
        Some(instance) => format!("{id}[{instance}]"),
        None => id.to_owned(),
    }
}

/// Takes a full name apart again: the check, and the item of its `for_each`.
pub fn parts_of(full_name: &str) -> (&str, Option<&str>) {
    match full_name
        .strip_suffix(']')
        .and_then(|it| it.split_once('['))
    {
        Some((id, instance)) => (id, Some(instance)),
        None => (full_name, None),
    }
}

/// Tells whether a state is one that somebody should look at.
pub fn is_problem(state: CheckState) -> bool {
    match state {
        CheckState::Warning | CheckState::Critical | CheckState::Unknown => true,
        CheckState::Ok | CheckState::Pending => false,
    }
}

impl Change {
    /// Gives the word of the API and the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Hardened => "hardened",
            Self::FlappingBegan => "flapping-began",
            Self::FlappingEnded => "flapping-ended",
            Self::Gone(Reason::InstanceVanished) => "gone-instance-vanished",
            Self::Gone(Reason::CheckRemoved) => "gone-check-removed",
            Self::Gone(Reason::GroupLeft) => "gone-group-left",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [Change; 7] = [
            Change::State,
            Change::Hardened,
            Change::FlappingBegan,
            Change::FlappingEnded,
            Change::Gone(Reason::InstanceVanished),
            Change::Gone(Reason::CheckRemoved),
            Change::Gone(Reason::GroupLeft),
        ];
        ALL.into_iter().find(|change| change.as_str() == word)
    }
}

impl Standing {
    /// A state that counts.
    pub const fn hard(state: CheckState) -> Self {
        Self {
            state,
            is_hard: true,
        }
    }

    /// A state that may still be a hiccup.
    pub const fn soft(state: CheckState) -> Self {
        Self {
            state,
            is_hard: false,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        f.write_str(if self.is_hard { "" } else { " (soft)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change_is_read_back_from_its_word() {
        for change in [
            Change::State,
            Change::Hardened,
            Change::FlappingBegan,
            Change::FlappingEnded,
            Change::Gone(Reason::InstanceVanished),
            Change::Gone(Reason::CheckRemoved),
            Change::Gone(Reason::GroupLeft),
        ] {
            assert_eq!(Change::parse(change.as_str()), Some(change));
        }
        assert_eq!(Change::parse("gone"), None);
    }

    #[test]
    fn things_of_a_check_have_names_of_their_own() {
        assert_eq!(full_name("linux/disks", None), "linux/disks");
        assert_eq!(full_name("linux/disks", Some("/srv")), "linux/disks[/srv]");
    }
}
