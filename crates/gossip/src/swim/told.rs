//! What is told to others and heard of them beside the probing.

use foca::{Member, State};
use model::Moment;
use rand::RngExt;

use super::broadcasts::Heard;
use super::{Identity, Known, Subject, Swim, pace};
use crate::packed::pack;

impl Swim {
    /// Tells something beside the members, by gossip.
    pub fn broadcast(&mut self, now: Moment, subject: Subject, bytes: Vec<u8>) {
        let times = pace::transmissions(self.living());
        self.broadcasts.add(subject, bytes, times.into());
        self.settle(now);
    }

    /// Tells whether something of this hash was heard and known already; others know it too, then.
    pub fn heard_again(&mut self, hash: u64) -> bool {
        let subject = self.heard.get(hash);
        if let Some(subject) = subject {
            self.broadcasts.lessen(subject, Some(hash));
        }
        subject.is_some()
    }

    /// Takes it that something of this hash is known, and what it is about.
    pub fn known(&mut self, hash: u64, subject: Subject) {
        self.heard.put(hash, subject);
    }

    /// Gives back the room that many who were learned in order do not need.
    pub fn pack(&mut self) {
        pack(&mut self.members);
    }

    /// Hears everything as if for the first time: what may be known is otherwise than before.
    pub fn hear_anew(&mut self) {
        self.heard = Heard::default();
    }

    /// Gives how this node and all members are, for a newcomer to know at once.
    pub fn statements(&self) -> Vec<Member<Identity>> {
        let own = Member::new(*self.own(), self.incarnation, State::Alive);
        let members = self.members.values().map(Known::statement);
        std::iter::once(own).chain(members).collect()
    }

    /// Gives up to `count` living members, chosen by chance.
    pub fn some_living(&mut self, count: usize) -> Vec<Identity> {
        let mut chosen = Vec::new();
        let living = self.members.values().filter(|known| known.is_active());
        for (seen, known) in living.enumerate() {
            if chosen.len() < count {
                chosen.push(known.identity);
            } else {
                let at = self.rng.random_range(0..=seen);
                if at < count {
                    chosen[at] = known.identity;
                }
            }
        }
        chosen
    }
}
