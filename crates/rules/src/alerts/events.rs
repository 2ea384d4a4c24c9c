//! Events of groups and compliance: told once each, to those whose route takes them.
//!
//! What was told of the groups of this node is kept, in one step with what is to be told. So a
//! start tells what changed since, however the agent ended, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Group, Moment, WallTime, limits};
use packs::handler::{Event, Handler};

use super::kept::{Happening, Record, Thing, Waiting};
use super::problems::takes;
use super::{Alerts, event_key, judge};

/// The key under which the groups are kept.
const GROUPS_KEY: &str = "groups";

/// The groups of this node.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Those that count as told; none before the node knew itself for the first time.
    told: Option<BTreeSet<Group>>,
    /// Those that the node has, as soon as it knows itself, and whether nothing is missing for the
    /// only reason that a detector cannot tell yet.
    present: Option<(BTreeSet<Group>, bool)>,
}

impl Groups {
    /// Takes back what was kept. A name that is no group was kept by a program that knows more.
    pub(super) fn restore(&mut self, names: &[String]) {
        let groups = names.iter().filter_map(|name| Group::parse(name).ok());
        self.told = Some(groups.collect());
    }

    /// Gives the groups that the node has, as soon as it knows itself.
    pub(super) fn present(&self) -> Option<&BTreeSet<Group>> {
        self.present.as_ref().map(|(groups, _)| groups)
    }
}

impl Alerts {
    /// Takes the groups of this node, from the time on when it knows itself: those of the very
    /// first time are no news, what differs later is. While `is_certain` is false, a group that is
    /// not there may come back as soon as a detector can tell, so nobody is told that it is gone.
    pub fn set_groups(
        &mut self,
        now: Moment,
        wall: WallTime,
        groups: &BTreeSet<Group>,
        is_certain: bool,
    ) {
        self.at(now, wall);
        self.groups.present = Some((groups.clone(), is_certain));
        if self.here.groups != *groups {
            self.here.groups.clone_from(groups);
            self.consider_all();
        }
        self.compare_groups();
        self.settle();
    }

    /// Takes a change of compliance, which those are told whose route takes it.
    pub fn happened(
        &mut self,
        now: Moment,
        wall: WallTime,
        name: &str,
        pack: &str,
        event: Happening,
    ) {
        self.at(now, wall);
        self.event(name, pack, event);
        self.settle();
    }

    /// Makes events of what differs from what was told, when it is known whom to tell.
    pub(super) fn compare_groups(&mut self) {
        let Some((present, is_certain)) = self.groups.present.clone().filter(|_| self.has_packs)
        else {
            return;
        };
        let told = self.groups.told.clone();
        let before = told.as_ref().unwrap_or(&present);
        let added: Vec<Group> = present.difference(before).cloned().collect();
        let gone = before.difference(&present).filter(|_| is_certain);
        let removed: Vec<Group> = gone.cloned().collect();
        if told.is_some() && added.is_empty() && removed.is_empty() {
            return;
        }
        let mut after = before.clone();
        after.extend(added.iter().cloned());
        after.retain(|group| !removed.contains(group));
        let names = after.iter().map(ToString::to_string).collect();
        self.keep
            .insert(GROUPS_KEY.to_owned(), Some(Record::Groups(names)));
        self.groups.told = Some(after);
        for group in &added {
            self.event(group.as_str(), "", Happening::GroupAdded);
        }
        for group in &removed {
            self.event(group.as_str(), "", Happening::GroupRemoved);
        }
    }

    fn event(&mut self, name: &str, pack: &str, event: Happening) {
        let wall = self.clock.wall();
        let kind = match &event {
            Happening::GroupAdded | Happening::GroupRemoved => Event::Group,
            Happening::Compliance { .. } => Event::Compliance,
        };
        let thing = Thing {
            node: self.here.id.clone(),
            node_name: self.here.name.clone(),
            node_display_name: self.here.display_name.clone(),
            zone: self.here.zone.clone(),
            groups: self.here.groups.iter().map(ToString::to_string).collect(),
            pack: pack.to_owned(),
            name: name.to_owned(),
            display_name: name.to_owned(),
            ..Thing::default()
        };
        let takes = |handler: &&Arc<Handler>| {
            handler.is_direct
                && judge::is_on(handler, &self.here).is_ok()
                && takes(handler, kind, None, &thing).is_ok()
        };
        let handlers = self.handlers.values().filter(takes);
        let handlers: Vec<String> = handlers.map(|handler| handler.id.to_string()).collect();
        if handlers.is_empty() || self.mute_of(&thing, "", wall).is_some() {
            return;
        }
        self.numbers.events += 1;
        let waiting = Waiting {
            number: self.numbers.events,
            at: wall,
            thing,
            event,
            handlers,
        };
        self.keep.insert(
            event_key(waiting.number),
            Some(Record::Event(waiting.clone())),
        );
        self.events.insert(waiting.number, waiting);
        while self.events.len() > limits::ALERT_EVENTS_MAX {
            if let Some((number, _)) = self.events.pop_first() {
                self.keep.insert(event_key(number), None);
                self.refused += 1;
            }
        }
    }
}
