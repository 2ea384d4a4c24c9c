//! When a node with a new disk may vote.
//!
//! It may be a voter that lost its disk, and with it what it had promised: entries that were
//! acknowledged because it had them, and votes. So it takes entries, and neither votes nor stands
//! for election until it is as far as a majority of the voters was *without it*: then it has all
//! that it can ever have promised. What a leader says is not enough, as that may be one of the
//! past, which nobody but who forgot would still listen to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::recover::Progress;
use super::{Inner, stopped};
use crate::words::Voter;

/// How often the others are asked.
const TURN: Duration = Duration::from_millis(150);
/// Time that each of them has.
const ASK_TIME: Duration = Duration::from_secs(1);
/// Time in which this node must get there; then they are asked anew.
const REACH_TIME: Duration = Duration::from_secs(2);

/// Lets the node vote once it may.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    // Who was a candidate by a vote that was forgotten has won or given up after that.
    let mut pause = inner.timing.election_max * 2;
    while inner.is_blank.load(Ordering::Relaxed) {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = TURN;
        let configs = inner.configs();
        let Some(target) = inner.promised(&configs).await else {
            continue;
        };
        // When what it was told names other voters, those are asked.
        if inner.reaches(target).await
            && inner.configs() == configs
            && let Err(error) = inner.tell_all().await
        {
            tracing::warn!(%error, "This node cannot vote yet");
        }
    }
}

impl Inner {
    /// Names those who vote; of two groups of them while one takes over from the other.
    fn configs(&self) -> Vec<BTreeSet<Voter>> {
        let metrics = self.metrics.borrow();
        let membership = metrics.membership_config.membership();
        membership.get_joint_config().clone()
    }

    /// Tells how far this node must be: as far as any of a majority of the voters is, itself not
    /// counted; none when there is no such majority.
    async fn promised(&self, configs: &[BTreeSet<Voter>]) -> Option<Progress> {
        let others: BTreeSet<Voter> = configs.iter().flatten().copied().collect();
        let mut sound = BTreeSet::new();
        let mut target = Progress::default();
        for other in others.into_iter().filter(|id| *id != self.me) {
            let Some(progress) = self.progress_of(other, ASK_TIME).await else {
                continue;
            };
            if progress.may_vote {
                sound.insert(other);
                let voted = target.voted.max(progress.voted);
                target = target.max(progress);
                target.voted = voted;
            }
        }
        let is_majority =
            |voters: &BTreeSet<Voter>| voters.intersection(&sound).count() > voters.len() / 2;
        (!configs.is_empty() && configs.iter().all(is_majority)).then_some(target)
    }

    /// Waits a while until this node is so far.
    async fn reaches(&self, target: Progress) -> bool {
        let is_there = || {
            let own = self.progress();
            let log = |one: &Progress| (one.term, one.last_log);
            own.voted >= target.voted && log(&own) >= log(&target)
        };
        let mut metrics = self.metrics.clone();
        let waits = metrics.wait_for(|_| is_there());
        matches!(tokio::time::timeout(REACH_TIME, waits).await, Ok(Ok(_)))
    }
}
