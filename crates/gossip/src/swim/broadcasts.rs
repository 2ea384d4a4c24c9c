//! What waits to be told, of members and beside them: it rides on packets that go anyway, a number
//! of times each. Foca has such a queue too, but looks through all of it for each packet.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use model::limits;

use crate::item;

/// With more than so many that wait, what others tell too goes less often: they would keep each
/// other busy for minutes after a thousand nodes came.
const CROWD: usize = 48;
/// With more than so many, what was heard once more counts as told three times.
const CROWD_LARGE: usize = 256;

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
    hash: u64,
    bytes: Vec<u8>,
}

/// What was heard lately, by its hash: most of what is told is told by many.
#[derive(Debug, Default)]
pub(super) struct Heard {
    subjects: BTreeMap<u64, Subject>,
    order: VecDeque<u64>,
}

impl Heard {
    /// Remembers that something of this hash was heard, and was about this.
    pub(super) fn put(&mut self, hash: u64, subject: Subject) {
        if self.subjects.insert(hash, subject).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > limits::GOSSIP_BROADCASTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.subjects.remove(&oldest);
        }
    }

    /// Gives what it was about when it was heard.
    pub(super) fn get(&self, hash: u64) -> Option<Subject> {
        self.subjects.get(&hash).copied()
    }
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
        let hash = item::hash(&bytes);
        let told = Told {
            subject,
            hash,
            bytes,
        };
        self.put((Reverse(times), Reverse(self.count)), told);
        while self.waiting.len() > limits::GOSSIP_BROADCASTS_MAX {
            if let Some((_, most)) = self.waiting.pop_last() {
                self.ranks.remove(&most.subject);
            }
        }
    }

    /// Others tell what waits of a subject, or what waits and has this hash: in a crowd it goes
    /// less often.
    pub(super) fn lessen(&mut self, subject: Subject, hash: Option<u64>) {
        if self.waiting.len() <= CROWD {
            return;
        }
        let Some(rank) = self.ranks.get(&subject).copied() else {
            return;
        };
        let (Reverse(times), order) = rank;
        let same = |told: &Told| hash.is_none_or(|hash| hash == told.hash);
        if !self.waiting.get(&rank).is_some_and(same) {
            return;
        }
        let by = if self.waiting.len() > CROWD_LARGE {
            3
        } else {
            1
        };
        if times <= by {
            self.drop_subject(subject);
        } else if let Some(told) = self.waiting.remove(&rank) {
            self.put((Reverse(times - by), order), told);
        }
    }

    /// Drops what waits of a subject.
    pub(super) fn drop_subject(&mut self, subject: Subject) {
        if let Some(rank) = self.ranks.remove(&subject) {
            self.waiting.remove(&rank);
        }
    }

    /// Adds to a packet what fits into it, up to `max` bytes in all, as `write` has it, which takes
    /// two bytes more than it is given at most. Gives how many went.
    pub(super) fn fill(
        &mut self,
        body: &mut Vec<u8>,
        max: usize,
        write: fn(&mut Vec<u8>, &[u8]),
    ) -> u16 {
        let mut taken = Vec::new();
        for (rank, told) in self
            .waiting
            .iter()
            .take(limits::GOSSIP_BROADCASTS_TRIED_MAX)
        {
            if body.len() + told.bytes.len() + 2 <= max {
                write(body, &told.bytes);
                taken.push(*rank);
            }
        }
        let count = taken.len() as u16;
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
        count
    }

    fn put(&mut self, rank: Rank, told: Told) {
        self.ranks.insert(told.subject, rank);
        self.waiting.insert(rank, told);
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::write_told;
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
            broadcasts.fill(&mut body, 12, write_told);
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
        broadcasts.fill(&mut body, 100, write_told);
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
