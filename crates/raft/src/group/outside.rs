//! Whether this node still takes part. Who was let go while it was away is told so by nobody: it
//! has a state that stands still, and would take it for the newest for ever. So who hears nothing
//! asks. When somebody leads that sends it nothing it is outside, and has others answer, like a
//! node that never had a copy; until it is taken in again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Inner, stopped};
use crate::news::tell_new;
use crate::query::Query;
use crate::words::Key;

/// Silence after which who leads is asked: longer than an election takes.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Time in which who leads sends several heartbeats to whoever takes part.
const HEARTBEATS_TIME: Duration = Duration::from_secs(1);
/// Least time between two looks.
const TURN: Duration = Duration::from_secs(5);

/// Looks as long as there is a copy that may stand still.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    let (mut server, mut outside) = (inner.raft.server_metrics(), inner.outside.subscribe());
    let mut pause = SILENCE_MAX;
    loop {
        server.borrow_and_update();
        outside.borrow_and_update();
        // Who leads, has nothing, or is outside already has nothing to look for.
        if !inner.may_be_outside() {
            tokio::select! {
                () = stopped(&mut stop) => return,
                Ok(()) = server.changed() => continue,
                Ok(()) = outside.changed() => continue,
                else => return,
            }
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = TURN;
        if inner.may_be_outside() && inner.is_silent() {
            inner.turns.fetch_add(1, Ordering::Relaxed);
            inner.look_outside().await;
        }
    }
}

impl Inner {
    /// Tells whether this node thinks that it takes part, and is told so by others.
    fn may_be_outside(&self) -> bool {
        let has_copy = self.metrics.borrow().last_applied.is_some();
        (has_copy || self.is_member()) && !self.leads() && !self.is_outside()
    }

    /// Tells whether nobody who leads was heard lately.
    pub(super) fn is_silent(&self) -> bool {
        u128::from(self.age_ms()) >= SILENCE_MAX.as_millis()
    }

    /// Tells whether others lead without this node, as far as it knows.
    pub(super) fn is_outside(&self) -> bool {
        *self.outside.borrow()
    }

    /// Takes note that this node is sent something.
    pub(super) fn come_in(&self) {
        if self.is_outside() {
            tell_new(&self.outside, false);
            let may_vote = !self.is_blank.load(Ordering::Relaxed);
            self.raft.runtime_config().elect(may_vote);
        }
    }

    /// Asks whoever leads something that only who has a majority answers, and waits a while for
    /// what it sends: who slept is silent when it wakes up, and hears the next heartbeat.
    async fn look_outside(&self) {
        let before = self.heard.load(Ordering::Relaxed);
        if self.ask(Query::Get(Key::from("")), false).await.is_err() {
            return;
        }
        tokio::time::sleep(HEARTBEATS_TIME).await;
        let is_silent = self.heard.load(Ordering::Relaxed) == before;
        if is_silent && self.may_be_outside() {
            tracing::info!("Others agree without this node: it asks them from here on");
            tell_new(&self.outside, true);
            // Nobody would elect it, and it would ask for ever.
            self.raft.runtime_config().elect(false);
        }
    }
}
