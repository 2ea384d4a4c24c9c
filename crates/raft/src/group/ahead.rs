//! The log of a leader runs ahead of its disk, so that its disk and those of the others work at
//! the same time.
//!
//! openraft stores an entry here first, waits until it is durable, and sends it then: a write costs
//! the time of two disks, and while openraft waits it does nothing else. So who leads tells it at
//! once that an entry is durable. What openraft concludes from that must not be wrong:
//!
//! - Agreed is what a majority has. Where every group of voters has two members or more, one of
//!   them is another node, and its "I have them" is given to openraft only once the disk of this
//!   node has the same entries, too (`network`). So this node is counted only with what is durable,
//!   and all that follows from agreement (applying, answers to clients, how far others may apply,
//!   snapshots) is as it would be had openraft waited. Writes keep their order, so what is durable
//!   up to an entry is durable before it.
//! - A voter that decides alone agrees with itself at once. Nothing of that is seen before it is
//!   durable: it is applied only then (`machine`), and those who copy hear only then that it is
//!   agreed (`network`). When its lights go out before, nobody else can have decided anything.
//! - A change of the voters is stored as openraft does it: all before it is durable then. openraft
//!   goes from one group of voters to another through one of both, for which, with a single voter
//!   in it, nothing runs ahead.
//! - Who led and follows may have entries that are not durable. It answers other nodes only after
//!   they are (`serve`), and takes back nothing before (`log`). What it stores then is stored as
//!   openraft does it: its vote is no longer its own.
//! - Who led and lost them in a crash never leads in that term again (`LogStore::lead_no_more`), so
//!   no other entry comes to have their term and index.
//! - That a voter still follows is no matter of entries: heartbeats, and with them reads, wait for
//!   the disk no longer than for what the voter was known to have.
//! - A write that fails is never reached by an agreement, and every look at the log fails from then
//!   on: openraft ends, and the node steps aside.

use std::sync::Arc;

use openraft::ServerState;

use super::{Inner, stopped};

/// Lets the log run ahead while this node leads.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    let mut server = inner.raft.server_metrics();
    loop {
        let leads = server.borrow_and_update().state == ServerState::Leader;
        if leads {
            inner.let_run_ahead().await;
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            changed = server.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

impl Inner {
    /// Looks at who votes from within openraft, where it is what agreement is counted with.
    async fn let_run_ahead(&self) {
        let (log, me) = (self.log.clone(), self.me);
        let looked = self.raft.with_raft_state(move |state| {
            let membership = state.membership_state.effective().membership();
            let groups = membership.get_joint_config();
            let needs_others = groups.iter().all(|voters| voters.len() > 1);
            let is_alone = matches!(&groups[..], [voters] if voters.iter().eq([&me]));
            log.run_ahead(me, is_alone || needs_others && !groups.is_empty());
        });
        if let Err(error) = looked.await {
            tracing::debug!(%error, "The log does not run ahead");
        }
    }
}
