//! Rest: what needs no clock does without one, and who looks at a group is told when to.

use std::collections::BTreeMap;
use std::sync::Arc;

use openraft::ServerState;
use openraft::impls::EmptyNode;
use openraft::metrics::RaftServerMetrics;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Group, Inner, stopped};
use crate::words::{Revision, Voter};

pub(super) type Server = RaftServerMetrics<Voter, EmptyNode>;

/// Tells when another look at a group is worth it.
#[derive(Debug)]
pub struct News {
    server: watch::Receiver<Server>,
    changed: watch::Receiver<Revision>,
    leaving: watch::Receiver<BTreeMap<Voter, Instant>>,
    outside: watch::Receiver<bool>,
}

impl News {
    /// Waits until there is something that was not told before: who leads, who takes part, who
    /// goes for good, the agreed state, whether this node is outside; or that the group has ended,
    /// which is told again and again.
    pub async fn wait(&mut self) {
        // An error means that the group has ended.
        tokio::select! {
            _ = self.server.changed() => {}
            _ = self.changed.changed() => {}
            _ = self.leaving.changed() => {}
            _ = self.outside.changed() => {}
        }
    }
}

impl Group {
    /// Tells from here on when another look at this group is worth it.
    pub fn news(&self) -> News {
        let inner = &self.inner;
        News {
            server: inner.raft.server_metrics(),
            changed: inner.machine.watch(),
            leaving: inner.leaving.subscribe(),
            outside: inner.outside.subscribe(),
        }
    }

    /// Tells whether the members are as they shall be for now: nothing of it is under way.
    pub fn is_settled(&self) -> bool {
        let members = self.inner.members();
        members.is_some_and(|members| members.ready == members.learners)
    }

    /// Counts what this node did by itself, without being asked: a node at rest does nothing.
    pub fn turns(&self) -> u64 {
        self.inner.ticker.ticks() + self.inner.turns.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Lets the clock of openraft rest while it is not needed.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    let mut server = inner.raft.server_metrics();
    loop {
        inner
            .ticker
            .let_go(needs_clock(&server.borrow_and_update()));
        tokio::select! {
            () = stopped(&mut stop) => return,
            changed = server.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

/// Tells whether a node has heartbeats to send, or may have to stand for election. Who alone
/// takes part is its own majority, and who only copies, or is in no group, waits to be told.
fn needs_clock(server: &Server) -> bool {
    match server.state {
        ServerState::Leader => !is_alone(server.membership_config.membership(), server.id),
        ServerState::Follower | ServerState::Candidate => true,
        ServerState::Learner | ServerState::Shutdown => false,
    }
}

fn is_alone(members: &openraft::Membership<Voter, EmptyNode>, me: Voter) -> bool {
    members.nodes().all(|(id, _)| *id == me)
}

impl Inner {
    /// Tells whether nobody else takes part.
    pub(super) fn is_alone(&self) -> bool {
        is_alone(
            self.metrics.borrow().membership_config.membership(),
            self.me,
        )
    }
}
