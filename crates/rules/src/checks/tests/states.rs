//! States: soft, hard, flapping, and what depends on others.

use super::*;

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
fn only_what_other_nodes_shall_know_is_news() {
    let mut bench = Bench::one("  attempts: 2\n");
    let mut news = |letters: &str| {
        bench.says(letters);
        bench.checks.snapshot().news
    };
    let begun = news("o");
    assert_eq!(news("oo"), begun, "all is as it was");
    assert_eq!(news("c"), begun, "soft: it counts when it stays");
    let critical = news("c");
    assert!(critical > begun);
    assert_eq!(news("cc"), critical, "it says the same");
    let other_words = bench.until_run();
    let said = Said::new(CheckState::Critical, "says more");
    bench.end(&other_words, Outcome::Said(vec![said]));
    let told = bench.checks.snapshot().news;
    assert!(told > critical, "what a problem says is told");
    bench.define(&[]);
    assert!(bench.checks.snapshot().news > told, "it is gone");
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
fn what_was_never_started_is_pending_until_it_was_ok_once() {
    let keys = "  attempts: 2\n  flapping: no\n  needs_first_ok: true\n";
    let file = ("monitoring/x.yml", &*check_file(keys));
    let mut bench = Bench::new(&[file]);
    assert_eq!(bench.says("ccwu"), ["", "", "", ""]);
    let snapshot = bench.checks.snapshot();
    let thing = &snapshot.checks[0].things[0];
    assert_eq!(thing.state, CheckState::Pending);
    assert_eq!(
        &*thing.output,
        "was never OK here, so nobody is told: says u"
    );
    // A restart is no first time: neither before the first OK …
    let mut bench = Bench::restarted(bench.kept(), &[file]);
    assert_eq!(bench.says("coc"), ["", "P→O", "O→c"]);
    // … nor after it.
    let mut bench = Bench::restarted(bench.kept(), &[file]);
    assert_eq!(bench.says("co"), ["c→C!", "C→O!"]);
}
