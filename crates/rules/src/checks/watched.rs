//! A check as readers see it: its definition, its things, its cost.

use std::sync::Arc;
use std::time::Duration;

use model::{CheckState, GroupSet, Level, Moment, Place, WallTime, limits};
use packs::check::{Check, Method};

use super::kept::KeptThing;
use super::lateness::Late;
use super::said::Said;
use super::thing::Thing;
use crate::transition::{Subject, is_problem};

/// Time up to which a plugin is quick: a dozen of them one after the other are not late.
const QUICK_MAX: Duration = Duration::from_millis(10);

/// A check that is watched on this node.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What it is.
    pub check: Arc<Check>,
    /// What it is, in the words of a transition.
    pub subject: Arc<Subject>,
    /// What it looks at, by instance; the check as a whole comes first.
    pub things: Vec<Thing>,
    /// When it ran last.
    pub last_run: Option<WallTime>,
    /// How long that took.
    pub took: Duration,
    /// How often it ran since the start.
    pub runs: u64,
    /// When it ran last, on the clock that never jumps.
    pub(super) looked: Option<Moment>,
}

/// All checks of a node at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The checks, in no order.
    pub checks: Vec<Arc<Watched>>,
    /// The number of the last transition.
    pub number: u64,
    /// Goes up with what other nodes shall know: a state, what a problem says, and checks that come
    /// and go. All else is seen by whoever asks.
    pub news: u64,
    /// Runs that are under way.
    pub running: usize,
    /// How late runs began lately.
    pub late: Late,
    /// What was kept over a restart and is not judged: monitoring is switched off, or the node does
    /// not know its groups yet.
    pub waiting: Arc<[KeptThing]>,
    /// Whether the checks are all that are meant for this node: it knows its groups, and monitoring
    /// is on.
    pub is_settled: bool,
}

impl Snapshot {
    /// Gives a check by its id.
    pub fn check(&self, id: &str) -> Option<&Arc<Watched>> {
        self.checks.iter().find(|watched| *watched.check.id == *id)
    }
}

impl Watched {
    pub(super) fn new(check: Arc<Check>, mut things: Vec<Thing>) -> Self {
        things.sort_by(|a, b| a.instance.cmp(&b.instance));
        Self {
            subject: Arc::new(subject(&check)),
            last_run: things.iter().filter_map(|thing| thing.last_run).max(),
            things,
            check,
            took: Duration::ZERO,
            runs: 0,
            looked: None,
        }
    }

    /// Tells whether its last run took little time.
    pub(super) fn is_quick(&self) -> bool {
        self.looked.is_some() && self.took <= QUICK_MAX
    }

    /// Takes another definition; the state stays.
    pub(super) fn redefine(&mut self, check: Arc<Check>) {
        self.subject = Arc::new(subject(&check));
        self.check = check;
    }

    /// Finds a thing, or makes it.
    pub(super) fn thing_of(&mut self, instance: &Option<Arc<str>>, wall: WallTime) -> usize {
        let found = self.things.binary_search_by(|it| it.instance.cmp(instance));
        found.unwrap_or_else(|at| {
            self.things.insert(at, Thing::new(instance.clone(), wall));
            at
        })
    }

    /// Tells whether something was wrong with the check as a whole.
    pub(crate) fn has_trouble(&self) -> bool {
        let mut whole = self.things.iter().filter(|it| it.instance.is_none());
        whole.any(|it| is_problem(it.state) || is_problem(it.hard))
    }

    /// Tells whether it was looked at before a problem of another check began, so that a look could
    /// yet explain that one. One that is told its state cannot be asked.
    pub(super) fn looked_before(&self, child: &Thing) -> bool {
        let is_pushed = matches!(self.check.method, Method::Push(_));
        !is_pushed && self.looked.is_none_or(|looked| looked < child.streak_began)
    }

    /// Gives the worst state of its things, as the severities of people go.
    pub fn worst(&self) -> CheckState {
        let states = self.things.iter().map(|thing| thing.hard);
        states
            .max_by_key(|state| severity(*state))
            .unwrap_or(CheckState::Pending)
    }
}

/// Orders states for people: what somebody must act on comes first.
pub(super) fn severity(state: CheckState) -> u8 {
    match state {
        CheckState::Pending => 0,
        CheckState::Ok => 1,
        CheckState::Unknown => 2,
        CheckState::Warning => 3,
        CheckState::Critical => 4,
    }
}

/// Says of a check with `for_each` as a whole how many things it looks at.
pub(super) fn as_a_whole(count: usize) -> Said {
    if count > limits::CHECK_THINGS_MAX {
        let text = format!(
            "UNKNOWN: for_each gives {count} things; only the first {} are looked at",
            limits::CHECK_THINGS_MAX
        );
        return Said::new(CheckState::Unknown, &text);
    }
    Said::new(CheckState::Ok, &format!("OK: looks at {count} things"))
}

fn subject(check: &Check) -> Subject {
    Subject {
        id: Arc::clone(&check.id),
        display_name: Arc::clone(&check.display_name),
        pack: Arc::clone(&check.home.pack),
        level: check.home.level,
        place: check.home.place.clone(),
        if_group: check.if_group.clone(),
        service: check.service.clone(),
        depends_on: check.depends_on.iter().cloned().collect(),
        notes: check.notes.clone(),
    }
}

/// What is still known of a check whose file is gone.
pub(super) fn forgotten(id: &Arc<str>) -> Subject {
    let (pack, name) = id.split_once('/').unwrap_or(("", id));
    Subject {
        id: Arc::clone(id),
        display_name: Arc::from(name),
        pack: Arc::from(pack),
        level: Level::Local,
        place: Place::new("(removed)", 1, 1),
        if_group: GroupSet::all(),
        service: None,
        depends_on: Arc::default(),
        notes: None,
    }
}

impl Thing {
    /// Tells whether it is a problem that counts.
    pub fn is_hard_problem(&self) -> bool {
        self.is_hard && is_problem(self.hard)
    }
}
