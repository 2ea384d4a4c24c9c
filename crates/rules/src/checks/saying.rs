//! What is said about things, what is made of it, and what is told of that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{CheckState, Moment, WallTime, limits};
use packs::check::Push;

use super::said::Said;
use super::thing::{Context, Step, Thing};
use super::watched;
use super::{Checks, EXPLAIN_MAX, Output, Slot};
use crate::transition::{Change, Origin, Reason, Standing, Subject, Transition, is_problem};

/// What is said, and what is made of it.
impl Checks {
    /// Ends a run: what comes of it from here on is nobody's. Gives the things that it said
    /// something about already.
    pub(super) fn end_run(&mut self, slot: Slot) -> BTreeSet<Option<Arc<str>>> {
        let Some(run) = self.runs.remove(&slot) else {
            return BTreeSet::new();
        };
        self.under_way.remove(&(run.lost_at, slot));
        run.said
    }

    /// Takes what a run that goes on said about some of its things.
    pub(super) fn say_part(
        &mut self,
        now: Moment,
        wall: WallTime,
        (slot, number): (Slot, u64),
        said: &[Said],
    ) {
        for said in said {
            let run = self.runs.get_mut(&slot).filter(|run| run.number == number);
            if run.is_some_and(|run| run.said.insert(said.instance.clone())) {
                self.say(now, wall, slot, said);
            }
        }
    }

    /// Makes a snapshot due that tells other nodes something.
    pub(super) fn note_news(&mut self) {
        self.snapshot = None;
        self.news += 1;
    }

    pub(super) fn ran(&mut self, now: Moment, wall: WallTime, slot: Slot, took: Duration) {
        if let Some(watched) = self.watched.get_mut(&slot) {
            let watched = Arc::make_mut(watched);
            watched.looked = Some(now);
            watched.last_run = Some(wall);
            watched.took = took;
            watched.runs += 1;
            self.snapshot = None;
        }
    }

    /// Takes what was said about each thing; one that nothing is said of has vanished. Those that
    /// said it before the run ended are not counted twice.
    pub(super) fn say_all(
        &mut self,
        now: Moment,
        wall: WallTime,
        slot: Slot,
        mut said: Vec<Said>,
        said_before: &BTreeSet<Option<Arc<str>>>,
    ) {
        let Some(watched) = self.watched.get(&slot) else {
            return;
        };
        if watched.check.for_each.is_some() {
            let count = said.len();
            said.truncate(limits::CHECK_THINGS_MAX);
            if count > limits::CHECK_THINGS_MAX || watched.has_trouble() {
                said.push(watched::as_a_whole(count));
            }
        }
        self.drop_vanished(wall, slot, &said);
        for said in said.iter().filter(|it| !said_before.contains(&it.instance)) {
            self.say(now, wall, slot, said);
        }
    }

    pub(super) fn drop_vanished(&mut self, wall: WallTime, slot: Slot, said: &[Said]) {
        let names: BTreeSet<&Option<Arc<str>>> = said.iter().map(|said| &said.instance).collect();
        let watched = &self.watched[&slot];
        let is_gone = |thing: &Thing| !names.contains(&thing.instance);
        let gone: Vec<Thing> = watched
            .things
            .iter()
            .filter(|it| is_gone(it))
            .cloned()
            .collect();
        if gone.is_empty() {
            return;
        }
        let subject = Arc::clone(&watched.subject);
        if let Some(watched) = self.watched.get_mut(&slot) {
            Arc::make_mut(watched).things.retain(|it| !is_gone(it));
        }
        self.note_news();
        // The check as a whole is there only while something is wrong with it.
        for thing in gone
            .iter()
            .filter(|it| it.instance.is_some() || is_problem(it.hard))
        {
            self.tell_gone(wall, &subject, thing, Reason::InstanceVanished);
        }
    }

    /// Takes what was said about one thing.
    pub(super) fn say(&mut self, now: Moment, wall: WallTime, slot: Slot, said: &Said) {
        let Some(mut watched) = self.watched.remove(&slot) else {
            return;
        };
        let links = &self.links;
        let all = &self.watched;
        let runs = &self.runs;
        let own = Arc::make_mut(&mut watched);
        let things_before = own.things.len();
        let at = own.thing_of(&said.instance, wall);
        let told_before = told(&own.things[at]);
        let is_new = own.things.len() > things_before;
        let check = Arc::clone(&own.check);
        let may_be_explained = |thing: &Thing| {
            now.since(thing.streak_began) < EXPLAIN_MAX
                && links.may_explain(&check.id, thing, all, runs)
        };
        let step = own.things[at].apply(
            said,
            &Context {
                now,
                wall,
                timing: &check.timing,
                may_be_explained: &may_be_explained,
            },
        );
        let thing = own.things[at].clone();
        let subject = Arc::clone(&own.subject);
        self.watched.insert(slot, watched);
        self.snapshot = None;
        if is_new || told(&thing) != told_before {
            self.note_news();
        }
        self.tell(wall, &subject, &thing, &step);
        if is_problem(thing.state) && !is_problem(step.old.state) {
            // Whoever explains it shall say so now.
            for parent in self.links.parents(&check.id) {
                if self.watched.contains_key(&parent) {
                    self.schedule.run_at(&parent, now);
                }
            }
        }
        // Those who wait for this one may go on.
        for child in self.links.waiting_children(&check.id, &self.watched) {
            self.schedule.run_at(&child, now);
        }
    }

    /// Sets when a check runs next: sooner while something is soft.
    pub(super) fn plan(&mut self, now: Moment, slot: Slot) {
        let Some(watched) = self.watched.get(&slot) else {
            return;
        };
        let timing = &watched.check.timing;
        let is_soft = watched.things.iter().any(|thing| !thing.is_hard);
        if is_soft && timing.retry_interval != timing.interval {
            self.schedule.run_at(&slot, now + timing.retry_interval);
        }
    }

    /// Judges one that was told nothing for too long.
    pub(super) fn silent(&mut self, now: Moment, wall: WallTime, slot: Slot, push: &Push) {
        self.schedule.done(&slot, now);
        let last = self.watched[&slot].last_run;
        let every = model::format_interval(push.expect_every.unwrap_or_default());
        let state = push.silent;
        let text = match last {
            Some(last) => format!("{state}: nothing was reported for {every}; last at {last}"),
            None => format!("{state}: nothing was reported for {every}"),
        };
        self.say(now, wall, slot, &Said::new(state, &text));
        // Silence is no report: over a restart too, the last one is the last that came.
        if let Some(watched) = self.watched.get_mut(&slot) {
            for thing in &mut Arc::make_mut(watched).things {
                thing.last_run = last;
            }
        }
    }

    /// Judges those whose run never came back.
    pub(super) fn take_lost(&mut self, now: Moment, wall: WallTime) {
        while let Some((lost_at, slot)) = self.under_way.first().copied() {
            if lost_at > now {
                return;
            }
            self.end_run(slot);
            self.schedule.done(&slot, now);
            let text = "UNKNOWN: its run never ended; `opsbro agent info` names what hangs";
            self.say(now, wall, slot, &Said::new(CheckState::Unknown, text));
        }
    }

    pub(super) fn tell(
        &mut self,
        wall: WallTime,
        subject: &Arc<Subject>,
        thing: &Thing,
        step: &Step,
    ) {
        for (at, change) in step.changes.iter().enumerate() {
            let is_first = at == 0;
            let mut transition = self.transition(wall, subject, thing, *change);
            // Flapping comes with a change of the state: only the first is told as that.
            if is_first {
                transition.old = step.old;
                transition.old_hard = step.old_hard;
            }
            self.outputs
                .push_back(Output::Transition(Arc::new(transition)));
        }
    }

    pub(super) fn tell_gone(
        &mut self,
        wall: WallTime,
        subject: &Arc<Subject>,
        thing: &Thing,
        why: Reason,
    ) {
        if thing.state == CheckState::Pending {
            return;
        }
        let transition = Transition {
            new: Standing::hard(CheckState::Pending),
            hard: CheckState::Pending,
            ..self.transition(wall, subject, thing, Change::Gone(why))
        };
        self.outputs
            .push_back(Output::Transition(Arc::new(transition)));
        self.note_news();
    }

    /// Makes the transition of a thing as it is.
    pub(super) fn transition(
        &mut self,
        wall: WallTime,
        subject: &Arc<Subject>,
        thing: &Thing,
        change: Change,
    ) -> Transition {
        self.number += 1;
        let origin = Origin {
            number: self.number,
            node: self.node,
            node_name: Arc::clone(&self.node_name),
            groups: Arc::clone(&self.groups),
        };
        Transition {
            blocked_by: self.links.blocked_by(&subject.id, thing, &self.watched),
            ..Transition::of(origin, subject, thing, change, wall)
        }
    }
}

/// Gives what other nodes are told of a thing.
fn told(thing: &Thing) -> (CheckState, Option<(WallTime, Arc<str>)>) {
    let problem = (thing.since, Arc::clone(&thing.output));
    (thing.hard, thing.is_hard_problem().then_some(problem))
}
