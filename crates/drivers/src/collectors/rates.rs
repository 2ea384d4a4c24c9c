//! What a collector remembers of counters, to tell how fast they grow.

use std::collections::HashMap;
use std::time::Duration;

use model::Moment;

use super::counters;

/// Counters by name, as they were in the run before.
#[derive(Debug, Default)]
pub(super) struct Rates {
    at: Option<Moment>,
    elapsed: Option<Duration>,
    before: HashMap<String, u64>,
    seen: HashMap<String, u64>,
}

impl Rates {
    /// Begins a run. Counters that the run before did not name are forgotten.
    pub(super) fn begin(&mut self, now: Moment) {
        self.elapsed = self.at.map(|at| now.since(at));
        self.at = Some(now);
        self.before = std::mem::take(&mut self.seen);
    }

    /// Gives how much a counter has grown a second; none at its first sight, and none when it is
    /// lower than before, as then it began anew.
    pub(super) fn per_second(&mut self, name: impl Into<String>, count: u64) -> Option<f64> {
        let name = name.into();
        let before = self.before.get(&name).copied();
        self.seen.insert(name, count);
        counters::per_second(before?, count, self.elapsed?)
    }
}

/// Cuts a number to what people read: three digits behind the point.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_two_looks_and_a_counter_that_did_not_begin_anew() {
        let mut rates = Rates::default();
        let mut run = |second, count| {
            rates.begin(Moment::from_start(Duration::from_secs(second)));
            rates.per_second("x", count)
        };
        assert_eq!(run(10, 100), None);
        assert_eq!(run(20, 150), Some(5.0));
        assert_eq!(run(20, 160), None, "no time has passed");
        assert_eq!(run(30, 3), None, "it began anew");
        assert_eq!(run(40, 13), Some(1.0));
        rates.begin(Moment::from_start(Duration::from_secs(50)));
        rates.begin(Moment::from_start(Duration::from_secs(60)));
        assert_eq!(rates.per_second("x", 14), None, "it was forgotten");
    }
}
