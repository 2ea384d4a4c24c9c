//! What others on this node see of agreement without asking anybody: who leads, who holds a lock.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use expr::{Agreed, Unknown};
use model::{NodeId, Value};
use raft::{FoundWhat, Group, Lock, Query, State};
use tokio::sync::watch;

use super::known::Known;
use super::looks::Looks;
use super::{Access, Agreement, stay};
use crate::agent::Agent;
use crate::clock;

/// Least time between two looks: names of locks are for answers that live for seconds.
const TURN: Duration = Duration::from_millis(200);
/// Time that who asks once waits for the first answer.
const FIRST_TIME: Duration = Duration::from_secs(1);
/// How often a node that keeps no copy asks one that does, while somebody looks.
const ASK_TURN: Duration = Duration::from_secs(5);

/// Who leads and who holds locks, as this node knew it a moment ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Who leads the group of this node.
    pub leader: Option<NodeId>,
    /// The nodes that keep the sessions which hold a lock, oldest holder first, by its name;
    /// nothing before the first look.
    pub holders: Option<BTreeMap<String, Vec<NodeId>>>,
}

impl Agreement {
    /// Gives who leads and who holds locks; it asks nobody and never waits. What it tells is at
    /// most some seconds old. A node that keeps no copy asks from this look on, so that the next
    /// one sees more.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.looks.look(clock::now());
        Arc::clone(&self.shown.borrow())
    }

    /// Gives the same, waiting a while for the first answer on a node that has to ask.
    pub(crate) async fn wait_shown(&self) -> Arc<Shown> {
        self.looks.look(clock::now());
        let mut shown = self.shown.subscribe();
        let told = shown.wait_for(|shown| shown.holders.is_some());
        let told = tokio::time::timeout(FIRST_TIME, told).await;
        drop(told);
        self.shown()
    }

    /// Tells whenever that changes, as long as [`Agreement::tell_names`] says that it is needed.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<Shown>> {
        self.shown.subscribe()
    }

    /// Takes note of whether names are told that depend on it.
    pub(crate) fn tell_names(&self, names: bool) {
        self.looks.tell_names(clock::now(), names);
    }

    fn show(&self, shown: Shown) {
        self.shown.send_if_modified(|now| {
            let is_news = **now != shown;
            if is_news {
                *now = Arc::new(shown);
            }
            is_news
        });
    }
}

/// What expressions see of agreement.
pub(crate) struct View {
    /// The way to agreement, when there is one now.
    access: Option<Access>,
    shown: Arc<Shown>,
    looks: Arc<Looks>,
    known: Arc<Known>,
}

impl Agreement {
    /// Gives what expressions see at this moment.
    pub(crate) fn view(&self) -> View {
        View {
            access: self.access().ok(),
            shown: Arc::clone(&self.shown.borrow()),
            looks: Arc::clone(&self.looks),
            known: Arc::clone(&self.known),
        }
    }
}

impl View {
    /// Answers what an expression on a node asks.
    pub(crate) fn answer(&self, what: &Agreed, me: NodeId) -> Result<Value, Unknown> {
        let Some(access) = &self.access else {
            return Err(Unknown::new("agreement does not run on this node now"));
        };
        let copy = copy(access.group());
        match what {
            Agreed::Key(key) => match copy {
                Some(group) => group.look(|state| {
                    let value = state.get(key).map(|cell| cell.value);
                    text(key, value.as_deref())
                }),
                None => text(key, self.known.look(key, clock::now())?.as_deref()),
            },
            Agreed::LockOwner(lock) => {
                let owner = self.holders(copy, lock)?.into_iter().next();
                Ok(owner.map_or(Value::None, |node| Value::text(node.to_string())))
            }
            Agreed::Leads(election) => {
                let holders = self.holders(copy, &format!("{ELECTION}{election}"))?;
                Ok(Value::from(holders.contains(&me)))
            }
        }
    }

    /// Gives who holds a lock: from the copy of this node, or as others told it.
    fn holders(&self, copy: Option<&Group>, lock: &str) -> Result<Vec<NodeId>, Unknown> {
        if let Some(group) = copy {
            let held = |state: &State| Some(holders(state, state.lock(lock)?));
            return Ok(group.look(held).unwrap_or_default());
        }
        self.looks.look(clock::now());
        let Some(all) = &self.shown.holders else {
            return Err(Unknown::new(
                "this node does not know yet who holds locks: look again in a moment",
            ));
        };
        Ok(all.get(lock).cloned().unwrap_or_default())
    }
}

fn text(key: &str, value: Option<&[u8]>) -> Result<Value, Unknown> {
    match value.map(std::str::from_utf8) {
        None => Ok(Value::None),
        Some(Ok(text)) => Ok(Value::text(text.to_owned())),
        Some(Err(_)) => Err(Unknown::new(format!(
            "the value of the key {key} is no text"
        ))),
    }
}

/// The beginning of the names of locks whose holder is the winner of an election.
const ELECTION: &str = "election/";

/// Keeps that up to date as long as the group is the same. A node that keeps no copy asks one that
/// does while somebody looks; meanwhile, what nobody tells any more stays as it was told last.
pub(super) async fn show(agent: &Agent, access: &Access) -> Infallible {
    let looks = &agent.agreement.looks;
    let group = access.group();
    let mut news = group.map(Group::news);
    let mut known = None;
    let mut ask_turn = TURN;
    loop {
        let leader = leader(agent, group);
        if let Some(group) = copy(group) {
            let locks = group.look(State::locks_changed);
            if known != Some((leader, locks)) {
                known = Some((leader, locks));
                let holders = Some(group.look(all_holders));
                agent.agreement.show(Shown { leader, holders });
            }
            ask_turn = TURN;
        } else if looks.are_open(clock::now()) {
            let told = asked(access).await;
            // A node that starts is told as soon as somebody can tell.
            ask_turn = match told {
                Some(_) => ASK_TURN,
                None => (ask_turn * 2).min(ASK_TURN),
            };
            let before = || agent.agreement.shown.borrow().holders.clone();
            let holders = told.or_else(before);
            agent.agreement.show(Shown { leader, holders });
        } else {
            // What is not asked for is not known when somebody looks again.
            ask_turn = TURN;
            agent.agreement.show(Shown {
                leader,
                holders: None,
            });
        }
        tokio::time::sleep(TURN).await;
        let asks = copy(group).is_none();
        let looked_at = looks.are_open(clock::now());
        tokio::select! {
            () = told(&mut news) => {}
            () = looks.begun(), if asks && !looked_at => {}
            () = tokio::time::sleep(ask_turn), if asks && looked_at => {}
        }
    }
}

/// Gives the group of a node that keeps a copy.
fn copy(group: Option<&Group>) -> Option<&Group> {
    group.filter(|group| group.standing().applied.is_some())
}

/// Tells who leads; a node that keeps no copy knows it from what others tell of themselves.
fn leader(agent: &Agent, group: Option<&Group>) -> Option<NodeId> {
    match copy(group) {
        Some(group) => group.standing().leader.map(NodeId::from),
        None => {
            let others = stay::others(agent).into_iter();
            let mut leaders = others.filter(|(_, card)| card.leads);
            leaders.next().map(|(id, _)| id)
        }
    }
}

/// Waits until there is news of the group; for ever where there is none.
async fn told(news: &mut Option<raft::News>) {
    match news {
        Some(news) => news.wait().await,
        None => std::future::pending().await,
    }
}

fn all_holders(state: &State) -> BTreeMap<String, Vec<NodeId>> {
    let locks = state.locks();
    locks
        .map(|(name, lock)| (name.to_string(), holders(state, lock)))
        .collect()
}

/// Gives the nodes that hold a lock, the oldest holder first.
fn holders(state: &State, lock: &Lock) -> Vec<NodeId> {
    let nodes = lock.holders.iter().map(|hold| state.holder(hold).node);
    nodes.map(NodeId::from).collect()
}

async fn asked(access: &Access) -> Option<BTreeMap<String, Vec<NodeId>>> {
    let asked = access.ask_stale(Query::Locks(String::new())).await;
    let Ok(FoundWhat::Locks(locks)) = asked.map(|found| found.what) else {
        return None;
    };
    let held = locks.into_iter().map(|lock| {
        let nodes = lock.holders.iter().map(|holder| NodeId::from(holder.node));
        (lock.name.to_string(), nodes.collect())
    });
    Some(held.collect())
}
