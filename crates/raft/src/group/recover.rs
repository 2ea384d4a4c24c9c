//! A new group out of one survivor, when the majority of the old one is gone for good.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::storage::RaftStateMachine;
use openraft::{CommittedLeaderId, RaftLogReader};
use serde::{Deserialize, Serialize};

use super::ask::mail;
use super::{Group, Inner};
use crate::disk::{Disk, DiskError, off_reactor};
use crate::log::LogStore;
use crate::machine::{self, Machine};
use crate::message::{self, Call, Reply};
use crate::network::Transport;
use crate::words::{GroupId, Revision, Voter};

/// How far the log of a node is: of two, the greater one may have what the other lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Progress {
    /// The term of the last entry.
    pub term: u64,
    /// The last entry.
    pub last_log: u64,
    /// The term of the last vote.
    pub voted: u64,
    /// Whether it remembers what it promised: a disk that is new does not.
    pub may_vote: bool,
    /// The last change that is known to be agreed.
    pub revision: Revision,
}

/// What a new group begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Those whose majority decided before.
    pub voters_before: Vec<Voter>,
    /// Keys that it has.
    pub keys: u64,
    /// Its last change.
    pub revision: Revision,
}

impl Group {
    /// Asks a node how far its log is; none when it does not answer in time.
    pub async fn progress_of(&self, voter: Voter, time_box: Duration) -> Option<Progress> {
        if voter == self.inner.me {
            return Some(self.inner.progress());
        }
        let group = self.inner.machine.group();
        progress_of(&*self.inner.transport, group, voter, time_box).await
    }
}

/// Asks another node how far its log is.
pub(super) async fn progress_of(
    transport: &dyn Transport,
    group: Option<GroupId>,
    voter: Voter,
    time_box: Duration,
) -> Option<Progress> {
    let letter = message::letter(group, &Call::Progress);
    match mail(transport, voter, letter, time_box).await? {
        Reply::Progress(progress) => Some(progress),
        _ => None,
    }
}

impl Inner {
    pub(super) fn progress(&self) -> Progress {
        let (vote, last) = self.log.ends();
        Progress {
            term: last.map_or(0, |last| last.leader_id.term),
            last_log: last.map_or(0, |last| last.index),
            voted: vote.map_or(0, |vote| vote.leader_id.term),
            may_vote: !self.is_blank.load(Ordering::Relaxed),
            revision: self.machine.read().state.revision(),
        }
    }
}

/// Makes a group of its own out of all that this disk has, agreed or not. The group has another
/// name and takes the place of the one before. Nobody uses the disk meanwhile.
pub async fn recover(
    disk: Arc<dyn Disk>,
    me: Voter,
    group: GroupId,
) -> Result<Recovered, DiskError> {
    let mut log = LogStore::open(Arc::clone(&disk)).await?;
    let mut machine = Machine::open(Arc::clone(&disk), log.clone()).await?;
    let failed = |text: String| DiskError {
        text,
        is_full: false,
    };
    let (vote, last) = log.ends();
    let mut from = machine.read().last.map_or(0, |last| last.index + 1);
    let until = last.map_or(0, |last| last.index + 1);
    while from < until {
        let read = log.limited_get_log_entries(from, until).await;
        let entries = read.map_err(|error| failed(error.to_string()))?;
        from = entries.last().map_or(until, |last| last.log_id.index + 1);
        let applied = machine.apply(entries).await;
        applied.map_err(|error| failed(error.to_string()))?;
    }
    let voters_before = machine.voters();
    let voted = vote.map_or(0, |vote| vote.leader_id.term);
    let term = voted.max(last.map_or(0, |last| last.leader_id.term)) + 1;
    let index = machine.read().last.map_or(0, |last| last.index).max(until) + 1;
    let entry = openraft::LogId::new(CommittedLeaderId::new(term, me), index);
    let (meta, state) = machine.refound(entry, me, group);
    let recovered = Recovered {
        voters_before,
        keys: state.usage().keys,
        revision: state.revision(),
    };
    // The snapshot first: when the lights go out behind it, it is ahead of the log and wins.
    off_reactor(&disk, move |disk| {
        disk.write_image(&mut |out| machine::save(&meta, &state, out))
    })
    .await?;
    let vote = openraft::Vote::new(term, me);
    log.begin_behind(vote, entry, group).await?;
    Ok(recovered)
}
