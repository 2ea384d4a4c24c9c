//! What an operator may want of agreement beyond commands: to begin anew, to recover without a
//! majority, to let one of two groups give way, to leave for good.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::raft::{Adopted, Recovered, Survey, Survivor};
use api::{ErrorCode, Problem};
use model::{MemberState, NodeId};
use raft::{Command, Group, GroupId, LEAVE_TIME, Voter};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::{Access, Agreement, Stage, dropped, files, me, new_id, problem, stay, wipe};
use crate::agent::Agent;
use crate::clock;

/// Time that a survivor has to tell how far it is.
const SURVEY_TIME: Duration = Duration::from_secs(2);
/// Time that a recovery may take; a state of many gigabytes would not fit in memory.
const RECOVER_TIME: Duration = Duration::from_secs(60);
/// Time that a recovered group, of this node alone, has to be led by it.
const LEAD_TIME: Duration = Duration::from_secs(5);
/// How often something is looked at that cannot be waited for.
const LOOK_TURN: Duration = Duration::from_millis(50);

/// What only the task that owns the files can do.
pub(super) enum Order {
    /// Forget everything and wait to be taken in.
    Rejoin,
    /// Make a new group of what this node has.
    Recover(oneshot::Sender<Result<Recovered, String>>),
}

impl Order {
    /// Does it, while no group runs; tells whether this node is to be taken in by others then.
    pub(super) async fn carry_out(self, agent: &Arc<Agent>) -> Option<bool> {
        match self {
            Self::Rejoin => match wipe(agent).await {
                Ok(()) => Some(true),
                Err(error) => {
                    warn!(%error, "The agreed state cannot be wiped");
                    None
                }
            },
            Self::Recover(answer) => {
                let recovered = recover(agent).await;
                // Nobody waiting any more is no reason to fail.
                let _ = answer.send(recovered);
                Some(false)
            }
        }
    }
}

async fn recover(agent: &Arc<Agent>) -> Result<Recovered, String> {
    let disk = Arc::new(files(agent).await?);
    let group = GroupId(new_id()?);
    let recovered = raft::recover(disk, me(agent), group).await;
    let recovered = recovered.map_err(|error| error.text)?;
    warn!(%group, keys = recovered.keys, "A new group was made of what this node has");
    agent.note(
        "agreement",
        "made a new group of what this node has".to_owned(),
    );
    Ok(Recovered {
        group: group.to_string(),
        keys: recovered.keys,
        revision: recovered.revision.0,
        voters_before: recovered
            .voters_before
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

impl Agreement {
    /// Lets this node forget what it agreed on, and wait to be taken in by others; tells how many
    /// keys it forgets. Who may be the only one that has them is asked to be sure.
    pub(crate) async fn rejoin(&self, agent: &Agent, is_sure: bool) -> Result<u64, Problem> {
        let mut keys = 0;
        let stage = self.stage.borrow().clone();
        if let Stage::Runs(group) = stage {
            let standing = group.standing();
            keys = group.look(|state| state.usage().keys);
            let takes_part = standing.voters.len() > 1 && standing.leader.is_some();
            let has_others = takes_part || group.is_outside();
            if keys > 0 && !has_others && !is_sure {
                let message = format!("this node may be the only one that has its {keys} keys");
                let hint = "say --drop-data when that is meant: opsbro raft rejoin --drop-data";
                return Err(Problem::new(ErrorCode::Conflict, message).with_hint(hint));
            }
            // Who forgets while its promises count would help to forget what others were told.
            self.leave(agent).await;
            if takes_part && group.votes() && !is_sure {
                let message = "this node is still a voter: nobody let it go in time";
                let hint = "see opsbro raft state, or say --drop-data";
                return Err(Problem::new(ErrorCode::Conflict, message).with_hint(hint));
            }
            if keys > 0 && !has_others {
                let written = dropped::write(agent, &group).await;
                let path = written.map_err(|why| {
                    let message = format!("the keys cannot be written to a file first: {why}");
                    Problem::new(ErrorCode::Unavailable, message)
                })?;
                info!(%path, "The keys of this node were written to a file");
            }
        }
        self.give(Order::Rejoin).await?;
        Ok(keys)
    }

    /// Tells what a recovery on this node would keep, and what may be lost.
    pub(crate) async fn survey(&self, agent: &Agent) -> Result<Survey, Problem> {
        let group = self.group()?;
        let mut standing = group.standing();
        // Who is outside has others tell who leads: what it knows itself is of long ago.
        if group.is_outside()
            && let Some(told) = group.hearsay().await
        {
            standing.leader = told.leader;
            (standing.voters, standing.learners) = (told.voters, told.learners);
        }
        let known = Arc::clone(&agent.members.borrow());
        let mut survivors = Vec::new();
        for voter in standing.voters.iter().chain(&standing.learners) {
            let member = known.member(NodeId::from(*voter));
            let progress = group.progress_of(*voter, SURVEY_TIME).await;
            let progress = progress.filter(|_| {
                let state = member.map(|member| member.state);
                state != Some(MemberState::Leave) || *voter == me(agent)
            });
            survivors.push(Survivor {
                uuid: voter.to_string(),
                name: member.map(|one| one.record.shown_name().to_owned()),
                votes: standing.voters.contains(voter),
                answers: progress.is_some(),
                term: progress.map_or(0, |one| one.term),
                last_log: progress.map_or(0, |one| one.last_log),
                revision: progress.map_or(0, |one| one.revision.0),
            });
        }
        let own = me(agent).to_string();
        let rank = |one: &Survivor| (one.term, one.last_log);
        let mine = survivors.iter().find(|one| one.uuid == own).map(rank);
        let better = survivors
            .iter()
            .filter(|one| one.answers && Some(rank(one)) > mine)
            .max_by_key(|one| rank(one));
        Ok(Survey {
            leader: standing.leader.map(|leader| leader.to_string()),
            keys: group.look(|state| state.usage().keys),
            better: better.map(|one| one.uuid.clone()),
            survivors,
        })
    }

    /// Makes a new group of what this node has, unless somebody leads the old one or has more.
    pub(crate) async fn recover(&self, agent: &Agent, is_sure: bool) -> Result<Recovered, Problem> {
        let survey = self.survey(agent).await?;
        let conflict = |message: String| Problem::new(ErrorCode::Conflict, message);
        if let Some(leader) = survey.leader {
            let message = format!("nothing is lost: {leader} leads with a majority of the voters");
            return Err(conflict(message).with_hint("opsbro raft voters tells who they are"));
        }
        if let Some(better) = survey.better.filter(|_| !is_sure) {
            let message = format!("{better} answers and has more of the log than this node");
            let hint = "run it there, or say --any when that node is not to be used";
            return Err(conflict(message).with_hint(hint));
        }
        let (answer, answered) = oneshot::channel();
        self.give(Order::Recover(answer)).await?;
        let ended = |text: String| Problem::new(ErrorCode::Unavailable, text);
        match tokio::time::timeout(RECOVER_TIME, answered).await {
            Ok(Ok(Ok(recovered))) => {
                self.wait_to_lead(me(agent)).await;
                Ok(recovered)
            }
            Ok(Ok(Err(why))) => Err(ended(format!("the group cannot be recovered: {why}"))),
            Ok(Err(_)) => Err(ended("the agent stops".to_owned())),
            Err(_) => Err(ended("it goes on: see opsbro raft state".to_owned())),
        }
    }

    /// Waits a while until this node leads: who was told that it does writes at once.
    async fn wait_to_lead(&self, own: Voter) {
        let deadline = clock::now() + LEAD_TIME;
        let leads = || {
            let group = self.group().ok()?;
            (group.standing().leader == Some(own)).then_some(())
        };
        while leads().is_none() && clock::now() < deadline {
            tokio::time::sleep(LOOK_TURN).await;
        }
    }

    /// Settles which of two groups with data stays: the older one, unless the younger is named.
    pub(crate) async fn adopt(
        &self,
        agent: &Agent,
        wanted: Option<&str>,
        keep: Option<Keep>,
    ) -> Result<Adopted, Problem> {
        let group = self.wait_group().await?;
        let own = stay::card(agent, &group);
        let conflict = |message: &str| Problem::new(ErrorCode::Conflict, message);
        let Some(ours) = own.group else {
            return Err(conflict(
                "this node is in no group yet: it takes the one it meets",
            ));
        };
        let others = stay::others(agent).into_values();
        let strangers = others.filter(|card| card.group.is_some_and(|other| other != ours));
        let mut strangers: Vec<_> = strangers
            .filter(|card| {
                let name = card.group.map(|group| group.to_string());
                wanted.is_none_or(|wanted| name.as_deref() == Some(wanted))
            })
            .collect();
        strangers.sort_by_key(|card| card.group);
        strangers.dedup_by_key(|card| card.group);
        let stranger = match &strangers[..] {
            [] => return Err(conflict("no node of another group lives in this zone")),
            [one] => one,
            [..] => {
                let hint = "name one: opsbro raft adopt GROUP";
                return Err(conflict("there are several other groups").with_hint(hint));
            }
        };
        let theirs = stranger.group.unwrap_or(ours);
        let is_older = (own.since, ours) < (stranger.since, theirs);
        let keeps_ours = keep.map_or(is_older, |keep| keep == Keep::Ours);
        let command = match keeps_ours {
            true => Command::Absorb { group: theirs },
            false => Command::Yield { to: theirs },
        };
        let made = group.command(command).await;
        made.map_err(|trouble| problem(&trouble))?;
        let (stays, goes) = if keeps_ours {
            (ours, theirs)
        } else {
            (theirs, ours)
        };
        Ok(Adopted {
            stays: stays.to_string(),
            goes: goes.to_string(),
        })
    }

    /// Lets this node vote no more, before it leaves for good; gives up after a while.
    pub(crate) async fn leave(&self, agent: &Agent) {
        let Ok(group) = self.group() else {
            return;
        };
        let own = me(agent);
        let is_alone = |group: &Group| {
            let standing = group.standing();
            let mut others = standing.voters.iter().chain(&standing.learners);
            !others.any(|one| *one != own)
        };
        if is_alone(&group) {
            return;
        }
        let deadline = clock::now() + LEAVE_TIME;
        if let Err(trouble) = group.leave(None).await {
            return warn!(%trouble, "Nobody let this node go: it stays a voter");
        }
        while group.votes() && clock::now() < deadline {
            tokio::time::sleep(LOOK_TURN).await;
        }
    }

    /// Lets a node that is dead vote no more, as an operator says that it left.
    pub(crate) async fn dismiss(&self, node: NodeId) {
        let left = match self.access() {
            Ok(Access::Member(group)) => group.leave(Some(Voter::from(node))).await,
            Ok(Access::Guest(guest)) => guest.leave(Voter::from(node)).await,
            Err(_) => Ok(()),
        };
        // Without a majority it cannot be agreed, and whoever leads later sees that the node left.
        if let Err(trouble) = left {
            warn!(%node, %trouble, "A node that left is a voter until a majority is there");
        }
    }

    /// Names the groups with data of their own that this node meets.
    pub(crate) fn meets(&self, agent: &Agent, group: &Group) -> Vec<String> {
        let own = stay::card(agent, group);
        let others = stay::others(agent).into_values();
        let met = others.filter(|card| own.has_data && card.has_data && card.group != own.group);
        let met: BTreeSet<String> = met
            .filter_map(|card| card.group)
            .map(|group| group.to_string())
            .collect();
        met.into_iter().collect()
    }

    /// Lets another voter lead, and tells which.
    pub(crate) async fn transfer(&self, to: Option<NodeId>) -> Result<NodeId, Problem> {
        let group = self.wait_group().await?;
        let made = group.transfer(to.map(Voter::from)).await;
        let to = made.map_err(|trouble| problem(&trouble))?;
        Ok(NodeId::from(to))
    }

    async fn give(&self, order: Order) -> Result<(), Problem> {
        // Nobody would carry it out.
        if matches!(self.access(), Ok(Access::Guest(_))) {
            return self.group().map(drop);
        }
        let stopping = || Problem::new(ErrorCode::Unavailable, "the agent stops");
        self.orders.send(order).await.map_err(|_| stopping())
    }
}

/// Which of two groups stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// That of this node.
    Ours,
    /// The other one.
    Theirs,
}
