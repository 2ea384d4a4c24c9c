//! Flapping: how much of the recent runs were changes.
//!
//! Twenty runs are remembered. Each change among them counts, a new one more (1.2) than an old one
//! (0.8), so that a thing that calms down is believed before the last change has left the memory.

use packs::check;

/// Runs that are remembered.
const RUNS: u32 = 20;

/// The memory of one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flapping {
    /// One bit a run, the newest lowest: whether it was a change.
    changes: u32,
    /// Whether it changes too often.
    pub is_flapping: bool,
}

/// What a run made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Began,
    Ended,
}

impl Flapping {
    /// Makes the memory as it was kept.
    pub(super) fn restored(changes: u32, is_flapping: bool) -> Self {
        Self {
            changes: changes & ((1 << RUNS) - 1),
            is_flapping,
        }
    }

    /// Gives the bits, to be kept.
    pub(super) fn changes(self) -> u32 {
        self.changes
    }

    /// Notes a run.
    pub(super) fn note(
        &mut self,
        is_change: bool,
        thresholds: Option<check::Flapping>,
    ) -> Option<Turn> {
        self.changes = (self.changes << 1 | u32::from(is_change)) & ((1 << RUNS) - 1);
        let percent = self.percent();
        let is_flapping = match thresholds {
            None => false,
            Some(it) if self.is_flapping => percent >= it.end_pct,
            Some(it) => is_change && percent >= it.begin_pct,
        };
        let was = std::mem::replace(&mut self.is_flapping, is_flapping);
        match (was, is_flapping) {
            (false, true) => Some(Turn::Began),
            (true, false) => Some(Turn::Ended),
            (true, true) | (false, false) => None,
        }
    }

    /// Tells the share of changes, in percent.
    pub fn percent(self) -> f64 {
        let weight = |age: u32| 1.2 - 0.4 * f64::from(age) / f64::from(RUNS - 1);
        let changes = (0..RUNS).filter(|age| self.changes >> age & 1 == 1);
        changes.map(weight).fold(0.0, |sum, it| sum + it) * 100.0 / f64::from(RUNS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hiccup_is_no_flapping_and_calm_ends_it() {
        let thresholds = Some(check::Flapping::default());
        let mut flapping = Flapping::default();
        assert_eq!(flapping.note(true, thresholds), None);
        assert_eq!(flapping.note(true, thresholds), None);
        assert!(
            (flapping.percent() - 11.9).abs() < 0.2,
            "{}",
            flapping.percent()
        );
        let began = (0..20).position(|_| flapping.note(true, thresholds) == Some(Turn::Began));
        assert_eq!(began, Some(3));
        let ended = (0..40).position(|_| flapping.note(false, thresholds) == Some(Turn::Ended));
        assert!(
            ended.is_some_and(|runs| (5..20).contains(&runs)),
            "{ended:?}"
        );
        for _ in 0..RUNS {
            flapping.note(true, thresholds);
        }
        assert!((flapping.percent() - 100.0).abs() < 1e-6);
        assert_eq!(flapping.note(true, None), Some(Turn::Ended));
    }
}
