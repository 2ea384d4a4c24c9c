//! When a node with a new disk may take entries, and when it may vote.
//!
//! It may be a voter that lost its disk, and with it what it had promised: entries that were
//! acknowledged because it had them, and votes. Two things could go wrong by that.
//!
//! A leader of the past, cut off from the others, takes this node for one of its majority. The
//! others know that it leads no more; who forgot does not, would take its entries, and make them
//! acknowledged. So no entry is taken before a majority of the voters *without this node* says that
//! the same one leads: one of them would know of a later leader that this node helped.
//!
//! And it could help to elect a node that lacks what it had acknowledged. So it neither votes nor
//! stands for election before it has all that who leads had when that majority was asked. From
//! that majority on, no leader of the past gets anything acknowledged any more.
//!
//! Who is in its group for the first time asks the same: it cannot know that it is.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::ask::mail;
use super::{Inner, stopped};
use crate::message::{self, Call, Ends, LogId, Reply, Vote};
use crate::network::Transport;
use crate::news::tell_new;
use crate::words::{GroupId, Voter};

/// How often the others are asked.
const TURN: Duration = Duration::from_millis(150);
/// Time that each of them has.
const ASK_TIME: Duration = Duration::from_secs(1);
/// Time in which this node must get there; then they are asked anew.
const REACH_TIME: Duration = Duration::from_secs(2);

/// Who may bring entries to a node that may have forgotten what it promised.
#[derive(Debug)]
pub(super) struct Door {
    /// The last one that says that it leads.
    knocks: watch::Sender<Option<Vote>>,
    /// The one of whom others said so, too.
    admitted: Mutex<Option<Vote>>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            knocks: watch::Sender::new(None),
            admitted: Mutex::default(),
        }
    }
}

impl Door {
    fn admitted(&self) -> Option<Vote> {
        *self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, vote: Vote) {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        *admitted = Some(vote);
    }
}

/// Asks about who knocks, and lets the node vote once it may.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    let mut knocks = inner.door.knocks.subscribe();
    // Who was a candidate by a vote that was forgotten has won or given up after that.
    let mut pause = inner.timing.election_max * 2;
    while inner.is_blank.load(Ordering::Relaxed) {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = TURN;
        let knocked = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            knocked = knocks.wait_for(Option::is_some) => knocked.ok().and_then(|vote| *vote),
        };
        let Some(vote) = knocked else {
            return;
        };
        let Some(target) = inner.who_leads_has(vote).await else {
            continue;
        };
        inner.door.admit(vote);
        if inner.reaches(vote, target).await
            && let Err(error) = inner.tell_all().await
        {
            tracing::warn!(%error, "This node cannot vote yet");
        }
    }
}

impl Inner {
    /// Tells whether entries of a leader are taken; when it is not known yet, that is asked.
    pub(super) fn admits(&self, vote: &Vote) -> bool {
        if !self.is_blank.load(Ordering::Relaxed) || self.door.admitted() == Some(*vote) {
            return true;
        }
        tell_new(&self.door.knocks, Some(*vote));
        false
    }

    pub(super) fn ends(&self) -> Ends {
        let (vote, last) = self.log.ends();
        Ends {
            // Who was refused by its disk lists what it has not.
            may_vote: !self.is_blank.load(Ordering::Relaxed) && self.is_running(),
            vote,
            last,
            // Who is outside knows of long ago who votes.
            configs: match self.is_outside() {
                true => Vec::new(),
                false => self.configs(),
            },
        }
    }

    /// Names those who vote; of two groups of them while one takes over from the other.
    pub(super) fn configs(&self) -> Vec<BTreeSet<Voter>> {
        let metrics = self.metrics.borrow();
        let membership = metrics.membership_config.membership();
        membership.get_joint_config().clone()
    }

    /// Tells the last entry of who leads, when a majority of its voters, this node not counted,
    /// says that it does.
    async fn who_leads_has(&self, vote: Vote) -> Option<LogId> {
        let follows = |ends: &Ends| ends.may_vote && ends.vote == Some(vote);
        let leader = vote.leader_id.node_id;
        let leaders = self.ends_of(leader).await.filter(follows)?;
        let mut sound = BTreeSet::from([leader]);
        let others: BTreeSet<Voter> = leaders.configs.iter().flatten().copied().collect();
        for other in others {
            if other != self.me
                && other != leader
                && self.ends_of(other).await.as_ref().is_some_and(follows)
            {
                sound.insert(other);
            }
        }
        let is_majority =
            |voters: &BTreeSet<Voter>| voters.intersection(&sound).count() > voters.len() / 2;
        let is_so = !leaders.configs.is_empty() && leaders.configs.iter().all(is_majority);
        leaders.last.filter(|_| is_so)
    }

    async fn ends_of(&self, voter: Voter) -> Option<Ends> {
        ends_of(&*self.transport, self.machine.group(), voter, ASK_TIME).await
    }

    /// Waits a while until this node has all up to an entry of who leads.
    async fn reaches(&self, vote: Vote, target: LogId) -> bool {
        let is_there = || {
            let (voted, last) = self.log.ends();
            voted == Some(vote) && last.is_some_and(|last| last >= target)
        };
        let mut metrics = self.metrics.clone();
        let waits = metrics.wait_for(|_| is_there());
        // It says for good that it has them, so its disk must.
        matches!(tokio::time::timeout(REACH_TIME, waits).await, Ok(Ok(_)))
            && self.log.flush().await.is_ok()
    }
}

/// Asks a voter what it promised and who votes.
pub(super) async fn ends_of(
    transport: &dyn Transport,
    group: Option<GroupId>,
    voter: Voter,
    time_box: Duration,
) -> Option<Ends> {
    let letter = message::letter(group, &Call::Ends);
    match mail(transport, voter, letter, time_box).await? {
        Reply::Ends(ends) => Some(ends),
        _ => None,
    }
}
