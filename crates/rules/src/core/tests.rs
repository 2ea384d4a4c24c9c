//! The parts together: what one finds out, the others do.

use std::collections::BTreeMap;

use expr::{Env, Reference, Unknown};
use model::{GroupSet, Value};
use packs::{File, PackFiles, Registry};

use super::*;
use crate::facts::{Cost, Outcome};

/// The node of a test: a core, and a machine that gives each collector a value.
struct Node {
    core: Core,
    now: u64,
    machine: BTreeMap<&'static str, Value>,
    told: Vec<String>,
    /// Whether the first run of `openports` does not end, and what came of it.
    is_slow: bool,
    held: Option<Input>,
    /// The groups that it had when it was certain of them for the first time.
    first_certain: Option<Vec<String>>,
}

struct World(Arc<Facts>, Moment);

impl Env for World {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        self.0.look_up(reference, self.1, WallTime::default())
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(self.0.is_in_group(group))
    }
}

fn collector(name: &str, if_group: &str) -> collectors::Definition {
    collectors::Definition {
        name: Arc::from(name),
        defined_at: None,
        version: 1,
        if_group: GroupSet::parse(if_group).unwrap(),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(2),
        has_rates: false,
        is_cheap: true,
        refusal: None,
    }
}

fn setup() -> Setup {
    let mut files = PackFiles::new();
    let mut add = |path: &str, text: &str| {
        files.add(model::Level::Local, path, File::new(path, text.as_bytes()));
    };
    add("p/package.yml", "name: p\n");
    let redis = "detector:\n  apply_if: \"6379 in {{collector.openports.ports}}\"\n  \
                 add_groups: [redis]\n";
    add("p/detectors/redis.yml", redis);
    let cache = "detector:\n  apply_if: \"is_in_group('redis')\"\n  add_groups: [cache]\n";
    add("p/detectors/cache.yml", cache);
    let registry = Registry::load(&files, None);
    Setup {
        collectors: vec![
            collector("openports", "*"),
            collector("redis", "redis & cache"),
        ],
        detectors: registry
            .detectors()
            .map(|detector| detectors::Definition {
                detector: Arc::clone(detector),
                version: 1,
            })
            .collect(),
        checks: Some(Vec::new()),
    }
}

/// The checks of a pack: one on every node, one where redis is.
fn to_check() -> Vec<Arc<Check>> {
    let mut files = PackFiles::new();
    let mut add = |path: &str, text: &str| {
        files.add(model::Level::Local, path, File::new(path, text.as_bytes()));
    };
    add("p/package.yml", "name: p\n");
    let check = |group: &str| {
        format!(
            "check:\n  if_group: '{group}'\n  critical_if: '{{{{collector.redis.up}}}} == False'\n"
        )
    };
    add("p/monitoring/all.yml", &check("*"));
    add("p/monitoring/redis.yml", &check("redis"));
    Registry::load(&files, None).all_checks().cloned().collect()
}

fn judged(run: &checks::Run, env: &World) -> Input {
    let World(_, began) = *env;
    let verdict = packs::check::judge(&run.check, env);
    Input::Judged(vec![checks::Ended {
        slot: run.slot,
        number: run.number,
        began,
        took: Duration::ZERO,
        outcome: checks::Outcome::Said(vec![Said::new(verdict.state, &verdict.output)]),
    }])
}

impl Node {
    fn new(kept: Kept) -> Self {
        Self {
            core: Core::new(
                kept,
                Checks::new(
                    model::NodeId::from_random([7; 16]),
                    Arc::from("n"),
                    checks::Kept::default(),
                ),
            ),
            now: 0,
            machine: BTreeMap::new(),
            told: Vec::new(),
            is_slow: false,
            held: None,
            first_certain: None,
        }
    }

    fn note_certainty(&mut self) {
        if self.first_certain.is_none() && self.core.own_groups(self.at().0).is_certain {
            let detected = Arc::clone(&self.core.facts().detected_groups);
            self.first_certain = Some(detected.keys().map(ToString::to_string).collect());
        }
    }

    fn at(&self) -> (Moment, WallTime) {
        let moment = Moment::from_start(Duration::from_millis(self.now));
        (moment, WallTime::from_millis(self.now))
    }

    fn handle(&mut self, input: Input) {
        let (now, wall) = self.at();
        self.core.handle(now, wall, input);
        while let Some(output) = self.core.poll_output() {
            self.note_certainty();
            let input = match output {
                Output::Check(checks::Output::Judge(runs)) => {
                    for run in runs {
                        let input = judged(&run, &World(self.core.facts(), now));
                        self.core.handle(now, wall, input);
                    }
                    continue;
                }
                Output::Check(checks::Output::Transition(transition)) => {
                    let change = transition.change.as_str();
                    self.told
                        .push(format!("{} {} {change}", transition.name(), transition.new));
                    continue;
                }
                Output::Check(other) => panic!("{other:?}"),
                Output::Collect(job) => {
                    let value = self.machine.get(&*job.name).cloned();
                    let is_held = self.is_slow && &*job.name == "openports";
                    let ended = Input::Collected(collectors::Ended {
                        name: job.name,
                        run: job.run,
                        result: value.ok_or_else(|| collectors::Trouble::failed("no answer")),
                        cost: Cost::default(),
                    });
                    if is_held {
                        self.held = Some(ended);
                        continue;
                    }
                    ended
                }
                Output::Look(job) => Input::Looked(detectors::Ended {
                    id: job.id,
                    run: job.run,
                    look: detectors::look(&job.detector, &World(self.core.facts(), now)),
                    cost: Cost::default(),
                }),
                Output::Forget(_) => continue,
                Output::CollectorChanged(change) => {
                    self.told.push(format!("{} {}", change.name, change.new));
                    continue;
                }
                Output::GroupsChanged(change) => {
                    let groups = change.added.keys().map(|group| format!("+{group}"));
                    self.told.extend(groups);
                    let groups = change.removed.keys().map(|group| format!("-{group}"));
                    self.told.extend(groups);
                    continue;
                }
            };
            self.core.handle(now, wall, input);
            self.note_certainty();
        }
    }

    fn until(&mut self, millis: u64) {
        while self.now < millis {
            self.now += 50;
            self.handle(Input::Tick);
        }
    }

    fn ports(&mut self, ports: &[i64]) {
        let ports = Value::list(ports.iter().map(|port| Value::Int(*port)));
        self.machine
            .insert("openports", Value::map([("ports", ports)]));
    }
}

#[test]
fn a_service_that_starts_later_is_seen_and_looked_at_within_fifteen_seconds() {
    let mut node = Node::new(Kept::default());
    node.ports(&[22]);
    node.handle(Input::Define(setup()));
    node.until(40_000);
    assert!(node.core.has_looked(node.at().0));
    assert_eq!(
        node.core.facts().collectors["redis"].state,
        State::NotEligible
    );
    node.told.clear();
    node.ports(&[22, 6379]);
    node.machine
        .insert("redis", Value::map([("up", Value::Bool(true))]));
    node.until(55_000);
    assert_eq!(node.told, ["+redis", "+cache", "redis OK"]);
    node.told.clear();
    node.ports(&[22]);
    node.until(70_000);
    assert_eq!(node.told, ["-redis", "redis NOT-ELIGIBLE", "-cache"]);
}

#[test]
fn groups_are_known_soon_after_the_start() {
    let mut node = Node::new(Kept::default());
    node.ports(&[6379]);
    node.handle(Input::Define(setup()));
    node.until(200);
    assert!(node.core.facts().is_in_group("redis"));
    node.until(3_000);
    assert!(node.core.has_looked(node.at().0));
}

#[test]
fn a_node_is_certain_of_its_groups_when_the_last_detector_could_tell() {
    let mut node = Node::new(Kept::default());
    node.ports(&[6379]);
    node.is_slow = true;
    node.handle(Input::Define(setup()));
    node.until(2_000);
    assert_eq!(node.first_certain, None);
    let ended = node.held.take().unwrap();
    node.is_slow = false;
    node.handle(ended);
    node.until(4_000);
    let all = ["cache", "redis"].map(str::to_owned);
    assert_eq!(node.first_certain, Some(all.to_vec()));
    // One that overran its time box is not waited for.
    let mut node = Node::new(Kept::default());
    node.is_slow = true;
    node.handle(Input::Define(setup()));
    node.until(5_000);
    assert_eq!(node.first_certain, Some(Vec::new()));
}

#[test]
fn a_static_group_is_never_touched() {
    let mut node = Node::new(Kept::default());
    let redis = Group::parse("redis").unwrap();
    node.ports(&[6379]);
    node.handle(Input::StaticGroups(BTreeSet::from([redis.clone()])));
    node.handle(Input::Define(setup()));
    node.until(5_000);
    assert!(node.core.facts().detected_groups.contains_key(&redis));
    node.ports(&[]);
    node.until(30_000);
    let facts = node.core.facts();
    assert!(!facts.detected_groups.contains_key(&redis));
    assert!(facts.is_in_group("redis"));
    assert_eq!(facts.collectors["redis"].state, State::Error, "it runs on");
}

#[test]
fn what_is_kept_comes_back_after_a_restart() {
    let mut node = Node::new(Kept::default());
    node.ports(&[6379]);
    node.handle(Input::Define(setup()));
    node.until(5_000);
    let kept = Kept::of(&node.core.facts());

    let mut again = Node::new(kept);
    again.now = 1_000_000;
    let setup = setup();
    again
        .core
        .handle(again.at().0, again.at().1, Input::Define(setup));
    let facts = again.core.facts();
    assert!(facts.is_in_group("redis") && facts.is_in_group("cache"));
    assert_eq!(facts.detectors["p/redis"].outcome, Outcome::Pending);
    assert!(facts.collectors["openports"].good.is_some());
    let reference = expr::compile(
        "{{collector.openports.ports}}",
        &model::Place::new("test", 1, 1),
    );
    let reference = reference.unwrap().references()[0].clone();
    let (now, wall) = again.at();
    let reason = facts.look_up(&reference, now, wall).unwrap_err().reason;
    assert!(reason.contains("is too old: 16m"), "{reason}");
}

#[test]
fn detection_that_is_switched_off_gives_no_groups() {
    let mut node = Node::new(Kept::default());
    node.ports(&[6379]);
    node.handle(Input::Define(setup()));
    node.until(5_000);
    let off = Setup {
        detectors: Vec::new(),
        ..setup()
    };
    node.handle(Input::Define(off));
    assert!(node.core.facts().detected_groups.is_empty());
    assert_eq!(
        node.core.facts().collectors["redis"].state,
        State::NotEligible
    );
}

#[test]
fn checks_follow_the_groups_of_the_node() {
    let mut node = Node::new(Kept::default());
    node.ports(&[6379]);
    node.machine
        .insert("redis", Value::map([("up", Value::Bool(true))]));
    node.handle(Input::Define(Setup {
        checks: Some(to_check()),
        ..setup()
    }));
    node.until(40_000);
    let told = std::mem::take(&mut node.told);
    for expect in ["p/all OK state", "p/redis OK state"] {
        assert!(told.iter().any(|it| it == expect), "{told:?}");
    }
    node.ports(&[22]);
    node.until(70_000);
    let gone = "p/redis PENDING gone-group-left";
    assert!(node.told.iter().any(|it| it == gone), "{:?}", node.told);
    // Switched off, nothing is judged and nothing is told.
    node.handle(Input::Define(Setup {
        checks: None,
        ..setup()
    }));
    node.told.clear();
    node.until(100_000);
    assert!(node.core.checks().checks.is_empty());
    assert!(
        !node.told.iter().any(|it| it.starts_with("p/")),
        "{:?}",
        node.told
    );
}
