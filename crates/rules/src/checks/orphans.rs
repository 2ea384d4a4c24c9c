//! Runs of checks that were edited, removed or paused meanwhile.
//!
//! What comes of them is nobody's, but while one of them is under way its check does not run again:
//! what hangs would only hang twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Moment;

use super::{Slot, UnderWay};

/// The runs that lost their check, by the id of it.
#[derive(Debug, Default)]
pub(super) struct Orphans(BTreeMap<Arc<str>, (Slot, UnderWay)>);

impl Orphans {
    /// Takes a run that lost its check.
    pub(super) fn add(&mut self, id: Arc<str>, slot: Slot, run: UnderWay) {
        self.0.insert(id, (slot, run));
    }

    /// Takes that a run ended; gives the id of its check when it was one of these.
    pub(super) fn ended(&mut self, slot: Slot, number: u64) -> Option<Arc<str>> {
        let is_it = |(own, run): &(Slot, UnderWay)| *own == slot && run.number == number;
        let found = self.0.iter().find(|(_, it)| is_it(it));
        let id = found.map(|(id, _)| Arc::clone(id))?;
        self.0.remove(&id);
        Some(id)
    }

    /// Tells until when a check has to wait at the most.
    pub(super) fn holds(&self, id: &str, now: Moment) -> Option<Moment> {
        let (_, run) = self.0.get(id)?;
        (run.lost_at > now).then_some(run.lost_at)
    }

    /// Gives up those that never came back.
    pub(super) fn forget_lost(&mut self, now: Moment) {
        self.0.retain(|_, (_, run)| run.lost_at > now);
    }
}
