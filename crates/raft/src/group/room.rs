//! Room that a voter needs on its disk before it takes part.
//!
//! A write that was refused leaves a little room behind: what had been set aside for entries to
//! come. A voter that started again in that room would disturb those who can write: it would stand
//! for election, make them vote again, even lead, until the next large entry is refused; and so on
//! as long as the disk is full. So who votes beside others comes back when there is room for as
//! much as is ever written at once. Who decides alone disturbs nobody, and does what it can.

use std::collections::BTreeSet;
use std::sync::Arc;

use openraft::Raft;

use crate::config::Types;
use crate::disk::{Disk, DiskError, off_reactor};
use crate::words::Voter;

/// Ends a group that just started when its node votes beside others and its disk has no room.
pub(super) async fn prove(
    raft: &Raft<Types>,
    disk: &Arc<dyn Disk>,
    me: Voter,
) -> Result<(), DiskError> {
    // Not before it is known: the disk may take its time. The caller allows it.
    raft.runtime_config().elect(false);
    let votes_beside_others = raft.with_raft_state(move |state| {
        let membership = state.membership_state.effective().membership();
        let voters: BTreeSet<Voter> = membership.voter_ids().collect();
        voters.contains(&me) && voters.len() > 1
    });
    // A group that has ended already says so to who asks.
    if !matches!(votes_beside_others.await, Ok(true)) {
        return Ok(());
    }
    let proved = off_reactor(disk, |disk| disk.prove_room()).await;
    if proved.is_err() {
        // The files are free then, for the next try.
        let _ = raft.shutdown().await;
    }
    proved
}
