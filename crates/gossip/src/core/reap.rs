//! Forgetting who is dead, or has left, for longer than was configured.
//!
//! Ages are told by the wall clock, as they outlive restarts; one that was set begins them anew, or
//! a machine that finds its time late would forget nodes that died a minute ago.

use std::time::Duration;

use model::{MemberState, Moment, WallTime};

use super::Core;

/// How often the dead are looked at for those to be reaped.
const REAP_EVERY: Duration = Duration::from_secs(10);
/// By how much the wall clock may differ from the time that passed before it counts as set.
const CLOCK_STEP: Duration = Duration::from_secs(60);

impl Core {
    /// Takes what both clocks show, and notes when the wall clock was set meanwhile.
    pub(super) fn take_time(&mut self, now: Moment, wall: WallTime) {
        let passed = u64::try_from(now.since(self.now).as_millis()).unwrap_or(u64::MAX);
        let due = self.wall.as_millis().saturating_add(passed);
        if due.abs_diff(wall.as_millis()) > CLOCK_STEP.as_millis() as u64 {
            self.clock_set = wall;
        }
        self.now = now;
        self.wall = wall;
    }

    /// Gives how often the dead are looked at; nothing when they are remembered for ever.
    pub(super) fn reap_every(&self) -> Option<Duration> {
        let after = self.timing.reap_after?;
        Some(REAP_EVERY.min(after / 2))
    }

    /// Forgets those who are dead for too long.
    pub(super) fn reap(&mut self) {
        let Some(after) = self.timing.reap_after else {
            return;
        };
        let over = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let gone = self.shown.iter().filter(|(_, shown)| {
            let since = shown.since.max(self.clock_set);
            let age = self.wall.as_millis().saturating_sub(since.as_millis());
            matches!(shown.state, MemberState::Dead | MemberState::Leave) && age > over
        });
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.book.forget(self.wall, id);
        }
    }
}
