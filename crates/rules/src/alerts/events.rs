//! Events of groups and compliance: told once each, to those whose route takes them.
//!
//! What was told of the groups of this node is kept, in one step with what is to be told. So a
//! start tells what changed since, however the agent ended, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Group, Moment, WallTime, limits};
use packs::handler::{Event, Handler};

use super::kept::{Happening, Record, Thing, Waiting};
use super::problems::takes;
use super::{Alerts, event_key, judge};
use crate::facts::Detected;

/// The key under which the groups are kept.
const GROUPS_KEY: &str = "groups";
/// The key under which those are kept whose first answer is no news.
const UNDECIDED_KEY: &str = "undecided";

/// The groups of this node, where they come from, and what is not known of them yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnGroups {
    /// Those of the configuration.
    pub given: Arc<BTreeSet<Group>>,
    /// Those of detectors.
    pub detected: Arc<BTreeMap<Group, Detected>>,
    /// The detectors that wait for something that may give them groups.
    pub undecided: BTreeSet<Arc<str>>,
    /// Whether a group that is not there is gone: soon after a start, a detector may only not know
    /// it yet.
    pub is_certain: bool,
}

impl OwnGroups {
    fn all(&self) -> BTreeSet<Group> {
        self.given
            .iter()
            .chain(self.detected.keys())
            .cloned()
            .collect()
    }
}

/// The groups of this node, and what was told of them.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Those that count as told; none before the node knew itself for the first time.
    told: Option<BTreeSet<Group>>,
    /// Those that the node has, as soon as it knows itself.
    present: Option<OwnGroups>,
    /// The detectors that could not tell when the node knew itself for the first time, and have
    /// not told since: what their first answer gives it had all the time.
    undecided: BTreeSet<Arc<str>>,
}

impl Groups {
    /// Takes back what was kept. A name that is no group was kept by a program that knows more.
    pub(super) fn restore(&mut self, names: &[String]) {
        let groups = names.iter().filter_map(|name| Group::parse(name).ok());
        self.told = Some(groups.collect());
    }

    /// Takes back which detectors have not told yet.
    pub(super) fn restore_undecided(&mut self, names: &[String]) {
        self.undecided = names.iter().map(|name| Arc::from(&**name)).collect();
    }

    /// Gives the groups that the node has, as soon as it knows itself.
    pub(super) fn present(&self) -> Option<BTreeSet<Group>> {
        self.present.as_ref().map(OwnGroups::all)
    }

    /// Tells whether a group comes of nothing but the first answers of detectors.
    fn is_first_answer(&self, group: &Group, present: &OwnGroups) -> bool {
        let mut by = present
            .detected
            .get(group)
            .into_iter()
            .flat_map(|it| &it.by);
        !present.given.contains(group) && by.all(|id| self.undecided.contains(id))
    }
}

impl Alerts {
    /// Takes the groups of this node, from the time on when it knows itself. What it has at the
    /// very first time, and what detectors that could not tell then find at their first answer, is
    /// no news; all else is.
    pub fn set_groups(&mut self, now: Moment, wall: WallTime, groups: OwnGroups) {
        self.at(now, wall);
        let all = groups.all();
        self.groups.present = Some(groups);
        if self.here.groups != all {
            self.here.groups = all;
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
        let Some(present) = self.groups.present.clone().filter(|_| self.has_packs) else {
            return;
        };
        let all = present.all();
        let is_first = self.groups.told.is_none();
        let before = self.groups.told.clone().unwrap_or_else(|| all.clone());
        let added: Vec<Group> = all.difference(&before).cloned().collect();
        let gone = before.difference(&all).filter(|_| present.is_certain);
        let removed: Vec<Group> = gone.cloned().collect();
        let news = added.iter();
        let news: Vec<Group> = news
            .filter(|group| !self.groups.is_first_answer(group, &present))
            .cloned()
            .collect();
        self.note_undecided(&present, is_first);
        if !is_first && added.is_empty() && removed.is_empty() {
            return;
        }
        let mut after = before;
        after.extend(added);
        after.retain(|group| !removed.contains(group));
        let names = after.iter().map(ToString::to_string).collect();
        self.keep
            .insert(GROUPS_KEY.to_owned(), Some(Record::Groups(names)));
        self.groups.told = Some(after);
        for group in &news {
            self.event(group.as_str(), "", Happening::GroupAdded);
        }
        for group in &removed {
            self.event(group.as_str(), "", Happening::GroupRemoved);
        }
    }

    /// Notes which detectors could not tell at the very first look, and forgets those that did
    /// since.
    fn note_undecided(&mut self, present: &OwnGroups, is_first: bool) {
        let undecided = match is_first {
            true => present.undecided.clone(),
            false => {
                let known = self.groups.undecided.intersection(&present.undecided);
                known.cloned().collect()
            }
        };
        if self.groups.undecided == undecided {
            return;
        }
        let names: Vec<String> = undecided.iter().map(ToString::to_string).collect();
        let record = (!names.is_empty()).then_some(Record::Undecided(names));
        self.keep.insert(UNDECIDED_KEY.to_owned(), record);
        self.groups.undecided = undecided;
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
