//! The life of collectors on a virtual clock.

use model::GroupSet;

use super::*;

const TEN: Duration = Duration::from_secs(10);

fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(millis))
}

fn wall(millis: u64) -> WallTime {
    WallTime::from_millis(1_000_000 + millis)
}

fn definition(name: &str) -> Definition {
    Definition {
        name: Arc::from(name),
        defined_at: None,
        version: 1,
        if_group: GroupSet::all(),
        interval: TEN,
        timeout: Duration::from_secs(2),
        has_rates: false,
        is_cheap: true,
        refusal: None,
    }
}

fn load(number: f64) -> Value {
    Value::map([("load1", Value::Float(number))])
}

/// Collectors, their clock, and what they told.
struct Bench {
    collectors: Collectors,
    now: u64,
    jobs: Vec<Job>,
    changes: Vec<String>,
    moved: Vec<Moved>,
    forgotten: Vec<Arc<str>>,
}

impl Bench {
    fn new(definitions: Vec<Definition>) -> Self {
        let mut bench = Self {
            collectors: Collectors::default(),
            now: 0,
            jobs: Vec::new(),
            changes: Vec::new(),
            moved: Vec::new(),
            forgotten: Vec::new(),
        };
        bench.define(definitions);
        bench
    }

    fn define(&mut self, definitions: Vec<Definition>) {
        let now = self.now;
        self.collectors.define(at(now), wall(now), definitions);
        self.take();
    }

    fn groups(&mut self, names: &[&str]) {
        let groups = names.iter().map(|name| Group::parse(name).unwrap());
        let now = self.now;
        self.collectors
            .set_groups(at(now), wall(now), groups.collect());
        self.take();
    }

    fn take(&mut self) {
        while let Some(output) = self.collectors.poll_output() {
            match output {
                Output::Collect(job) => self.jobs.push(job),
                Output::Forget(name) => self.forgotten.push(name),
                Output::Changed(change) => self
                    .changes
                    .push(format!("{} {}>{}", change.name, change.old, change.new)),
                Output::Moved(moved) => self.moved.push(moved),
            }
        }
    }

    /// Goes to a time, deadline by deadline, and gives the names that became due.
    fn until(&mut self, millis: u64) -> Vec<String> {
        let begin = self.jobs.len();
        while let Some(deadline) = self.collectors.next_deadline() {
            if deadline > at(millis) {
                break;
            }
            let reached = u64::try_from(deadline.since_start().as_millis()).unwrap() + 1;
            self.now = self.now.max(reached.min(millis));
            self.collectors.tick(at(self.now), wall(self.now));
            self.take();
            if self.now == millis && self.collectors.next_deadline() <= Some(at(millis)) {
                break;
            }
        }
        self.now = millis;
        self.collectors.tick(at(millis), wall(millis));
        self.take();
        let due = self.jobs[begin..].iter();
        due.map(|job| job.name.to_string()).collect()
    }

    /// Ends the run of a collector that is under way.
    fn end(&mut self, name: &str, result: Result<Value, Trouble>) {
        let job = self.jobs.iter().rev().find(|job| &*job.name == name);
        let ended = Ended {
            name: Arc::from(name),
            run: job.unwrap().run,
            result,
            cost: Cost {
                wall: Duration::from_millis(3),
                cpu: Duration::from_millis(1),
                bytes: 27,
            },
        };
        let now = self.now;
        self.collectors.ended(at(now), wall(now), ended);
        self.take();
    }

    fn fact(&self, name: &str) -> Arc<facts::Collector> {
        Arc::clone(&self.collectors.facts()[name])
    }
}

#[test]
fn a_good_run_is_shown_with_its_time_and_cost() {
    let mut bench = Bench::new(vec![definition("loadaverage")]);
    assert_eq!(bench.fact("loadaverage").state, State::Pending);
    assert_eq!(bench.until(0), ["loadaverage"]);
    bench.now = 5;
    bench.end("loadaverage", Ok(load(0.5)));
    let fact = bench.fact("loadaverage");
    assert_eq!((fact.state, &*fact.reason), (State::Ok, ""));
    let good = fact.good.as_ref().unwrap();
    assert_eq!(good.value, load(0.5));
    assert_eq!(good.taken, Taken::at(at(0), wall(0)));
    let run = fact.last_run.unwrap();
    assert_eq!((run.wall, run.cost.bytes), (wall(0), 27));
    assert_eq!(bench.changes, ["loadaverage PENDING>OK"]);
    assert!(bench.collectors.have_all_looked());
}

/// Lets some look once, and gives when they look next.
fn second_looks(definitions: Vec<Definition>) -> (Bench, BTreeSet<Moment>) {
    let names: Vec<Arc<str>> = definitions.iter().map(|it| Arc::clone(&it.name)).collect();
    let mut bench = Bench::new(definitions);
    let mut first = bench.until(1_000);
    first.sort_unstable();
    assert_eq!(first, names.iter().map(|it| &**it).collect::<Vec<_>>());
    for name in &names {
        bench.end(name, Ok(load(1.0)));
    }
    let due = |name: &Arc<str>| bench.fact(name).next_due.unwrap();
    let dues = names.iter().map(due).collect();
    (bench, dues)
}

#[test]
fn the_second_looks_of_what_is_not_cheap_are_spread_over_the_interval() {
    let slow = |name: &&str| Definition {
        is_cheap: false,
        ..definition(name)
    };
    let all = ["a", "b", "c", "d", "e", "f"];
    let (mut bench, dues) = second_looks(all.iter().map(slow).collect());
    assert!(dues.len() > 1, "all have one place: {dues:?}");
    let all_near = |due: &Moment| *due >= at(1_000) && *due <= at(12_000);
    assert!(dues.iter().all(all_near), "{dues:?}");
    let place = bench.fact("a").next_due.unwrap();
    bench.until(12_000);
    bench.end("a", Ok(load(1.0)));
    assert_eq!(bench.fact("a").next_due, Some(place + TEN));
}

#[test]
fn what_is_cheap_looks_together() {
    let minute = Duration::from_secs(60);
    let mut definitions: Vec<Definition> = ["a", "b", "c", "d", "e", "f"].map(definition).into();
    definitions[5].interval = minute;
    let (mut bench, dues) = second_looks(definitions);
    let on_beat = |due: &Moment| due.since_start().as_secs().is_multiple_of(10);
    assert!(dues.iter().all(on_beat), "{dues:?}");
    assert!(dues.len() <= 2, "{dues:?}");
    let place = bench.fact("f").next_due.unwrap();
    let next = bench.until(10_000);
    assert!(next.starts_with(&["a", "b", "c", "d", "e"].map(str::to_owned)));
    assert!(bench.jobs.iter().rev().take(5).all(|job| job.is_quick));
    for name in next {
        bench.end(&name, Ok(load(1.0)));
    }
    assert_eq!(bench.fact("a").next_due, Some(at(20_000)));
    // One that was asked for in between goes back to its place.
    bench.until(13_000);
    bench.collectors.run_now(at(13_000), "a");
    assert_eq!(bench.until(13_000), ["a"]);
    bench.end("a", Ok(load(1.0)));
    assert_eq!(bench.fact("a").next_due, Some(at(20_000)));
    if place > at(13_000) {
        assert_eq!(bench.fact("f").next_due, Some(place));
    }
}

#[test]
fn a_rate_gets_a_second_look_soon() {
    let rates = Definition {
        has_rates: true,
        ..definition("cpustats")
    };
    let mut bench = Bench::new(vec![rates]);
    assert_eq!(bench.until(0), ["cpustats"]);
    bench.end("cpustats", Ok(load(0.0)));
    assert_eq!(bench.until(999), [""; 0]);
    assert!(bench.fact("cpustats").awaits_rates);
    assert_eq!(bench.until(1_000), ["cpustats"]);
    bench.end("cpustats", Ok(load(0.0)));
    assert!(!bench.fact("cpustats").awaits_rates);
}

#[test]
fn a_failed_run_keeps_the_last_good_result_with_its_age() {
    let mut bench = Bench::new(vec![definition("redis")]);
    bench.until(0);
    bench.end("redis", Ok(load(1.0)));
    bench.until(12_000);
    bench.end(
        "redis",
        Err(Trouble::failed("no answer from 127.0.0.1:6379")),
    );
    let fact = bench.fact("redis");
    assert_eq!(fact.state, State::Error);
    assert_eq!(&*fact.reason, "no answer from 127.0.0.1:6379");
    let good = fact.good.as_ref().unwrap();
    assert_eq!(good.taken.age(at(12_000), wall(12_000)).as_secs(), 12);
    assert_eq!(bench.changes, ["redis PENDING>OK", "redis OK>ERROR"]);
}

#[test]
fn a_value_of_another_kind_than_before_is_taken_as_it_is() {
    let mut bench = Bench::new(vec![definition("odd")]);
    bench.until(0);
    bench.end("odd", Ok(load(1.0)));
    bench.until(12_000);
    let other = Value::map([("load1", Value::list([Value::from("text")]))]);
    bench.end("odd", Ok(other.clone()));
    assert_eq!(bench.fact("odd").good.as_ref().unwrap().value, other);
    let last = bench.moved.last().unwrap();
    assert_eq!((&last.old, &last.new), (&Some(load(1.0)), &Some(other)));
}

#[test]
fn a_run_that_hangs_is_named_and_stops_only_itself() {
    let mut bench = Bench::new(vec![definition("hung"), definition("well")]);
    bench.until(0);
    bench.end("well", Ok(load(1.0)));
    assert!(!bench.collectors.have_all_looked());
    bench.until(3_001);
    let fact = bench.fact("hung");
    assert_eq!(fact.state, State::Error);
    assert_eq!(fact.hangs_since, Some(wall(0)));
    assert!(
        fact.reason
            .starts_with("hangs since 1970-01-01T00:16:40.000Z")
    );
    assert!(
        bench.collectors.have_all_looked(),
        "it would hold up the start"
    );
    for second in 4..60 {
        let due = bench.until(second * 1_000);
        assert!(!due.contains(&"hung".to_owned()), "at {second} s");
        if second % 10 == 0 {
            bench.end("well", Ok(load(1.0)));
        }
    }
    let runs = bench.jobs.iter().filter(|job| &*job.name == "well");
    assert!(runs.count() >= 5);
    // It comes back: its result counts, and it has turns again.
    bench.end("hung", Ok(load(2.0)));
    let fact = bench.fact("hung");
    assert_eq!((fact.state, fact.hangs_since), (State::Ok, None));
    assert!(bench.until(75_000).contains(&"hung".to_owned()));
}

#[test]
fn a_collector_that_comes_back_while_its_run_hangs_never_runs_twice() {
    let mut bench = Bench::new(vec![definition("hung")]);
    assert_eq!(bench.until(0), ["hung"]);
    bench.define(Vec::new());
    bench.define(vec![definition("hung")]);
    assert_eq!(bench.until(60_000), Vec::<String>::new());
    bench.end("hung", Ok(load(2.0)));
    assert!(bench.fact("hung").good.is_none(), "it was another's");
    assert!(bench.until(75_000).contains(&"hung".to_owned()));
    // A run that ends while nobody has the name is forgotten.
    bench.define(Vec::new());
    bench.end("hung", Ok(load(2.0)));
    bench.define(vec![definition("hung")]);
    assert_eq!(bench.until(90_000)[..1], ["hung"]);
}

#[test]
fn a_group_that_is_missing_is_named_and_starts_it_when_it_comes() {
    let redis = Definition {
        if_group: GroupSet::parse("redis").unwrap(),
        ..definition("redis")
    };
    let both = Definition {
        if_group: GroupSet::parse("linux & !container").unwrap(),
        ..definition("both")
    };
    let mut bench = Bench::new(vec![redis, both]);
    assert_eq!(bench.until(20_000), [""; 0]);
    let fact = bench.fact("redis");
    assert_eq!(
        fact.why(),
        "redis: NOT-ELIGIBLE, this node is not in the group redis; add the group redis"
    );
    assert_eq!(&*fact.reason, "this node is not in the group redis");
    assert_eq!(fact.next_due, None);
    let why = bench.fact("both").why();
    assert_eq!(
        why,
        "both: NOT-ELIGIBLE, this node is not in the groups linux & !container; \
         bring it into the groups linux & !container"
    );
    bench.groups(&["redis"]);
    assert_eq!(bench.fact("redis").state, State::Pending);
    assert_eq!(bench.until(20_001), ["redis"]);
    bench.end("redis", Ok(load(1.0)));
    bench.groups(&[]);
    let fact = bench.fact("redis");
    assert_eq!(fact.state, State::NotEligible);
    assert!(fact.usable(at(20_001), wall(20_001)).is_none());
    let last = bench.moved.last().unwrap();
    assert_eq!((last.old.is_some(), &last.new), (true, &None));
    assert_eq!(bench.until(60_000), [""; 0]);
}

#[test]
fn one_that_is_stopped_and_started_while_it_runs_goes_on_afterwards() {
    let redis = Definition {
        if_group: GroupSet::parse("redis").unwrap(),
        ..definition("redis")
    };
    let mut bench = Bench::new(vec![redis]);
    bench.groups(&["redis"]);
    assert_eq!(bench.until(0), ["redis"]);
    bench.groups(&[]);
    bench.groups(&["redis"]);
    assert_eq!(bench.until(1_000), [""; 0], "two runs at a time");
    bench.end("redis", Ok(load(1.0)));
    assert_eq!(bench.until(15_000), ["redis"]);
}

#[test]
fn a_new_definition_restarts_only_what_changed() {
    let mut bench = Bench::new(vec![definition("a"), definition("b"), definition("gone")]);
    bench.until(0);
    for name in ["a", "b", "gone"] {
        bench.end(name, Ok(load(1.0)));
    }
    let place = bench.fact("b").next_due;
    let changed = Definition {
        version: 2,
        interval: Duration::from_secs(30),
        ..definition("a")
    };
    bench.now = 1_000;
    bench.define(vec![changed, definition("b")]);
    assert_eq!(bench.forgotten, [Arc::from("gone"), Arc::from("a")]);
    assert_eq!(bench.fact("b").next_due, place);
    let fact = bench.fact("a");
    assert_eq!((fact.state, fact.interval.as_secs()), (State::Ok, 30));
    assert!(fact.good.is_some(), "a reload keeps data");
    assert_eq!(bench.until(1_001), ["a"]);
    assert!(!bench.collectors.facts().contains_key("gone"));
}

#[test]
fn the_result_of_a_run_of_the_old_definition_does_not_count() {
    let mut bench = Bench::new(vec![definition("a")]);
    bench.until(0);
    let changed = Definition {
        version: 2,
        ..definition("a")
    };
    bench.define(vec![changed]);
    bench.end("a", Ok(load(1.0)));
    assert_eq!(bench.fact("a").state, State::Pending);
    assert_eq!(bench.until(1), ["a"]);
    bench.end("a", Ok(load(2.0)));
    assert_eq!(bench.fact("a").good.as_ref().unwrap().value, load(2.0));
}

#[test]
fn the_cheap_ones_go_first() {
    let slow = Definition {
        is_cheap: false,
        ..definition("a-program")
    };
    let mut bench = Bench::new(vec![slow, definition("b"), definition("c")]);
    let order = bench.until(1_000);
    assert_eq!(order, ["b", "c", "a-program"]);
}

#[test]
fn what_was_kept_is_no_change_when_it_is_the_same_again() {
    let mut bench = Bench::new(Vec::new());
    let good = Good {
        value: load(1.0),
        taken: Taken {
            moment: None,
            wall: wall(0),
        },
    };
    let kept = kept::Collector {
        state: State::Ok,
        since: WallTime::from_millis(7),
        good: Some(good),
    };
    let same = BTreeMap::from([(Arc::from("a"), kept.clone()), (Arc::from("b"), kept)]);
    bench.collectors.restore(same);
    bench.define(vec![definition("a"), definition("b")]);
    let fact = bench.fact("a");
    assert_eq!(fact.state, State::Pending);
    assert!(fact.usable(at(0), wall(30_000)).is_some());
    assert!(fact.usable(at(0), wall(90_000)).is_none(), "it is too old");
    bench.until(0);
    bench.end("a", Ok(load(1.0)));
    bench.end("b", Err(Trouble::failed("no")));
    assert_eq!(bench.changes, ["b OK>ERROR"]);
    assert_eq!(bench.fact("a").since, WallTime::from_millis(7));
}

#[test]
fn somebody_who_asks_gets_a_run_at_once() {
    let mut bench = Bench::new(vec![definition("a")]);
    bench.until(0);
    bench.end("a", Ok(load(1.0)));
    assert!(!bench.collectors.run_now(at(100), "nobody"));
    assert!(bench.collectors.run_now(at(100), "a"));
    assert_eq!(bench.until(100), ["a"]);
}

#[test]
fn a_clock_that_jumps_changes_nothing_but_what_people_read() {
    let mut bench = Bench::new(vec![definition("a")]);
    bench.until(0);
    bench.end("a", Ok(load(1.0)));
    let due = bench.fact("a").next_due;
    let year_ago = WallTime::from_millis(1);
    bench.collectors.tick(at(1_000), year_ago);
    assert_eq!(bench.fact("a").next_due, due);
    assert!(bench.fact("a").usable(at(1_000), year_ago).is_some());
}
