//! Alerts: who is told of what, once, with the reason.
//!
//! The core knows the problems that are open, what each handler was told of each, and what keeps
//! handlers quiet. After every input it asks, for each problem and handler, one question: what
//! would be right to do now ([`judge`])? Nothing depends on an input coming exactly once, so a
//! restart neither loses nor repeats an alert, and every answer can be told to people
//! ([`Alerts::explain`]). What is to be told goes through buckets, which gather bursts, into a
//! queue of deliveries.
//!
//! All that must survive is given out as [`Output::Keep`] before the [`Output::Deliver`] that
//! depends on it. Times are wall time, because they are kept; when the clock is set, what was given
//! as a duration is shifted with it, and what was given as a time of day is not.

mod buckets;
mod causes;
mod clock;
mod compare;
mod deliveries;
mod events;
mod judge;
pub mod kept;
mod mutes;
pub mod nodes;
pub mod notice;
mod orders;
mod problems;
mod snapshot;
#[cfg(test)]
mod tests;
pub mod text;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::tz::TimeZone;
use model::{Group, Moment, WallTime, limits};
use packs::Registry;
use packs::handler::Handler;

use self::buckets::Buckets;
use self::clock::{Clock, Mend, moved};
use self::deliveries::Deliveries;
use self::events::Groups;
use self::kept::{Delivery, Mute, Numbers, Record, Waiting};
use self::mutes::{Mutes, Ready};
use self::nodes::View;
use self::problems::Live;

pub use self::deliveries::Undelivered;
pub use self::events::OwnGroups;
pub use self::orders::{NewAcknowledgement, NewMute, Refused, Span};
pub use self::snapshot::{Explained, HandlerState, Mark, Reached, Snapshot};

/// What the core asks of the shell, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Put this on disk under its key, or take it away. What belongs together comes at once.
    Keep(Vec<(String, Option<Record>)>),
    /// Hand a notice over, when everything before is on disk, and come back with
    /// [`Alerts::delivered`].
    Deliver {
        /// What is told, and how often it was tried.
        delivery: Arc<Delivery>,
        /// By whom.
        handler: Arc<Handler>,
    },
    /// Write this into the history of alerts.
    Note {
        /// When.
        wall: WallTime,
        /// What kind of thing: `told`, `acknowledged`, `downtime` …
        kind: &'static str,
        /// What happened.
        text: String,
    },
}

/// This node, as routes and texts name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its name for people; may be empty.
    pub display_name: String,
    /// Its zone.
    pub zone: String,
    /// Its groups.
    pub groups: BTreeSet<Group>,
}

/// The core.
#[derive(Debug)]
pub struct Alerts {
    here: Here,
    time_zone: TimeZone,
    clock: Clock,
    handlers: BTreeMap<Arc<str>, Arc<Handler>>,
    /// Whether the packs are known: before, nobody can be told, and nothing is forgotten.
    has_packs: bool,
    /// For each check those that name it in `depends_on`.
    dependants: BTreeMap<String, BTreeSet<String>>,
    problems: BTreeMap<String, Live>,
    /// Those of them that depend on others.
    depending: BTreeSet<String>,
    wakes: BTreeSet<(WallTime, String)>,
    events: BTreeMap<u64, Waiting>,
    groups: Groups,
    mutes: Mutes,
    buckets: Buckets,
    deliveries: Deliveries,
    numbers: Numbers,
    /// How the cluster is, as soon as that is known.
    cluster: Option<View>,
    /// What changed lately on this node, newest last.
    changes: VecDeque<(WallTime, String)>,
    /// The number of the last transition since the start.
    last_transition: Option<u64>,
    /// Problems that could not be taken because there are too many.
    refused: u64,
    keep: BTreeMap<String, Option<Record>>,
    outputs: VecDeque<Output>,
}

impl Alerts {
    /// Makes a core that knows of nothing; `time_zone` is where this node is.
    pub fn new(now: Moment, wall: WallTime, here: Here, time_zone: TimeZone) -> Self {
        Self {
            here,
            time_zone,
            clock: Clock::new(now, wall),
            handlers: BTreeMap::new(),
            has_packs: false,
            dependants: BTreeMap::new(),
            problems: BTreeMap::new(),
            depending: BTreeSet::new(),
            wakes: BTreeSet::new(),
            events: BTreeMap::new(),
            groups: Groups::default(),
            mutes: Mutes::new(),
            buckets: Buckets::default(),
            deliveries: Deliveries::default(),
            numbers: Numbers::default(),
            cluster: None,
            changes: VecDeque::new(),
            last_transition: None,
            refused: 0,
            keep: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes back what was kept, before anything else. What was under way when the agent ended is
    /// tried again under the same identity.
    pub fn restore(&mut self, records: impl IntoIterator<Item = Record>) {
        let (wall, mend) = (self.clock.wall(), self.clock.mend());
        for record in records {
            match record {
                Record::Problem(problem) => {
                    let key = problems::key(&problem.thing.node, &problem.thing.name);
                    self.numbers.problems = self.numbers.problems.max(problem.number);
                    if !problem.thing.depends_on.is_empty() {
                        self.depending.insert(key.clone());
                    }
                    let mut live = Live::new(problem);
                    live.mend(mend);
                    live.wake = Some(wall);
                    self.problems.insert(key.clone(), live);
                    self.wakes.insert((wall, key));
                }
                Record::Mute(mute) => {
                    self.numbers.mutes = self.numbers.mutes.max(mute.number);
                    // One that cannot be read was made by a program that reads more.
                    if let Ok(mut ready) = Ready::new(mute) {
                        ready.mend(mend);
                        self.mutes.insert(ready.mute.number, ready);
                    }
                }
                Record::Delivery(delivery) => {
                    self.numbers.deliveries = self.numbers.deliveries.max(delivery.number);
                    self.deliveries.restore(*delivery, mend);
                }
                Record::Event(event) => {
                    self.numbers.events = self.numbers.events.max(event.number);
                    self.events.insert(event.number, event);
                }
                Record::Groups(names) => self.groups.restore(&names),
                Record::Undecided(names) => self.groups.restore_undecided(&names),
                Record::Numbers(numbers) => {
                    let known = &mut self.numbers;
                    known.problems = known.problems.max(numbers.problems);
                    known.mutes = known.mutes.max(numbers.mutes);
                    known.deliveries = known.deliveries.max(numbers.deliveries);
                    known.events = known.events.max(numbers.events);
                }
            }
        }
    }

    /// Takes the packs in force: their handlers, and what depends on what.
    pub fn set_packs(&mut self, now: Moment, wall: WallTime, packs: &Registry) {
        self.at(now, wall);
        self.has_packs = true;
        let handlers = packs.handlers();
        self.handlers = handlers
            .map(|one| (Arc::clone(&one.id), Arc::clone(one)))
            .collect();
        self.buckets.clear();
        self.dependants.clear();
        let services = packs.services().flat_map(|service| &service.checks);
        for check in packs.checks().chain(services) {
            for on in &check.depends_on {
                let own = format!("{}/{on}", check.home.pack);
                for parent in [on.to_string(), own] {
                    let dependants = self.dependants.entry(parent).or_default();
                    dependants.insert(check.id.to_string());
                }
            }
        }
        self.compare_groups();
        self.consider_all();
        self.settle();
    }

    /// Takes what this node is called, and which groups it has until [`Alerts::set_groups`] says.
    pub fn set_here(&mut self, now: Moment, wall: WallTime, mut here: Here) {
        self.at(now, wall);
        if let Some(groups) = self.groups.present() {
            here.groups = groups;
        }
        if self.here != here {
            self.here = here;
            self.consider_all();
        }
        self.settle();
    }

    /// Notes that something was changed on purpose: a pack edited, a package installed, a reboot.
    /// Problems that begin soon after name it.
    pub fn changed(&mut self, now: Moment, wall: WallTime, text: &str) {
        self.at(now, wall);
        let text = text.chars().take(limits::ALERT_LINE_CHARS_MAX).collect();
        self.changes.push_back((wall, text));
        while self.changes.len() > limits::ALERT_CHANGES_MAX {
            self.changes.pop_front();
        }
        self.settle();
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Moment, wall: WallTime) {
        self.at(now, wall);
        self.settle();
    }

    /// Gives the next thing to do; none when everything waits for time or for an input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells when [`Alerts::tick`] is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        if !self.has_packs {
            return None;
        }
        let wakes = self.wakes.first().map(|(wall, _)| *wall);
        let is_full = self.deliveries.is_full();
        let buckets = self.buckets.next_deadline().filter(|_| !is_full);
        // Whoever reads the snapshot wants to know when one begins, too.
        let mutes = self.mutes.values().filter_map(|it| it.changes_at).min();
        let due = self.deliveries.next_due();
        let next = [wakes, buckets, mutes, due].into_iter().flatten().min()?;
        Some(self.clock.moment(next))
    }

    /// Takes the time of an input.
    fn at(&mut self, now: Moment, wall: WallTime) {
        if let Some(mend) = self.clock.set(now, wall) {
            self.shift(mend);
        }
    }

    /// Brings everything to where it belongs after an input.
    fn settle(&mut self) {
        let wall = self.clock.wall();
        let mut delivers = Vec::new();
        if self.has_packs {
            self.end_mutes(wall);
            self.consider_due(wall);
            self.flush(wall);
            // Who was told now may have somebody who is told later.
            self.consider_due(wall);
            delivers = self.take_due(wall);
        }
        if !self.keep.is_empty() {
            let numbers = Record::Numbers(self.numbers);
            self.keep.insert("numbers".to_owned(), Some(numbers));
            let batch = std::mem::take(&mut self.keep);
            self.outputs
                .push_back(Output::Keep(batch.into_iter().collect()));
        }
        self.outputs.extend(delivers);
    }

    fn consider_due(&mut self, wall: WallTime) {
        while let Some((due, key)) = self.wakes.first().cloned()
            && due <= wall
        {
            self.consider(&key);
            // One that is no more has nothing to be woken for.
            self.wakes.remove(&(due, key));
        }
    }

    fn note(&mut self, kind: &'static str, text: String) {
        let wall = self.clock.wall();
        self.outputs.push_back(Output::Note { wall, kind, text });
    }

    /// Shifts everything that was given as a duration after the clock was set.
    fn shift(&mut self, mend: Mend) {
        let keys: Vec<String> = self.problems.keys().cloned().collect();
        for key in &keys {
            if let Some(live) = self.problems.get_mut(key) {
                live.mend(mend);
            }
            self.keep_problem(key);
        }
        for (number, ready) in &mut self.mutes {
            ready.mend(mend);
            if ready.mute.is_lasting {
                let record = Record::Mute(Mute::clone(&ready.mute));
                self.keep.insert(mute_key(*number), Some(record));
            }
        }
        // The hours of the others are where the clock says.
        self.look_at_mutes();
        for number in self.deliveries.mend(mend) {
            self.keep_delivery(number);
        }
        let by_ms = mend.by_ms;
        self.buckets.shift(|at| *at = moved(*at, by_ms));
        self.note("clock", format!("the clock was set by {} s", by_ms / 1_000));
        self.consider_all();
    }
}

fn mute_key(number: u64) -> String {
    format!("mute/{number:020}")
}

fn delivery_key(number: u64) -> String {
    format!("delivery/{number:020}")
}

fn event_key(number: u64) -> String {
    format!("event/{number:020}")
}
