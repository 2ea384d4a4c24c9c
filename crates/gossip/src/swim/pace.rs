//! How fast this node goes, how far it trusts itself, and how long a suspect has.

use std::time::Duration;

use model::Moment;

use crate::config::Timing;

/// Most doubt that a node can have of itself: it then waits eight times as long.
const DOUBT_MAX: u32 = 7;
/// So many probes without an answer in a row are more likely this node's fault than that of so
/// many others.
const FAILURES_MAX: u32 = 3;

/// So many of a thousand probes without an answer, relays included, are the network's fault: it
/// loses a quarter of all packets or more (simulated), and a suspect has three times the time then.
const STORM_THOUSANDTHS: u32 = 150;
/// Over how many probes that is looked at.
const STORM_PROBES: u32 = 16;

/// How fast this node goes.
#[derive(Debug)]
pub(super) struct Pace {
    timing: Timing,
    doubt: u32,
    failures: u32,
    /// How many of a thousand probes got no answer lately.
    unanswered: u32,
    /// The longest way to another member and back that was seen lately.
    round_trip: Duration,
    /// When being suspected last raised the doubt.
    suspected: Option<Moment>,
}

impl Pace {
    /// Begins without doubt.
    pub(super) fn new(timing: Timing) -> Self {
        Self {
            timing,
            doubt: 0,
            failures: 0,
            unanswered: 0,
            round_trip: Duration::ZERO,
            suspected: None,
        }
    }

    /// Gives how fast all goes without doubt.
    pub(super) fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Gives how much this node doubts itself.
    pub(super) fn doubt(&self) -> u32 {
        self.doubt
    }

    /// Tells whether a node that is woken this long after its deadline was paused, so that nothing
    /// that it waited for means anything.
    pub(super) fn is_pause(&self, late: Duration) -> bool {
        late > self.timing.probe_every * 2
    }

    /// Takes note that the node was woken this long after its deadline.
    pub(super) fn woken(&mut self, late: Duration) {
        if self.is_pause(late) {
            self.raise(3);
        } else if late > self.timing.probe_every / 2 {
            self.raise(1);
        }
    }

    /// Takes note of whether a probe of a member that seemed to live was answered.
    pub(super) fn probed(&mut self, answered: bool) {
        self.unanswered -= self.unanswered / STORM_PROBES;
        if !answered {
            self.unanswered += 1_000 / STORM_PROBES;
        }
        self.probed_suspect(answered);
    }

    /// Takes note of whether a probe of a suspect was answered. That one who is dead stays silent
    /// says nothing of the network: two deaths in a cluster of three are no storm.
    pub(super) fn probed_suspect(&mut self, answered: bool) {
        if answered {
            self.failures = 0;
            self.doubt = self.doubt.saturating_sub(1);
            return;
        }
        self.failures += 1;
        if self.failures > FAILURES_MAX {
            self.raise(1);
        }
    }

    /// Takes note that others suspect this node.
    pub(super) fn suspected(&mut self, now: Moment) {
        let lately = |at: Moment| now.since(at) < self.timing.suspicion;
        if !self.suspected.is_some_and(lately) {
            self.suspected = Some(now);
            self.raise(1);
        }
    }

    /// Takes note of how long an answer took.
    pub(super) fn measured(&mut self, round_trip: Duration) {
        self.round_trip = round_trip.max(self.round_trip * 15 / 16);
    }

    /// Gives how long a member may take to answer, before others are asked to probe it.
    pub(super) fn answer(&self) -> Duration {
        let usual = self.timing.probe_answer.max(self.round_trip * 5 / 4);
        usual * (1 + self.doubt)
    }

    /// Gives how long one round of probing takes: by relays it is twice the way.
    pub(super) fn round(&self) -> Duration {
        let rest = self
            .timing
            .probe_every
            .saturating_sub(self.timing.probe_answer);
        self.answer() + rest.max(self.round_trip * 5 / 2) * (1 + self.doubt)
    }

    /// Gives how long a suspect has to refute in a cluster of this size.
    pub(super) fn suspicion(&self, members: usize) -> Duration {
        let thousandths = growth_thousandths(members);
        let base = self.timing.suspicion * thousandths / 1_000;
        let storm = 2 * u32::from(self.unanswered > STORM_THOUSANDTHS);
        (base + self.round_trip * 2) * (1 + self.doubt.max(storm))
    }

    /// Gives how long a suspect has whom somebody else has given its time already.
    pub(super) fn suspicion_confirmed(&self, members: usize) -> Duration {
        self.suspicion(members) / 3
    }

    fn raise(&mut self, by: u32) {
        self.doubt = (self.doubt + by).min(DOUBT_MAX);
    }
}

/// Gives how often each statement is sent on: enough for the last of so many to hear it at one
/// packet lost in ten (simulated at 1 000 and 5 000).
pub(super) fn transmissions(members: usize) -> u8 {
    let log = (members.max(1) as f64).log10();
    (4.0 + 4.0 * log).ceil().min(32.0) as u8
}

/// Gives by how much suspicion is longer in a cluster of so many: gossip needs more rounds there.
/// The points between which it is drawn straight over the logarithm are measured: at 30 members a
/// death is known in 3 s, at 100 in 5 s.
fn growth_thousandths(members: usize) -> u32 {
    const POINTS: [(f64, f64); 5] = [
        (10.0, 1.0),
        (30.0, 1.0),
        (100.0, 1.6),
        (1_000.0, 3.1),
        (10_000.0, 4.2),
    ];
    let members = members as f64;
    let mut growth = POINTS[0].1;
    for pair in POINTS.windows(2) {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        if members > from {
            let share = (members.min(to) / from).ln() / (to / from).ln();
            growth = low + (high - low) * share;
        }
    }
    (growth * 1_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspicion_grows_with_the_logarithm_of_the_size() {
        let pace = Pace::new(Timing::default());
        let at = |members| pace.suspicion(members).as_millis();
        assert_eq!(at(1), 1_600);
        assert_eq!(at(10), 1_600);
        assert_eq!(at(30), 1_600);
        assert_eq!(at(100), 2_560);
        assert!((4_900..5_100).contains(&at(1_000)), "{}", at(1_000));
        assert!(at(1_000_000) < 7_000);
    }

    #[test]
    fn a_node_that_misses_its_deadlines_gives_others_more_time() {
        let mut pace = Pace::new(Timing::default());
        let before = pace.suspicion(3);
        pace.woken(Duration::from_millis(100));
        assert_eq!(pace.suspicion(3), before);
        pace.woken(Duration::from_millis(400));
        assert_eq!(pace.suspicion(3), before * 2);
        assert!(pace.is_pause(Duration::from_secs(20)));
        pace.woken(Duration::from_secs(20));
        assert_eq!(pace.doubt(), 4);
        for _ in 0..9 {
            pace.woken(Duration::from_secs(20));
        }
        assert_eq!(pace.doubt(), DOUBT_MAX);
        for _ in 0..DOUBT_MAX {
            pace.probed(true);
        }
        assert_eq!(pace.suspicion(3), before);
    }

    #[test]
    fn one_dead_neighbour_is_no_reason_for_doubt_but_silence_all_around_is() {
        let mut pace = Pace::new(Timing::default());
        for _ in 0..FAILURES_MAX {
            pace.probed(false);
        }
        assert_eq!(pace.doubt(), 0);
        pace.probed(false);
        assert_eq!(pace.doubt(), 1);
    }

    #[test]
    fn a_network_that_loses_much_gives_suspects_more_time() {
        let mut pace = Pace::new(Timing::default());
        let usual = pace.suspicion(3);
        for round in 0..40 {
            pace.probed(round % 10 != 0);
            assert_eq!((pace.suspicion(3), pace.doubt()), (usual, 0), "{round}");
        }
        for round in 0..40 {
            pace.probed(round % 4 != 0);
        }
        assert_eq!((pace.suspicion(3), pace.doubt()), (usual * 3, 0));
        for _ in 0..40 {
            pace.probed(true);
        }
        assert_eq!(pace.suspicion(3), usual);
    }

    #[test]
    fn two_deaths_among_few_are_no_storm() {
        let mut pace = Pace::new(Timing::default());
        let usual = pace.suspicion(3);
        for _ in 0..2 {
            pace.probed(false);
            for _ in 0..2 {
                pace.probed(true);
                pace.probed_suspect(false);
            }
            assert_eq!(pace.suspicion(3), usual);
            for _ in 0..4 {
                pace.probed(true);
            }
        }
    }

    #[test]
    fn a_long_way_is_waited_for() {
        let mut pace = Pace::new(Timing::default());
        assert_eq!(pace.answer(), Duration::from_millis(250));
        assert_eq!(pace.round(), Duration::from_millis(600));
        pace.measured(Duration::from_millis(600));
        assert_eq!(pace.answer(), Duration::from_millis(750));
        assert_eq!(pace.round(), Duration::from_millis(2_250));
    }
}
