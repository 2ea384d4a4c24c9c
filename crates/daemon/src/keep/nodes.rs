//! What is kept of the cluster: what happened to nodes, what the core knows, and the zone that an
//! operator chose.

use std::sync::{MutexGuard, PoisonError};

use api::gossip::NodeChange;
use gossip::book::Kept;
use gossip::{Change, What};
use model::{MemberState, NodeId, WallTime, Zone};
use serde::{Deserialize, Serialize};
use store::document::{Content, Loaded};
use tracing::{error, warn};

use super::{Keep, VERSION, last_of, record};
use crate::clock;

/// A node by its identity and its name.
pub(crate) struct Named {
    /// The identity.
    pub id: NodeId,
    /// The name for people.
    pub name: String,
}

/// The zone that an operator chose.
#[derive(Serialize, Deserialize)]
struct ChosenZone {
    zone: String,
    /// What agent.yml said then: when it says something else, that is newer.
    configured: String,
}

impl Keep {
    /// Adds a change of a member to the history, which [`Keep::flush`] writes.
    pub(crate) fn note_node(&self, change: &Change, accuser: Option<Named>) {
        let of = |kind: &str| NodeChange {
            kind: kind.to_owned(),
            name: change.name.clone(),
            display_name: change.display_name.clone(),
            uuid: change.id.to_string(),
            ..NodeChange::default()
        };
        let group = |kind: &str, group: &String| NodeChange {
            group: Some(group.clone()),
            ..of(kind)
        };
        let entries = match &change.what {
            What::State { from, to, .. } => vec![NodeChange {
                old_state: Some(from.map_or("unknown", MemberState::as_str).to_owned()),
                state: Some(to.to_string()),
                accuser_uuid: accuser.as_ref().map(|it| it.id.to_string()),
                accuser: accuser.map(|it| it.name),
                ..of("node-state-change")
            }],
            What::Zone { from, to } => vec![NodeChange {
                old_zone: Some(from.to_string()),
                zone: Some(to.to_string()),
                ..of("node-zone-change")
            }],
            What::Groups { added, removed } => {
                let added = added.iter().map(|it| group("group-add", it));
                let removed = removed.iter().map(|it| group("group-remove", it));
                added.chain(removed).collect()
            }
            What::Forgotten => vec![of("node-forgotten")],
        };
        for entry in &entries {
            record(&self.nodes, change.at, entry);
        }
    }

    /// Gives the last changes of nodes, oldest first.
    pub(crate) fn node_history(
        &self,
        last: usize,
    ) -> Result<Vec<(WallTime, NodeChange)>, store::Error> {
        last_of(&self.nodes, last)
    }

    /// Takes what the core of the cluster wants kept; [`Keep::save_cluster`] writes it.
    pub(crate) fn put_cluster(&self, bytes: Vec<u8>) {
        *self.cluster_waiting() = Some(bytes);
    }

    /// Writes what the core of the cluster wanted kept last, when that is not on disk.
    pub(crate) fn save_cluster(&self) {
        let written = self.cluster_written.lock();
        let _one = written.unwrap_or_else(PoisonError::into_inner);
        // The loop that gives more of it shall not wait for the disk.
        let waiting = self.cluster_waiting().take();
        if let Some(bytes) = waiting {
            let content = Content {
                version: VERSION,
                bytes,
            };
            // What the disk refuses waits in the store, and `look` tells it.
            drop(self.store.save("cluster", content, clock::wall()));
            self.look();
        }
    }

    fn cluster_waiting(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what the core of the cluster knew before this start. What cannot be read is told
    /// and forgotten: seeds and other nodes tell it again.
    pub(crate) fn cluster(&self) -> Option<Kept> {
        match Kept::decode(&self.cluster_bytes()?) {
            Ok(kept) => Some(kept),
            Err(error) => {
                warn!(%error, "What was known of the cluster is of a form that is not known");
                None
            }
        }
    }

    fn cluster_bytes(&self) -> Option<Vec<u8>> {
        match self.store.load("cluster") {
            Ok(Loaded::Present(content)) => Some(content.bytes),
            Ok(Loaded::Absent) => None,
            Ok(Loaded::Corrupt { moved_to, reason }) => {
                let moved_to = moved_to.display().to_string();
                error!(%reason, %moved_to, "What was known of the cluster is damaged");
                let repair = format!(
                    "what was known of the cluster was damaged ({reason}) and is kept as \
                     {moved_to}: without seeds, find the others by: opsbro join HOST"
                );
                self.seen().repairs.push(repair);
                None
            }
            Err(error) => {
                warn!(%error, "What was known of the cluster cannot be read");
                None
            }
        }
    }

    /// Keeps the zone that an operator chose, as long as agent.yml says what it says now.
    pub(crate) fn save_zone(&self, zone: &Zone, configured: &str) {
        let chosen = ChosenZone {
            zone: zone.to_string(),
            configured: configured.to_owned(),
        };
        self.save("zone", &chosen);
    }

    /// Gives the zone that an operator chose, unless agent.yml was changed since.
    pub(crate) fn chosen_zone(&self, configured: &str) -> Option<Zone> {
        let chosen: ChosenZone = self.load("zone").ok().flatten()?;
        let is_newer = chosen.configured == configured;
        is_newer.then(|| Zone::parse(&chosen.zone).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_of_the_cluster_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        assert!(keep.cluster().is_none());
        keep.put_cluster(b"one".to_vec());
        keep.put_cluster(b"two".to_vec());
        keep.save_cluster();
        assert_eq!(keep.cluster_bytes().unwrap(), b"two");
        assert!(keep.cluster().is_none(), "that is of no form");
        let lan = Zone::parse("lan").unwrap();
        keep.save_zone(&lan, "internet");
        assert_eq!(keep.chosen_zone("internet"), Some(lan));
        assert_eq!(keep.chosen_zone("office"), None, "agent.yml is newer");
    }

    #[test]
    fn what_is_damaged_of_the_cluster_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        keep.put_cluster(b"one".to_vec());
        keep.save_cluster();
        let document = folder.path().join("state/cluster.document");
        drop(keep);
        store::file::replace(&document, b"junk", store::file::PRIVATE).unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        assert!(keep.cluster().is_none());
        let repairs = keep.seen().repairs.concat();
        assert!(repairs.contains("opsbro join HOST"), "{repairs}");
    }

    #[test]
    fn a_death_is_noted_with_who_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let id = |byte| NodeId::from_random([byte; 16]);
        let change = |what| Change {
            id: id(1),
            name: "web-1".to_owned(),
            display_name: "front".to_owned(),
            at: WallTime::from_millis(1_000),
            what,
        };
        let died = change(What::State {
            from: Some(MemberState::Suspect),
            to: MemberState::Dead,
            accuser: Some(id(2)),
        });
        let accuser = Named {
            id: id(2),
            name: "db-1".to_owned(),
        };
        keep.note_node(&died, Some(accuser));
        let groups = change(What::Groups {
            added: vec!["redis".to_owned()],
            removed: vec!["mysql".to_owned()],
        });
        keep.note_node(&groups, None);
        let history = keep.node_history(10).unwrap();
        let first = serde_json::to_value(&history[0].1).unwrap();
        let expect = serde_json::json!({
            "type": "node-state-change", "name": "web-1", "display_name": "front",
            "uuid": id(1).to_string(), "old_state": "suspect", "state": "dead",
            "accuser": "db-1", "accuser_uuid": id(2).to_string(),
        });
        assert_eq!(first, expect);
        assert_eq!(history[1].1.group.as_deref(), Some("redis"));
        assert_eq!(history[2].1.kind, "group-remove");
    }
}
