//! Who is suspected, and until when each may refute.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Moment, NodeId};

/// How often a suspect gets its time again because it was heard meanwhile. A member that talks and
/// never listens is dead in the end.
const RESPITES_MAX: u8 = 3;
/// How long before the end of its time a suspect is told by everybody who still suspects it. Of
/// those who heard of a suspicion one in a million never hears of the refutation, however long they
/// wait: all who had it to tell have told it as often as they do. The suspect itself has it.
/// Five turns of gossip fit in: at one packet lost in ten all are in vain once in four thousand.
const LAST_WORD: Duration = Duration::from_secs(1);

/// One suspect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    /// Since when it may refute.
    pub(super) since: Moment,
    /// Until when.
    pub(super) until: Moment,
    /// Whether this node tells it so itself, for it to refute.
    pub(super) tell: bool,
    /// How often it got its time again.
    respites: u8,
}

/// All suspects. There are never more than members.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    by_id: BTreeMap<NodeId, Suspect>,
    by_end: BTreeSet<(Moment, NodeId)>,
}

impl Suspects {
    /// Begins the time of a suspect.
    pub(super) fn begin(&mut self, id: NodeId, now: Moment, time: Duration, tell: bool) {
        let suspect = Suspect {
            since: now,
            until: now + time,
            tell,
            respites: 0,
        };
        self.put(id, suspect);
    }

    /// Ends it: it refuted, or is dead.
    pub(super) fn end(&mut self, id: NodeId) {
        if let Some(suspect) = self.by_id.remove(&id) {
            self.by_end.remove(&(suspect.until, id));
        }
    }

    /// Gives a suspect.
    pub(super) fn get(&self, id: NodeId) -> Option<&Suspect> {
        self.by_id.get(&id)
    }

    /// Lets the time of a suspect end at this moment at the latest, and has it told.
    pub(super) fn hasten(&mut self, id: NodeId, until: Moment) {
        if let Some(mut suspect) = self.by_id.get(&id).copied() {
            suspect.until = suspect.until.min(until);
            suspect.tell = true;
            self.put(id, suspect);
        }
    }

    /// Gives a suspect its time once more, because it was heard. Tells whether it got it.
    pub(super) fn respite(&mut self, id: NodeId, now: Moment, time: Duration) -> bool {
        let Some(mut suspect) = self.by_id.get(&id).copied() else {
            return false;
        };
        if suspect.respites >= RESPITES_MAX {
            return false;
        }
        suspect.respites += 1;
        suspect.since = now;
        suspect.until = now + time;
        suspect.tell = true;
        self.put(id, suspect);
        true
    }

    /// Gives all suspects their time anew: this node did not listen.
    pub(super) fn begin_anew(&mut self, now: Moment, time: Duration) {
        for id in self.by_id.keys().copied().collect::<Vec<_>>() {
            self.begin(id, now, time, true);
        }
    }

    /// Gives the next whose time is over.
    pub(super) fn due(&self, now: Moment) -> Option<NodeId> {
        let (until, id) = self.by_end.first()?;
        (*until <= now).then_some(*id)
    }

    /// Gives when the time of the next one ends.
    pub(super) fn next_end(&self) -> Option<Moment> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// Gives those whom this node tells now that they are suspected, those first whose time is
    /// nearly over.
    pub(super) fn told(&self, now: Moment) -> impl Iterator<Item = NodeId> {
        let soon = now + LAST_WORD;
        let last = self.by_end.iter().take_while(move |(end, _)| *end <= soon);
        let others = self.by_id.iter();
        let others = others.filter(move |(_, suspect)| suspect.tell && suspect.until > soon);
        last.map(|(_, id)| *id).chain(others.map(|(id, _)| *id))
    }

    /// Gives when the next suspect is to be told; now, when there is one.
    pub(super) fn next_told(&self, now: Moment) -> Option<Moment> {
        if self.told(now).next().is_some() {
            return Some(now);
        }
        let (end, _) = self.by_end.first()?;
        Some(Moment::from_start(
            end.since_start().saturating_sub(LAST_WORD),
        ))
    }

    fn put(&mut self, id: NodeId, suspect: Suspect) {
        self.end(id);
        self.by_end.insert((suspect.until, id));
        self.by_id.insert(id, suspect);
    }
}
