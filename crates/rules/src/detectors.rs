//! When each detector looks, and which groups this node has because of that.
//!
//! A detector looks every interval, and within a second when something changed that it refers to.
//! Those that only ask what is known, or to which the machine answers quickly, look together, a
//! moment after the collectors.
//! It gives and removes only its own groups: one that was given by the configuration, or that
//! another detector gives too, stays. What cannot be told gives nothing for long: after a minute
//! the groups go, with the reason shown. Only while a collector has not run yet, after a restart,
//! the groups that were kept stay.
//!
//! Start with [`Detectors::define`]; then [`Detectors::tick`] gives [`Output::Look`] for what is
//! due, [`look()`] does it, and [`Detectors::ended`] takes what came of it.

mod entry;
mod look;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{Group, Moment, WallTime};

use crate::collectors::Moved;
use crate::facts::{self, Cost, Detected, Outcome, Run};
use crate::kept::Kept;
use crate::schedule::{self, Schedule};

use self::entry::{Entry, UnderWay};

pub use look::{Look, look};

/// Time box of one look. (A question to the machine has 10 seconds.)
const TIME_BOX: Duration = Duration::from_secs(12);
/// Time between two looks of one detector, however often things change.
const PAUSE: Duration = Duration::from_secs(1);
/// Time after which a look that could not tell is repeated, with what looks next.
const RETRY: Duration = Duration::from_secs(10);
/// Time that the first looks wait for the first runs of the collectors at the most.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// All detectors of this node.
#[derive(Debug, Default)]
pub struct Detectors {
    entries: BTreeMap<Arc<str>, Entry>,
    schedule: Schedule<Arc<str>>,
    /// The time in each beat at which this node looks at what is known.
    phase: Duration,
    detected: Arc<BTreeMap<Group, Detected>>,
    kept: Kept,
    runs: u64,
    outputs: VecDeque<Output>,
}

/// A detector that may look here.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The detector.
    pub detector: Arc<packs::detector::Detector>,
    /// Changes with everything that it is made of.
    pub version: u64,
}

/// What shall be done, or told.
#[derive(Clone, Debug)]
pub enum Output {
    /// Look once, with [`look()`], and give what came of it to [`Detectors::ended`].
    Look(Job),
    /// The detected groups changed.
    Changed(Change),
}

/// A look that is due.
#[derive(Clone)]
pub struct Job {
    /// The id of the detector.
    pub id: Arc<str>,
    /// The number of the look.
    pub run: u64,
    /// Time that it may take.
    pub timeout: Duration,
    /// What to look with.
    pub detector: Arc<packs::detector::Detector>,
    /// How the daemon should do it.
    pub pace: Pace,
}

/// How long a look takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// No time: it only asks what is known.
    AtOnce,
    /// It asks the machine, which answered quickly the last time and may yet block.
    Quick,
    /// It asks the machine.
    Slow,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look {} of {}", self.run, self.id)
    }
}

/// A change of the detected groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The groups that this node has got, and the detectors that gave each.
    pub added: BTreeMap<Group, BTreeSet<Arc<str>>>,
    /// The groups that no detector gives any longer, and the detectors that gave each.
    pub removed: BTreeMap<Group, BTreeSet<Arc<str>>>,
    /// When.
    pub wall: WallTime,
}

/// A look that ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The id of the detector.
    pub id: Arc<str>,
    /// The number of the look.
    pub run: u64,
    /// What it told.
    pub look: Look,
    /// What it cost.
    pub cost: Cost,
}

impl Detectors {
    /// Makes the detectors of a node that looks at this time in each beat.
    pub fn new(phase: Duration) -> Self {
        Self {
            phase,
            ..Self::default()
        }
    }

    /// Takes what was kept over a restart; to be called before the first definition.
    pub fn restore(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// Takes all detectors. What did not change goes on as it was; what changed looks soon; what is
    /// gone takes its groups with it.
    pub fn define(&mut self, now: Moment, wall: WallTime, definitions: Vec<Definition>) {
        let mut gone: BTreeSet<Arc<str>> = self.entries.keys().cloned().collect();
        for definition in definitions {
            let id = definition.detector.home.id();
            gone.remove(&id);
            let known = self.entries.get(&id);
            if known.is_some_and(|it| it.definition.version == definition.version) {
                continue;
            }
            let interval = definition.detector.interval;
            let first_due = if self.entries.contains_key(&id) {
                now
            } else {
                now + FIRST_WAIT
            };
            self.put(&id, definition, first_due);
            self.schedule.insert(Arc::clone(&id), interval, first_due);
            self.schedule.run_at(&id, first_due);
        }
        for id in gone {
            self.entries.remove(&id);
            self.schedule.remove(&id);
        }
        self.unite(wall);
    }

    fn put(&mut self, id: &Arc<str>, definition: Definition, first_due: Moment) {
        let before = self.entries.remove(id);
        let mut entry = Entry::new(Arc::clone(id), definition, first_due);
        let groups = match before {
            Some(before) => {
                entry.under_way = before.under_way;
                if let Some(under_way) = &mut entry.under_way {
                    under_way.counts = false;
                }
                before.fact.groups.clone()
            }
            None => self.kept.detectors.remove(id).unwrap_or_default(),
        };
        Arc::make_mut(&mut entry.fact).groups = groups;
        self.entries.insert(Arc::clone(id), entry);
    }

    /// Lets all that have not looked yet look at once: the collectors have run.
    pub fn open(&mut self, now: Moment) {
        for (id, entry) in &self.entries {
            if entry.last_began.is_none() {
                self.schedule.run_at(id, now);
            }
        }
    }

    /// Lets those look soon that refer to what a collector changed.
    pub fn collector_moved(&mut self, now: Moment, moved: &Moved) {
        for (id, entry) in &mut self.entries {
            if entry.is_moved_by(moved) {
                entry.look_soon(id, &mut self.schedule, now);
            }
        }
    }

    /// Lets those look soon that ask for groups: the groups of this node changed.
    pub fn groups_changed(&mut self, now: Moment) {
        for (id, entry) in &mut self.entries {
            if entry.asks_groups {
                entry.look_soon(id, &mut self.schedule, now);
            }
        }
    }

    /// Makes a detector due at once; tells whether there is one.
    pub fn run_now(&mut self, now: Moment, id: &str) -> bool {
        let Some((id, _)) = self.entries.get_key_value(id) else {
            return false;
        };
        self.schedule.run_at(id, now);
        true
    }

    /// Gives what is due, and names what hangs.
    pub fn tick(&mut self, now: Moment, wall: WallTime) {
        for entry in self.entries.values_mut() {
            entry.name_if_hung(now);
        }
        while let Some(id) = self.schedule.take_due(now) {
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            self.runs += 1;
            entry.looks_again = false;
            entry.last_began = Some(now);
            entry.under_way = Some(UnderWay {
                run: self.runs,
                began: now,
                wall,
                overdue_at: now + TIME_BOX,
                hangs: false,
                counts: true,
            });
            self.outputs.push_back(Output::Look(Job {
                id,
                run: self.runs,
                timeout: TIME_BOX,
                detector: Arc::clone(&entry.definition.detector),
                pace: entry.pace(),
            }));
        }
    }

    /// Takes what came of a look. `is_pending` tells of a collector whether it has not run yet.
    pub fn ended(
        &mut self,
        now: Moment,
        wall: WallTime,
        ended: Ended,
        is_pending: &dyn Fn(&str) -> bool,
    ) {
        let Some(entry) = self.entries.get_mut(&ended.id) else {
            return;
        };
        if entry.under_way.as_ref().map(|it| it.run) != Some(ended.run) {
            return;
        }
        let Some(under_way) = entry.under_way.take() else {
            return;
        };
        self.schedule.done(&ended.id, now);
        if !under_way.counts {
            self.schedule.run_at(&ended.id, now);
            return;
        }
        let is_first = entry.fact.last_run.is_none();
        Arc::make_mut(&mut entry.fact).last_run = Some(Run {
            began: under_way.began,
            wall: under_way.wall,
            cost: ended.cost,
        });
        if is_first {
            let (place, due) = entry.place(&ended.id, now, self.phase);
            self.schedule.set_place(&ended.id, place);
            self.schedule.run_at(&ended.id, due);
        }
        entry.take(now, ended.look, is_pending);
        if entry.unknown_since.is_some() {
            let retry = schedule::next_at(self.phase, schedule::BEAT, now + RETRY);
            entry.look_at(&ended.id, &mut self.schedule, retry);
        }
        if entry.looks_again {
            entry.look_soon(&ended.id, &mut self.schedule, now);
        }
        Arc::make_mut(&mut entry.fact).next_due = self.schedule.due(&ended.id);
        self.unite(wall);
    }

    /// Gives the next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells when [`Detectors::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let overdue = self.entries.values().filter_map(|entry| {
            let under_way = entry.under_way.as_ref()?;
            (!under_way.hangs).then_some(under_way.overdue_at)
        });
        overdue.chain(self.schedule.next_deadline()).min()
    }

    /// Gives the detected groups.
    pub fn groups(&self) -> &Arc<BTreeMap<Group, Detected>> {
        &self.detected
    }

    /// Gives what is known of each detector.
    pub fn facts(&self) -> BTreeMap<Arc<str>, Arc<facts::Detector>> {
        self.entries
            .iter()
            .map(|(id, entry)| (Arc::clone(id), Arc::clone(&entry.fact)))
            .collect()
    }

    /// Tells whether each detector has looked once.
    pub fn have_all_looked(&self) -> bool {
        let mut entries = self.entries.values();
        entries.all(|entry| match entry.fact.last_run {
            // What it could not know is there meanwhile: it looks again within a second.
            Some(_) => !(entry.is_unknown() && entry.is_behind),
            None => entry.fact.hangs_since.is_some(),
        })
    }

    /// Names the detectors that wait for something that may give them groups. `is_pending` tells of
    /// a collector whether it has not run yet.
    pub fn undecided(&self, is_pending: &dyn Fn(&str) -> bool) -> BTreeSet<Arc<str>> {
        let can_tell = |entry: &Entry| match entry.fact.outcome {
            Outcome::Matches | Outcome::Differs => true,
            Outcome::Error(_) => entry.fact.hangs_since.is_none(),
            Outcome::Unknown(_) => !entry.waits(is_pending),
            Outcome::Pending => false,
        };
        let entries = self.entries.iter();
        let undecided = entries.filter(|(_, entry)| !can_tell(entry) || entry.is_behind);
        undecided.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// Puts the groups of all detectors together, and tells what changed.
    fn unite(&mut self, wall: WallTime) {
        let mut by: BTreeMap<&Group, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (id, entry) in &self.entries {
            for group in &entry.fact.groups {
                by.entry(group).or_default().insert(Arc::clone(id));
            }
        }
        let is_same = by.len() == self.detected.len()
            && by
                .iter()
                .zip(self.detected.iter())
                .all(|((group, by), (known, detected))| *group == known && *by == detected.by);
        if is_same {
            return;
        }
        let mut united = BTreeMap::new();
        let mut change = Change {
            added: BTreeMap::new(),
            removed: BTreeMap::new(),
            wall,
        };
        for (group, by) in by {
            let known = self.detected.get(group).map(|detected| detected.since);
            let kept = self.kept.groups_since.remove(group);
            if known.is_none() {
                change.added.insert(group.clone(), by.clone());
            }
            let since = known.or(kept).unwrap_or(wall);
            united.insert(group.clone(), Detected { by, since });
        }
        for (group, detected) in self.detected.iter() {
            if !united.contains_key(group) {
                change.removed.insert(group.clone(), detected.by.clone());
            }
        }
        self.detected = Arc::new(united);
        if !change.added.is_empty() || !change.removed.is_empty() {
            self.outputs.push_back(Output::Changed(change));
        }
    }
}

#[cfg(test)]
mod tests;
