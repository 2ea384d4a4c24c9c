//! The last events, for those who watch and come back after a pause.
//!
//! They are no part of the agreed state: a node that was restarted from a snapshot has none from
//! before it, and says so to who asks for them.

use std::collections::VecDeque;

use model::limits::{KV_EVENTS_BYTES_MAX, KV_EVENTS_MAX};

use crate::event::{Event, What};
use crate::words::Revision;

/// The last events in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    events: VecDeque<Event>,
    bytes: usize,
    /// All events of later revisions are here.
    complete_after: Revision,
}

/// Events from before this revision are forgotten: look at the whole again, and watch from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what happened up to revision {0} is forgotten: list the keys and watch from there")]
pub struct Forgotten(pub Revision);

impl Recent {
    /// Begins behind a revision.
    pub(super) fn behind(revision: Revision) -> Self {
        Self {
            complete_after: revision,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.bytes += bytes_of(&event);
        self.events.push_back(event);
        while self.events.len() > KV_EVENTS_MAX || self.bytes > KV_EVENTS_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= bytes_of(&oldest);
            self.complete_after = oldest.revision;
        }
    }

    /// Gives the events after a revision, oldest first.
    pub(super) fn after(
        &self,
        revision: Revision,
    ) -> Result<impl Iterator<Item = &Event>, Forgotten> {
        if revision < self.complete_after {
            return Err(Forgotten(self.complete_after));
        }
        let start = self.events.partition_point(|one| one.revision <= revision);
        Ok(self.events.range(start..))
    }
}

fn bytes_of(event: &Event) -> usize {
    let value = match &event.what {
        What::Put(value) => value.len(),
        What::Deleted | What::Expired | What::Acquired(_) | What::Released(_) | What::Lost(_) => 0,
    };
    64 + event.name.len() + value
}
