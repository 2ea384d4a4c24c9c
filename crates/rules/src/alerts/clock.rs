//! Wall time and the clock that never jumps, side by side.

use std::time::Duration;

use model::{Moment, WallTime};

/// A smaller difference is how clocks are kept right all day; a larger one is somebody who set it.
/// Guess: NTP steps from 128 ms on, and two clocks are never read at the same instant.
const JUMP_MS_MIN: i64 = 2_000;

/// The last time that was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    now: Moment,
    wall: WallTime,
}

impl Clock {
    pub(super) fn new(now: Moment, wall: WallTime) -> Self {
        Self { now, wall }
    }

    pub(super) fn wall(&self) -> WallTime {
        self.wall
    }

    /// Takes a time; gives by how many milliseconds the wall clock was set meanwhile.
    pub(super) fn set(&mut self, now: Moment, wall: WallTime) -> Option<i64> {
        let passed = millis(now.since(self.now));
        let expected = self.wall.as_millis().saturating_add(passed);
        let jump = i64::try_from(i128::from(wall.as_millis()) - i128::from(expected));
        *self = Self { now, wall };
        jump.ok().filter(|jump| jump.abs() >= JUMP_MS_MIN)
    }

    /// Tells when the wall clock will show a time, if nobody sets it.
    pub(super) fn moment(&self, at: WallTime) -> Moment {
        let ahead = at.as_millis().saturating_sub(self.wall.as_millis());
        self.now + Duration::from_millis(ahead)
    }
}

/// Adds a duration to a wall time.
pub(super) fn after(wall: WallTime, duration: Duration) -> WallTime {
    WallTime::from_millis(wall.as_millis().saturating_add(millis(duration)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
