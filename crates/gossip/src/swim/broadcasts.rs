//! What is told beside the members: it rides on packets that go anyway, a number of times each.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::limits;

use super::packet;

/// What something told is about: a newer one of the same subject takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// What kind of thing.
    pub kind: u8,
    /// Which one.
    pub id: [u8; 16],
}

/// What waits to be told. What was told least goes first, of those the newest.
#[derive(Debug, Default)]
pub(super) struct Broadcasts {
    waiting: BTreeMap<Rank, Told>,
    ranks: BTreeMap<Subject, Rank>,
    count: u64,
}

/// How often it still goes, and when it came.
type Rank = (Reverse<u32>, Reverse<u64>);

#[derive(Debug)]
struct Told {
    subject: Subject,
    bytes: Vec<u8>,
}

impl Broadcasts {
    /// Tells how much waits.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds something that is to go `times`. When there is too much, what was told most is dropped.
    pub(super) fn add(&mut self, subject: Subject, bytes: Vec<u8>, times: u32) {
        self.drop_subject(subject);
        self.count += 1;
        self.put(
            (Reverse(times), Reverse(self.count)),
            Told { subject, bytes },
        );
        while self.waiting.len() > limits::GOSSIP_BROADCASTS_MAX {
            if let Some((_, most)) = self.waiting.pop_last() {
                self.ranks.remove(&most.subject);
            }
        }
    }

    /// Drops what waits of a subject.
    pub(super) fn drop_subject(&mut self, subject: Subject) {
        if let Some(rank) = self.ranks.remove(&subject) {
            self.waiting.remove(&rank);
        }
    }

    /// Adds to a packet what fits into it, up to `max` bytes in all.
    pub(super) fn fill(&mut self, body: &mut Vec<u8>, max: usize) {
        let mut taken = Vec::new();
        for (rank, told) in self
            .waiting
            .iter()
            .take(limits::GOSSIP_BROADCASTS_TRIED_MAX)
        {
            // A length of two bytes at most stands in front.
            if body.len() + told.bytes.len() + 2 <= max {
                packet::write_told(body, &told.bytes);
                taken.push(*rank);
            }
        }
        for rank in taken {
            let Some(told) = self.waiting.remove(&rank) else {
                continue;
            };
            let (Reverse(times), order) = rank;
            if times > 1 {
                self.put((Reverse(times - 1), order), told);
            } else {
                self.ranks.remove(&told.subject);
            }
        }
    }

    fn put(&mut self, rank: Rank, told: Told) {
        self.ranks.insert(told.subject, rank);
        self.waiting.insert(rank, told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(number: u8) -> Subject {
        let id = [number; 16];
        Subject { kind: 1, id }
    }

    #[test]
    fn each_goes_as_often_as_asked_and_the_newest_first() {
        let mut broadcasts = Broadcasts::default();
        broadcasts.add(subject(1), vec![1; 10], 2);
        broadcasts.add(subject(2), vec![2; 10], 2);
        let mut went = Vec::new();
        while broadcasts.len() > 0 {
            let mut body = Vec::new();
            broadcasts.fill(&mut body, 12);
            went.push(body[1]);
        }
        assert_eq!(went, [2, 1, 2, 1]);
    }

    #[test]
    fn a_newer_one_takes_the_place_and_the_number_is_bounded() {
        let mut broadcasts = Broadcasts::default();
        broadcasts.add(subject(1), vec![1], 3);
        broadcasts.add(subject(1), vec![2], 3);
        let mut body = Vec::new();
        broadcasts.fill(&mut body, 100);
        assert_eq!(body, [1, 2]);
        for number in 0..=limits::GOSSIP_BROADCASTS_MAX as u64 {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            broadcasts.add(Subject { kind: 2, id }, vec![0; 4], 3);
        }
        assert_eq!(broadcasts.len(), limits::GOSSIP_BROADCASTS_MAX);
        assert_eq!(broadcasts.ranks.len(), limits::GOSSIP_BROADCASTS_MAX);
    }
}
