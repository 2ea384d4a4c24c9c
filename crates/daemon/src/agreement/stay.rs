//! What a node does while it takes part: found a group, tell others, meet other groups, and care
//! for the members when it leads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gossip::Member;
use model::{MemberState, NodeId};
use raft::members::{Life, Node, Rules};
use raft::{Command, Group, GroupId, Role, Standing, Voter};
use tracing::{info, warn};

use super::meet::{self, Card, Verdict};
use super::{Ended, PART, dropped, me, new_id};
use crate::agent::Agent;
use crate::clock;
use crate::cluster;
use crate::configuration::Bootstrap;

/// Least time between two looks at the members, and how often they are looked at while a step is
/// under way.
const TURN: Duration = Duration::from_millis(500);
/// How often they are looked at when nothing was told; it is a precaution.
const REST: Duration = Duration::from_secs(60);
/// Time for which a node without a group waits for the one of others, when it knows of others.
const FOUND_AFTER: Duration = Duration::from_secs(5);

/// Cares for the group until it ends.
pub(super) async fn stay(agent: &Arc<Agent>, group: &Group, must_wait: bool) -> Ended {
    let started = clock::now();
    let mut refused = None;
    let mut news = group.news();
    let (mut members, mut configured) = (agent.members.clone(), agent.configuration.subscribe());
    loop {
        members.borrow_and_update();
        configured.borrow_and_update();
        let standing = group.standing();
        if standing.role == Role::Stopped {
            let why = standing.failure.unwrap_or_default();
            warn!(%why, "This node steps aside in agreement, and tries again");
            return Ended::Failed(format!("agreement stopped on this node: {why}"));
        }
        let others = others(agent);
        // Who gave way waits longer: there was a group to join a moment ago.
        let patience = FOUND_AFTER * if must_wait { 6 } else { 1 };
        let waited = clock::now().since(started) >= patience;
        let founds = may_found(agent, &standing, &others, waited, must_wait);
        if founds {
            found(group).await;
        }
        tell(agent, group);
        match meet::verdict(&card(agent, group), &others) {
            Verdict::Stay => refused = None,
            Verdict::GiveWay { to, drops } => {
                if let Some(ended) = give_way(agent, group, to, drops).await {
                    return ended;
                }
            }
            Verdict::Refuse { with, other } => {
                if refused.replace(other) != Some(other) {
                    warn!(
                        %with,
                        group = %other,
                        "Two groups with data of their own meet and stay apart: \
                         `opsbro raft adopt` on one of their nodes settles it"
                    );
                }
            }
        }
        let nodes = nodes(agent, group);
        let step = group.tend(rules(agent), &nodes, clock::now()).await;
        let waits = founds || (standing.voters.is_empty() && !waited);
        let is_busy = waits || step.is_some() || is_unsettled(group, &standing, &nodes);
        if let Some((step, done)) = step {
            match done {
                Ok(()) => info!(?step, "The members of agreement changed"),
                Err(why) => info!(?step, %why, "The members of agreement stay as they are"),
            }
        }
        tokio::time::sleep(TURN).await;
        if !is_busy {
            tokio::select! {
                () = news.wait() => {}
                _ = members.changed() => {}
                _ = configured.changed() => {}
                () = tokio::time::sleep(REST) => {}
            }
        }
    }
}

/// Tells whether time alone may give this node, which may lead, a next step: while a learner
/// catches up, or the grace of a dead member runs.
fn is_unsettled(group: &Group, standing: &Standing, nodes: &BTreeMap<Voter, Node>) -> bool {
    let is_dead = |id: &Voter| {
        let life = nodes.get(id).map(|node| node.life);
        matches!(life, Some(Life::Dead(_) | Life::Left))
    };
    let mut members = standing.voters.iter().chain(&standing.learners);
    standing.role == Role::Leader && (!group.is_settled() || members.any(is_dead))
}

fn rules(agent: &Agent) -> Rules {
    let configuration = agent.configuration.borrow();
    Rules {
        voters_max: configuration.voters.count_max,
        grace: configuration.voters.grace,
    }
}

/// Tells whether this node, when it has no group, shall make one.
fn may_found(
    agent: &Agent,
    standing: &Standing,
    others: &BTreeMap<NodeId, Card>,
    waited: bool,
    must_wait: bool,
) -> bool {
    if !standing.voters.is_empty() || standing.last_log.is_some() {
        return false;
    }
    let me = agent.node.borrow().id;
    let is_first = || {
        let mut cards = others.iter();
        cards.all(|(id, card)| card.group.is_none() && me < *id)
    };
    let (bootstrap, has_seeds) = {
        let configuration = agent.configuration.borrow();
        (configuration.bootstrap, !configuration.seeds.is_empty())
    };
    match bootstrap {
        Bootstrap::Together(count) => others.len() + 1 >= count && is_first(),
        Bootstrap::Patient | Bootstrap::AtOnce => {
            let is_alone = others.is_empty() && !has_seeds && !must_wait;
            is_alone || (waited && is_first())
        }
    }
}

/// Makes a group of this node, and names it.
async fn found(group: &Group) {
    let id = match new_id() {
        Ok(id) => GroupId(id),
        Err(error) => return warn!(%error, "This node cannot found a group"),
    };
    if let Err(error) = group.found().await {
        return warn!(%error, "This node cannot found a group");
    }
    match group.command(Command::Name { group: id }).await {
        Ok(_) => info!(group = %id, "This node founded a group of its own"),
        Err(error) => warn!(%error, "The new group has no name"),
    }
}

/// Ends this group for that of another node. What it has is written to a file before, when an
/// operator wants it dropped; otherwise a group that somebody wrote into at the last moment stays.
async fn give_way(agent: &Arc<Agent>, group: &Group, to: NodeId, drops: bool) -> Option<Ended> {
    // What is acknowledged after this is nothing: the look behind it sees all there is.
    group.stop().await;
    let has_data = group.look(raft::State::has_data);
    if !has_data {
        info!(%to, "This node gives up its empty group to join another one");
        return Some(Ended::GaveWay);
    }
    if !drops {
        return Some(Ended::Failed(
            "agreement starts again on this node".to_owned(),
        ));
    }
    match dropped::write(agent, group).await {
        Ok(path) => {
            warn!(%to, %path, "This node gives up its group; its keys are in the file");
            agent.note(
                "agreement",
                format!("joins the group of {to}; its keys are in {path}"),
            );
            Some(Ended::GaveWay)
        }
        Err(why) => Some(Ended::Failed(format!(
            "this node does not give up its group, as its keys cannot be written to a file: {why}"
        ))),
    }
}

/// Gives the living members of this zone beside this node.
fn of_zone(agent: &Agent) -> Vec<Member> {
    let own = agent.node.borrow().clone();
    let known = Arc::clone(&agent.members.borrow());
    let of_zone = known.members.iter();
    let of_zone = of_zone.filter(|member| member.record.body.zone == own.zone);
    of_zone.cloned().collect()
}

/// Reads what a node tells of its agreement.
fn card_of(agent: &Agent, member: &Member) -> Option<Card> {
    agent
        .agreement
        .read_card(member.record.id, member.record.body.parts.get(PART)?)
}

/// Gives what the living nodes of the zone tell of their agreement.
pub(super) fn others(agent: &Agent) -> BTreeMap<NodeId, Card> {
    let own = agent.node.borrow().id;
    let living = of_zone(agent)
        .into_iter()
        .filter(|member| member.record.id != own && member.state == MemberState::Alive);
    living
        .filter_map(|member| Some((member.record.id, card_of(agent, &member)?)))
        .collect()
}

/// Gives the nodes that a leader may let take part: those of this group, and those of none.
pub(super) fn nodes(agent: &Agent, group: &Group) -> BTreeMap<Voter, Node> {
    let own = me(agent);
    let group = group.id();
    let spread = agent.configuration.borrow().voters.spread.clone();
    let mut nodes = BTreeMap::new();
    for member in of_zone(agent) {
        let id = Voter::from(member.record.id);
        let is_ours =
            card_of(agent, &member).is_some_and(|card| card.group.is_none() || card.group == group);
        let is_off = member.record.body.parts.get(PART);
        let is_off = is_off.is_some_and(|part| **part == *meet::OFF);
        let life = match member.state {
            // It does not come back into the group before it says so.
            MemberState::Alive | MemberState::Suspect if id != own && is_off => Life::Left,
            MemberState::Alive | MemberState::Suspect if id == own || is_ours => Life::Alive,
            // Who stopped politely may come back: who goes for good tells the leader.
            MemberState::Alive | MemberState::Suspect | MemberState::Dead | MemberState::Leave => {
                Life::Dead(member.heard)
            }
        };
        let body = &member.record.body;
        let is_in = |name: &&String| {
            let mut groups = body.static_groups.iter().chain(&body.detected_groups);
            groups.any(|group| group.as_str() == name.as_str())
        };
        let node = Node {
            life,
            place: spread.iter().find(is_in).cloned().unwrap_or_default(),
            since: model::Moment::default(),
        };
        nodes.insert(id, node);
    }
    nodes
}

/// Tells how this node stands, for its record.
pub(super) fn card(agent: &Agent, group: &Group) -> Card {
    let standing = group.standing();
    let me = me(agent);
    group.look(|state| Card {
        group: group.id(),
        since: state.group().map_or(0, |(_, since)| since),
        has_data: state.has_data(),
        is_alone: standing.voters == [me] && standing.learners.is_empty(),
        leads: standing.role == Role::Leader,
        absorbed: state.absorbed().to_vec(),
        yields_to: state.yields_to(),
    })
}

/// Lets the record of this node tell how it stands, when that is news.
fn tell(agent: &Agent, group: &Group) {
    let card: Arc<[u8]> = Arc::from(card(agent, group).encode());
    let is_news = agent.agreement.told.send_if_modified(|told| {
        let is_news = **told != *card;
        if is_news {
            *told = card;
        }
        is_news
    });
    if is_news {
        // A loop that is busy is told with the next change, or hears at the next look.
        let _ = agent.cluster.try_send(cluster::Command::Describe);
    }
}
