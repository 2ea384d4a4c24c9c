//! The inventory: what this machine is made of, and a look now and then at what changed.
//!
//! A look compares short marks of what is there with those of the look before; only when one
//! differs is the last inventory read from the disk, compared and replaced. So a machine where
//! nothing happens pays for a few marks a minute, and nothing of it stays in memory. Packages are
//! listed only when their database has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drivers::Deadline;
use drivers::packages::Edition;
use model::{WallTime, limits};
use rules::inventory::{Change, Inventory, Packages, build, compare, join, words};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tracing::{debug, warn};

use crate::agent::Agent;
use crate::clock;
use crate::keep::Baseline;
use crate::loops::{self, Room};

/// Time between two looks. What changed stands there by the time that somebody asks, and a look
/// costs about a millisecond.
const INTERVAL: Duration = Duration::from_secs(60);
/// Time from the start to the first look: the collectors have run by then.
const FIRST: Duration = Duration::from_secs(15);
/// Time box of a look: listing packages by `rpm` takes a second, on a busy machine some more.
pub(crate) const TIME_BOX: Duration = Duration::from_secs(30);
/// The job of a look.
pub(crate) const LOOK: &str = "the inventory";

/// What is remembered from look to look.
#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    marks: BTreeMap<String, u64>,
    edition: Option<Edition>,
}

/// What changed, and since when that is known.
pub(crate) struct Changes {
    /// The changes with their time, oldest first.
    pub all: Vec<(WallTime, Change)>,
    /// When changes began to be noted.
    pub began: WallTime,
}

impl Ledger {
    /// Looks at the machine and notes what changed since the look before, also when that was
    /// before a restart. May block; the caller is in the worker pool.
    pub(crate) fn look(&self, agent: &Agent) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = clock::wall();
        let (packages, edition) = packages_if_new(agent, state.edition.as_ref());
        let facts = Arc::clone(&agent.facts.borrow());
        let mut inventory = build(&facts, clock::now(), wall, packages);
        let mut marks = inventory.marks();
        marks.retain(|section, mark| state.marks.get(section) != Some(mark));
        if marks.is_empty() {
            return;
        }
        let baseline = agent.keep.baseline();
        let began_ms = baseline.as_ref().map_or(wall.as_millis(), |it| it.began_ms);
        let before = baseline.unwrap_or_default().into_inventory();
        let changes = compare(&before, &inventory);
        note(agent, wall, &changes);
        inventory.fill_from(&before);
        if inventory.sections != before.sections {
            agent.keep.save_baseline(&Baseline {
                began_ms,
                sections: inventory.sections,
            });
        }
        state.marks.extend(marks);
        if edition.is_some() {
            state.edition = edition;
        }
    }

    /// Gives what changed since a time, as of now. May block; the caller is in the worker pool.
    pub(crate) fn changes(
        &self,
        agent: &Agent,
        since: WallTime,
        steps: bool,
    ) -> Result<Changes, store::Error> {
        self.look(agent);
        let mut all = agent.keep.changes(since)?;
        if !steps {
            all = join(all);
        }
        let began = agent
            .keep
            .baseline()
            .map_or(0, |baseline| baseline.began_ms);
        Ok(Changes {
            all,
            began: WallTime::from_millis(began),
        })
    }
}

fn note(agent: &Agent, wall: WallTime, changes: &[Change]) {
    if changes.len() > limits::INVENTORY_CHANGES_MAX {
        let (count, noted) = (changes.len(), limits::INVENTORY_CHANGES_MAX);
        warn!(
            count,
            noted, "So much changed on this machine that not all of it is noted"
        );
    }
    for change in changes.iter().take(limits::INVENTORY_CHANGES_MAX) {
        agent.keep.note_change(wall, change);
    }
    for text in named(changes) {
        agent.alerts.changed(text);
    }
    if !changes.is_empty() {
        debug!(count = changes.len(), "This machine changed");
        agent.keep.flush();
    }
}

/// Gives what problems that begin soon name of these changes. They name the newest text first, so
/// the count of the rest comes before the changes.
fn named(changes: &[Change]) -> Vec<String> {
    let more = changes
        .len()
        .saturating_sub(limits::ALERT_CHANGES_OF_LOOK_MAX);
    let rest = (more > 0).then(|| format!("{more} further changes: opsbro inventory diff"));
    let first = changes.iter().take(limits::ALERT_CHANGES_OF_LOOK_MAX);
    rest.into_iter().chain(first.rev().map(words)).collect()
}

/// Lists the packages when their database is another than at the look before.
fn packages_if_new(agent: &Agent, before: Option<&Edition>) -> (Packages, Option<Edition>) {
    let edition = match agent.machine.packages().edition() {
        Ok(edition) => edition,
        Err(error) => return (Packages::Unknown(error.to_string()), None),
    };
    if before == Some(&edition) {
        return (Packages::Unknown("they are as they were".to_owned()), None);
    }
    match packages(agent) {
        known @ Packages::Known(_) => (known, Some(edition)),
        unknown @ Packages::Unknown(_) => (unknown, None),
    }
}

fn packages(agent: &Agent) -> Packages {
    match agent.machine.packages().versions(Deadline::after(TIME_BOX)) {
        Ok(versions) => Packages::Known(versions),
        Err(error) => Packages::Unknown(error.to_string()),
    }
}

/// Gives the inventory as of now. May block; the caller is in the worker pool.
pub(crate) fn whole(agent: &Agent) -> (WallTime, Inventory) {
    let (now, wall) = (clock::now(), clock::wall());
    let facts = Arc::clone(&agent.facts.borrow());
    (wall, build(&facts, now, wall, packages(agent)))
}

/// The loop that looks now and then.
pub(crate) struct InventoryLoop {
    agent: Arc<Agent>,
    interval: Interval,
}

/// What happens to the loop.
pub(crate) enum Event {
    /// It is time for a look.
    Tick,
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["ticks"];

    fn kind(&self) -> usize {
        match self {
            Self::Tick => 0,
        }
    }
}

impl InventoryLoop {
    /// Makes the loop; must be called inside the runtime.
    pub(crate) fn new(agent: Arc<Agent>) -> Self {
        let mut interval = tokio::time::interval_at(Instant::now() + FIRST, INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { agent, interval }
    }
}

impl Room for InventoryLoop {
    type Event = Event;

    const NAME: &'static str = "inventory";

    async fn next(&mut self) -> Event {
        self.interval.tick().await;
        Event::Tick
    }

    fn apply(&mut self, event: Event) {
        let Event::Tick = event;
        // A look that hangs is waited for: one more would only hang beside it.
        if self.agent.workers.count(LOOK) > 0 {
            return;
        }
        let agent = Arc::clone(&self.agent);
        let look = move || agent.ledger.look(&agent);
        if let Err(error) = self.agent.workers.post(LOOK, TIME_BOX, look) {
            warn!(%error, "Cannot look at what changed on this machine");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_notes_what_changed_since_the_look_before_a_restart() {
        let agent = Agent::for_tests();
        let real = whole(&agent).1;
        let Some(packages) = real.sections.get("packages").filter(|it| !it.is_empty()) else {
            // Without a package manager nothing is known of packages, and nothing may be noted.
            assert!(real.missing.contains_key("packages"));
            return;
        };
        // The machine had one package more, and the first one in another version.
        let mut before = packages.clone();
        let version = |version: &str| [("version".to_owned(), version.to_owned())].into();
        let first = packages.keys().next().unwrap().clone();
        before.insert(first.clone(), version("0~old"));
        before.insert("gone".to_owned(), version("1"));
        agent.keep.save_baseline(&Baseline {
            began_ms: 5,
            sections: BTreeMap::from([("packages".to_owned(), before)]),
        });
        let changes = || {
            let since = WallTime::from_millis(0);
            agent.ledger.changes(&agent, since, false).unwrap()
        };
        let told = changes();
        let names: Vec<&str> = told.all.iter().map(|(_, it)| it.name.as_str()).collect();
        assert_eq!(names, ["gone", first.as_str()]);
        assert_eq!(told.began, WallTime::from_millis(5));
        // Looking again finds nothing new.
        assert_eq!(changes().all.len(), 2);
        let kept = agent.keep.baseline().unwrap();
        assert_eq!(kept.sections["packages"], *packages);
    }

    #[test]
    fn many_changes_of_one_look_are_counted_for_alerts() {
        let change = |name: &str| Change {
            section: "packages".to_owned(),
            name: name.to_owned(),
            old: None,
            new: Some([("version".to_owned(), "1".to_owned())].into()),
        };
        let one = "package a 1 installed";
        assert_eq!(named(&[change("a")]), [one]);
        let told = named(&["a", "b", "c", "d", "e"].map(change));
        assert_eq!(
            told.first().unwrap(),
            "2 further changes: opsbro inventory diff"
        );
        assert_eq!((told.len(), told.last().unwrap().as_str()), (4, one));
        assert!(named(&[]).is_empty());
    }

    #[test]
    fn the_first_look_of_all_notes_nothing() {
        let agent = Agent::for_tests();
        let told = agent.ledger.changes(&agent, WallTime::from_millis(0), true);
        assert!(told.unwrap().all.is_empty());
    }
}
