//! Whether anybody on this node looks at what others hold: a node that keeps no copy asks for it
//! no longer than that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Moment;
use tokio::sync::Notify;

/// Time for which one look counts: what looks again and again does so within it.
const LOOK_TIME: Duration = Duration::from_secs(10 * 60);

/// Who looks.
#[derive(Default)]
pub(super) struct Looks {
    eyes: Mutex<Eyes>,
    /// Rung when nobody looked and somebody does.
    begun: Notify,
}

#[derive(Default)]
struct Eyes {
    looked: Option<Moment>,
    /// Whether names are told that depend on it.
    names: bool,
}

impl Eyes {
    fn are_open(&self, now: Moment) -> bool {
        let lately = |looked: Moment| now.since(looked) < LOOK_TIME;
        self.names || self.looked.is_some_and(lately)
    }
}

impl Looks {
    fn lock(&self) -> MutexGuard<'_, Eyes> {
        self.eyes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a look.
    pub(super) fn look(&self, now: Moment) {
        self.change(now, |eyes| eyes.looked = Some(now));
    }

    /// Takes note of whether names are told that depend on it.
    pub(super) fn tell_names(&self, now: Moment, names: bool) {
        self.change(now, |eyes| eyes.names = names);
    }

    fn change(&self, now: Moment, change: impl FnOnce(&mut Eyes)) {
        let mut eyes = self.lock();
        let were_open = eyes.are_open(now);
        change(&mut eyes);
        if !were_open && eyes.are_open(now) {
            self.begun.notify_one();
        }
    }

    /// Tells whether somebody looks.
    pub(super) fn are_open(&self, now: Moment) -> bool {
        self.lock().are_open(now)
    }

    /// Waits until somebody looks whom nobody looked before.
    pub(super) async fn begun(&self) {
        self.begun.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn a_look_counts_for_a_while_and_names_as_long_as_they_are_told() {
        let looks = Looks::default();
        assert!(!looks.are_open(at(0)));
        looks.look(at(10));
        looks.begun().await;
        assert!(looks.are_open(at(600)));
        assert!(!looks.are_open(at(610)));
        looks.tell_names(at(700), true);
        looks.begun().await;
        assert!(looks.are_open(at(9_000)));
        looks.tell_names(at(9_000), false);
        assert!(!looks.are_open(at(9_000)));
    }
}
