//! Who leads or votes makes way for others: at an operator's wish, and before it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::mail;
use super::propose::{Undone, unknown};
use super::recover::progress_of;
use super::{Group, Inner, Trouble};
use crate::members::{Node, Step};
use crate::message::{self, Call, Reply};
use crate::network::Lane;
use crate::words::Voter;

/// Time that a transfer may take.
const TRANSFER_TIME: Duration = Duration::from_secs(5);
/// Time that a voter has to say that it is there before the lead is handed to it.
const HEIR_TIME: Duration = Duration::from_secs(1);
/// Time after which who asked for a transfer is told that nobody leads: less than the 10 s that
/// clients of the API wait.
const TRANSFER_ASK_TIME: Duration = Duration::from_secs(8);
/// Time after which it is given up to tell who leads that a node goes.
pub const LEAVE_TIME: Duration = Duration::from_secs(5);
/// Time for which somebody who said that it goes counts as gone, unless it is gone then.
const GONE_TIME: Duration = Duration::from_secs(30);

impl Group {
    /// Lets another voter lead: this one, or the one that has most of the log. Tells who does.
    pub async fn transfer(&self, to: Option<Voter>) -> Result<Voter, Trouble> {
        match self
            .inner
            .ask_leader(&Call::Transfer(to), TRANSFER_ASK_TIME)
            .await?
        {
            Reply::Transferred(to) => Ok(to),
            Reply::Refused(text) => Err(Trouble::Undone(text)),
            _ => Err(unknown("the leader does not know")),
        }
    }

    /// Tells the leader that a node goes for good, so that it votes no more; this node when none is
    /// named. Gives up after [`LEAVE_TIME`].
    pub async fn leave(&self, who: Option<Voter>) -> Result<(), Trouble> {
        let who = who.unwrap_or(self.inner.me);
        match self.inner.ask_leader(&Call::Leave(who), LEAVE_TIME).await? {
            Reply::Done => Ok(()),
            Reply::Refused(text) => Err(Trouble::Undone(text)),
            _ => Err(unknown("the leader does not know")),
        }
    }

    /// Gives its vote to a living node that copies when this node is the only one that votes, so
    /// that the others go on while it is away. Tells to whom.
    pub async fn hand_over(&self, nodes: &BTreeMap<Voter, Node>) -> Option<Voter> {
        let inner = &self.inner;
        let mut members = inner.members()?;
        if !inner.is_leader() || members.voters != BTreeSet::from([inner.me]) {
            return None;
        }
        inner.keep_sound(&mut members).await;
        let lives = |id: &Voter| {
            let life = nodes.get(id).map(|node| node.life);
            life == Some(crate::members::Life::Alive)
        };
        let next = members.ready.iter().copied().find(lives)?;
        let step = Step::Voters(BTreeSet::from([next]));
        if let Err(error) = inner.take(&step).await {
            tracing::warn!(%next, %error, "The only vote could not be handed over");
            return None;
        }
        // It stands for election by itself, only later.
        let stand = message::letter(inner.machine.group(), &Call::Stand);
        let called = inner
            .transport
            .call(next, Lane::Log, stand, inner.timing.election_max);
        let _ = tokio::time::timeout(inner.timing.election_max, called).await;
        Some(next)
    }
}

impl Inner {
    /// Asks whoever leads one thing, which may be done twice.
    async fn ask_leader(&self, call: &Call, time: Duration) -> Result<Reply, Trouble> {
        let deadline = Instant::now() + time;
        let letter = message::letter(self.machine.group(), call);
        let (mut hint, mut tried) = (None, 0);
        while Instant::now() < deadline {
            let reply = if self.leads() {
                Some(self.serve(call.clone()).await)
            } else {
                match self.whom_to_ask(hint.take(), tried) {
                    Some(to) => {
                        let left = deadline.saturating_duration_since(Instant::now());
                        mail(&*self.transport, to, letter.clone(), left).await
                    }
                    None => None,
                }
            };
            match reply {
                Some(Reply::NotLeader(leader)) => hint = leader.filter(|leader| *leader != self.me),
                Some(reply) => return Ok(reply),
                None => {}
            }
            tried += 1;
            if hint.is_none() {
                self.wait_for_change(Duration::from_millis(50)).await;
            }
        }
        Err(self.no_leader())
    }

    /// Takes note that somebody goes for good; the next look at the members acts on it.
    pub(super) fn let_leave(&self, voter: Voter) {
        self.leaving.send_modify(|leaving| {
            leaving.retain(|_, since| since.elapsed() < GONE_TIME);
            leaving.insert(voter, Instant::now());
        });
    }

    /// Names those who said that they go.
    pub(super) fn leaving(&self) -> Vec<Voter> {
        let leaving = self.leaving.borrow();
        let newest = leaving
            .iter()
            .filter(|(_, since)| since.elapsed() < GONE_TIME);
        newest.map(|(voter, _)| *voter).collect()
    }

    /// Makes way for another voter. While it does, this node takes nothing and sends no heartbeat,
    /// so that the others forget that it leads and vote for another one.
    pub(super) async fn make_way(&self, to: Option<Voter>) -> Result<Voter, Undone> {
        if !self.is_leader() {
            return Err(Undone::NotLeader(self.leader()));
        }
        let undone = |text: String| Undone::Trouble(Trouble::Undone(text));
        let to = self.heir(to).await.map_err(undone)?;
        if to == self.me {
            return Ok(to);
        }
        if self.makes_way.swap(true, Ordering::Relaxed) {
            return Err(undone(
                "this node makes way for another one already".to_owned(),
            ));
        }
        let made = tokio::time::timeout(TRANSFER_TIME, self.wait_for_heir(to)).await;
        self.raft.runtime_config().heartbeat(true);
        self.makes_way.store(false, Ordering::Relaxed);
        match made {
            Ok(Ok(())) => Ok(to),
            Ok(Err(text)) => Err(undone(text)),
            Err(_) => Err(undone(format!(
                "{to} did not take the lead within {TRANSFER_TIME:?}; {} leads",
                self.leader()
                    .map_or_else(|| "nobody".to_owned(), |leader| leader.to_string())
            ))),
        }
    }

    /// Chooses who is to lead: the one who is named, or has most of the log; but nobody who does
    /// not answer, for nobody would lead until that is found out.
    async fn heir(&self, to: Option<Voter>) -> Result<Voter, String> {
        let (mut heirs, matched) = {
            let metrics = self.metrics.borrow();
            let membership = metrics.membership_config.membership();
            let voters: BTreeSet<Voter> = membership.voter_ids().collect();
            (voters, metrics.replication.clone().unwrap_or_default())
        };
        match to {
            Some(to) if !heirs.contains(&to) => {
                return Err(format!("{to} does not vote, so it cannot lead"));
            }
            Some(to) if to == self.me => return Ok(to),
            Some(to) => heirs = BTreeSet::from([to]),
            None => drop(heirs.remove(&self.me)),
        }
        if heirs.is_empty() {
            return Err("no other node votes: nobody can take the lead".to_owned());
        }
        let mut asked = JoinSet::new();
        for heir in heirs {
            let (transport, group) = (Arc::clone(&self.transport), self.machine.group());
            asked.spawn(async move {
                let progress = progress_of(&*transport, group, heir, HEIR_TIME).await;
                progress.map(|_| heir)
            });
        }
        let answered = asked.join_all().await.into_iter().flatten();
        let heir = answered.max_by_key(|id| (matched.get(id).copied().flatten(), *id));
        heir.ok_or_else(|| match to {
            Some(to) => format!("{to} does not answer, so it cannot lead; nothing was changed"),
            None => "no other voter answers: nobody can take the lead".to_owned(),
        })
    }

    async fn wait_for_heir(&self, to: Voter) -> Result<(), String> {
        let mut metrics = self.metrics.clone();
        let has_all = metrics.wait_for(|now| {
            let matched = now.replication.as_ref().and_then(|all| all.get(&to));
            let matched = matched.copied().flatten().map(|matched| matched.index);
            matched >= now.last_log_index
        });
        has_all.await.map_err(|error| error.to_string())?;
        self.raft.runtime_config().heartbeat(false);
        // The lease of each voter, counted from the last heartbeat.
        tokio::time::sleep(self.timing.election_max + self.timing.heartbeat).await;
        let stand = message::letter(self.machine.group(), &Call::Stand);
        let time_box = self.timing.election_max;
        match mail(&*self.transport, to, stand, time_box).await {
            Some(Reply::Done) => {}
            Some(Reply::Refused(text)) => return Err(format!("{to} does not stand: {text}")),
            Some(_) | None => return Err(format!("{to} did not answer; nothing was changed")),
        }
        let leads = metrics.wait_for(|now| now.current_leader == Some(to));
        leads.await.map(drop).map_err(|error| error.to_string())
    }
}
