//! The problems that are open, and what changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{CheckState, Group, Moment, WallTime, limits};
use packs::handler::{About, Event, Handler};

use super::Alerts;
use super::clock::Mend;
use super::judge::{self, Verdict};
use super::kept::{Decision, Problem, Record, Thing};
use crate::transition::{Change, Reason, Transition, is_problem, parts_of};

/// A problem, and what is known of it in memory only.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) problem: Arc<Problem>,
    /// When it is considered next.
    pub(super) wake: Option<WallTime>,
    /// What was last said to each handler's question.
    said: BTreeMap<Arc<str>, String>,
}

impl Live {
    pub(super) fn new(problem: Problem) -> Self {
        Self {
            problem: Arc::new(problem),
            wake: None,
            said: BTreeMap::new(),
        }
    }

    pub(super) fn edit(&mut self) -> &mut Problem {
        Arc::make_mut(&mut self.problem)
    }

    /// Brings the times that durations are counted from onto the clock as it is set.
    pub(super) fn mend(&mut self, mend: Mend) {
        let problem = self.edit();
        mend.past(&mut problem.changed);
        mend.past(&mut problem.held_from);
        for told in problem.told.values_mut() {
            mend.past(&mut told.first);
            mend.past(&mut told.last);
        }
        if let Some(acknowledged) = problem.acknowledged.as_mut().filter(|it| it.is_lasting) {
            mend.lasting(&mut acknowledged.at, &mut acknowledged.until);
        }
    }

    /// Remembers what was decided; the oldest is dropped.
    pub(super) fn decide(&mut self, at: WallTime, handler: &str, text: String) {
        let decisions = &mut self.edit().decisions;
        decisions.push(Decision {
            at,
            handler: handler.to_owned(),
            text,
        });
        if decisions.len() > limits::ALERT_DECISIONS_MAX {
            decisions.remove(0);
        }
    }
}

/// Names a problem.
pub(super) fn key(node: &str, name: &str) -> String {
    format!("problem/{node}/{name}")
}

impl Alerts {
    /// Takes what happened to a check.
    pub fn transition(&mut self, now: Moment, wall: WallTime, transition: &Transition) {
        self.at(now, wall);
        self.last_transition = Some(transition.number);
        if let Some(key) = self.take(transition, wall) {
            self.consider(&key);
            let is_eased = judge::weight(transition.hard) < judge::weight(transition.old_hard);
            let is_over = is_eased || !transition.is_problem();
            self.consider_dependants(&transition.node.to_string(), &transition.name(), is_over);
        }
        self.settle();
    }

    /// Takes the state into the problem, which begins with it if need be. Gives its key when there
    /// is something to consider.
    pub(super) fn take(&mut self, transition: &Transition, wall: WallTime) -> Option<String> {
        let node = transition.node.to_string();
        let key = key(&node, &transition.name());
        let gone = gone(transition.change);
        let state = match gone {
            Some(_) => CheckState::Ok,
            None if transition.hard == CheckState::Pending => return None,
            None => transition.hard,
        };
        if !self.problems.contains_key(&key) {
            if !is_problem(state) {
                return None;
            }
            if self.problems.len() >= limits::ALERT_PROBLEMS_MAX {
                self.refused += 1;
                return None;
            }
            let begun = self.begin(transition, wall);
            self.problems.insert(key.clone(), Live::new(begun));
        }
        let thing = self.thing(transition);
        if !thing.depends_on.is_empty() {
            self.depending.insert(key.clone());
        }
        let live = self.problems.get_mut(&key)?;
        let was = live.problem.state;
        let problem = live.edit();
        problem.thing = thing;
        problem.output = cut(&transition.output, limits::ALERT_OUTPUT_CHARS_MAX);
        problem.gone = gone.map(str::to_owned);
        problem.blocked_by = transition
            .blocked_by
            .iter()
            .map(ToString::to_string)
            .collect();
        problem.is_flapping = match transition.change {
            Change::FlappingBegan => true,
            Change::FlappingEnded | Change::Gone(_) => false,
            Change::State | Change::Hardened => transition.is_flapping,
        };
        if was != state {
            problem.old_state = was;
            problem.state = state;
            problem.changed = wall;
            if !is_problem(was) {
                problem.held_from = wall;
                problem.began = transition.since;
            }
            let acknowledged = problem.acknowledged.as_ref();
            let is_worse =
                acknowledged.is_some_and(|it| judge::weight(state) > judge::weight(it.state));
            if !is_problem(state) || is_worse {
                problem.acknowledged = None;
            }
            let text = match gone {
                Some(gone) => format!("{was} → gone: {gone}"),
                None => format!("{was} → {state}"),
            };
            live.decide(wall, "", text);
        }
        self.keep_problem(&key);
        Some(key)
    }

    fn begin(&mut self, transition: &Transition, wall: WallTime) -> Problem {
        self.numbers.problems += 1;
        let state = match transition.old_hard {
            CheckState::Pending => CheckState::Pending,
            _ => CheckState::Ok,
        };
        Problem {
            number: self.numbers.problems,
            thing: Thing::default(),
            state,
            old_state: state,
            gone: None,
            output: String::new(),
            began: transition.since,
            changed: wall,
            held_from: wall,
            is_flapping: false,
            blocked_by: Vec::new(),
            acknowledged: None,
            told: BTreeMap::new(),
            context: self.context(wall),
            decisions: Vec::new(),
        }
    }

    /// Names what changed just before, newest first.
    fn context(&self, wall: WallTime) -> Vec<String> {
        let recent = self.changes.iter().rev().filter(|(at, _)| {
            let age = wall.as_millis().saturating_sub(at.as_millis());
            u128::from(age) <= limits::ALERT_CHANGE_AGE_MAX.as_millis()
        });
        let told = recent.map(|(at, text)| format!("{at}: {text}"));
        told.take(limits::ALERT_CONTEXT_MAX).collect()
    }

    fn thing(&self, transition: &Transition) -> Thing {
        let node = transition.node.to_string();
        let is_here = node == self.here.id;
        let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
        Thing {
            node_name: transition.node_name.to_string(),
            node_display_name: if is_here {
                self.here.display_name.clone()
            } else {
                String::new()
            },
            zone: self.here.zone.clone(),
            groups: transition.groups.iter().map(ToString::to_string).collect(),
            pack: transition.subject.pack.to_string(),
            name: transition.name(),
            display_name: transition.subject.display_name.to_string(),
            depends_on: transition
                .subject
                .depends_on
                .iter()
                .map(ToString::to_string)
                .collect(),
            notes: text(&transition.subject.notes),
            node,
        }
    }

    /// Asks every handler about a problem, and notes when to ask again.
    pub(super) fn consider(&mut self, key: &str) {
        let wall = self.clock.wall();
        let Some(live) = self.problems.get(key).filter(|_| self.has_packs) else {
            return;
        };
        if let Some(wake) = live.wake {
            self.wakes.remove(&(wake, key.to_owned()));
        }
        let problem = Arc::clone(&live.problem);
        let mut next: Option<WallTime> = None;
        let mut verdicts = Vec::new();
        let mut off = BTreeSet::new();
        for (id, handler) in &self.handlers {
            let verdict = self.judge(&problem, handler, wall);
            if let Verdict::Wait { until, .. } = &verdict {
                next = Some(next.map_or(*until, |next| next.min(*until)));
            }
            if judge::is_on(handler, &self.here).is_err() {
                off.insert(Arc::clone(id));
            }
            verdicts.push((Arc::clone(id), verdict));
        }
        let owes_nobody = !verdicts.iter().any(|(_, verdict)| verdict.is_owed());
        if !is_problem(problem.state) && owes_nobody {
            self.forget(key);
            return;
        }
        for (id, verdict) in &verdicts {
            match verdict {
                Verdict::Tell(_) => self.buckets.add(&self.handlers[id], key, &problem),
                Verdict::Wait { .. } | Verdict::Silent(_) => {
                    self.buckets.remove(&self.handlers[id], key, &problem);
                }
            }
        }
        // Never twice at one time: whatever is due now was just asked.
        let next = next.map(|next| next.max(WallTime::from_millis(wall.as_millis() + 1)));
        let Some(live) = self.problems.get_mut(key) else {
            return;
        };
        live.wake = next;
        let mut is_news = false;
        for (id, verdict) in verdicts {
            // That it is told is noted when it is.
            if let Verdict::Tell(_) = verdict {
                live.said.remove(&id);
                continue;
            }
            let text = verdict.to_string();
            if live.said.get(&id) != Some(&text) {
                let is_first = live.said.insert(Arc::clone(&id), text.clone()).is_none();
                is_news |= !is_first;
                // Packs bring many handlers that are off: their silence decides nothing.
                if !(is_first && off.contains(&id)) {
                    live.decide(wall, &id, text);
                }
            }
        }
        if let Some(next) = next {
            self.wakes.insert((next, key.to_owned()));
        }
        if is_news {
            self.keep_problem(key);
        }
    }

    /// What becomes of a problem may free or silence what depends on it, by whatever way.
    pub(super) fn consider_dependants(&mut self, node: &str, name: &str, is_over: bool) {
        let wall = self.clock.wall();
        for key in self.below(node, name) {
            if let Some(live) = self.problems.get_mut(&key).filter(|_| is_over) {
                live.edit().held_from = wall;
            }
            self.consider(&key);
        }
    }

    /// Finds the problems that depend on one, and those that depend on these.
    fn below(&self, node: &str, name: &str) -> BTreeSet<String> {
        let open = self.depending.iter();
        let open = open.filter_map(|key| Some((key, &self.problems.get(key)?.problem.thing)));
        let here = || open.clone().filter(|(_, thing)| thing.node == node);
        let depends = |thing: &Thing| {
            let mut names = thing.depends_on.iter();
            names.any(|on| judge::names(on, &thing.pack, name))
        };
        let mut left: Vec<(&String, &Thing)> = here().filter(|(_, it)| depends(it)).collect();
        if left.is_empty() {
            // Nothing hangs on most of them.
            return BTreeSet::new();
        }
        let mut by_parent: BTreeMap<String, Vec<(&String, &Thing)>> = BTreeMap::new();
        for (key, thing) in here() {
            for on in &thing.depends_on {
                for parent in [format!("{}/{on}", thing.pack), on.clone()] {
                    by_parent.entry(parent).or_default().push((key, thing));
                }
            }
        }
        let mut below = BTreeSet::new();
        while let Some((key, thing)) = left.pop() {
            if below.insert(key.clone()) {
                let (name, _) = parts_of(&thing.name);
                left.extend(by_parent.get(name).into_iter().flatten());
            }
        }
        below
    }

    pub(super) fn consider_all(&mut self) {
        let keys: Vec<String> = self.problems.keys().cloned().collect();
        for key in keys {
            self.consider(&key);
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(live) = self.problems.remove(key) {
            if let Some(wake) = live.wake {
                self.wakes.remove(&(wake, key.to_owned()));
            }
            self.depending.remove(key);
            for handler in self.handlers.values() {
                self.buckets.remove(handler, key, &live.problem);
            }
            self.keep.insert(key.to_owned(), None);
            let thing = &live.problem.thing;
            let text = format!("{} on {} is over", thing.name, thing.node_name);
            self.note("over", text);
        }
    }

    pub(super) fn keep_problem(&mut self, key: &str) {
        if let Some(live) = self.problems.get(key) {
            let record = Record::Problem(Problem::clone(&live.problem));
            self.keep.insert(key.to_owned(), Some(record));
        }
    }
}

/// Asks a route about a thing.
pub(super) fn takes(
    handler: &Handler,
    event: Event,
    state: Option<CheckState>,
    thing: &Thing,
) -> Result<(), String> {
    let groups: Vec<Group> = thing
        .groups
        .iter()
        .filter_map(|name| Group::parse(name).ok())
        .collect();
    handler.route.takes(&About {
        event,
        state,
        pack: &thing.pack,
        name: &thing.name,
        nodes: &[&thing.node_name, &thing.node_display_name, &thing.node],
        groups: &groups,
        zone: &thing.zone,
    })
}

fn gone(change: Change) -> Option<&'static str> {
    match change {
        Change::Gone(Reason::InstanceVanished) => Some("it vanished"),
        Change::Gone(Reason::CheckRemoved) => Some("its check was removed"),
        Change::Gone(Reason::GroupLeft) => Some("the node left the group of the check"),
        Change::State | Change::Hardened | Change::FlappingBegan | Change::FlappingEnded => None,
    }
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
