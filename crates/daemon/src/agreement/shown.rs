//! What others on this node see of agreement without asking anybody: who leads, who holds a lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Agreed, Unknown};
use model::{NodeId, Value};
use raft::{FoundWhat, Group, Query, State};
use tokio::sync::watch;

use super::Agreement;
use super::known::Known;
use crate::agent::Agent;
use crate::clock;

/// Least time between two looks: names of locks are for answers that live for seconds.
const TURN: Duration = Duration::from_millis(200);
/// How often a node that keeps no copy asks one that does.
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
    /// most some seconds old.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.borrow())
    }

    /// Tells whenever that changes.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<Shown>> {
        self.shown.subscribe()
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
    /// The group, when it runs here.
    group: Option<Group>,
    shown: Arc<Shown>,
    known: Arc<Known>,
}

impl Agreement {
    /// Gives what expressions see at this moment.
    pub(crate) fn view(&self) -> View {
        View {
            group: self.group().ok(),
            shown: self.shown(),
            known: Arc::clone(&self.known),
        }
    }
}

impl View {
    /// Answers what an expression on a node asks.
    pub(crate) fn answer(&self, what: &Agreed, me: NodeId) -> Result<Value, Unknown> {
        let Some(group) = &self.group else {
            return Err(Unknown::new("agreement does not run on this node now"));
        };
        match what {
            Agreed::Key(key) if group.standing().applied.is_none() => {
                let value = self.known.look(key, clock::now())?;
                text(key, value.as_deref())
            }
            Agreed::Key(key) => group.look(|state| {
                let cell = state.get(key);
                text(key, cell.map(|cell| &*cell.value))
            }),
            Agreed::LockOwner(lock) => {
                let first = self.holders(lock)?.first();
                Ok(first.map_or(Value::None, |node| Value::text(node.to_string())))
            }
            Agreed::Leads(election) => {
                let holders = self.holders(&format!("{ELECTION}{election}"))?;
                Ok(Value::from(holders.contains(&me)))
            }
        }
    }

    fn holders(&self, lock: &str) -> Result<&[NodeId], Unknown> {
        let Some(all) = &self.shown.holders else {
            return Err(Unknown::new("this node does not know yet who holds locks"));
        };
        Ok(all.get(lock).map(Vec::as_slice).unwrap_or_default())
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

/// Keeps that up to date as long as the group is the same. What nobody tells any more stays as it
/// was told last.
pub(super) async fn show(agent: &Agent, group: &Group) {
    let mut known = None;
    let mut news = group.news();
    let mut ask_turn = TURN;
    loop {
        let standing = group.standing();
        let is_member = standing.applied.is_some();
        let locks = group.look(|state| state.locks_changed());
        let now = (standing.leader, locks);
        if !is_member || known != Some(now) {
            let told = match is_member {
                true => Some(group.look(holders)),
                false => asked(group).await,
            };
            // A node that starts is told as soon as somebody can tell.
            ask_turn = match told {
                Some(_) => ASK_TURN,
                None => (ask_turn * 2).min(ASK_TURN),
            };
            let leader = standing.leader.map(NodeId::from);
            let holders = told.or_else(|| agent.agreement.shown().holders.clone());
            agent.agreement.show(Shown { leader, holders });
            known = Some(now);
        }
        tokio::time::sleep(TURN).await;
        // What a member keeps itself changes by what is told only.
        tokio::select! {
            () = news.wait() => {}
            () = tokio::time::sleep(ask_turn), if !is_member => {}
        }
    }
}

fn holders(state: &State) -> BTreeMap<String, Vec<NodeId>> {
    let held = state.locks().map(|(name, lock)| {
        let nodes = lock.holders.iter().map(|hold| state.holder(hold).node);
        (name.to_string(), nodes.map(NodeId::from).collect())
    });
    held.collect()
}

async fn asked(group: &Group) -> Option<BTreeMap<String, Vec<NodeId>>> {
    let asked = group.ask_stale(Query::Locks(String::new())).await;
    let Ok(FoundWhat::Locks(locks)) = asked.map(|found| found.what) else {
        return None;
    };
    let held = locks.into_iter().map(|lock| {
        let nodes = lock.holders.iter().map(|holder| NodeId::from(holder.node));
        (lock.name.to_string(), nodes.collect())
    });
    Some(held.collect())
}
