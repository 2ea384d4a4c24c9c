//! When each thing is due: an interval each, a first run that is spread, and never two runs of one
//! thing at a time.
//!
//! Start with [`Schedule::insert`]. What was given out by [`Schedule::take_due`] is under way until
//! [`Schedule::done`]; its next run is due an interval after the last one was due, so that a slow
//! run shifts nothing, and what was missed is not made up for. What is quick has a [`place`] that
//! it shares with others, and comes back to it: to wake up costs more than to look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Moment;

/// The times of things that are named by `Key`.
#[derive(Clone, Debug)]
pub struct Schedule<Key: Ord + Clone> {
    entries: BTreeMap<Key, Entry>,
    due: BTreeSet<(Moment, Key)>,
}

#[derive(Clone, Debug)]
struct Entry {
    interval: Duration,
    due: Moment,
    is_under_way: bool,
    /// Where in its interval it is due, counted on the clock.
    place: Option<Duration>,
}

impl Entry {
    /// Tells when it is due after a time that it was due: an interval later, or less where it comes
    /// back to its place.
    fn after(&self, due: Moment) -> Moment {
        let next = due + self.interval;
        let Some(place) = self.place else {
            return next;
        };
        let next = next.since_start();
        let too_far = modulo(next.saturating_sub(place), self.interval);
        Moment::from_start(next - too_far).max(due)
    }
}

impl<Key: Ord + Clone> Default for Schedule<Key> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }
}

impl<Key: Ord + Clone> Schedule<Key> {
    /// Adds a thing that is due at `first`, or changes the interval of one that is known: that one
    /// keeps its turn unless the new interval brings it earlier.
    pub fn insert(&mut self, key: Key, interval: Duration, first: Moment) {
        let Some(entry) = self.entries.get_mut(&key) else {
            let entry = Entry {
                interval,
                due: first,
                is_under_way: false,
                place: None,
            };
            self.entries.insert(key.clone(), entry);
            self.due.insert((first, key));
            return;
        };
        entry.interval = interval;
        if first < entry.due {
            self.run_at(&key, first);
        }
    }

    /// Gives a known thing a place in its interval, which it keeps from its next run on.
    pub fn set_place(&mut self, key: &Key, place: Duration) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.place = Some(place);
        }
    }

    /// Forgets a thing. One that is under way ends as nobody's.
    pub fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.due.remove(&(entry.due, key.clone()));
        }
    }

    /// Keeps the things for which this holds, and forgets the others.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key) -> bool) {
        let gone: Vec<Key> = self
            .entries
            .keys()
            .filter(|key| !keep(key))
            .cloned()
            .collect();
        for key in &gone {
            self.remove(key);
        }
    }

    /// Makes a known thing due at another time, as soon as it is no longer under way.
    pub fn run_at(&mut self, key: &Key, at: Moment) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let was_waiting = self.due.remove(&(entry.due, key.clone()));
        entry.due = at;
        if was_waiting {
            self.due.insert((at, key.clone()));
        }
    }

    /// Gives the next thing that is due, which is under way from then on.
    pub fn take_due(&mut self, now: Moment) -> Option<Key> {
        self.take_due_at(now).map(|(_, key)| key)
    }

    /// Gives the next thing that is due, and since when it is; it is under way from then on.
    pub fn take_due_at(&mut self, now: Moment) -> Option<(Moment, Key)> {
        let (due, _) = self.due.first()?;
        if *due > now {
            return None;
        }
        let (due, key) = self.due.pop_first()?;
        let entry = self
            .entries
            .get_mut(&key)
            .expect("what waits is among the entries");
        entry.is_under_way = true;
        entry.due = entry.after(due);
        Some((due, key))
    }

    /// Takes back a thing whose run ended. What it missed meanwhile is left out.
    pub fn done(&mut self, key: &Key, now: Moment) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if !std::mem::take(&mut entry.is_under_way) {
            return;
        }
        if entry.due < now && !entry.interval.is_zero() {
            let late = now.since(entry.due).as_nanos();
            let turns = late.div_ceil(entry.interval.as_nanos());
            let turns = u32::try_from(turns).unwrap_or(u32::MAX);
            entry.due = entry.due + entry.interval.saturating_mul(turns);
        }
        self.due.insert((entry.due, key.clone()));
    }

    /// Tells when something is due next.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Tells when a thing is due next, under way or not.
    pub fn due(&self, key: &Key) -> Option<Moment> {
        self.entries.get(key).map(|entry| entry.due)
    }

    /// Tells whether a run of a thing is under way.
    pub fn is_under_way(&self, key: &Key) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| entry.is_under_way)
    }
}

/// Gives the end of the turn that a moment is in: what is due in one turn is done together.
pub fn end_of_turn(at: Moment, turn: Duration) -> Moment {
    let turns = at.since_start().as_nanos().div_ceil(turn.as_nanos());
    let nanos = u64::try_from(turns * turn.as_nanos()).unwrap_or(u64::MAX);
    Moment::from_start(Duration::from_nanos(nanos))
}

/// Time between two wake-ups for what is quick, on a node with little of it.
pub const BEAT: Duration = Duration::from_secs(10);
/// Time between two wake-ups for what is quick, on a node with much of it: more would cost more
/// than what is done in them.
pub const BEAT_MIN: Duration = Duration::from_millis(500);
/// Quick things that are done in one wake-up before there is another one.
const PER_BEAT: usize = 50;

/// Tells how often a node wakes up for so many quick things: each lies on one of these beats, so
/// that few things share few wake-ups, and many are spread.
pub fn beat(count: usize) -> Duration {
    let most = BEAT.as_nanos() / BEAT_MIN.as_nanos();
    let wanted = (count.div_ceil(PER_BEAT) as u128).clamp(1, most);
    BEAT_MIN * u32::try_from(most / wanted).unwrap_or(1)
}

/// Finds the place of a quick thing in its interval: on a beat, at the time in it that this node
/// has for all of them, so that nodes differ.
pub fn place(name: &str, interval: Duration, beat: Duration, phase: Duration) -> Duration {
    if interval.is_zero() || beat.is_zero() {
        return Duration::ZERO;
    }
    let beats = (interval.as_nanos() / beat.as_nanos()).max(1);
    let beats = u32::try_from(beats).unwrap_or(u32::MAX);
    let chosen = spread(name, Duration::from_secs(u64::from(beats))).as_secs();
    let chosen = u32::try_from(chosen).unwrap_or(0).min(beats - 1);
    modulo(phase + beat * chosen, interval)
}

/// Gives the next time, from a moment on, at which something that has a place is due.
pub fn next_at(place: Duration, interval: Duration, from: Moment) -> Moment {
    let since_start = from.since_start();
    if since_start <= place || interval.is_zero() {
        return Moment::from_start(place.max(since_start));
    }
    let passed = modulo(since_start - place, interval);
    if passed.is_zero() {
        from
    } else {
        from + (interval - passed)
    }
}

fn modulo(time: Duration, interval: Duration) -> Duration {
    let nanos = time
        .as_nanos()
        .checked_rem(interval.as_nanos())
        .unwrap_or(0);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// Time between two wake-ups for what may take its time and so is not done with what is quick.
const STEP: Duration = Duration::from_secs(5);
/// Time up to which a run is quick: many times what reading files of the kernel takes.
pub const QUICK_MAX: Duration = Duration::from_millis(50);

/// Finds the place in its interval of something that may take its time: spread, so that not all of
/// it is done at once, yet on steps, so that it does not take a wake-up each.
pub fn own_place(name: &str, interval: Duration, phase: Duration) -> Duration {
    if interval < 2 * STEP {
        return spread(name, interval);
    }
    place(name, interval, STEP, phase)
}

/// Finds the time within a beat that a node has for what is quick.
pub fn phase(node: &str) -> Duration {
    let most = u32::try_from(BEAT.as_nanos() / BEAT_MIN.as_nanos()).unwrap_or(1);
    let chosen = spread(node, Duration::from_secs(u64::from(most))).as_secs();
    BEAT_MIN * u32::try_from(chosen).unwrap_or(0).min(most - 1)
}

/// Spreads first runs over an interval: the same name has the same place in it at each start, and
/// names lie evenly (FNV-1a with a final mix).
pub fn spread(name: &str, interval: Duration) -> Duration {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let share = (hash >> 32) as f64 / f64::from(u32::MAX);
    interval.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_due_is_given_out_once_until_it_is_done() {
        let mut schedule = Schedule::default();
        schedule.insert("cpu", TEN, at(3));
        assert_eq!(schedule.take_due(at(2)), None);
        assert_eq!(schedule.take_due(at(3)), Some("cpu"));
        assert!(schedule.is_under_way(&"cpu"));
        assert_eq!(schedule.take_due(at(60)), None);
        assert_eq!(schedule.next_deadline(), None);
        schedule.done(&"cpu", at(4));
        assert_eq!(schedule.next_deadline(), Some(at(13)));
    }

    #[test]
    fn missed_turns_are_left_out_and_the_rhythm_stays() {
        let mut schedule = Schedule::default();
        schedule.insert("slow", TEN, at(3));
        assert_eq!(schedule.take_due(at(3)), Some("slow"));
        schedule.done(&"slow", at(45));
        assert_eq!(schedule.next_deadline(), Some(at(53)));
    }

    #[test]
    fn what_has_a_place_comes_back_to_it() {
        let mut schedule = Schedule::default();
        schedule.insert("cpu", TEN, at(3));
        schedule.set_place(&"cpu", Duration::from_secs(4));
        let mut due = Vec::new();
        for second in 0..60 {
            if second == 27 {
                schedule.run_at(&"cpu", at(27));
            }
            if schedule.take_due(at(second)).is_some() {
                due.push(second);
                schedule.done(&"cpu", at(second));
            }
        }
        assert_eq!(due, [3, 4, 14, 24, 27, 34, 44, 54]);
    }

    #[test]
    fn few_quick_things_share_wake_ups_and_many_are_spread() {
        let seconds = |seconds| Duration::from_secs(seconds);
        for (count, millis) in [(0, 10_000), (50, 10_000), (51, 5_000), (100_000, 500)] {
            assert_eq!(beat(count), Duration::from_millis(millis), "{count}");
        }
        let phase = phase("this node");
        assert!(phase < BEAT && phase.as_millis().is_multiple_of(500));
        for name in ["cpu", "memory"] {
            assert_eq!(place(name, TEN, TEN, phase), phase);
            let place = place(name, seconds(60), TEN, phase);
            assert!(place < seconds(60), "{place:?}");
            assert_eq!((place + TEN - phase).as_nanos() % TEN.as_nanos(), 0);
        }
        assert_eq!(place("often", seconds(1), TEN, seconds(7)), Duration::ZERO);
        let places = |name: u32| place(&name.to_string(), TEN, BEAT_MIN, phase);
        let used: BTreeSet<Duration> = (0..500).map(places).collect();
        assert_eq!(used.len(), 20);
        let own = |name: u32| own_place(&name.to_string(), TEN, phase);
        let used: BTreeSet<Duration> = (0..500).map(own).collect();
        assert_eq!(used.len(), 2);
        assert!(used.contains(&phase), "{used:?}");
    }

    #[test]
    fn a_thing_that_is_asked_for_comes_first_and_still_never_twice() {
        let mut schedule = Schedule::default();
        schedule.insert("a", TEN, at(5));
        schedule.insert("b", TEN, at(6));
        schedule.run_at(&"b", at(1));
        assert_eq!(schedule.take_due(at(1)), Some("b"));
        schedule.run_at(&"b", at(2));
        assert_eq!(schedule.take_due(at(2)), None);
        schedule.done(&"b", at(2));
        assert_eq!(schedule.take_due(at(2)), Some("b"));
    }

    #[test]
    fn what_was_removed_while_under_way_is_nobodys() {
        let mut schedule = Schedule::default();
        schedule.insert("gone", TEN, at(1));
        assert_eq!(schedule.take_due(at(1)), Some("gone"));
        schedule.retain(|_| false);
        schedule.done(&"gone", at(2));
        assert_eq!(schedule.next_deadline(), None);
    }

    #[test]
    fn a_shorter_interval_brings_the_turn_earlier_and_a_longer_one_does_not_delay_it() {
        let mut schedule = Schedule::default();
        schedule.insert("cpu", TEN, at(9));
        schedule.insert("cpu", TEN / 2, at(4));
        assert_eq!(schedule.due(&"cpu"), Some(at(4)));
        schedule.insert("cpu", TEN * 6, at(60));
        assert_eq!(schedule.due(&"cpu"), Some(at(4)));
    }

    #[test]
    fn first_runs_are_spread_over_the_interval() {
        let mut quarters = [0; 4];
        for number in 0..1_000 {
            let place = spread(&format!("check {number}"), TEN);
            assert!(place <= TEN);
            quarters[((place.as_secs_f64() / 2.5) as usize).min(3)] += 1;
        }
        assert!(
            quarters.iter().all(|count| (200..300).contains(count)),
            "{quarters:?}"
        );
    }
}
