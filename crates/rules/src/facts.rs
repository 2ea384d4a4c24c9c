//! What this node knows at one moment: what the collectors gave, and which groups it has.
//!
//! [`Facts`] is the immutable snapshot that expressions, requests and the other parts read. It
//! says of each thing where it came from and how old it is, and of each missing thing why it is
//! missing and what to do. It leaves out what checks and alerts know: those have snapshots of
//! their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use expr::{Reference, Unknown};
use model::{Group, Moment, Value, WallTime, format_interval, limits};

/// What this node knows.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every collector by its name, also those that do not run here.
    pub collectors: BTreeMap<Arc<str>, Arc<Collector>>,
    /// The groups that the configuration gave.
    pub static_groups: Arc<BTreeSet<Group>>,
    /// The groups that detectors gave; one may be a static group too.
    pub detected_groups: Arc<BTreeMap<Group, Detected>>,
    /// Every detector by its id, `pack/name`.
    pub detectors: BTreeMap<Arc<str>, Arc<Detector>>,
}

/// What is known of a collector.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Its name, as in `{{collector.name…}}`.
    pub name: Arc<str>,
    /// Where it is defined, as `redis/collectors/redis.yml:3`; `None` for one that is built in and
    /// that no pack speaks of.
    pub defined_at: Option<Arc<str>>,
    /// How it does.
    pub state: State,
    /// Why it is in this state; empty when all is well.
    pub reason: Arc<str>,
    /// What to do about it; empty when there is nothing to do.
    pub todo: Arc<str>,
    /// What the last good run gave.
    pub good: Option<Good>,
    /// The run that ended last, good or not.
    pub last_run: Option<Run>,
    /// When it is due next; `None` when it does not run here.
    pub next_due: Option<Moment>,
    /// How often it runs.
    pub interval: Duration,
    /// Time that one run may take.
    pub timeout: Duration,
    /// Since when a run is under way that overran its time box; until it ends there is no other.
    pub hangs_since: Option<WallTime>,
    /// Since when it is in this state.
    pub since: WallTime,
    /// Whether it gives rates, which are counted from one run to the next, and has not run twice
    /// since the start.
    pub awaits_rates: bool,
}

/// How a collector does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has not run yet.
    Pending,
    /// Its last run gave data.
    Ok,
    /// This machine has not got what it looks at, or not the group that it asks for.
    NotEligible,
    /// Somebody must say how to reach what it looks at.
    MissingConfiguration,
    /// Its last run failed, or hangs.
    Error,
}

/// The result of a good run.
#[derive(Clone, Debug)]
pub struct Good {
    /// What it gave.
    pub value: Value,
    /// When.
    pub taken: Taken,
}

/// When something was seen. What was kept over a restart has no moment on this run's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When, on the clock that never jumps; `None` when it was before this start of the agent.
    pub moment: Option<Moment>,
    /// When, for people and for what was kept over a restart.
    pub wall: WallTime,
}

/// A run of a collector or a detector that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub began: Moment,
    /// The same, for people.
    pub wall: WallTime,
    /// What it cost.
    pub cost: Cost,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Time that passed.
    pub wall: Duration,
    /// Time of the processor, without that of other processes.
    pub cpu: Duration,
    /// Bytes that its source gave, or that it read; zero where nobody counts them.
    pub bytes: u64,
}

/// A group that detectors gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The ids of the detectors that give it.
    pub by: BTreeSet<Arc<str>>,
    /// Since when this node has it.
    pub since: WallTime,
}

/// What is known of a detector.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Its id, `pack/name`.
    pub id: Arc<str>,
    /// What its last run told.
    pub outcome: Outcome,
    /// The groups that it gives, or keeps while its outcome is not known.
    pub groups: BTreeSet<Group>,
    /// Names that it would give and that are no groups, and why.
    pub refused: Vec<Arc<str>>,
    /// The run that ended last.
    pub last_run: Option<Run>,
    /// When it is due next.
    pub next_due: Option<Moment>,
    /// How often it looks when nothing that it refers to changes.
    pub interval: Duration,
    /// Since when a run is under way that overran its time box.
    pub hangs_since: Option<WallTime>,
}

/// What a run of a detector told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not run yet.
    Pending,
    /// Its condition holds.
    Matches,
    /// Its condition does not hold.
    Differs,
    /// It cannot be told, and why.
    Unknown(Arc<str>),
    /// The detector is wrong, and how.
    Error(Arc<str>),
}

impl Facts {
    /// Gives the value that `{{collector.…}}` names. One that is missing, or too old to be true, is
    /// unknown with what to do about it.
    pub fn look_up(
        &self,
        reference: &Reference,
        now: Moment,
        wall: WallTime,
    ) -> Result<Value, Unknown> {
        let Some(name) = reference.first() else {
            return reference.walk(&self.all_values(now, wall));
        };
        let Some(collector) = self.collectors.get(name) else {
            return Err(self.no_such_collector(name));
        };
        let Some(good) = collector.usable(now, wall) else {
            return Err(collector.missing(reference, now, wall));
        };
        match reference.walk_behind_first(&good.value) {
            Some(value) => Ok(value),
            None => Err(missing_key(reference, collector, &good.value)),
        }
    }

    /// Gives the collector that a reference names.
    pub fn collector_of(&self, reference: &Reference) -> Option<&Arc<Collector>> {
        self.collectors.get(reference.first()?)
    }

    /// Tells whether this node has a group, given or detected.
    pub fn is_in_group(&self, group: &str) -> bool {
        self.groups().any(|known| known.as_str() == group)
    }

    /// Gives all groups of this node, ordered by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        let all: BTreeSet<&Group> = self
            .static_groups
            .iter()
            .chain(self.detected_groups.keys())
            .collect();
        all.into_iter()
    }

    fn all_values(&self, now: Moment, wall: WallTime) -> Value {
        let usable = self.collectors.values().filter_map(|collector| {
            let good = collector.usable(now, wall)?;
            Some((Arc::clone(&collector.name), good.value.clone()))
        });
        Value::map(usable)
    }

    fn no_such_collector(&self, name: &str) -> Unknown {
        let known = self.collectors.keys().map(|known| &**known);
        Unknown::new(match model::nearest(name, known) {
            Some(near) => format!("there is no collector `{name}`: did you mean `{near}`?"),
            None => format!("there is no collector `{name}`"),
        })
    }
}

impl Collector {
    /// Gives the last good result while expressions may believe it: as long as it is young enough,
    /// and as the collector runs here. People may look at an older one in `good`.
    pub fn usable(&self, now: Moment, wall: WallTime) -> Option<&Good> {
        let good = self.good.as_ref()?;
        (self.state.is_believed() && good.taken.age(now, wall) <= self.age_max()).then_some(good)
    }

    /// Gives the age up to which a result is believed when no newer one comes.
    pub fn age_max(&self) -> Duration {
        let turns = self.interval.saturating_mul(limits::FACT_TURNS_MAX);
        turns.max(limits::FACT_AGE_MIN)
    }

    /// Says in one line why there is nothing, and what brings it: "redis: NOT-ELIGIBLE, this node
    /// is not in the group redis; add the group redis".
    pub fn why(&self) -> String {
        // What failed is told by its reason alone.
        let count = match self.state {
            State::Error | State::Pending | State::Ok => 1,
            State::NotEligible | State::MissingConfiguration => 2,
        };
        let words = [&*self.reason, &*self.todo].into_iter();
        let words: Vec<&str> = words.filter(|it| !it.is_empty()).take(count).collect();
        match &words[..] {
            [] => format!("{}: {}", self.name, self.state),
            words => format!("{}: {}, {}", self.name, self.state, words.join("; ")),
        }
    }

    fn missing(&self, reference: &Reference, now: Moment, wall: WallTime) -> Unknown {
        let why = self.why();
        let age = self.good.as_ref().map(|good| good.taken.age(now, wall));
        let reason = match (self.state, age) {
            (State::Ok | State::Error | State::Pending, Some(age)) => {
                let age = format_interval(Duration::from_secs(age.as_secs()));
                format!("{reference} is too old: {age} ({why})")
            }
            _ => format!("{reference} is missing ({why})"),
        };
        match self.state {
            // It runs here, and gives nothing that is true: that is no "there is none".
            State::Error | State::Ok => Unknown::failed(reason),
            State::Pending | State::NotEligible | State::MissingConfiguration => {
                Unknown::new(reason)
            }
        }
    }
}

/// Says that a collector runs and does not give a key, and what it gives instead.
fn missing_key(reference: &Reference, collector: &Collector, value: &Value) -> Unknown {
    let name = &collector.name;
    let wrong = reference.segments.iter().skip(1).find_map(|segment| {
        let (expr::Segment::Name(key) | expr::Segment::Quoted(key)) = segment else {
            return None;
        };
        value.get(key).is_none().then_some(&**key)
    });
    let near = match (value, wrong) {
        (Value::Map(members), Some(wrong)) => {
            model::nearest(wrong, members.keys().map(|known| &**known))
        }
        _ => None,
    };
    Unknown::new(match near {
        Some(near) => {
            format!("{reference} is missing ({name} gives no such key: did you mean `{near}`?)")
        }
        None => format!(
            "{reference} is missing ({name} gives no such key: look at \
             `opsbro collectors show {name}`)"
        ),
    })
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Ok,
        Self::NotEligible,
        Self::MissingConfiguration,
        Self::Error,
    ];

    /// Gives the word that users know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Ok => "OK",
            Self::NotEligible => "NOT-ELIGIBLE",
            Self::MissingConfiguration => "MISSING-CONFIGURATION",
            Self::Error => "ERROR",
        }
    }

    /// Reads the word; `None` when it names no state.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Tells whether the last good result may still be true: not where the collector does not run.
    pub fn is_believed(self) -> bool {
        match self {
            Self::Pending | Self::Ok | Self::Error => true,
            Self::NotEligible | Self::MissingConfiguration => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Outcome {
    /// Gives the word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Matches => "MATCHES",
            Self::Differs => "DIFFERS",
            Self::Unknown(_) => "UNKNOWN",
            Self::Error(_) => "ERROR",
        }
    }

    /// Gives why it cannot be told; empty when it can.
    pub fn reason(&self) -> &str {
        match self {
            Self::Pending | Self::Matches | Self::Differs => "",
            Self::Unknown(reason) | Self::Error(reason) => reason,
        }
    }
}

impl Taken {
    /// Makes the time of something that is seen in this run of the agent.
    pub fn at(now: Moment, wall: WallTime) -> Self {
        Self {
            moment: Some(now),
            wall,
        }
    }

    /// Gives how long ago it was. A wall clock that was set back makes kept things young, not
    /// wrong.
    pub fn age(&self, now: Moment, wall: WallTime) -> Duration {
        match self.moment {
            Some(moment) => now.since(moment),
            None => Duration::from_millis(wall.as_millis().saturating_sub(self.wall.as_millis())),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Place;

    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn wall(seconds: u64) -> WallTime {
        WallTime::from_millis(1_000 * seconds)
    }

    fn reference(path: &str) -> Reference {
        let program = expr::compile(&format!("{{{{{path}}}}}"), &Place::new("test", 1, 1));
        program.unwrap().references()[0].clone()
    }

    fn collector(name: &str, state: State, todo: &str) -> Collector {
        Collector {
            name: Arc::from(name),
            defined_at: None,
            state,
            reason: Arc::from(""),
            todo: Arc::from(todo),
            good: None,
            last_run: None,
            next_due: None,
            interval: TEN,
            timeout: TEN,
            hangs_since: None,
            awaits_rates: false,
            since: wall(0),
        }
    }

    fn facts() -> Facts {
        let memory = Collector {
            good: Some(Good {
                value: Value::map([("phys_used", Value::Int(40))]),
                taken: Taken::at(at(100), wall(100)),
            }),
            ..collector("memory", State::Ok, "")
        };
        let redis = collector("redis", State::NotEligible, "add the group redis");
        let all = [memory, redis];
        Facts {
            collectors: all
                .into_iter()
                .map(|one| (Arc::clone(&one.name), Arc::new(one)))
                .collect(),
            ..Facts::default()
        }
    }

    fn check(facts: &Facts, path: &str, now: u64, expect: Result<Value, &str>) {
        let found = facts.look_up(&reference(path), at(now), wall(now));
        let found = found.map_err(|unknown| unknown.reason);
        assert_eq!(found, expect.map_err(str::to_owned), "{path} at {now}");
    }

    #[test]
    fn a_value_is_found_while_it_is_young() {
        let facts = facts();
        check(
            &facts,
            "collector.memory.phys_used",
            105,
            Ok(Value::Int(40)),
        );
        check(
            &facts,
            "collector.memory.phys_used",
            160,
            Ok(Value::Int(40)),
        );
        check(
            &facts,
            "collector.memory.phys_used",
            191,
            Err("collector.memory.phys_used is too old: 1m31s (memory: OK)"),
        );
        let all = Value::list([Value::Int(40)]);
        check(&facts, "collector.*.phys_used", 105, Ok(all));
    }

    #[test]
    fn a_missing_value_says_why_and_what_to_do() {
        let facts = facts();
        for (path, reason) in [
            (
                "collector.redis.x",
                "collector.redis.x is missing (redis: NOT-ELIGIBLE, add the group redis)",
            ),
            (
                "collector.memory.phys_usd",
                "collector.memory.phys_usd is missing \
                 (memory gives no such key: did you mean `phys_used`?)",
            ),
            (
                "collector.memory.zebra",
                "collector.memory.zebra is missing \
                 (memory gives no such key: look at `opsbro collectors show memory`)",
            ),
            (
                "collector.memroy.phys_used",
                "there is no collector `memroy`: did you mean `memory`?",
            ),
        ] {
            check(&facts, path, 105, Err(reason));
        }
    }

    #[test]
    fn no_default_takes_the_place_of_what_failed() {
        let mut facts = facts();
        let has_failed = |facts: &Facts, path: &str, now: u64| {
            let found = facts.look_up(&reference(path), at(now), wall(now));
            found.unwrap_err().has_failed
        };
        assert!(!has_failed(&facts, "collector.memory.zebra", 105));
        assert!(!has_failed(&facts, "collector.redis.x", 105));
        assert!(!has_failed(&facts, "collector.nope.x", 105));
        assert!(has_failed(&facts, "collector.memory.phys_used", 191));
        let redis = Arc::make_mut(facts.collectors.get_mut("redis").unwrap());
        redis.state = State::Error;
        redis.reason = Arc::from("connection refused");
        assert!(has_failed(&facts, "collector.redis.x", 105));
        check(
            &facts,
            "collector.redis.x",
            105,
            Err("collector.redis.x is missing (redis: ERROR, connection refused)"),
        );
    }

    #[test]
    fn data_of_a_collector_that_does_not_run_here_is_not_believed() {
        let mut facts = facts();
        let memory = facts.collectors.get_mut("memory").unwrap();
        Arc::make_mut(memory).state = State::NotEligible;
        Arc::make_mut(memory).todo = Arc::from("add the group linux");
        check(
            &facts,
            "collector.memory.phys_used",
            101,
            Err("collector.memory.phys_used is missing \
                 (memory: NOT-ELIGIBLE, add the group linux)"),
        );
    }

    #[test]
    fn what_was_kept_over_a_restart_has_the_age_that_the_wall_clock_tells() {
        let kept = Taken {
            moment: None,
            wall: wall(1_000),
        };
        assert_eq!(kept.age(at(1), wall(1_030)), Duration::from_secs(30));
        assert_eq!(kept.age(at(1), wall(900)), Duration::ZERO);
        let seen = Taken::at(at(1), wall(1_000));
        assert_eq!(seen.age(at(5), wall(9_000)), Duration::from_secs(4));
    }

    #[test]
    fn groups_are_those_given_and_those_found() {
        let group = |name| Group::parse(name).unwrap();
        let found = Detected {
            by: BTreeSet::from([Arc::from("linux/linux")]),
            since: wall(1),
        };
        let facts = Facts {
            static_groups: Arc::new(BTreeSet::from([group("web")])),
            detected_groups: Arc::new(BTreeMap::from([(group("linux"), found)])),
            ..Facts::default()
        };
        assert!(facts.is_in_group("web") && facts.is_in_group("linux"));
        assert!(!facts.is_in_group("redis"));
        let names: Vec<&str> = facts.groups().map(Group::as_str).collect();
        assert_eq!(names, ["linux", "web"]);
    }

    #[test]
    fn each_state_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
