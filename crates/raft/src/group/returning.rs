//! Clients that were answered a moment ago, and are likely to ask again.
//!
//! Clients that write one thing after the other come back together when the entry that carried
//! them is agreed. Were the first of them sent on at once, it would have a sync of the disk for
//! itself, and all the others would wait for the next one: twice the time. So an entry waits a
//! moment for those who were answered, as long as they do come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::limits::RAFT_BATCHES_MAX;
use tokio::time::Instant;

/// Silence after which nobody is expected back any more: several times what a client on the same
/// machine needs, and less than a sync of most disks. Timers have no finer grain.
pub(super) const GAP: Duration = Duration::from_millis(1);
/// What this machine needs for one client between two of its entries: measured, with HTTP.
const CLIENT_TIME: Duration = Duration::from_micros(40);
/// Entries that wait for nobody after one that waited in vain.
const PAUSE: u32 = 16;

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Returning(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Clients whose commands are under way.
    away: usize,
    /// Clients that were answered, and did not come back yet.
    owed: usize,
    /// When one was answered or came back.
    heard: Option<Instant>,
    /// Entries that are still to go without waiting.
    pause: u32,
    /// What the last entry took: to wait longer is not worth it.
    took: Duration,
    /// When the entry that waits now has waited that long.
    until: Option<Instant>,
}

impl Returning {
    /// Takes note that a client comes.
    pub(super) fn come(&self, now: Instant) {
        let mut known = self.lock();
        known.forget(now);
        if known.owed > 0 {
            known.owed -= 1;
            known.heard = Some(now);
        }
    }

    /// Takes note that an entry with the commands of so many clients goes.
    pub(super) fn go(&self, clients: usize) {
        let mut known = self.lock();
        known.away += clients;
        known.pause = known.pause.saturating_sub(1);
        known.until = None;
    }

    /// Takes note that they are answered, after some time.
    pub(super) fn answer(&self, clients: usize, took: Duration, now: Instant) {
        let mut known = self.lock();
        known.forget(now);
        known.away = known.away.saturating_sub(clients);
        known.owed += clients;
        known.heard = Some(now);
        known.took = took;
    }

    /// Tells how many entries shall be under way at one time, for a disk that takes so long for
    /// one. Two keep disk and processor busy at the same time, but each client waits for two of
    /// them: that is worth it where the clients take longer than the disk.
    pub(super) fn at_once(&self, write_time: Duration) -> usize {
        let known = self.lock();
        let clients = u32::try_from(known.away + known.owed + 1).unwrap_or(u32::MAX);
        if write_time > CLIENT_TIME.saturating_mul(clients) {
            return 1;
        }
        RAFT_BATCHES_MAX
    }

    /// Tells whether an entry of so many clients shall wait for more: until it carries its share of
    /// all that are about, when so many go at once, or nobody comes any more.
    pub(super) fn is_worth_waiting(&self, clients: usize, at_once: usize, now: Instant) -> bool {
        let mut known = self.lock();
        known.forget(now);
        let all = known.away + known.owed + clients;
        let has_share = clients * at_once >= all;
        if clients == 0 || known.owed == 0 || known.pause > 0 || has_share {
            return false;
        }
        let until = known.until.unwrap_or(now + known.took);
        known.until = Some(until);
        now < until
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Expects nobody any more when nobody came for a while.
    fn forget(&mut self, now: Instant) {
        if self.owed > 0 && self.heard.is_none_or(|heard| now >= heard + GAP) {
            self.owed = 0;
            if self.until.is_some() {
                self.pause = PAUSE;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_millis(4);

    /// So many clients were answered; tells what is known of them, and when that was.
    fn answered(clients: usize) -> (Returning, Instant) {
        let (returning, now) = (Returning::default(), Instant::now());
        returning.go(clients);
        returning.answer(clients, SYNC, now);
        (returning, now)
    }

    #[test]
    fn an_entry_waits_until_it_has_its_share_of_those_who_come_back() {
        let (returning, now) = answered(8);
        for clients in 1..=8 {
            returning.come(now);
            assert_eq!(returning.is_worth_waiting(clients, 2, now), clients < 4);
            assert_eq!(returning.is_worth_waiting(clients, 1, now), clients < 8);
        }
    }

    #[test]
    fn a_slow_disk_has_one_entry_for_all_and_a_fast_one_works_beside_the_processor() {
        let (returning, _) = answered(64);
        assert_eq!(returning.at_once(Duration::from_millis(4)), 1);
        assert_eq!(
            returning.at_once(Duration::from_millis(1)),
            RAFT_BATCHES_MAX
        );
        let (returning, _) = answered(1);
        assert_eq!(returning.at_once(Duration::from_millis(1)), 1);
    }

    #[test]
    fn who_comes_alone_waits_for_nobody() {
        let (returning, now) = (Returning::default(), Instant::now());
        for _ in 0..3 {
            returning.come(now);
            assert!(!returning.is_worth_waiting(1, 1, now));
            returning.go(1);
            returning.answer(1, SYNC, now);
        }
        // Eight were here, and went for good.
        let (returning, now) = answered(8);
        let later = now + Duration::from_secs(1);
        returning.come(later);
        assert!(!returning.is_worth_waiting(1, 1, later));
        assert_eq!(returning.lock().pause, 0);
    }

    #[test]
    fn after_waiting_in_vain_some_entries_do_not_wait() {
        let (returning, now) = answered(8);
        returning.come(now);
        assert!(returning.is_worth_waiting(1, 1, now));
        assert!(!returning.is_worth_waiting(1, 1, now + GAP));
        for _ in 0..PAUSE {
            returning.answer(8, SYNC, now);
            assert!(!returning.is_worth_waiting(1, 1, now));
            returning.go(1);
        }
        assert!(returning.is_worth_waiting(1, 1, now));
    }

    #[test]
    fn an_entry_waits_no_longer_than_the_last_one_took() {
        let (returning, begun) = answered(1_000);
        let mut now = begun;
        returning.come(now);
        while returning.is_worth_waiting(1, 1, now) {
            now += GAP / 2;
            returning.come(now);
        }
        assert_eq!(now - begun, SYNC);
    }
}
