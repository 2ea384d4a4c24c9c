//! What was taken from whom, so that nothing is taken twice.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use model::NodeId;
use model::limits::GOSSIP_SENDERS_MAX;

use super::sealer::{Dropped, Salt, generation};
use super::window::{Seen, Window};
use crate::packed::pack;

/// All senders that were heard, as many as fit; the one heard longest ago goes first.
#[derive(Debug, Default)]
pub(super) struct Senders {
    by_id: BTreeMap<NodeId, Sender>,
}

#[derive(Debug)]
struct Sender {
    starts: u64,
    /// The salt that it uses now, and the one before, whose last packets may still be on the way.
    /// Of most members of a large cluster little is ever heard directly.
    salts: [Option<Box<(Salt, Window)>>; 2],
    used: u64,
}

impl Sender {
    fn new(starts: u64) -> Self {
        Self {
            starts,
            salts: [None, None],
            used: 0,
        }
    }

    fn take(&mut self, salt: Salt, counter: u64) -> Result<(), Dropped> {
        for known in self.salts.iter_mut().flatten() {
            let (known, window) = &mut **known;
            if *known == salt {
                return match window.take(counter) {
                    Seen::New => Ok(()),
                    Seen::Again => Err(Dropped::Replayed),
                    Seen::TooOld => Err(Dropped::Late),
                };
            }
        }
        let newest = self.salts[0].as_ref().map(|known| generation(&known.0));
        match newest.map(|newest| generation(&salt).cmp(&newest)) {
            Some(Ordering::Less) => return Err(Dropped::Replayed),
            Some(Ordering::Equal) => return Err(Dropped::Twin),
            Some(Ordering::Greater) | None => {}
        }
        let mut window = Window::default();
        if window.take(counter) != Seen::New {
            return Err(Dropped::Late);
        }
        self.salts[1] = self.salts[0].replace(Box::new((salt, window)));
        Ok(())
    }
}

impl Senders {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Gives back the room that many who were learned in order do not need.
    pub(super) fn pack(&mut self) {
        pack(&mut self.by_id);
    }

    pub(super) fn learn(&mut self, id: NodeId, starts: u64, turn: u64) {
        match self.by_id.get_mut(&id) {
            Some(known) if known.starts >= starts => {}
            Some(known) => *known = Sender::new(starts),
            None => self.insert(id, Sender::new(starts), turn),
        }
    }

    pub(super) fn take(
        &mut self,
        id: NodeId,
        starts: u64,
        salt: Salt,
        counter: u64,
        turn: u64,
    ) -> Result<(), Dropped> {
        let Some(known) = self.by_id.get_mut(&id) else {
            let mut sender = Sender::new(starts);
            sender.take(salt, counter)?;
            self.insert(id, sender, turn);
            return Ok(());
        };
        match starts.cmp(&known.starts) {
            Ordering::Less => return Err(Dropped::OldStart),
            Ordering::Equal => known.take(salt, counter)?,
            Ordering::Greater => {
                let mut sender = Sender::new(starts);
                sender.take(salt, counter)?;
                *known = sender;
            }
        }
        known.used = turn;
        Ok(())
    }

    fn insert(&mut self, id: NodeId, sender: Sender, turn: u64) {
        if self.by_id.len() >= GOSSIP_SENDERS_MAX {
            let mut used: Vec<_> = self.by_id.values().map(|sender| sender.used).collect();
            used.sort_unstable();
            let old = used[used.len() / 8];
            self.by_id.retain(|_, sender| sender.used > old);
        }
        let used = turn;
        self.by_id.insert(id, Sender { used, ..sender });
    }
}
