//! Streams that other nodes open: one connection of the API, upgraded, then sealed by the zone key.
//!
//! How many there may be, in all and from one address, how long one may last and how large a
//! message may be is bounded: who has no key costs a slot for a few seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{ErrorCode, Problem};
use gossip::{CallError, Peer};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use model::limits;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::debug;

use super::calls::Kind;
use super::channel::Link;
use super::{Command, forward};
use crate::agent::Agent;
use crate::agreement;
use crate::clock;
use crate::slots::{Proof, Slot, Slots};
use crate::tasks::Stop;

/// Time that a handshake may take, and that an answer may.
const TIME_BOX: Duration = Duration::from_secs(10);
/// Time for which a stream stays open without a question.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Questions that one stream may bring.
const QUESTIONS_MAX: usize = 1_000;

/// A connection that is about to become a stream.
pub(crate) struct Opened {
    upgrade: OnUpgrade,
    from: SocketAddr,
    slot: Slot,
}

/// Where connections go that become streams.
#[derive(Clone)]
pub(crate) struct Streams {
    opened: mpsc::Sender<Opened>,
    slots: Slots,
}

impl Streams {
    /// Makes the way for streams, and the end that serves them.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Opened>) {
        let (opened, waiting) = mpsc::channel(limits::NODE_STREAMS_MAX);
        let slots = Slots::new(
            limits::NODE_STREAMS_MAX,
            limits::NODE_STREAMS_PER_ADDRESS_MAX,
        );
        (Self { opened, slots }, waiting)
    }

    /// Takes a connection that is upgraded; refuses it when there are too many.
    pub(crate) fn take(&self, upgrade: OnUpgrade, from: SocketAddr) -> Result<(), Problem> {
        let busy = |what: &str| Problem::new(ErrorCode::Busy, what.to_owned());
        let slot = self.slots.take(from.ip());
        let slot = slot.ok_or_else(|| busy("too many streams of nodes are open"))?;
        let opened = Opened {
            upgrade,
            from,
            slot,
        };
        self.opened
            .try_send(opened)
            .map_err(|_| busy("no stream is taken now"))
    }

    /// Tells how many streams are open.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.slots.count()
    }
}

/// Serves streams until the agent stops.
pub(crate) async fn serve(agent: Arc<Agent>, mut opened: mpsc::Receiver<Opened>, mut stop: Stop) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.wait() => return,
            Some(_) = open.join_next() => {}
            Some(new) = opened.recv() => {
                let agent = Arc::clone(&agent);
                open.spawn(async move {
                    let Opened { upgrade, from, slot } = new;
                    let ended = tokio::select! {
                        ended = stream(&agent, upgrade, from, slot.proof()) => ended,
                        () = slot.given_up() => {
                            Err(CallError::Closed("others need its place".to_owned()))
                        }
                    };
                    if let Err(error) = ended {
                        debug!(%from, %error, "A stream of a node ended early");
                    }
                });
            }
        }
    }
}

async fn stream(
    agent: &Arc<Agent>,
    upgrade: OnUpgrade,
    from: SocketAddr,
    place: Proof,
) -> Result<(), CallError> {
    let late = |_| CallError::TimedOut(TIME_BOX);
    let rings = Arc::clone(&agent.rings.borrow());
    let opening = async {
        let upgraded: Upgraded = upgrade
            .await
            .map_err(|error| CallError::Closed(error.to_string()))?;
        let own = agent.node.borrow().zone.clone();
        Link::answer(TokioIo::new(upgraded), &own, &rings, clock::wall()).await
    };
    let (mut link, proof) = tokio::time::timeout(TIME_BOX, opening)
        .await
        .map_err(late)??;
    // Where gossip is open, nobody proves anything.
    if proof.zone.is_some() {
        place.shown();
    }
    let peer = Peer {
        address: from,
        zone: proof.zone,
        retired: proof.retired,
    };
    for _ in 0..QUESTIONS_MAX {
        let question = match tokio::time::timeout(IDLE_TIME, link.receive()).await {
            Ok(question) => question?,
            Err(_) => return Ok(()),
        };
        // What was proved holds no longer than the keys: who called calls again, with the new ones.
        let is_proved = Arc::ptr_eq(&rings, &agent.rings.borrow());
        let Some(question) = question.filter(|_| is_proved) else {
            return Ok(());
        };
        let answering = async {
            let answer = answer(agent, &peer, question).await?;
            link.send(&answer).await
        };
        tokio::time::timeout(TIME_BOX, answering)
            .await
            .map_err(late)??;
    }
    Ok(())
}

async fn answer(
    agent: &Arc<Agent>,
    peer: &Peer,
    mut question: Vec<u8>,
) -> Result<Vec<u8>, CallError> {
    let closed = |why: &str| CallError::Closed(why.to_owned());
    let kind = question.first().copied().and_then(Kind::of);
    let kind = kind.ok_or_else(|| closed("it asked something that is not known here"))?;
    question.remove(0);
    match kind {
        Kind::Gossip => {
            let (tx, rx) = oneshot::channel();
            let asked = Command::Asked(peer.clone(), question, tx);
            let stopping = |_| closed("the agent stops");
            agent.cluster.send(asked).await.map_err(stopping)?;
            rx.await
                .map_err(|_| closed("the core has no answer to that"))
        }
        Kind::Read | Kind::Agree if peer.retired => {
            Err(closed("it came with a key that is retired"))
        }
        Kind::Agree => {
            if !agreement::may_ask(agent, peer) {
                return Err(closed("only nodes of this zone agree with it"));
            }
            Ok(agent.agreement.answer(&question).await)
        }
        Kind::Read => Ok(forward::answer(agent, peer, &question).await),
    }
}
