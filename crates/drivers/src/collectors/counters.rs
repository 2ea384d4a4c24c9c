//! Counters of the kernel, from one look to the next: how far they went, and how fast.
//!
//! A counter that is lower than it was has been reset or has wrapped: then nobody knows how far it
//! went, and there is no rate. Nor is there one between two looks at the same moment.

use std::time::Duration;

use model::Moment;

/// What counters were when they were last looked at.
#[derive(Debug)]
pub(super) struct Last<Counters> {
    counters: Option<(Moment, Counters)>,
}

impl<Counters> Default for Last<Counters> {
    fn default() -> Self {
        Self { counters: None }
    }
}

impl<Counters> Last<Counters> {
    /// Keeps what the counters are; gives what they were, and how long ago.
    pub(super) fn replace(
        &mut self,
        now: Moment,
        counters: Counters,
    ) -> Option<(Duration, Counters)> {
        let (before, old) = self.counters.replace((now, counters))?;
        Some((now.since(before), old))
    }
}

/// Gives how far a counter went; none when it went back.
pub(super) fn growth(before: u64, after: u64) -> Option<u64> {
    after.checked_sub(before)
}

/// Gives the growth of a counter in one second.
pub(super) fn per_second(before: u64, after: u64, elapsed: Duration) -> Option<f64> {
    let growth = growth(before, after)?;
    (!elapsed.is_zero()).then(|| growth as f64 / elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_SECONDS: Duration = Duration::from_secs(2);

    #[test]
    fn a_rate_is_growth_by_time() {
        assert_eq!(per_second(10, 30, TWO_SECONDS), Some(10.0));
        assert_eq!(per_second(10, 10, TWO_SECONDS), Some(0.0));
    }

    #[test]
    fn a_counter_that_went_back_and_no_time_have_no_rate() {
        assert_eq!(per_second(30, 10, TWO_SECONDS), None);
        assert_eq!(per_second(10, 30, Duration::ZERO), None);
    }

    #[test]
    fn the_first_look_has_nothing_to_compare_with() {
        let mut last = Last::default();
        let start = Moment::default();
        assert_eq!(last.replace(start, 1), None);
        assert_eq!(last.replace(start + TWO_SECONDS, 2), Some((TWO_SECONDS, 1)));
        // A clock that stands still or goes back gives no time.
        assert_eq!(last.replace(start, 3), Some((Duration::ZERO, 2)));
    }
}
