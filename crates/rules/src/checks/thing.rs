//! The state machine of one thing: what a run says, and what that makes of its state.
//!
//! A thing that is well turns bad when `attempts` runs in a row were bad, whatever they said, and
//! is well again after `recovery_attempts` good ones; until then its state is soft. A known problem
//! that gets worse counts at once: somebody looks at it already. One that gets better, or that
//! cannot be seen any more, must say so `attempts` times, so that it does not bounce.

use std::sync::Arc;

use model::{CheckState, Moment, WallTime};
use packs::check::Timing;

use super::flapping::{Flapping, Turn};
use super::said::Said;
use crate::transition::{Change, Standing, is_problem};

/// One thing that is judged: a check, or one item of its `for_each`.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Which item.
    pub instance: Option<Arc<str>>,
    /// What it said last.
    pub state: CheckState,
    /// Whether that was said often enough to count.
    pub is_hard: bool,
    /// The last state that was: what people were told.
    pub hard: CheckState,
    /// Which run in a row this is.
    pub attempt: u32,
    /// How many in a row would count.
    pub attempts: u32,
    /// Since when it is not OK, or, when it is, since when it is.
    pub since: WallTime,
    /// When it was first seen.
    pub first_seen: WallTime,
    /// When it was last judged.
    pub last_run: Option<WallTime>,
    /// When its state changed last.
    pub last_change: WallTime,
    /// When its hard state changed last.
    pub last_hard_change: WallTime,
    /// When it was OK last.
    pub last_ok: Option<WallTime>,
    /// The first line of what it said.
    pub output: Arc<str>,
    /// The further lines.
    pub long_output: Arc<str>,
    /// Performance data as it was printed.
    pub perfdata: Arc<str>,
    /// Whether it changes too often.
    pub flapping: Flapping,
    /// When the runs in a row began, on the clock that never jumps.
    pub(super) streak_began: Moment,
}

/// What a run made of a thing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) changes: Vec<Change>,
    pub(super) old: Standing,
    pub(super) old_hard: CheckState,
}

/// What is around a run.
pub(super) struct Context<'a> {
    pub(super) now: Moment,
    pub(super) wall: WallTime,
    pub(super) timing: &'a Timing,
    /// Tells, of a problem that is about to count, whether its parents may yet explain it.
    pub(super) may_be_explained: &'a dyn Fn(&Thing) -> bool,
}

impl Thing {
    /// Makes one that was never judged.
    pub(super) fn new(instance: Option<Arc<str>>, wall: WallTime) -> Self {
        Self {
            instance,
            state: CheckState::Pending,
            is_hard: true,
            hard: CheckState::Pending,
            attempt: 0,
            attempts: 1,
            since: wall,
            first_seen: wall,
            last_run: None,
            last_change: wall,
            last_hard_change: wall,
            last_ok: None,
            output: Arc::default(),
            long_output: Arc::default(),
            perfdata: Arc::default(),
            flapping: Flapping::default(),
            streak_began: Moment::default(),
        }
    }

    /// Tells its state, and whether it counts.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            is_hard: self.is_hard,
        }
    }

    /// Takes what a run said.
    pub(super) fn apply(&mut self, said: &Said, context: &Context<'_>) -> Step {
        let mut step = Step {
            changes: Vec::new(),
            old: self.standing(),
            old_hard: self.hard,
        };
        if said.state == CheckState::Pending {
            return step;
        }
        let wall = context.wall;
        self.last_run = Some(wall);
        if context.timing.needs_first_ok && is_problem(said.state) && self.was_never_ok() {
            self.take_texts(&said.before_the_first_ok());
            return step;
        }
        self.take_texts(said);
        self.count(said.state, context);
        if said.state == CheckState::Ok {
            self.last_ok = Some(wall);
        }
        let is_change = said.state != step.old.state;
        if is_change {
            self.last_change = wall;
            if is_problem(said.state) != is_problem(step.old.state) {
                self.since = wall;
            }
            step.changes.push(Change::State);
        } else if self.is_hard && !step.old.is_hard {
            step.changes.push(Change::Hardened);
        }
        if self.hard != step.old_hard {
            self.last_hard_change = wall;
        }
        let was_pending = step.old.state == CheckState::Pending;
        let turn = self
            .flapping
            .note(is_change && !was_pending, context.timing.flapping);
        step.changes.extend(turn.map(|turn| match turn {
            Turn::Began => Change::FlappingBegan,
            Turn::Ended => Change::FlappingEnded,
        }));
        step
    }

    fn was_never_ok(&self) -> bool {
        self.last_ok.is_none() && self.hard == CheckState::Pending
    }

    /// Counts the runs in a row, and decides whether they count.
    fn count(&mut self, state: CheckState, context: &Context<'_>) {
        let was_soft = !self.is_hard;
        let is_same_way = is_problem(state) == is_problem(self.state);
        self.state = state;
        self.attempts = attempts(self.hard, state, context.timing);
        if state == self.hard {
            self.attempt = 1;
            self.is_hard = true;
            return;
        }
        if was_soft && is_same_way {
            self.attempt = self.attempt.saturating_add(1).min(self.attempts);
        } else {
            self.attempt = 1;
            self.streak_began = context.now;
        }
        let is_enough = self.attempt >= self.attempts;
        let waits = is_enough && is_problem(state) && (context.may_be_explained)(self);
        self.is_hard = is_enough && !waits;
        if self.is_hard {
            self.hard = state;
        }
    }

    /// Takes the texts; those that stay the same stay where they are.
    fn take_texts(&mut self, said: &Said) {
        for (kept, new) in [
            (&mut self.output, &said.output),
            (&mut self.long_output, &said.long_output),
            (&mut self.perfdata, &said.perfdata),
        ] {
            if kept != new {
                *kept = Arc::clone(new);
            }
        }
    }
}

/// Tells how many runs in a row make a state count after a hard one.
fn attempts(hard: CheckState, state: CheckState, timing: &Timing) -> u32 {
    if state == CheckState::Ok {
        return match hard {
            CheckState::Pending => 1,
            _ => timing.recovery_attempts,
        };
    }
    let is_worse = is_problem(hard) && weight(state) > weight(hard);
    if is_worse { 1 } else { timing.attempts }
}

/// How bad a problem is. What cannot be seen is no worse than what was seen.
fn weight(state: CheckState) -> u8 {
    match state {
        CheckState::Ok | CheckState::Pending | CheckState::Unknown => 0,
        CheckState::Warning => 1,
        CheckState::Critical => 2,
    }
}
