//! What a node does by itself: the leader cares for the members, everybody for the size of its log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::Moment;
use model::limits::RAFT_LOG_BYTES_MAX;
use openraft::ChangeMembers;
use openraft::impls::EmptyNode;
use tokio::task::JoinSet;

use super::recover::progress_of;
use super::{Group, Inner, stopped};
use crate::members::{self, Life, Members, Node, Rules, Step};
use crate::words::Voter;

/// Entries that a learner may lack and count as having caught up: the others come with the next
/// message, while it already votes.
const READY_LAG_MAX: u64 = 64;
/// Least time between two looks at the size of the log.
const TURN: Duration = Duration::from_secs(1);
/// Time that a learner has to say whether it may vote.
const SOUND_TIME: Duration = Duration::from_secs(2);
/// Time after which a step is given up; the next turn takes it again.
const STEP_TIME: Duration = Duration::from_secs(10);

impl Group {
    /// Takes the next step towards the members that there should be, when this node leads; tells
    /// which one it took, or why it could not.
    pub async fn tend(
        &self,
        rules: Rules,
        nodes: &BTreeMap<Voter, Node>,
        now: Moment,
    ) -> Option<(Step, Result<(), String>)> {
        let inner = &self.inner;
        if !inner.is_leader() {
            return None;
        }
        let mut nodes = nodes.clone();
        for voter in inner.leaving() {
            if let Some(node) = nodes.get_mut(&voter) {
                node.life = Life::Left;
            }
        }
        let step = match inner.half_way() {
            Some(voters) => Step::Voters(voters),
            None => inner.next_step(rules, &nodes, now).await?,
        };
        let taken = tokio::time::timeout(STEP_TIME, inner.take(&step)).await;
        let taken = taken.unwrap_or_else(|_| Err("no majority of the voters answers".to_owned()));
        Some((step, taken))
    }
}

impl Inner {
    async fn next_step(
        &self,
        rules: Rules,
        nodes: &BTreeMap<Voter, Node>,
        now: Moment,
    ) -> Option<Step> {
        let mut members = self.members()?;
        let step = members::next_step(rules, self.me, &members, nodes, now)?;
        if !matches!(step, Step::Voters(_)) {
            return Some(step);
        }
        self.keep_sound(&mut members).await;
        members::next_step(rules, self.me, &members, nodes, now)
    }

    /// Names those who shall vote, when a leader died between the old voters and them: both groups
    /// would be needed for ever.
    fn half_way(&self) -> Option<BTreeSet<Voter>> {
        match &self.configs()[..] {
            [_, then] => Some(then.clone()),
            _ => None,
        }
    }

    /// Tells who takes part; nothing while that is changing.
    pub(super) fn members(&self) -> Option<Members> {
        let metrics = self.metrics.borrow();
        let membership = metrics.membership_config.membership();
        if membership.get_joint_config().len() != 1 {
            return None;
        }
        let last = metrics.last_log_index.unwrap_or(0);
        let learners: BTreeSet<Voter> = membership.learner_ids().collect();
        let matched = metrics.replication.as_ref();
        let is_ready = |id: &Voter| {
            let matched = matched
                .and_then(|matched| matched.get(id))
                .copied()
                .flatten();
            matched.is_some_and(|matched| matched.index + READY_LAG_MAX >= last)
        };
        let ready = learners.iter().copied().filter(is_ready).collect();
        Some(Members {
            voters: membership.voter_ids().collect(),
            learners,
            ready,
        })
    }

    /// Lets only those count as ready that may vote: another one would be needed, and not help.
    pub(super) async fn keep_sound(&self, members: &mut Members) {
        let mut asked = JoinSet::new();
        for id in members.ready.iter().copied() {
            let (transport, group) = (Arc::clone(&self.transport), self.machine.group());
            asked.spawn(async move {
                let progress = progress_of(&*transport, group, id, SOUND_TIME).await;
                progress.is_some_and(|one| one.may_vote).then_some(id)
            });
        }
        let sound = asked.join_all().await;
        members.ready = sound.into_iter().flatten().collect();
    }

    pub(super) async fn take(&self, step: &Step) -> Result<(), String> {
        let done = match step {
            Step::Add(id) => self.raft.add_learner(*id, EmptyNode::new(), false).await,
            Step::Voters(voters) => {
                let voters = ChangeMembers::ReplaceAllVoters(voters.clone());
                self.raft.change_membership(voters, true).await
            }
            Step::Remove(id) => {
                let gone = ChangeMembers::RemoveNodes(BTreeSet::from([*id]));
                self.raft.change_membership(gone, false).await
            }
        };
        done.map(drop).map_err(|error| error.to_string())
    }
}

/// Lets a snapshot take the place of the log when that is worth it.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    let mut changed = inner.machine.watch();
    // What the log had when the last snapshot was asked for: what is behind it stays for a while.
    let mut left_bytes = 0;
    loop {
        // It grows by what is agreed, and not while nothing is.
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = changed.changed() => {}
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(TURN) => {}
        }
        changed.borrow_and_update();
        inner.turns.fetch_add(1, Ordering::Relaxed);
        let bytes = inner.log.bytes();
        left_bytes = bytes.min(left_bytes);
        let bytes_max = RAFT_LOG_BYTES_MAX.max(inner.machine.snapshot_bytes());
        if bytes.saturating_sub(left_bytes) < bytes_max {
            continue;
        }
        left_bytes = bytes;
        if let Err(error) = inner.raft.trigger().snapshot().await {
            tracing::debug!(%error, "No snapshot of the agreed state");
        }
    }
}
