//! Who takes part in agreement: what a leader does as nodes come, die and leave.
//!
//! A pure rule: from who votes, who copies, and who lives, to at most one next step. The leader
//! asks it again after each step and whenever something changed, so a step that was lost is taken
//! again. Voters are 1, 3 or 5, never 2 or 4: with 2 both are needed, which is worse than 1.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Moment;

use crate::words::Voter;

/// How a group chooses its voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Most voters; an even number counts as the odd one below.
    pub voters_max: usize,
    /// Time for which a voter may be dead before another one takes its place.
    pub grace: Duration,
}

/// What is known of a node of the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Whether it lives.
    pub life: Life,
    /// What voters are spread over, such as the name of a rack; empty when nothing is told.
    pub place: String,
    /// When it was first seen, to take older ones first.
    pub since: Moment,
}

/// Whether a node lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It answers.
    Alive,
    /// It has not answered since.
    Dead(Moment),
    /// It said that it goes, or was removed.
    Left,
}

/// Who takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Those whose majority decides.
    pub voters: BTreeSet<Voter>,
    /// Those that copy.
    pub learners: BTreeSet<Voter>,
    /// Learners that have all but the last entries.
    pub ready: BTreeSet<Voter>,
}

/// What a leader does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Lets a node copy.
    Add(Voter),
    /// Makes these the voters; who was one and is not named here goes on as a learner.
    Voters(BTreeSet<Voter>),
    /// Lets a learner go.
    Remove(Voter),
}

/// Tells the next step of the leader `me`.
pub fn next_step(
    rules: Rules,
    me: Voter,
    members: &Members,
    nodes: &BTreeMap<Voter, Node>,
    now: Moment,
) -> Option<Step> {
    let view = View {
        rules,
        members,
        nodes,
        now,
    };
    if let Some(voters) = view.without_those_who_left(me) {
        return Some(Step::Voters(voters));
    }
    if let Some(voters) = view.with_dead_replaced() {
        return Some(Step::Voters(voters));
    }
    if let Some(voters) = view.with_more() {
        return Some(Step::Voters(voters));
    }
    let gone = |id: &&Voter| view.is_gone(**id);
    if let Some(id) = members.learners.iter().find(gone) {
        return Some(Step::Remove(*id));
    }
    view.wanted_learner().map(Step::Add)
}

struct View<'a> {
    rules: Rules,
    members: &'a Members,
    nodes: &'a BTreeMap<Voter, Node>,
    now: Moment,
}

impl View<'_> {
    fn is_alive(&self, id: Voter) -> bool {
        let life = self.nodes.get(&id).map(|node| node.life);
        life == Some(Life::Alive)
    }

    fn has_left(&self, id: Voter) -> bool {
        let life = self.nodes.get(&id).map(|node| node.life);
        life == Some(Life::Left)
    }

    /// Tells whether a node left, or has been dead for so long that it is not waited for.
    fn is_gone(&self, id: Voter) -> bool {
        match self.nodes.get(&id).map(|node| node.life) {
            Some(Life::Left) => true,
            Some(Life::Dead(since)) => self.now.since(since) >= self.rules.grace,
            // Who is not known may be known tomorrow: gossip may just have started.
            Some(Life::Alive) | None => false,
        }
    }

    /// Tells how many voters there should be.
    fn target(&self) -> usize {
        let known = self.nodes.keys().copied();
        let alive = known.filter(|id| self.is_alive(*id)).count();
        odd(alive.min(self.rules.voters_max))
    }

    /// Orders ready learners, those at new places first, then the oldest.
    fn replacements(&self, voters: &BTreeSet<Voter>) -> Vec<Voter> {
        let ready = self.members.ready.iter().copied();
        let mut left: Vec<Voter> = ready.filter(|id| self.is_alive(*id)).collect();
        let mut taken = voters.clone();
        let mut ordered = Vec::new();
        while let Some(best) = left.iter().copied().min_by_key(|id| self.rank(*id, &taken)) {
            left.retain(|id| *id != best);
            taken.insert(best);
            ordered.push(best);
        }
        ordered
    }

    /// Ranks a candidate: how many voters are at its place, its age, its id.
    fn rank(&self, id: Voter, voters: &BTreeSet<Voter>) -> (usize, Moment, Voter) {
        let Some(node) = self.nodes.get(&id) else {
            return (usize::MAX, Moment::default(), id);
        };
        let place_of = |id: &Voter| self.nodes.get(id).map(|node| node.place.as_str());
        let same = voters
            .iter()
            .filter(|one| place_of(one) == Some(&node.place));
        let same = if node.place.is_empty() {
            0
        } else {
            same.count()
        };
        (same, node.since, id)
    }

    fn without_those_who_left(&self, me: Voter) -> Option<BTreeSet<Voter>> {
        let voters = &self.members.voters;
        let stay: BTreeSet<Voter> = voters
            .iter()
            .copied()
            .filter(|id| !self.has_left(*id))
            .collect();
        if stay.len() == voters.len() {
            return None;
        }
        let mut then = stay.clone();
        then.extend(
            self.replacements(&stay)
                .into_iter()
                .take(voters.len() - stay.len()),
        );
        // An even number goes down to an odd one; the leader and the living stay.
        while then.len() > 1 && then.len().is_multiple_of(2) {
            let dead_first = |id: &&Voter| (self.is_alive(**id), **id == me, **id);
            let worst = then.iter().min_by_key(dead_first).copied()?;
            then.remove(&worst);
        }
        // Somebody must have it: the last one stays until another one has caught up.
        (!then.is_empty()).then_some(then)
    }

    fn with_dead_replaced(&self) -> Option<BTreeSet<Voter>> {
        let voters = &self.members.voters;
        let dead = voters.iter().copied().find(|id| self.is_gone(*id))?;
        let next = self.replacements(voters).into_iter().next()?;
        let mut then = voters.clone();
        then.remove(&dead);
        then.insert(next);
        Some(then)
    }

    fn with_more(&self) -> Option<BTreeSet<Voter>> {
        let voters = &self.members.voters;
        let next = odd(voters.len() + 2);
        if next > self.target() {
            return None;
        }
        let mut then = voters.clone();
        for id in self.replacements(voters) {
            if then.len() < next {
                then.insert(id);
            }
        }
        (then.len() == next).then_some(then)
    }

    /// Names the node that should copy next: as many copy as should vote, two nodes both have all,
    /// and each voter that may not come back has one that can take its place.
    fn wanted_learner(&self) -> Option<Voter> {
        let members: BTreeSet<Voter> = self
            .members
            .voters
            .union(&self.members.learners)
            .copied()
            .collect();
        let alive = self.nodes.keys().filter(|id| self.is_alive(**id)).count();
        let living_members = members.iter().filter(|id| self.is_alive(**id)).count();
        let wanted = self
            .target()
            .max(alive.min(2))
            .max(self.members.voters.len().min(alive));
        if living_members >= wanted {
            return None;
        }
        let strangers = self.nodes.keys().copied();
        strangers
            .filter(|id| !members.contains(id) && self.is_alive(*id))
            .min_by_key(|id| self.rank(*id, &members))
    }
}

fn odd(count: usize) -> usize {
    match count {
        0 => 1,
        count if count.is_multiple_of(2) => count - 1,
        count => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        voters_max: 5,
        grace: Duration::from_secs(60),
    };

    fn id(number: u8) -> Voter {
        Voter([number; 16])
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    /// A group that takes every step at once.
    struct Zone {
        members: Members,
        nodes: BTreeMap<Voter, Node>,
        now: Moment,
    }

    impl Zone {
        fn of_one() -> Self {
            let mut zone = Self {
                members: Members::default(),
                nodes: BTreeMap::new(),
                now: at(0),
            };
            zone.members.voters.insert(id(1));
            zone.lives(1);
            zone
        }

        fn lives(&mut self, number: u8) {
            self.set(number, Life::Alive);
        }

        fn set(&mut self, number: u8, life: Life) {
            let node = Node {
                life,
                place: String::new(),
                since: at(u64::from(number)),
            };
            self.nodes.insert(id(number), node);
        }

        fn step(&self) -> Option<Step> {
            next_step(RULES, id(1), &self.members, &self.nodes, self.now)
        }

        fn settle(&mut self) -> (Vec<u8>, Vec<u8>) {
            for _ in 0..50 {
                match self.step() {
                    None => break,
                    Some(Step::Add(id)) => {
                        self.members.learners.insert(id);
                        self.members.ready.insert(id);
                    }
                    Some(Step::Remove(id)) => {
                        self.members.learners.remove(&id);
                        self.members.ready.remove(&id);
                    }
                    Some(Step::Voters(voters)) => {
                        let was = std::mem::replace(&mut self.members.voters, voters);
                        self.members.ready.extend(was.iter().copied());
                        self.members.learners.extend(was);
                        let voters = &self.members.voters;
                        self.members.learners.retain(|id| !voters.contains(id));
                        self.members.ready.retain(|id| !voters.contains(id));
                        assert_eq!(voters.len() % 2, 1, "voters are never even");
                    }
                }
            }
            assert_eq!(self.step(), None, "it comes to rest");
            let numbers = |ids: &BTreeSet<Voter>| ids.iter().map(|id| id.0[0]).collect();
            (
                numbers(&self.members.voters),
                numbers(&self.members.learners),
            )
        }
    }

    #[test]
    fn voters_grow_with_the_zone_from_one_over_three_to_five() {
        let mut zone = Zone::of_one();
        assert_eq!(zone.settle(), (vec![1], vec![]));
        zone.lives(2);
        assert_eq!(
            zone.settle(),
            (vec![1], vec![2]),
            "two nodes both have all of it"
        );
        zone.lives(3);
        assert_eq!(zone.settle(), (vec![1, 2, 3], vec![]));
        zone.lives(4);
        assert_eq!(zone.settle(), (vec![1, 2, 3], vec![]));
        (5..=9).for_each(|number| zone.lives(number));
        assert_eq!(zone.settle(), (vec![1, 2, 3, 4, 5], vec![]));
    }

    #[test]
    fn a_learner_votes_only_when_it_has_caught_up() {
        let mut zone = Zone::of_one();
        zone.lives(2);
        zone.lives(3);
        zone.members.learners = [id(2), id(3)].into();
        zone.members.ready = [id(2)].into();
        assert_eq!(zone.step(), None);
        zone.members.ready.insert(id(3));
        assert_eq!(
            zone.step(),
            Some(Step::Voters([id(1), id(2), id(3)].into()))
        );
    }

    #[test]
    fn a_voter_that_is_dead_for_longer_than_the_grace_is_replaced() {
        let mut zone = Zone::of_one();
        (1..=4).for_each(|number| zone.lives(number));
        zone.settle();
        zone.set(2, Life::Dead(at(100)));
        zone.now = at(159);
        assert_eq!(
            zone.settle(),
            (vec![1, 2, 3], vec![4]),
            "one that could take its place copies"
        );
        zone.now = at(160);
        assert_eq!(zone.settle(), (vec![1, 3, 4], vec![]));
        zone.lives(2);
        assert_eq!(
            zone.settle(),
            (vec![1, 3, 4], vec![]),
            "who comes back does not push out"
        );
    }

    #[test]
    fn without_a_replacement_a_dead_voter_stays_one() {
        let mut zone = Zone::of_one();
        (1..=3).for_each(|number| zone.lives(number));
        zone.settle();
        zone.set(2, Life::Dead(at(0)));
        zone.now = at(10_000);
        assert_eq!(zone.settle(), (vec![1, 2, 3], vec![]));
    }

    #[test]
    fn who_leaves_votes_no_more_and_voters_stay_odd() {
        let mut zone = Zone::of_one();
        (1..=6).for_each(|number| zone.lives(number));
        assert_eq!(zone.settle().0, [1, 2, 3, 4, 5]);
        zone.set(2, Life::Left);
        let (voters, _) = zone.settle();
        assert_eq!(
            voters,
            [1, 3, 4, 5, 6],
            "another one takes the place in time"
        );
        for number in [3, 4, 5] {
            zone.set(number, Life::Left);
        }
        assert_eq!(zone.settle(), (vec![1], vec![6]));
    }

    #[test]
    fn voters_are_spread_over_places() {
        let mut zone = Zone::of_one();
        for (number, place) in [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "c")] {
            zone.lives(number);
            zone.nodes.get_mut(&id(number)).unwrap().place = place.to_owned();
        }
        let rules = Rules {
            voters_max: 4,
            ..RULES
        };
        let add = |zone: &Zone| next_step(rules, id(1), &zone.members, &zone.nodes, zone.now);
        assert_eq!(add(&zone), Some(Step::Add(id(4))));
        zone.members.learners.insert(id(4));
        zone.members.ready.insert(id(4));
        assert_eq!(add(&zone), Some(Step::Add(id(5))));
        zone.members.learners.insert(id(5));
        zone.members.ready.insert(id(5));
        assert_eq!(add(&zone), Some(Step::Voters([id(1), id(4), id(5)].into())));
    }
}
