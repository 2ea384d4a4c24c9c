//! The way of agreement to other nodes: sealed streams, kept open between messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gossip::seal::Rings;
use model::{MemberState, NodeId, limits};
use raft::{CallError, Calling, Lane, Transport, Voter};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::PART;
use crate::agent::Agent;
use crate::cluster::calls::{self, Kind};
use crate::cluster::channel::Link;

/// Time after which an idle stream is not used again: the other end closes it after twice that.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Questions on one stream; the other end closes it after a thousand.
const QUESTIONS_MAX: usize = 900;
/// Idle streams that are kept to one node.
const IDLE_LINKS_MAX: usize = limits::RAFT_CLIENT_CALLS_MAX + 2;

/// The way from this node.
pub(super) struct Wire {
    agent: Arc<Agent>,
    idle: Mutex<BTreeMap<Voter, Vec<Idle>>>,
    /// What goes for clients to all nodes at one time: the rest waits here, and the log goes on.
    clients: Semaphore,
}

/// A stream between two questions.
struct Idle {
    link: Link<TcpStream>,
    to: SocketAddr,
    /// The keys it was opened with: with others, both ends must prove themselves anew.
    rings: Arc<Rings>,
    since: Instant,
    asked: usize,
}

impl Wire {
    pub(super) fn new(agent: Arc<Agent>) -> Self {
        Self {
            agent,
            idle: Mutex::default(),
            clients: Semaphore::new(limits::RAFT_CLIENT_CALLS_MAX),
        }
    }

    fn address(&self, to: Voter) -> Option<SocketAddr> {
        let members = self.agent.members.borrow();
        let member = members.member(NodeId::from(to))?;
        Some(member.record.body.address)
    }

    fn take_idle(&self, voter: Voter, to: SocketAddr) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let links = idle.get_mut(&voter)?;
        let rings = self.agent.rings.borrow();
        links.retain(|one| {
            let is_fresh = one.since.elapsed() < IDLE_MAX;
            is_fresh && one.to == to && Arc::ptr_eq(&one.rings, &rings)
        });
        // What the other end closed meanwhile would take a question and not answer it.
        std::iter::from_fn(|| links.pop()).find(|one| one.link.is_quiet())
    }

    fn put_idle(&self, voter: Voter, link: Idle) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let links = idle.entry(voter).or_default();
        if links.len() < IDLE_LINKS_MAX && link.asked < QUESTIONS_MAX {
            links.push(link);
        }
    }

    async fn open(&self, to: Voter, address: SocketAddr) -> Result<Idle, String> {
        let zone = self.agent.node.borrow().zone.clone();
        let rings = Arc::clone(&self.agent.rings.borrow());
        let opened = calls::open(&self.agent, address, &[zone], &rings).await;
        let (link, proof) = opened.map_err(|error| format!("{to} ({address}): {error}"))?;
        if proof.retired {
            return Err(format!("{to} ({address}) has only a retired key"));
        }
        Ok(Idle {
            link,
            to: address,
            rings,
            since: Instant::now(),
            asked: 0,
        })
    }

    async fn ask(&self, to: Voter, lane: Lane, message: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let _permit = match lane {
            Lane::Log => None,
            Lane::Clients => self.clients.acquire().await.ok(),
        };
        let not_sent = |why: String| CallError::NotSent(why);
        let address = self.address(to);
        let address =
            address.ok_or_else(|| not_sent(format!("nobody knows the address of {to}")))?;
        let mut link = match self.take_idle(to, address) {
            Some(link) => link,
            None => self.open(to, address).await.map_err(not_sent)?,
        };
        let lost =
            |error: gossip::CallError| CallError::NoAnswer(format!("{to} ({address}): {error}"));
        let mut question = Vec::with_capacity(message.len() + 1);
        question.push(Kind::Agree.number());
        question.extend_from_slice(&message);
        link.link.send(&question).await.map_err(lost)?;
        let answer = link.link.receive().await.map_err(lost)?;
        let closed = || CallError::NoAnswer(format!("{to} ({address}) closed the stream"));
        let answer = answer.ok_or_else(closed)?;
        link.since = Instant::now();
        link.asked += 1;
        self.put_idle(to, link);
        Ok(answer)
    }
}

impl Transport for Wire {
    fn call(&self, to: Voter, lane: Lane, message: Vec<u8>, _: Duration) -> Calling<'_> {
        Box::pin(self.ask(to, lane, message))
    }

    fn voters(&self) -> Vec<Voter> {
        let own = self.agent.node.borrow().zone.clone();
        let members = self.agent.members.borrow();
        let mut known: Vec<(bool, Voter)> = members
            .members
            .iter()
            .filter(|member| member.record.body.zone == own && member.state == MemberState::Alive)
            .filter_map(|member| {
                let part = member.record.body.parts.get(PART)?;
                let card = self.agent.agreement.read_card(member.record.id, part)?;
                card.group?;
                Some((!card.leads, Voter::from(member.record.id)))
            })
            .collect();
        known.sort_unstable();
        known.into_iter().map(|(_, voter)| voter).collect()
    }
}
