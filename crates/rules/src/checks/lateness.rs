//! How late checks are judged: from when each was due to when its run began.
//!
//! What counts is the last minute or so: two halves, of which the older is forgotten when the newer
//! is full. So a bad start does not stand there for ever.

use std::time::Duration;

use model::{Moment, limits};

/// Time that one half takes in.
const HALF: Duration = Duration::from_secs(30);
/// Upper ends of the classes that runs are counted in, in milliseconds; the last one has none.
const CLASSES_MS: [u64; 12] = [2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/// How late runs began lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Lateness {
    began: Moment,
    now: Half,
    before: Half,
}

#[derive(Clone, Copy, Debug, Default)]
struct Half {
    classes: [u32; CLASSES_MS.len() + 1],
    late: u32,
    longest: Duration,
}

/// How late the runs of the last minute began, in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// Runs that were counted.
    pub runs: u64,
    /// Those later than [`limits::CHECK_LATE`].
    pub late: u64,
    /// What 99 of 100 were not later than.
    pub p99: Duration,
    /// The latest.
    pub longest: Duration,
}

impl Lateness {
    /// Counts a run.
    pub(super) fn note(&mut self, now: Moment, late: Duration) {
        self.turn(now);
        let half = &mut self.now;
        let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        let class = CLASSES_MS.partition_point(|end| *end < millis);
        half.classes[class] += 1;
        half.late += u32::from(late > limits::CHECK_LATE);
        half.longest = half.longest.max(late);
    }

    /// Gives the figures.
    pub(super) fn figures(&self) -> Late {
        let halves = [&self.before, &self.now];
        let count = |class: usize| -> u64 {
            let counts = halves.iter().map(|half| u64::from(half.classes[class]));
            counts.sum()
        };
        let runs: u64 = (0..=CLASSES_MS.len()).map(count).sum();
        let longest = self.now.longest.max(self.before.longest);
        let mut below = 0;
        let class = (0..=CLASSES_MS.len()).find(|class| {
            below += count(*class);
            below * 100 >= runs * 99
        });
        let end = class.and_then(|class| CLASSES_MS.get(class));
        let p99 = end.map_or(longest, |end| Duration::from_millis(*end).min(longest));
        Late {
            runs,
            late: halves.iter().map(|half| u64::from(half.late)).sum(),
            p99,
            longest,
        }
    }

    fn turn(&mut self, now: Moment) {
        let passed = now.since(self.began);
        if passed < HALF {
            return;
        }
        let full = std::mem::take(&mut self.now);
        self.before = if passed < 2 * HALF {
            full
        } else {
            Half::default()
        };
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(all: &[(u64, u64, u32)]) -> Late {
        let mut lateness = Lateness::default();
        for (second, millis, times) in all {
            let now = Moment::from_start(Duration::from_secs(*second));
            for _ in 0..*times {
                lateness.note(now, Duration::from_millis(*millis));
            }
        }
        lateness.figures()
    }

    fn late(runs: u64, late: u64, p99_ms: u64, longest_ms: u64) -> Late {
        Late {
            runs,
            late,
            p99: Duration::from_millis(p99_ms),
            longest: Duration::from_millis(longest_ms),
        }
    }

    #[test]
    fn most_runs_and_the_latest_are_told() {
        assert_eq!(noted(&[]), Late::default());
        assert_eq!(noted(&[(1, 1, 99), (1, 700, 1)]), late(100, 1, 2, 700));
        assert_eq!(noted(&[(1, 1, 98), (1, 150, 2)]), late(100, 0, 150, 150));
        assert_eq!(noted(&[(1, 60_000, 3)]), late(3, 3, 60_000, 60_000));
    }

    #[test]
    fn what_was_a_minute_ago_is_forgotten() {
        let start = (40, 9_000, 5);
        assert_eq!(noted(&[start, (69, 1, 1)]).longest.as_millis(), 9_000);
        assert_eq!(noted(&[start, (75, 1, 1)]).longest.as_millis(), 9_000);
        let after = noted(&[start, (75, 1, 1), (106, 1, 1)]);
        assert_eq!(after, late(2, 0, 1, 1));
        assert_eq!(noted(&[start, (200, 1, 1)]), late(1, 0, 1, 1));
    }
}
