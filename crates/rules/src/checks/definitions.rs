//! How checks come and go: what is defined, edited, removed, paused, and kept over a restart.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{Moment, WallTime};
use packs::check::{Check, Method, Push};

use super::links::Links;
use super::thing::Thing;
use super::watched::{self, Watched};
use super::{BEHIND_COLLECTORS, Checks, Definitions, FIRST_RUN_MAX, Key, Slot, TURN};
use crate::schedule::{self, BEAT_MIN, Schedule, end_of_turn, spread};
use crate::transition::Reason;

/// Time between two turns in which plugins are run: each turn takes a wake-up of all threads that
/// have to do with them, and what is run right behind another one takes less (measured: 1.0 ms for
/// one that takes 1.4 by itself).
const PLUGIN_BEAT: Duration = Duration::from_secs(1);

/// How checks come and go.
impl Checks {
    /// Takes all that is to be checked. What is no longer among it is told as gone; what was edited
    /// keeps its state and is judged again at once.
    pub fn define(&mut self, now: Moment, wall: WallTime, definitions: Definitions) {
        self.groups = definitions.groups.iter().cloned().collect();
        self.note_news();
        self.is_settled = definitions.is_settled;
        self.orphans.forget_lost(now);
        let beats = self.beats(&definitions.checks);
        let mut all = BTreeSet::new();
        let mut meant = BTreeSet::new();
        for check in definitions.checks {
            // Two of one name: lint tells; the first one counts.
            if !all.insert(Arc::clone(&check.id)) || !check.if_group.matches(&definitions.groups) {
                continue;
            }
            meant.insert(Arc::clone(&check.id));
            match self.by_id.get(&check.id).copied() {
                Some(slot) => self.edit(now, slot, check, beats),
                None => self.add(now, wall, check, beats),
            }
        }
        let gone: Vec<(Arc<str>, Slot)> = self
            .by_id
            .iter()
            .filter(|(id, _)| !meant.contains(*id))
            .map(|(id, slot)| (Arc::clone(id), *slot))
            .collect();
        for (id, slot) in gone {
            let reason = gone_because(all.contains(&id));
            self.remove(wall, slot, reason);
        }
        if definitions.is_settled {
            self.forget_kept(wall, &all);
        }
        let checks = self.watched.values().map(|it| &*it.check);
        self.links = Links::new(checks, &self.by_id);
    }

    /// Stops judging without telling that anything is gone: whoever begins again finds it all as
    /// it was.
    pub fn pause(&mut self) {
        for (slot, watched) in std::mem::take(&mut self.watched) {
            self.orphan(slot, &watched.check.id);
            for thing in &watched.things {
                let key = (Arc::clone(&watched.check.id), thing.instance.clone());
                self.kept.insert(key, thing.clone());
            }
        }
        self.by_id.clear();
        self.runs.clear();
        self.under_way.clear();
        self.schedule = Schedule::default();
        self.links = Links::default();
        self.is_settled = false;
        self.note_news();
    }

    /// Finds out when the checks are judged that are judged together.
    fn beats(&self, checks: &[Arc<Check>]) -> Beats {
        let evaluated = checks.iter().filter(|check| is_evaluated(check));
        Beats {
            time: schedule::beat(evaluated.count()),
            phase: self.phase() + BEHIND_COLLECTORS,
        }
    }

    fn add(&mut self, now: Moment, wall: WallTime, check: Arc<Check>, beats: Beats) {
        let slot = Slot(self.next_slot);
        self.next_slot += 1;
        self.by_id.insert(Arc::clone(&check.id), slot);
        let mut things = Vec::new();
        let of_check = (Arc::clone(&check.id), None)..;
        let keys: Vec<Key> = self
            .kept
            .range(of_check)
            .map(|(key, _)| key.clone())
            .take_while(|(id, _)| *id == check.id)
            .collect();
        for key in keys {
            things.extend(self.kept.remove(&key));
        }
        if things.is_empty() && check.for_each.is_none() {
            things.push(Thing::new(None, wall));
        }
        let (interval, first) = first_run(&check, &things, now, wall);
        if is_evaluated(&check) {
            let first = beats.first(&check.id, interval, now);
            self.schedule.insert(slot, interval, first);
        } else if let Some(first) = first {
            self.schedule.insert(slot, interval, first);
        }
        self.give_place(slot, &check, beats);
        self.watched
            .insert(slot, Arc::new(Watched::new(check, things)));
    }

    fn edit(&mut self, now: Moment, slot: Slot, check: Arc<Check>, beats: Beats) {
        let watched = self
            .watched
            .get_mut(&slot)
            .expect("by_id names what is watched");
        let is_same = watched.check.fingerprint == check.fingerprint;
        let watched = Arc::make_mut(watched);
        watched.redefine(check);
        if is_same {
            return;
        }
        // What is under way was begun by the old one.
        let id = Arc::clone(&watched.check.id);
        self.orphan(slot, &id);
        self.schedule.remove(&slot);
        let check = &self.watched[&slot].check;
        match &check.method {
            Method::Push(Push { expect_every, .. }) => {
                if let Some(every) = expect_every {
                    self.schedule.insert(slot, *every, now + *every);
                }
            }
            _ => self.schedule.insert(slot, check.timing.interval, now),
        }
        let check = Arc::clone(check);
        self.give_place(slot, &check, beats);
    }

    /// Gives a place to a check that judges by expressions, and one among many to a plugin: those
    /// of one place are run one after the other. Probes keep the rhythm that they began with.
    fn give_place(&mut self, slot: Slot, check: &Check, beats: Beats) {
        let (id, interval) = (&check.id, check.timing.interval);
        if is_evaluated(check) {
            self.schedule.set_place(&slot, beats.place(id, interval));
        } else if matches!(check.method, Method::Script(_)) {
            let place = schedule::place(id, interval, PLUGIN_BEAT, beats.phase);
            self.schedule.set_place(&slot, place);
        } else if matches!(check.method, Method::Conditions(_)) {
            let place = schedule::own_place(id, interval, beats.phase);
            self.schedule.set_place(&slot, place);
        }
    }

    fn remove(&mut self, wall: WallTime, slot: Slot, reason: Reason) {
        let Some(watched) = self.watched.remove(&slot) else {
            return;
        };
        self.by_id.remove(&watched.check.id);
        self.orphan(slot, &watched.check.id);
        self.schedule.remove(&slot);
        for thing in &watched.things {
            self.tell_gone(wall, &watched.subject, thing, reason);
        }
    }

    /// Takes the run that is under way away from its check.
    fn orphan(&mut self, slot: Slot, id: &Arc<str>) {
        if let Some(run) = self.runs.get(&slot).cloned() {
            self.orphans.add(Arc::clone(id), slot, run);
        }
        self.end_run(slot);
    }

    /// Tells what was kept over a restart and is not there any more.
    fn forget_kept(&mut self, wall: WallTime, all: &BTreeSet<Arc<str>>) {
        for ((id, _), thing) in std::mem::take(&mut self.kept) {
            let subject = Arc::new(watched::forgotten(&id));
            self.tell_gone(wall, &subject, &thing, gone_because(all.contains(&id)));
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<Slot> {
        self.by_id.get(id).copied()
    }
}

/// When this node judges what it judges together.
#[derive(Clone, Copy, Debug)]
struct Beats {
    /// Time between two of them.
    time: Duration,
    phase: Duration,
}

impl Beats {
    /// Gives the place of a check in its interval.
    fn place(&self, id: &str, interval: Duration) -> Duration {
        schedule::place(id, interval, self.time, self.phase)
    }

    /// Tells when a check is judged first: few checks at once, many at their places.
    fn first(&self, id: &str, interval: Duration, now: Moment) -> Moment {
        let in_place = schedule::next_at(self.place(id, interval), interval, now);
        if self.time < schedule::BEAT && in_place <= now + schedule::BEAT {
            return in_place;
        }
        let wait = spread(id, schedule::BEAT.saturating_sub(self.time));
        end_of_turn(now + wait, BEAT_MIN)
    }
}

/// Tells whether a check is judged by what is known, together with others.
fn is_evaluated(check: &Check) -> bool {
    match check.method {
        Method::Conditions(_) | Method::Aggregate(_) => !check.touches_machine(),
        // A process each, or an answer: they do not begin together.
        Method::Script(_) | Method::Probe(_) | Method::Push(_) => false,
    }
}

/// When a check runs first that is not evaluated. One that was judged before a restart goes on in
/// its rhythm; the time that a pushed one may stay silent goes on too.
fn first_run(
    check: &Check,
    things: &[Thing],
    now: Moment,
    wall: WallTime,
) -> (Duration, Option<Moment>) {
    let last_run = things.iter().filter_map(|thing| thing.last_run).max();
    let ago = |last: WallTime| wall.as_millis().saturating_sub(last.as_millis());
    let passed = last_run.map(|last| Duration::from_millis(ago(last)));
    if let Method::Push(push) = &check.method {
        let every = push.expect_every;
        let left = every.map(|every| every.saturating_sub(passed.unwrap_or_default()));
        return (every.unwrap_or_default(), left.map(|left| now + left));
    }
    let interval = check.timing.interval;
    let spread = spread(&check.id, interval.min(FIRST_RUN_MAX));
    let left = passed.map(|passed| interval.saturating_sub(passed));
    let first = now + left.unwrap_or(spread).min(spread.max(TURN));
    (interval, Some(first))
}

fn gone_because(is_defined: bool) -> Reason {
    if is_defined {
        Reason::GroupLeft
    } else {
        Reason::CheckRemoved
    }
}
