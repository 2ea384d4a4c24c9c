//! How the group stands for a node that holds no copy of it: as its voters tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Group;
use super::guest::Guest;
use super::told::ends_of;
use crate::message::Ends;
use crate::network::Transport;
use crate::words::{GroupId, Voter};

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
    /// Those that answer, know of these voters, and are none of them.
    pub learners: Vec<Voter>,
}

impl Group {
    /// Asks the voters that are known from outside how the group stands, and gives what the one
    /// tells that knows the newest; none when nobody answers.
    pub async fn hearsay(&self) -> Option<Hearsay> {
        let group = self.inner.machine.group();
        hearsay(&self.inner.transport, group).await
    }
}

impl Guest {
    /// Asks the same for a node that takes no part.
    pub async fn hearsay(&self) -> Option<Hearsay> {
        hearsay(&self.transport, None).await
    }
}

async fn hearsay(transport: &Arc<dyn Transport>, group: Option<GroupId>) -> Option<Hearsay> {
    let mut asked = JoinSet::new();
    for voter in transport.voters() {
        let transport = Arc::clone(transport);
        asked.spawn(async move { (voter, ends_of(&*transport, group, voter, TELL_TIME).await) });
    }
    let told = asked.join_all().await.into_iter();
    let told = told.filter_map(|(from, ends)| Some((from, ends?)));
    sum_up(&told.collect::<Vec<_>>())
}

/// Gives what the one tells that knows the newest, with those that copy of all that tell.
fn sum_up(told: &[(Voter, Ends)]) -> Option<Hearsay> {
    let term = |ends: &Ends| ends.vote.map_or(0, |vote| vote.leader_id.term);
    // Who voted for another one since then knows more than who follows the last leader.
    let knowing = told.iter().filter(|(_, ends)| !ends.configs.is_empty());
    let newest = knowing.max_by_key(|(_, ends)| {
        let follows = ends.vote.is_some_and(|vote| vote.committed);
        (term(ends), follows, ends.last)
    });
    let (from, newest) = newest?;
    let leader = newest.vote.filter(|vote| vote.committed);
    let voters_of = |ends: &Ends| -> BTreeSet<Voter> {
        let configs = ends.configs.iter().flatten();
        configs.copied().collect()
    };
    let voters = voters_of(newest);
    // One of another group, which may be in the zone too, knows of none of these voters.
    let copies =
        |(id, ends): &&(Voter, Ends)| !voters.contains(id) && !voters_of(ends).is_disjoint(&voters);
    let mut learners: Vec<Voter> = told.iter().filter(copies).map(|(id, _)| *id).collect();
    learners.sort_unstable();
    Some(Hearsay {
        from: *from,
        leader: leader.map(|vote| vote.leader_id.node_id),
        term: term(newest),
        voters: voters.into_iter().collect(),
        learners,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Vote;

    fn voter(number: u8) -> Voter {
        Voter([number; 16])
    }

    fn ends(term: u64, voters: &[u8]) -> Ends {
        Ends {
            may_vote: true,
            vote: Some(Vote::new_committed(term, voter(voters[0]))),
            last: None,
            configs: vec![voters.iter().map(|number| voter(*number)).collect()],
        }
    }

    #[test]
    fn the_newest_tells_who_votes_and_all_tell_who_copies() {
        let told = [
            (voter(1), ends(3, &[1, 2, 4])),
            // It copies, and has not heard of the last change.
            (voter(5), ends(2, &[1, 2, 3])),
            // It founded a group of its own.
            (voter(9), ends(1, &[9])),
            // It is outside, and stood for election in vain before it knew.
            (
                voter(8),
                Ends {
                    configs: Vec::new(),
                    ..ends(7, &[8])
                },
            ),
        ];
        let hearsay = sum_up(&told).unwrap();
        assert_eq!((hearsay.from, hearsay.term), (voter(1), 3));
        assert_eq!(hearsay.leader, Some(voter(1)));
        assert_eq!(hearsay.voters, [voter(1), voter(2), voter(4)]);
        assert_eq!(hearsay.learners, [voter(5)]);
        assert_eq!(sum_up(&[]), None);
    }
}
