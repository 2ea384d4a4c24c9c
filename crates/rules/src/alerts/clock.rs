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
    /// When this began, on the wall clock as it is set.
    start: WallTime,
}

/// How kept times are brought onto the wall clock as it is set.
///
/// Those of this run were read from it and move with it. Those of an earlier run were read from a
/// clock that may have been right when this one was not, as after a boot without a battery: they
/// stay where they are. Nothing that happened lies ahead of the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mend {
    pub(super) by_ms: i64,
    start: WallTime,
    wall: WallTime,
}

impl Mend {
    /// Brings the time of something that happened to where it belongs.
    pub(super) fn past(self, at: &mut WallTime) {
        *at = self.wall.min(self.moved(*at));
    }

    /// Brings a time to where it belongs, and the end of what lasts from then on with it.
    pub(super) fn lasting(self, from: &mut WallTime, until: &mut Option<WallTime>) {
        let lasts = until.map(|until| until.as_millis().saturating_sub(from.as_millis()));
        self.past(from);
        *until = lasts.map(|lasts| after(*from, Duration::from_millis(lasts)));
    }

    /// Brings the time of something to be done to where it belongs: not too far ahead.
    pub(super) fn due(self, at: &mut WallTime, wait_max: Duration) {
        *at = after(self.wall, wait_max).min(self.moved(*at));
    }

    /// Moves a time that was read in this run.
    fn moved(self, at: WallTime) -> WallTime {
        match at >= self.start {
            true => moved(at, self.by_ms),
            false => at,
        }
    }
}

impl Clock {
    pub(super) fn new(now: Moment, wall: WallTime) -> Self {
        Self {
            now,
            wall,
            start: wall,
        }
    }

    /// Gives what brings times that were kept onto this clock.
    pub(super) fn mend(&self) -> Mend {
        Mend {
            by_ms: 0,
            start: self.start,
            wall: self.wall,
        }
    }

    pub(super) fn wall(&self) -> WallTime {
        self.wall
    }

    /// Takes a time; when the wall clock was set meanwhile, gives what that does to all times.
    pub(super) fn set(&mut self, now: Moment, wall: WallTime) -> Option<Mend> {
        let passed = millis(now.since(self.now));
        let expected = self.wall.as_millis().saturating_add(passed);
        let jump = i64::try_from(i128::from(wall.as_millis()) - i128::from(expected));
        (self.now, self.wall) = (now, wall);
        let by_ms = jump.ok().filter(|jump| jump.abs() >= JUMP_MS_MIN)?;
        let mend = Mend {
            by_ms,
            ..self.mend()
        };
        self.start = moved(self.start, by_ms);
        Some(mend)
    }

    /// Tells when the wall clock will show a time, if nobody sets it.
    pub(super) fn moment(&self, at: WallTime) -> Moment {
        let ahead = at.as_millis().saturating_sub(self.wall.as_millis());
        self.now + Duration::from_millis(ahead)
    }
}

/// Moves a wall time.
pub(super) fn moved(wall: WallTime, by_ms: i64) -> WallTime {
    WallTime::from_millis(wall.as_millis().saturating_add_signed(by_ms))
}

/// Adds a duration to a wall time.
pub(super) fn after(wall: WallTime, duration: Duration) -> WallTime {
    WallTime::from_millis(wall.as_millis().saturating_add(millis(duration)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
