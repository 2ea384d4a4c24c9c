//! Who depends on whom: which parents are down, and whether one may yet explain a problem.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::CheckState;
use packs::check::Check;

use super::thing::Thing;
use super::watched::Watched;
use super::{Slot, UnderWay};
use crate::transition::is_problem;

/// The links between the checks of a node.
#[derive(Debug, Default)]
pub(super) struct Links {
    parents: BTreeMap<Arc<str>, Vec<Parent>>,
    children: BTreeMap<Arc<str>, Vec<Slot>>,
    /// What is no check of this node and is down.
    pub(super) outside_down: BTreeSet<Arc<str>>,
}

#[derive(Debug)]
struct Parent {
    /// As it was written.
    name: Arc<str>,
    /// The check of this node, when it is one.
    slot: Option<Slot>,
}

impl Links {
    pub(super) fn new<'a>(
        checks: impl Iterator<Item = &'a Check>,
        by_id: &BTreeMap<Arc<str>, Slot>,
    ) -> Self {
        let mut links = Self::default();
        for check in checks.filter(|check| !check.depends_on.is_empty()) {
            let Some(own) = by_id.get(&check.id).copied() else {
                continue;
            };
            let mut parents = Vec::new();
            for name in &check.depends_on {
                let near = format!("{}/{name}", check.home.pack);
                let slot = by_id.get(&*near).or_else(|| by_id.get(name)).copied();
                let id = by_id
                    .get_key_value(&*near)
                    .or_else(|| by_id.get_key_value(name));
                if let Some((id, _)) = id {
                    links.children.entry(Arc::clone(id)).or_default().push(own);
                }
                parents.push(Parent {
                    name: Arc::clone(name),
                    // Nothing explains itself.
                    slot: slot.filter(|slot| *slot != own),
                });
            }
            links.parents.insert(Arc::clone(&check.id), parents);
        }
        links
    }

    /// Gives the parents that are checks of this node.
    pub(super) fn parents(&self, id: &str) -> Vec<Slot> {
        let parents = self.parents.get(id).into_iter().flatten();
        parents.filter_map(|parent| parent.slot).collect()
    }

    /// Gives the children that wait until their parents have spoken.
    pub(super) fn waiting_children(
        &self,
        id: &str,
        watched: &BTreeMap<Slot, Arc<Watched>>,
    ) -> Vec<Slot> {
        let children = self.children.get(id).into_iter().flatten();
        let waits = |slot: &&Slot| {
            let things = watched.get(slot).map(|watched| watched.things.iter());
            things.into_iter().flatten().any(|thing| {
                !thing.is_hard && is_problem(thing.state) && thing.attempt >= thing.attempts
            })
        };
        children.filter(waits).copied().collect()
    }

    /// Names the parents that are down.
    pub(super) fn blocked_by(
        &self,
        id: &str,
        thing: &Thing,
        watched: &BTreeMap<Slot, Arc<Watched>>,
    ) -> Arc<[Arc<str>]> {
        let Some(parents) = self.parents.get(id) else {
            return Arc::default();
        };
        let is_down = |parent: &&Parent| match parent.slot {
            None => self.outside_down.contains(&parent.name),
            Some(slot) => watched
                .get(&slot)
                .is_some_and(|watched| relevant(watched, thing).any(|it| it.hard == CRITICAL)),
        };
        let down = parents.iter().filter(is_down);
        down.map(|parent| Arc::clone(&parent.name)).collect()
    }

    /// Tells whether a parent may yet turn out to be the cause: it is about to be judged, or what
    /// it says does not count yet.
    pub(super) fn may_explain(
        &self,
        id: &str,
        thing: &Thing,
        watched: &BTreeMap<Slot, Arc<Watched>>,
        runs: &BTreeMap<Slot, UnderWay>,
    ) -> bool {
        self.parents(id).into_iter().any(|slot| {
            let Some(parent) = watched.get(&slot) else {
                return false;
            };
            let is_soft = |it: &Thing| !it.is_hard && it.state == CRITICAL;
            let is_asked = parent.looked_before(thing) || runs.contains_key(&slot);
            is_asked || relevant(parent, thing).any(is_soft)
        })
    }
}

const CRITICAL: CheckState = CheckState::Critical;

/// The things of a parent that a child depends on: the one of its own name, or all.
fn relevant<'a>(parent: &'a Watched, child: &Thing) -> impl Iterator<Item = &'a Thing> {
    let same = parent
        .things
        .iter()
        .find(|it| it.instance.is_some() && it.instance == child.instance);
    let all = same.is_none().then_some(parent.things.iter());
    same.into_iter().chain(all.into_iter().flatten())
}
