//! Checks on a virtual clock: what becomes due, what is said, what is told of it.

use model::CheckState;
use packs::{File, PackFiles, Registry};

use super::*;
use crate::transition::{Change, Reason, Standing, Transition};

/// A node, its clocks, and what was told so far.
struct Bench {
    checks: Checks,
    now: Moment,
    wall: WallTime,
    told: Vec<Arc<Transition>>,
    /// Runs that were handed out and did not come back.
    runs: Vec<Run>,
}

const START: u64 = 1_800_000_000_000;

fn registry(files: &[(&str, &str)]) -> Vec<Arc<Check>> {
    let mut all = PackFiles::new();
    let package = ("package.yml", "name: a\n");
    for (path, text) in files.iter().chain([&package]) {
        let file = File::new(*path, text.as_bytes());
        all.add(model::Level::Local, &format!("a/{path}"), file);
    }
    let registry = Registry::load(&all, None);
    let told: Vec<String> = registry
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, Vec::<String>::new());
    registry.all_checks().cloned().collect()
}

fn check_file(keys: &str) -> String {
    format!("check:\n  if_group: '*'\n  critical_if: '1 > 2'\n{keys}")
}

fn definitions(files: &[(&str, &str)]) -> Definitions {
    Definitions {
        checks: registry(files),
        groups: [Group::parse("web").unwrap()].into(),
        is_settled: true,
    }
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        Self::restarted(Kept::default(), files)
    }

    fn restarted(kept: Kept, files: &[(&str, &str)]) -> Self {
        let node = NodeId::from_random([7; 16]);
        let mut bench = Self {
            checks: Checks::new(node, Arc::from("node-1"), kept),
            now: Moment::from_start(Duration::from_secs(1)),
            wall: WallTime::from_millis(START),
            told: Vec::new(),
            runs: Vec::new(),
        };
        bench.define(files);
        bench
    }

    fn one(keys: &str) -> Self {
        Self::new(&[("monitoring/x.yml", &check_file(keys))])
    }

    fn kept(&mut self) -> Kept {
        Kept::of(&self.checks.snapshot())
    }

    fn define(&mut self, files: &[(&str, &str)]) {
        self.checks.define(self.now, self.wall, definitions(files));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.checks.poll_output() {
            match output {
                Output::Judge(runs) => self.runs.extend(runs),
                Output::RunPlugin(run) | Output::Probe(run) => self.runs.push(run),
                Output::Transition(transition) => self.told.push(transition),
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.wall = WallTime::from_millis(self.wall.as_millis() + millis);
        self.checks.tick(self.now, self.wall);
        self.drain();
    }

    /// Lets time pass until something is handed out.
    fn until_run(&mut self) -> Run {
        for _ in 0..10_000 {
            if let Some(run) = self.runs.pop() {
                return run;
            }
            let next = self.checks.next_deadline().expect("something is due");
            self.pass(next.since(self.now));
        }
        panic!("nothing was handed out");
    }

    fn end(&mut self, run: &Run, outcome: Outcome) {
        let ended = Ended {
            slot: run.slot,
            number: run.number,
            began: self.now,
            took: Duration::from_millis(1),
            outcome,
        };
        self.checks.ended(self.now, self.wall, ended);
        self.drain();
    }

    /// Lets the only check say one state after the other; gives what was told of each.
    fn says(&mut self, letters: &str) -> Vec<String> {
        let mut told = Vec::new();
        for letter in letters.chars() {
            let run = self.until_run();
            let said = Said::new(state(letter), &format!("says {letter}"));
            self.told.clear();
            self.end(&run, Outcome::Said(vec![said]));
            told.push(
                self.told
                    .iter()
                    .map(|it| short(it))
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
        told
    }

    /// Runs whatever is due for a while, each check with the state that is given by its name.
    fn live(&mut self, time: Duration, states: &[(&str, char)]) -> Vec<String> {
        let end = self.now + time;
        self.told.clear();
        loop {
            while let Some(run) = self.runs.pop() {
                let named = states.iter().find(|(name, _)| *name == &*run.check.name);
                let letter = named.map_or('o', |(_, letter)| *letter);
                self.end(&run, Outcome::Said(vec![Said::new(state(letter), "said")]));
                self.checks.tick(self.now, self.wall);
                self.drain();
            }
            match self.checks.next_deadline() {
                Some(next) if next <= end => self.pass(next.since(self.now)),
                Some(_) | None => break,
            }
        }
        let rest = end.since(self.now);
        self.pass(rest);
        self.told
            .iter()
            .map(|it| format!("{} {}", it.name(), short(it)))
            .collect()
    }
}

fn state(letter: char) -> CheckState {
    match letter {
        'o' => CheckState::Ok,
        'w' => CheckState::Warning,
        'c' => CheckState::Critical,
        'u' => CheckState::Unknown,
        _ => CheckState::Pending,
    }
}

/// `o→C` is a change to a state that counts, `o→c` to one that does not yet.
fn short(transition: &Transition) -> String {
    let letter = |standing: Standing| {
        let letter = standing.state.as_str().chars().next().unwrap();
        if standing.is_hard {
            letter
        } else {
            letter.to_ascii_lowercase()
        }
    };
    let news = if transition.is_news() { "!" } else { "" };
    match transition.change {
        Change::State | Change::Hardened => {
            format!(
                "{}→{}{news}",
                letter(transition.old),
                letter(transition.new)
            )
        }
        other => format!("{}{news}", other.as_str()),
    }
}

#[test]
fn a_state_counts_when_it_was_said_often_enough() {
    let mut one = Bench::one("  attempts: 1\n");
    assert_eq!(one.says("ococ"), ["P→O", "O→C!", "C→O!", "O→C!"]);
    let mut three = Bench::one("  attempts: 3\n  recovery_attempts: 2\n  flapping: no\n");
    assert_eq!(
        three.says("oocccoo"),
        ["P→O", "", "O→c", "", "c→C!", "C→o", "o→O!"]
    );
    // A hiccup is no news, and the count begins anew.
    assert_eq!(three.says("ccocc"), ["O→c", "", "c→O", "O→c", ""]);
    assert_eq!(three.says("c"), ["c→C!"]);
    // One good run among bad ones is no recovery.
    assert_eq!(three.says("oco"), ["C→o", "o→C", "C→o"]);
}

#[test]
fn bad_runs_count_together_and_a_known_problem_that_gets_worse_counts_at_once() {
    let mut bench = Bench::one("  attempts: 3\n  flapping: no\n");
    assert_eq!(bench.says("owcw"), ["P→O", "O→w", "w→c", "c→W!"]);
    assert_eq!(bench.says("c"), ["W→C!"]);
    // What gets better, or cannot be seen any more, must say so as often.
    assert_eq!(bench.says("wwcuuu"), ["C→w", "", "w→C", "C→u", "", "u→U!"]);
    assert_eq!(bench.says("c"), ["U→C!"]);
}

#[test]
fn times_tell_since_when() {
    let mut bench = Bench::one("  attempts: 2\n  interval: 10s\n");
    bench.says("o");
    let good = bench.wall;
    bench.says("cc");
    let hard = bench.wall;
    let transition = bench.told.last().unwrap().clone();
    let soft = WallTime::from_millis(hard.as_millis() - 10_000);
    assert_eq!((transition.at, transition.since), (hard, soft));
    let thing = bench.checks.snapshot().checks[0].things[0].clone();
    assert_eq!((thing.last_change, thing.last_hard_change), (soft, hard));
    assert_eq!(
        (thing.last_ok, thing.first_seen),
        (Some(good), WallTime::from_millis(START))
    );
    assert_eq!(&*thing.output, "says c");
}

#[test]
fn what_is_soft_is_looked_at_more_often() {
    let mut bench = Bench::one("  attempts: 3\n  interval: 60s\n  retry_interval: 5s\n");
    bench.says("o");
    let at = |bench: &Bench| bench.now.since_start().as_secs();
    bench.says("o");
    let start = at(&bench);
    bench.says("c");
    assert_eq!(at(&bench) - start, 60);
    bench.says("c");
    assert_eq!(at(&bench) - start, 65);
    bench.says("c");
    assert_eq!(at(&bench) - start, 70);
    // It goes back to its place.
    bench.says("c");
    assert_eq!(at(&bench) - start, 120);
}

#[test]
fn flapping_is_told_when_it_begins_and_ends() {
    let mut bench = Bench::one("");
    bench.says("o");
    let told = bench.says("cococo").join(" ");
    assert!(told.ends_with("flapping-began!"), "{told}");
    assert!(
        bench
            .told
            .iter()
            .all(|it| it.is_flapping && it.flapping_pct >= 30.0)
    );
    let calm = bench.says(&"o".repeat(20)).join(" ");
    assert_eq!(calm.trim(), "flapping-ended!");
    let mut may = Bench::one("  flapping: no\n");
    assert!(!may.says(&"oc".repeat(20)).join(" ").contains("flapping"));
}

#[test]
fn a_check_that_says_nothing_yet_stays_as_it_was() {
    let mut bench = Bench::one("");
    assert_eq!(bench.says("pop"), ["", "P→O", ""]);
}

const EACH: &str = "  for_each: '[1]'\n";

fn each(things: &[(&str, char)]) -> Outcome {
    let said =
        |(name, letter): &(&str, char)| Said::new(state(*letter), "said").about(Arc::from(*name));
    Outcome::Said(things.iter().map(said).collect())
}

#[test]
fn things_come_and_go_and_one_that_vanishes_while_bad_is_told_as_gone() {
    let mut bench = Bench::one(EACH);
    let run = bench.until_run();
    bench.end(&run, each(&[("sda", 'o'), ("sdb", 'c'), ("sdc", 'o')]));
    bench.told.clear();
    let run = bench.until_run();
    bench.end(&run, each(&[("sda", 'o'), ("sdd", 'o')]));
    let told: Vec<String> = bench
        .told
        .iter()
        .map(|it| format!("{} {}", it.name(), short(it)))
        .collect();
    assert_eq!(
        told,
        [
            "a/x[sdb] gone-instance-vanished!",
            "a/x[sdc] gone-instance-vanished",
            "a/x[sdd] P→O"
        ]
    );
    assert_eq!(bench.told[0].old_hard, CheckState::Critical);
    let names: Vec<_> = bench.checks.snapshot().checks[0]
        .things
        .iter()
        .map(|it| it.instance.clone().unwrap())
        .collect();
    assert_eq!(names, [Arc::from("sda"), Arc::from("sdd")]);
}

#[test]
fn a_list_that_is_not_known_is_a_problem_of_the_check_and_its_things_stay() {
    let mut bench = Bench::one(EACH);
    let run = bench.until_run();
    bench.end(&run, each(&[("sda", 'c')]));
    bench.told.clear();
    let run = bench.until_run();
    bench.end(
        &run,
        Outcome::NoThings(Said::new(CheckState::Unknown, "no list")),
    );
    let run = bench.until_run();
    bench.end(&run, each(&[("sda", 'c')]));
    let run = bench.until_run();
    bench.end(&run, each(&[("sda", 'c')]));
    let told: Vec<String> = bench
        .told
        .iter()
        .map(|it| format!("{} {}", it.name(), short(it)))
        .collect();
    assert_eq!(told, ["a/x P→U!", "a/x U→O!"]);
    assert_eq!(bench.checks.snapshot().checks[0].things.len(), 1);
}

#[test]
fn more_things_than_there_may_be_are_told() {
    let mut bench = Bench::one(EACH);
    let run = bench.until_run();
    let names: Vec<String> = (0..1_500).map(|at| format!("{at:04}")).collect();
    let things: Vec<(&str, char)> = names.iter().map(|name| (name.as_str(), 'o')).collect();
    bench.end(&run, each(&things));
    let snapshot = bench.checks.snapshot();
    assert_eq!(
        snapshot.checks[0].things.len(),
        limits::CHECK_THINGS_MAX + 1
    );
    assert!(snapshot.checks[0].things[0].output.contains("1500 things"));
}

#[test]
fn a_restart_neither_loses_nor_repeats() {
    let file = check_file("  attempts: 3\n");
    let files = [("monitoring/x.yml", file.as_str())];
    let mut before = Bench::new(&files);
    assert_eq!(before.says("occ"), ["P→O", "O→c", ""]);
    let text = serde_json::to_string(&before.kept()).unwrap();
    // Inside of a soft state: the third bad run counts.
    let kept: Kept = serde_json::from_str(&text).unwrap();
    let mut after = Bench::restarted(kept, &files);
    assert_eq!(after.told, []);
    assert_eq!(after.says("c"), ["c→C!"]);
    assert_eq!(after.told[0].number, before.checks.number + 1);
    // In a hard one nothing is told again.
    let mut again = Bench::restarted(after.kept(), &files);
    assert_eq!(again.says("cc"), ["", ""]);
    assert_eq!(again.says("o"), ["C→O!"]);
}

#[test]
fn transitions_after_the_last_document_are_made_up_for() {
    let file = check_file("  attempts: 2\n");
    let files = [("monitoring/x.yml", file.as_str())];
    let mut before = Bench::new(&files);
    before.says("o");
    let mut kept = before.kept();
    before.says("c");
    let soft = before.told.clone();
    before.says("c");
    for transition in soft.iter().chain(&before.told) {
        kept.replay(transition);
        kept.replay(transition);
    }
    let (was, is) = (before.kept(), kept.clone());
    assert_eq!(
        (was.number, &was.things[0].hard),
        (is.number, &is.things[0].hard)
    );
    assert_eq!(was.things[0].since, is.things[0].since);
    let mut after = Bench::restarted(kept, &files);
    assert_eq!(after.says("co"), ["", "C→O!"]);
}

#[test]
fn a_file_that_is_edited_while_bad_keeps_its_state_and_is_judged_at_once() {
    let mut bench = Bench::one("  interval: 1h\n  attempts: 2\n");
    bench.says("occ");
    bench.told.clear();
    let now = bench.now;
    bench.define(&[(
        "monitoring/x.yml",
        &check_file("  interval: 1h\n  notes: edited\n"),
    )]);
    assert_eq!(bench.told, []);
    assert_eq!(bench.says("o"), ["C→O!"]);
    assert!(bench.now.since(now) < Duration::from_millis(200));
    assert_eq!(bench.told[0].subject.notes.as_deref(), Some("edited"));
    // The same text again changes nothing.
    bench.define(&[(
        "monitoring/x.yml",
        &check_file("  interval: 1h\n  notes: edited\n"),
    )]);
    bench.until_run();
    assert!(bench.now.since(now) > Duration::from_secs(3_000));
}

#[test]
fn a_run_of_the_old_definition_is_nobodys() {
    let mut bench = Bench::one("");
    let run = bench.until_run();
    bench.define(&[("monitoring/x.yml", &check_file("  notes: edited\n"))]);
    bench.end(
        &run,
        Outcome::Said(vec![Said::new(CheckState::Critical, "old")]),
    );
    assert_eq!(bench.told, []);
    assert_eq!(bench.says("o"), ["P→O"]);
}

#[test]
fn a_file_that_is_removed_while_bad_is_told_as_gone() {
    let mut bench = Bench::one("");
    bench.says("c");
    bench.told.clear();
    bench.define(&[]);
    assert_eq!(short(&bench.told[0]), "gone-check-removed!");
    assert_eq!(bench.checks.next_deadline(), None);
    // So it is when the agent was down meanwhile.
    let mut bad = Bench::one("");
    bad.says("c");
    let mut after = Bench::restarted(bad.kept(), &[]);
    assert_eq!(short(&after.told[0]), "gone-check-removed!");
    assert_eq!(after.kept().things, []);
}

#[test]
fn a_group_that_is_not_known_yet_makes_nothing_gone() {
    let file = check_file("").replace("'*'", "web");
    let files = [("monitoring/x.yml", file.as_str())];
    let mut bench = Bench::new(&files);
    bench.says("c");
    bench.told.clear();
    let nowhere = |is_settled| Definitions {
        groups: BTreeSet::new(),
        is_settled,
        ..definitions(&files)
    };
    let mut after = Checks::new(NodeId::from_random([7; 16]), Arc::from("n"), bench.kept());
    after.define(bench.now, bench.wall, nowhere(false));
    assert!(after.poll_output().is_none());
    assert_eq!(Kept::of(&after.snapshot()).things.len(), 1);
    after.define(bench.now, bench.wall, nowhere(true));
    let Some(Output::Transition(gone)) = after.poll_output() else {
        panic!("nothing was told");
    };
    assert_eq!(gone.change, Change::Gone(Reason::GroupLeft));
}

#[test]
fn monitoring_that_is_switched_off_and_on_finds_all_as_it_was() {
    let mut bench = Bench::one("");
    bench.says("c");
    bench.told.clear();
    bench.checks.pause();
    assert_eq!(bench.checks.next_deadline(), None);
    assert_eq!(bench.checks.snapshot().checks.len(), 0);
    bench.define(&[("monitoring/x.yml", &check_file(""))]);
    assert_eq!(bench.says("co"), ["", "C→O!"]);
}

const PUSHED: &str = "check:\n  if_group: '*'\n  push: {expect_every: 1h, silent: warning}\n";

#[test]
fn a_pushed_check_is_bad_when_nobody_reports() {
    let mut bench = Bench::new(&[("monitoring/x.yml", PUSHED)]);
    let said = Said::new(CheckState::Ok, "12 GiB");
    let push = |bench: &mut Bench, said: &Said| {
        let pushed = bench.checks.pushed(bench.now, bench.wall, "a/x", said);
        bench.drain();
        pushed
    };
    bench.pass(Duration::from_secs(1_800));
    assert_eq!(push(&mut bench, &said), Ok(()));
    bench.pass(Duration::from_secs(3_500));
    assert_eq!(push(&mut bench, &said), Ok(()));
    bench.pass(Duration::from_secs(3_599));
    assert_eq!(bench.told.len(), 1);
    bench.pass(Duration::from_secs(2));
    assert_eq!(short(&bench.told[1]), "O→W!");
    assert!(bench.told[1].output.contains("nothing was reported for 1h"));
    // The silence goes on over a restart.
    let last = bench.kept();
    let mut after = Bench::restarted(last, &[("monitoring/x.yml", PUSHED)]);
    assert_eq!(push(&mut after, &said), Ok(()));
    assert_eq!(short(after.told.last().unwrap()), "W→O!");
    let unknown = after.checks.pushed(after.now, after.wall, "a/y", &said);
    assert_eq!(unknown, Err(PushError::NoSuchCheck));
    let mut other = Bench::one("");
    assert_eq!(push(&mut other, &said), Err(PushError::NotPushed));
}

#[test]
fn silence_tells_the_last_report_that_came_over_a_restart_too() {
    let mut bench = Bench::new(&[("monitoring/x.yml", PUSHED)]);
    let said = Said::new(CheckState::Ok, "done");
    bench
        .checks
        .pushed(bench.now, bench.wall, "a/x", &said)
        .unwrap();
    bench.drain();
    let last = format!("last at {}", bench.wall);
    for _ in 0..3 {
        bench.pass(Duration::from_secs(3_601));
    }
    let output =
        |bench: &mut Bench| bench.checks.snapshot().check("a/x").unwrap().things[0].clone();
    assert!(output(&mut bench).output.ends_with(&last));
    let mut after = Bench::restarted(bench.kept(), &[("monitoring/x.yml", PUSHED)]);
    for _ in 0..3 {
        after.pass(Duration::from_secs(3_601));
    }
    let thing = output(&mut after);
    assert!(thing.output.ends_with(&last), "{}", thing.output);
}

#[test]
fn a_problem_waits_until_its_parent_has_spoken_and_names_it() {
    let parent = check_file("  interval: 60s\n  attempts: 2\n  retry_interval: 2s\n");
    let child = check_file("  interval: 10s\n  depends_on: parent\n");
    let files = [
        ("monitoring/parent.yml", parent.as_str()),
        ("monitoring/child.yml", child.as_str()),
    ];
    let mut bench = Bench::new(&files);
    bench.live(Duration::from_secs(60), &[]);
    let told = bench.live(Duration::from_secs(20), &[("parent", 'c'), ("child", 'c')]);
    let parents: Vec<&String> = told
        .iter()
        .filter(|it| it.starts_with("a/parent"))
        .collect();
    assert_eq!(parents, ["a/parent O→c", "a/parent c→C!"]);
    assert_eq!(told.last().unwrap(), "a/child c→C!", "{told:?}");
    let child = bench.told.last().unwrap();
    assert_eq!(child.blocked_by.to_vec(), [Arc::from("parent")]);
    // A parent that is well explains nothing, and the child counts within moments.
    bench.live(Duration::from_secs(120), &[]);
    let told = bench.live(Duration::from_secs(11), &[("child", 'c')]);
    assert_eq!(told, ["a/child O→c", "a/child c→C!"]);
    assert!(bench.told.last().unwrap().blocked_by.is_empty());
}

#[test]
fn nodes_that_are_down_are_parents_too() {
    let mut bench = Bench::one("  depends_on: ['node:db1', 'group:db']\n");
    bench
        .checks
        .parents_down([Arc::from("node:db1"), Arc::from("node:db2")].into());
    bench.says("c");
    assert_eq!(bench.told[0].blocked_by.to_vec(), [Arc::from("node:db1")]);
}

#[test]
fn a_run_that_never_comes_back_is_unknown_and_is_made_again() {
    let mut bench = Bench::one("  timeout: 5s\n");
    let lost = bench.until_run();
    bench.pass(Duration::from_secs(40));
    assert_eq!(short(&bench.told[0]), "P→U!");
    bench.end(
        &lost,
        Outcome::Said(vec![Said::new(CheckState::Critical, "late")]),
    );
    assert_eq!(bench.told.len(), 1);
    assert_eq!(bench.says("o"), ["U→O!"]);
}

#[test]
fn a_run_that_nobody_could_do_is_made_again_soon() {
    let mut bench = Bench::one("  interval: 1h\n");
    let run = bench.until_run();
    bench.end(&run, Outcome::Postponed);
    let now = bench.now;
    bench.until_run();
    assert!(bench.now.since(now) <= Duration::from_millis(1_100));
    assert_eq!(bench.told, []);
}

#[test]
fn two_checks_of_one_name_are_one() {
    let text = format!(
        "{}service:\n  if_group: '*'\n  check: {{critical_if: '1 > 0'}}\n",
        check_file("")
    );
    let mut bench = Bench::new(&[("monitoring/x.yml", &text)]);
    assert_eq!(bench.checks.snapshot().checks.len(), 1);
    assert_eq!(bench.says("o"), ["P→O"]);
}

#[test]
fn checks_are_handed_out_in_batches_and_none_is_late() {
    let file = check_file("");
    let names: Vec<String> = (0..2_000)
        .map(|at| format!("monitoring/{at}.yml"))
        .collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), file.as_str()))
        .collect();
    let mut bench = Bench::new(&files);
    let mut batches = 0;
    let mut ran = 0;
    let end = bench.now + Duration::from_secs(30);
    while bench.now < end {
        let next = bench.checks.next_deadline().unwrap();
        assert!(next.since(bench.now) <= Duration::from_secs(10));
        bench.pass(next.since(bench.now));
        let runs = std::mem::take(&mut bench.runs);
        batches += 1;
        ran += runs.len();
        for run in runs {
            bench.end(&run, Outcome::Said(vec![Said::new(CheckState::Ok, "fine")]));
        }
    }
    assert!((5_900..=6_100).contains(&ran), "{ran}");
    assert!(batches <= 310, "{batches}");
}
