//! Questions: answered by who leads after a majority confirmed that it still does, many questions
//! with one confirmation.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Group, Inner, Trouble, stopped};
use crate::message::{self, Call, Reply};
use crate::network::{Lane, Transport};
use crate::query::{self, Found, FoundWhat, Query};
use crate::words::{Revision, Voter};

/// Time after which a question is given up. One attempt has a third of it.
pub(super) const QUESTION_TIME: Duration = Duration::from_secs(6);
/// Questions that one confirmation answers.
const READINGS_MAX: usize = 1_024;

/// Somebody who waits for the confirmation that this node leads.
pub(super) type Reading = oneshot::Sender<bool>;

impl Group {
    /// Answers a question from the newest state there is; never from an older one.
    pub async fn ask(&self, query: Query) -> Result<Found, Trouble> {
        self.inner.ask(query, false).await
    }

    /// Answers a question from what this node knows, or any member when it knows nothing; the
    /// answer tells how old it may be.
    pub async fn ask_stale(&self, query: Query) -> Result<Found, Trouble> {
        if self.inner.is_member() {
            return Ok(self.inner.answer(&query, self.inner.stale_age()));
        }
        self.inner.ask(query, true).await
    }

    /// Waits until something happens to keys with a prefix after a revision, and tells it; when
    /// nothing does in time the list is empty.
    pub async fn events(
        &self,
        prefix: &str,
        after: Revision,
        wait: Duration,
    ) -> Result<Found, Trouble> {
        let (mut after, deadline) = (after, Instant::now() + wait);
        let mut changed = self.watch();
        loop {
            changed.borrow_and_update();
            let is_member = self.inner.is_member();
            let prefix = prefix.to_owned();
            let found = self.ask_stale(Query::Events { prefix, after }).await?;
            let is_nothing = found.what == FoundWhat::Events(Vec::new());
            if !is_nothing || Instant::now() >= deadline {
                return Ok(found);
            }
            after = found.follow_after(after);
            // Who has no state of its own looks again and again.
            let turn = if is_member { wait } else { STRANGER_TURN };
            let until = deadline.min(Instant::now() + turn);
            let _ = tokio::time::timeout_at(until, changed.changed()).await;
        }
    }
}

/// How often a node that is no member asks for events.
pub(super) const STRANGER_TURN: Duration = Duration::from_millis(500);

impl Inner {
    pub(super) fn answer(&self, query: &Query, age_ms: u64) -> Found {
        let now = self.lease_time();
        let applied = self.machine.read();
        Found {
            revision: applied.state.revision(),
            age_ms,
            what: query::answer(&applied.state, query, now),
        }
    }

    /// Tells how long ago this node heard of the newest state.
    pub(super) fn stale_age(&self) -> u64 {
        if self.leads() && self.is_alone() {
            return 0;
        }
        let metrics = self.metrics.borrow();
        let acknowledged = metrics.millis_since_quorum_ack;
        drop(metrics);
        acknowledged.unwrap_or_else(|| self.age_ms())
    }

    /// Waits until a majority has confirmed that this node leads, and its state has all that was
    /// acknowledged before; tells whether that is so.
    pub(super) async fn confirm(&self) -> bool {
        let (tell, told) = oneshot::channel();
        self.readings.send(tell).await.is_ok() && told.await.unwrap_or(false)
    }

    /// Names who may lead: who is known to, or one after the other of those who may know. A member
    /// is told who leads, unless it is a member no more.
    pub(super) fn whom_to_ask(&self, hint: Option<Voter>, tried: usize) -> Option<Voter> {
        let told = || self.leader().filter(|_| !self.is_outside());
        if let Some(leader) = hint.or_else(told) {
            return (leader != self.me).then_some(leader);
        }
        if self.is_member() && !self.is_silent() {
            return None;
        }
        let mut known = self.transport.voters();
        known.retain(|one| *one != self.me);
        (!known.is_empty()).then(|| known[tried % known.len()])
    }

    pub(super) async fn ask(&self, query: Query, is_stale_ok: bool) -> Result<Found, Trouble> {
        let deadline = Instant::now() + QUESTION_TIME;
        let call = Call::Ask {
            query: query.clone(),
            is_stale_ok,
        };
        let call = message::letter(self.machine.group(), &call);
        let (mut hint, mut tried) = (None, 0);
        while Instant::now() < deadline {
            if self.is_leader() && self.confirm().await {
                self.is_served();
                return Ok(self.answer(&query, 0));
            }
            if let Some(to) = self.whom_to_ask(hint.take(), tried) {
                match mail(&*self.transport, to, call.clone(), QUESTION_TIME / 3).await {
                    Some(Reply::Found(found)) => {
                        self.is_served();
                        return Ok(found);
                    }
                    Some(Reply::NotLeader(leader)) => {
                        hint = leader.filter(|leader| *leader != to);
                    }
                    Some(_) | None => {}
                }
            }
            tried += 1;
            if hint.is_none() {
                let left = deadline.saturating_duration_since(Instant::now());
                self.wait_for_change(self.pause().min(left)).await;
            }
        }
        Err(self.no_leader())
    }
}

/// Sends a letter to a node; none when there was no answer within the time.
pub(super) async fn mail(
    transport: &dyn Transport,
    to: Voter,
    letter: Vec<u8>,
    time_box: Duration,
) -> Option<Reply> {
    let called = transport.call(to, Lane::Clients, letter, time_box);
    let answered = tokio::time::timeout(time_box, called).await.ok()?.ok()?;
    message::decode(&answered).ok()
}

/// Confirms for all who wait at one time. Who comes while a confirmation is under way waits for
/// the next one: what was acknowledged before it came might not be covered by this one.
pub(super) async fn run(inner: Arc<Inner>, mut readings: mpsc::Receiver<Reading>) {
    let mut stop = inner.stop.subscribe();
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            count = readings.recv_many(&mut waiting, READINGS_MAX) => {
                if count == 0 {
                    return;
                }
            }
        }
        let confirmed = inner.raft.ensure_linearizable();
        let confirmed = tokio::time::timeout(QUESTION_TIME / 3, confirmed).await;
        let is_leader = matches!(confirmed, Ok(Ok(_)));
        for one in waiting.drain(..) {
            // Nobody waiting any more is no reason to fail.
            let _ = one.send(is_leader);
        }
    }
}
