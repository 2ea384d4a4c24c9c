//! The inventory on disk: how the machine was when somebody looked last, and each change since.

use std::collections::BTreeMap;

use model::WallTime;
use rules::inventory::{Change, Inventory, Item, Things};
use serde::{Deserialize, Serialize};
use store::journal::{Order, Query};
use tracing::warn;

use super::{Keep, record};

/// Changes that one question reads at the most: the newest.
const CHANGES_MAX: usize = 20_000;
/// Bytes of them.
const CHANGES_BYTES_MAX: usize = 8 << 20;

/// How the machine was when somebody looked last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// Since when changes are known, in milliseconds since 1970.
    pub began_ms: u64,
    /// The things of each section.
    pub sections: BTreeMap<String, Things>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    section: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old: Option<Item>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new: Option<Item>,
}

impl Baseline {
    /// Makes the inventory of that time.
    pub(crate) fn into_inventory(self) -> Inventory {
        Inventory {
            sections: self.sections,
            missing: BTreeMap::new(),
        }
    }
}

impl Keep {
    /// Gives how the machine was; `None` when nobody has looked yet. What cannot be read is begun
    /// anew.
    pub(crate) fn baseline(&self) -> Option<Baseline> {
        self.load("inventory").unwrap_or_else(|error| {
            let error = format!("{error:#}");
            warn!(
                error,
                "How the machine was is not known: the inventory begins anew"
            );
            None
        })
    }

    /// Keeps how the machine is; tells whether that is on disk.
    pub(crate) fn save_baseline(&self, baseline: &Baseline) -> bool {
        self.save("inventory", baseline)
    }

    /// Adds a change of the machine to their history, which [`Keep::flush`] writes.
    pub(crate) fn note_change(&self, wall: WallTime, change: &Change) {
        let entry = Entry {
            section: change.section.clone(),
            name: change.name.clone(),
            old: change.old.clone(),
            new: change.new.clone(),
        };
        record(&self.inventory, wall, &entry);
    }

    /// Gives the changes of the machine since a time, oldest first.
    pub(crate) fn changes(&self, since: WallTime) -> Result<Vec<(WallTime, Change)>, store::Error> {
        let mut query = Query::all(Order::NewestFirst, CHANGES_MAX, CHANGES_BYTES_MAX);
        query.times = since..=WallTime::from_millis(u64::MAX);
        let page = self.inventory.read(&query)?;
        let parse = |record: &store::journal::Record| {
            let entry: Entry = serde_json::from_slice(&record.payload).ok()?;
            let change = Change {
                section: entry.section,
                name: entry.name,
                old: entry.old,
                new: entry.new,
            };
            Some((record.time, change))
        };
        Ok(page.records.iter().rev().filter_map(parse).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_found_by_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let change = |name: &str| Change {
            section: "packages".to_owned(),
            name: name.to_owned(),
            old: None,
            new: Some(Item::from([("version".to_owned(), "1".to_owned())])),
        };
        let now = crate::clock::wall().as_millis();
        let at = |before: u64| WallTime::from_millis(now - before);
        for (before, name) in [(9_000, "a"), (6_000, "b"), (3_000, "c")] {
            keep.note_change(at(before), &change(name));
        }
        let found = keep.changes(at(6_000)).unwrap();
        assert_eq!(found, [(at(6_000), change("b")), (at(3_000), change("c"))]);
        keep.flush();
        assert_eq!(keep.changes(at(3_000)).unwrap().len(), 1);
    }

    #[test]
    fn a_baseline_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        assert_eq!(keep.baseline(), None);
        let baseline = Baseline {
            began_ms: 7,
            sections: BTreeMap::from([("packages".to_owned(), Things::new())]),
        };
        assert!(keep.save_baseline(&baseline));
        assert_eq!(keep.baseline(), Some(baseline));
        keep.save("inventory", &"of another shape");
        assert_eq!(keep.baseline(), None);
    }
}
