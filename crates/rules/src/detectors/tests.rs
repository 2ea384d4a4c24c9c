//! Detectors on a virtual clock, with packs written here.

use std::cell::RefCell;

use expr::{Env, MachineCall, Reference, Unknown};
use model::{Value, limits};
use packs::{File, PackFiles, Registry};

use super::*;

fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(millis))
}

fn wall(millis: u64) -> WallTime {
    WallTime::from_millis(1_000_000 + millis)
}

fn group(name: &str) -> Group {
    Group::parse(name).unwrap()
}

/// Reads detectors of a pack `p`, given as name, condition and groups.
fn definitions(detectors: &[(&str, &str, &str)]) -> Vec<Definition> {
    let mut files = PackFiles::new();
    let mut add = |path: String, text: String| {
        files.add(
            model::Level::Local,
            &path,
            File::new(&*path, text.as_bytes()),
        );
    };
    add("p/package.yml".to_owned(), "name: p\n".to_owned());
    for (name, apply_if, groups) in detectors {
        let text = format!(
            "detector:\n  interval: 10s\n  apply_if: \"{apply_if}\"\n  add_groups: {groups}\n"
        );
        add(format!("p/detectors/{name}.yml"), text);
    }
    let registry = Registry::load(&files, None);
    let wrong = registry.diagnostics().iter().find(|it| it.is_error());
    assert_eq!(wrong, None);
    registry
        .detectors()
        .map(|detector| Definition {
            detector: Arc::clone(detector),
            version: 1,
        })
        .collect()
}

/// What the node of a test knows.
#[derive(Default)]
struct World {
    collectors: RefCell<BTreeMap<String, Value>>,
    groups: RefCell<BTreeSet<String>>,
}

impl Env for World {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        let missing = || Unknown::new(format!("{reference} is missing"));
        let collectors = self.collectors.borrow();
        let value = collectors.get(reference.first().ok_or_else(missing)?);
        reference
            .walk_behind_first(value.ok_or_else(missing)?)
            .ok_or_else(missing)
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(self.groups.borrow().contains(group))
    }

    fn machine(&self, _: MachineCall) -> Result<Value, Unknown> {
        Err(Unknown::new("no machine here"))
    }
}

struct Bench {
    detectors: Detectors,
    world: World,
    pending: BTreeSet<String>,
    now: u64,
    looks: Vec<String>,
    changes: Vec<String>,
    hung: BTreeSet<&'static str>,
}

impl Bench {
    fn new(detectors: &[(&str, &str, &str)]) -> Self {
        let mut bench = Self {
            detectors: Detectors::default(),
            world: World::default(),
            pending: BTreeSet::new(),
            now: 0,
            looks: Vec::new(),
            changes: Vec::new(),
            hung: BTreeSet::new(),
        };
        bench.define(detectors);
        bench
    }

    fn define(&mut self, detectors: &[(&str, &str, &str)]) {
        let now = self.now;
        self.detectors
            .define(at(now), wall(now), definitions(detectors));
        self.drain();
    }

    /// Tells the world a new value of a collector, as the core does.
    fn moves(&mut self, name: &str, new: Option<Value>) {
        let mut collectors = self.world.collectors.borrow_mut();
        let old = match &new {
            Some(new) => collectors.insert(name.to_owned(), new.clone()),
            None => collectors.remove(name),
        };
        drop(collectors);
        let name = Arc::from(name);
        let moved = Moved { name, old, new };
        self.detectors.collector_moved(at(self.now), &moved);
    }

    fn drain(&mut self) {
        while let Some(output) = self.detectors.poll_output() {
            match output {
                Output::Look(job) => {
                    self.looks.push(job.detector.name.to_string());
                    if self.hung.contains(&*job.detector.name) {
                        continue;
                    }
                    let ended = Ended {
                        id: job.id,
                        run: job.run,
                        look: look(&job.detector, &self.world),
                        cost: Cost::default(),
                    };
                    let is_pending = |name: &str| self.pending.contains(name);
                    let now = self.now;
                    self.detectors.ended(at(now), wall(now), ended, &is_pending);
                }
                Output::Changed(change) => {
                    let added = change.added.keys().map(|group| format!("+{group}"));
                    self.changes.extend(added);
                    let removed = change.removed.keys().map(|group| format!("-{group}"));
                    self.changes.extend(removed);
                }
            }
        }
    }

    /// Goes on to a time in steps of 100 ms, and gives who looked.
    fn until(&mut self, millis: u64) -> Vec<String> {
        let begin = self.looks.len();
        while self.now < millis {
            self.now += 100;
            self.detectors.tick(at(self.now), wall(self.now));
            self.drain();
        }
        self.looks[begin..].to_vec()
    }

    fn groups(&self) -> Vec<&str> {
        self.detectors.groups().keys().map(Group::as_str).collect()
    }

    fn fact(&self, name: &str) -> Arc<facts::Detector> {
        Arc::clone(&self.detectors.facts()[&*format!("p/{name}")])
    }
}

const LINUX: (&str, &str, &str) = ("linux", "{{collector.system.os}} == 'linux'", "[linux]");

fn os(name: &str) -> Option<Value> {
    Some(Value::map([
        ("os", Value::from(name)),
        ("load", Value::Int(1)),
    ]))
}

#[test]
fn a_condition_that_holds_gives_its_groups() {
    let mut bench = Bench::new(&[LINUX]);
    bench.moves("system", os("linux"));
    bench.until(3_000);
    assert_eq!(bench.groups(), ["linux"]);
    assert_eq!(bench.changes, ["+linux"]);
    let fact = bench.fact("linux");
    assert_eq!(fact.outcome, Outcome::Matches);
    let detected = &bench.detectors.groups()[&group("linux")];
    assert_eq!(detected.by, BTreeSet::from([Arc::from("p/linux")]));
}

#[test]
fn a_detector_that_waits_for_a_collector_cannot_tell_yet() {
    let mut bench = Bench::new(&[LINUX, ("all", "True", "[all]")]);
    let none = |_: &str| false;
    let system = |name: &str| name == "system";
    let linux = BTreeSet::from([Arc::from("p/linux")]);
    assert_eq!(
        bench.detectors.undecided(&none).len(),
        2,
        "nobody has looked"
    );
    bench.until(3_000);
    assert_eq!(bench.detectors.undecided(&system), linux);
    assert!(
        bench.detectors.undecided(&none).is_empty(),
        "nothing will come"
    );
    bench.moves("system", os("beos"));
    assert_eq!(bench.detectors.undecided(&none), linux, "it knows more now");
    assert!(!bench.detectors.have_all_looked());
    bench.until(6_000);
    assert!(bench.detectors.undecided(&system).is_empty());
    assert!(bench.detectors.have_all_looked());
}

#[test]
fn a_changed_fact_is_seen_within_a_second_and_another_fact_is_not_looked_at() {
    let mut bench = Bench::new(&[LINUX]);
    bench.moves("system", os("linux"));
    bench.until(30_000);
    // The load moves on: nothing that the detector names.
    let mut other = BTreeMap::from([(Arc::from("os"), Value::from("linux"))]);
    other.insert(Arc::from("load"), Value::Int(2));
    let due = bench.fact("linux").next_due;
    bench.moves("system", Some(Value::Map(Arc::new(other))));
    assert_eq!(bench.fact("linux").next_due, due);
    bench.moves("system", os("beos"));
    assert_eq!(bench.until(31_000).len(), 1);
    assert_eq!(bench.groups(), [""; 0]);
}

#[test]
fn a_fact_that_flickers_causes_one_look_a_second() {
    let mut bench = Bench::new(&[LINUX]);
    bench.until(12_000);
    bench.looks.clear();
    for turn in 0..50 {
        bench.moves("system", os(if turn % 2 == 0 { "linux" } else { "beos" }));
        let next = bench.now + 100;
        bench.until(next);
    }
    assert!(bench.looks.len() <= 6, "{} looks in 5 s", bench.looks.len());
}

#[test]
fn a_detector_removes_only_what_it_gave() {
    let web = ("web", "{{collector.system.web}}", "[web, shared]");
    let mail = ("mail", "{{collector.system.mail}}", "[mail, shared]");
    let facts = |web, mail| {
        Some(Value::map([
            ("web", Value::Bool(web)),
            ("mail", Value::Bool(mail)),
        ]))
    };
    let mut bench = Bench::new(&[web, mail]);
    bench.moves("system", facts(true, true));
    bench.until(3_000);
    assert_eq!(bench.groups(), ["mail", "shared", "web"]);
    bench.moves("system", facts(false, true));
    bench.until(5_000);
    assert_eq!(bench.groups(), ["mail", "shared"]);
    bench.moves("system", facts(false, false));
    bench.until(7_000);
    assert_eq!(bench.groups(), [""; 0]);
}

#[test]
fn an_empty_suffix_is_no_group_and_a_comma_separates_groups() {
    let mut bench = Bench::new(&[
        (
            "country",
            "True",
            "['country::{{collector.geoloc.country}}']",
        ),
        ("tags", "True", "['{{collector.geoloc.tags}}', 'a, b,,']"),
        ("wrong", "True", "['not a group!', 'fine']"),
    ]);
    let tags = Value::list([Value::from("red"), Value::from("blue")]);
    let geoloc = [("country", Value::from("")), ("tags", tags)];
    bench.moves("geoloc", Some(Value::map(geoloc)));
    bench.until(3_000);
    assert_eq!(bench.groups(), ["a", "b", "blue", "fine", "red"]);
    let refused = &bench.fact("wrong").refused;
    assert!(refused[0].contains("`not a group!`"), "{refused:?}");
    let geoloc = [("country", Value::from("FR")), ("tags", Value::list([]))];
    bench.moves("geoloc", Some(Value::map(geoloc)));
    bench.until(5_000);
    assert_eq!(bench.groups(), ["a", "b", "country::FR", "fine"]);
}

#[test]
fn a_list_without_end_gives_a_bounded_number_of_groups() {
    let mut bench = Bench::new(&[("tags", "True", "['{{collector.cloud.tags}}']")]);
    let tags = (0..5_000).map(|number| Value::text(format!("tag{number}")));
    bench.moves("cloud", Some(Value::map([("tags", Value::list(tags))])));
    bench.until(3_000);
    assert_eq!(bench.groups().len(), limits::DETECTOR_GROUPS_MAX);
    assert!(bench.fact("tags").refused[0].contains("too many groups"));
}

#[test]
fn what_cannot_be_told_keeps_its_groups_for_a_minute_and_says_why() {
    let mut bench = Bench::new(&[LINUX]);
    bench.moves("system", os("linux"));
    bench.until(3_000);
    bench.moves("system", None);
    bench.until(5_000);
    assert_eq!(bench.groups(), ["linux"]);
    let reason = "collector.system.os is missing";
    assert_eq!(bench.fact("linux").outcome.reason(), reason);
    bench.until(90_000);
    assert_eq!(bench.groups(), [""; 0]);
    assert_eq!(bench.fact("linux").outcome.reason(), reason);
    bench.moves("system", os("linux"));
    bench.until(91_500);
    assert_eq!(bench.groups(), ["linux"]);
}

#[test]
fn what_was_kept_stays_while_its_collector_has_not_run() {
    let mut bench = Bench::new(&[]);
    bench.detectors.restore(Kept {
        detectors: BTreeMap::from([
            (Arc::from("p/linux"), BTreeSet::from([group("linux")])),
            (Arc::from("p/gone"), BTreeSet::from([group("gone")])),
        ]),
        groups_since: BTreeMap::from([(group("linux"), WallTime::from_millis(5))]),
        ..Kept::default()
    });
    bench.pending.insert("system".to_owned());
    bench.define(&[LINUX]);
    assert_eq!(bench.groups(), ["linux"]);
    let detected = &bench.detectors.groups()[&group("linux")];
    assert_eq!(detected.since, WallTime::from_millis(5));
    bench.until(300_000);
    assert_eq!(bench.groups(), ["linux"]);
    bench.pending.clear();
    bench.moves("system", os("beos"));
    bench.until(302_000);
    assert_eq!(bench.groups(), [""; 0]);
}

#[test]
fn a_group_that_another_depends_on_is_followed_at_once() {
    let mut bench = Bench::new(&[("cache", "is_in_group('redis')", "[cache]")]);
    bench.until(3_000);
    assert_eq!(bench.groups(), [""; 0]);
    bench.world.groups.borrow_mut().insert("redis".to_owned());
    bench.detectors.groups_changed(at(bench.now));
    bench.until(4_500);
    assert_eq!(bench.groups(), ["cache"]);
}

#[test]
fn a_look_that_hangs_is_named_and_stops_only_itself() {
    let mut bench = Bench::new(&[("hung", "True", "[hung]"), ("well", "True", "[well]")]);
    bench.hung.insert("hung");
    bench.until(60_000);
    assert_eq!(bench.groups(), ["well"]);
    let fact = bench.fact("hung");
    assert!(fact.hangs_since.is_some());
    assert!(fact.outcome.reason().starts_with("hangs since"));
    let hung = bench.looks.iter().filter(|name| *name == "hung");
    assert_eq!(hung.count(), 1);
    assert!(bench.detectors.have_all_looked());
}

#[test]
fn a_detector_that_is_gone_takes_its_groups_with_it() {
    let always = ("always", "True", "[always]");
    let mut bench = Bench::new(&[always, ("other", "True", "[other]")]);
    bench.until(3_000);
    assert_eq!(bench.groups(), ["always", "other"]);
    bench.define(&[always]);
    assert_eq!(bench.groups(), ["always"]);
    assert_eq!(bench.changes, ["+always", "+other", "-other"]);
}

#[test]
fn a_mistake_that_shows_at_run_time_is_told_with_its_place() {
    let mut bench = Bench::new(&[("bad", "{{collector.system.os}} > 5", "[bad]")]);
    bench.moves("system", os("linux"));
    bench.until(3_000);
    let fact = bench.fact("bad");
    assert_eq!(fact.outcome.as_str(), "ERROR");
    let reason = fact.outcome.reason();
    assert!(reason.contains("detectors/bad.yml"), "{reason}");
}
