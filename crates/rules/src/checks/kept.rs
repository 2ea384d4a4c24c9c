//! What is kept of the checks over a restart, so that it neither loses nor repeats a transition.
//!
//! Everything is a plain value with words and milliseconds; the daemon writes it.

use std::sync::Arc;

use model::{CheckState, Moment, WallTime};
use serde::{Deserialize, Serialize};

use super::flapping::Flapping;
use super::thing::Thing;
use super::watched::Snapshot;
use crate::transition::{Change, Transition, is_problem};

/// What is kept over a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The number of the last transition.
    pub number: u64,
    /// Everything that was judged.
    pub things: Vec<KeptThing>,
}

/// What is kept of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptThing {
    /// The check.
    pub check: Arc<str>,
    /// Which item of its `for_each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Arc<str>>,
    /// What it said last.
    pub state: String,
    /// The last state that counted.
    pub hard: String,
    /// Whether `state` counts.
    pub is_hard: bool,
    /// Which run in a row it was.
    pub attempt: u32,
    /// Milliseconds since 1970 of the times, as in [`Thing`].
    pub since: u64,
    /// When it was first seen.
    pub first_seen: u64,
    /// When it was last judged.
    pub last_run: Option<u64>,
    /// When its state changed last.
    pub last_change: u64,
    /// When its hard state changed last.
    pub last_hard_change: u64,
    /// When it was OK last.
    pub last_ok: Option<u64>,
    /// The first line of what it said.
    pub output: Arc<str>,
    /// The further lines.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub long_output: Arc<str>,
    /// Performance data.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub perfdata: Arc<str>,
    /// The changes among its last runs, one bit each.
    pub changes: u32,
    /// Whether it changes too often.
    pub is_flapping: bool,
}

impl KeptThing {
    /// Takes what is worth keeping.
    pub(super) fn of(check: &Arc<str>, thing: &Thing) -> Self {
        Self {
            check: Arc::clone(check),
            instance: thing.instance.clone(),
            state: thing.state.as_str().to_owned(),
            hard: thing.hard.as_str().to_owned(),
            is_hard: thing.is_hard,
            attempt: thing.attempt,
            since: thing.since.as_millis(),
            first_seen: thing.first_seen.as_millis(),
            last_run: thing.last_run.map(WallTime::as_millis),
            last_change: thing.last_change.as_millis(),
            last_hard_change: thing.last_hard_change.as_millis(),
            last_ok: thing.last_ok.map(WallTime::as_millis),
            output: Arc::clone(&thing.output),
            long_output: Arc::clone(&thing.long_output),
            perfdata: Arc::clone(&thing.perfdata),
            changes: thing.flapping.changes(),
            is_flapping: thing.flapping.is_flapping,
        }
    }

    /// Makes the thing as it was. A word that is none makes it pending.
    pub(super) fn thing(&self) -> Thing {
        let state = |word: &str| CheckState::parse(word).unwrap_or(CheckState::Pending);
        let time = WallTime::from_millis;
        Thing {
            instance: self.instance.clone(),
            state: state(&self.state),
            is_hard: self.is_hard,
            hard: state(&self.hard),
            attempt: self.attempt,
            attempts: self.attempt.max(1),
            since: time(self.since),
            first_seen: time(self.first_seen),
            last_run: self.last_run.map(time),
            last_change: time(self.last_change),
            last_hard_change: time(self.last_hard_change),
            last_ok: self.last_ok.map(time),
            output: Arc::clone(&self.output),
            long_output: Arc::clone(&self.long_output),
            perfdata: Arc::clone(&self.perfdata),
            flapping: Flapping::restored(self.changes, self.is_flapping),
            streak_began: Moment::default(),
        }
    }
}

impl Kept {
    /// Takes from a snapshot what is worth keeping.
    pub fn of(snapshot: &Snapshot) -> Self {
        let watched = snapshot.checks.iter().flat_map(|watched| {
            let things = watched.things.iter();
            things.map(|thing| KeptThing::of(&watched.check.id, thing))
        });
        Self {
            number: snapshot.number,
            things: watched.chain(snapshot.waiting.iter().cloned()).collect(),
        }
    }

    /// Brings up to date what was kept before a transition that was told: after a crash the last
    /// document may be older than the history. Transitions are given in order, oldest first.
    pub fn replay(&mut self, transition: &Transition) {
        if transition.number <= self.number {
            return;
        }
        self.number = transition.number;
        let is_it = |it: &KeptThing| {
            it.check == transition.subject.id && it.instance == transition.instance
        };
        let at = self.things.iter().position(is_it);
        if let Change::Gone(_) = transition.change {
            at.map(|at| self.things.swap_remove(at));
            return;
        }
        let at = at.unwrap_or_else(|| {
            let thing = Thing::new(transition.instance.clone(), transition.at);
            self.things
                .push(KeptThing::of(&transition.subject.id, &thing));
            self.things.len() - 1
        });
        self.things[at].follow(transition);
    }
}

impl KeptThing {
    fn follow(&mut self, transition: &Transition) {
        let at = transition.at.as_millis();
        let new = transition.new;
        if CheckState::parse(&self.state) != Some(new.state) {
            self.last_change = at;
        }
        if CheckState::parse(&self.hard) != Some(transition.hard) {
            self.last_hard_change = at;
        }
        if !is_problem(new.state) {
            self.last_ok = Some(at);
        }
        self.state = new.state.as_str().to_owned();
        self.hard = transition.hard.as_str().to_owned();
        self.is_hard = new.is_hard;
        self.attempt = transition.attempt;
        self.since = transition.since.as_millis();
        self.last_run = Some(at);
        self.output = Arc::clone(&transition.output);
        self.long_output = Arc::clone(&transition.long_output);
        self.perfdata = Arc::clone(&transition.perfdata);
        self.is_flapping = transition.is_flapping;
    }
}
