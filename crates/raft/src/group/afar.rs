//! How the group stands for a node that holds no copy of it: as its voters tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Group;
use crate::message::Ends;
use crate::words::Voter;

/// Time that a voter has to tell.
const TELL_TIME: Duration = Duration::from_secs(1);

/// How the group stands, as one of its voters tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearsay {
    /// Who tells it.
    pub from: Voter,
    /// Who leads, as it knows.
    pub leader: Option<Voter>,
    /// The term.
    pub term: u64,
    /// Those whose majority decides; of two groups of them while one takes over from the other.
    pub voters: Vec<Voter>,
}

impl Group {
    /// Asks the voters that are known from outside how the group stands, and gives what the one
    /// tells that knows the newest; none when nobody answers.
    pub async fn hearsay(&self) -> Option<Hearsay> {
        let inner = &self.inner;
        let mut asked = JoinSet::new();
        for voter in inner.transport.voters() {
            let inner = Arc::clone(inner);
            asked.spawn(async move { (voter, inner.ends_of(voter, TELL_TIME).await) });
        }
        let told = asked.join_all().await.into_iter();
        let told = told.filter_map(|(from, ends)| Some((from, ends?)));
        let term = |ends: &Ends| ends.vote.map_or(0, |vote| vote.leader_id.term);
        // Who voted for another one since then knows more than who follows the last leader.
        let newest = told.max_by_key(|(_, ends)| {
            let follows = ends.vote.is_some_and(|vote| vote.committed);
            (term(ends), follows, ends.last)
        });
        let (from, ends) = newest?;
        let leader = ends.vote.filter(|vote| vote.committed);
        let voters: BTreeSet<Voter> = ends.configs.iter().flatten().copied().collect();
        Some(Hearsay {
            from,
            leader: leader.map(|vote| vote.leader_id.node_id),
            term: term(&ends),
            voters: voters.into_iter().collect(),
        })
    }
}
