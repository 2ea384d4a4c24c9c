//! Runs: pushed, lost, postponed, handed out in batches.

use super::*;

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
fn plugins_of_one_place_are_run_together() {
    let file = "check:\n  if_group: '*'\n  interval: 60s\n  script: [/bin/true]\n";
    let names: Vec<String> = (0..600).map(|at| format!("monitoring/{at}.yml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), file)).collect();
    let mut bench = Bench::new(&files);
    // Each begins somewhere, and has come to its place after a minute.
    bench.live(Duration::from_secs(120), &[]);
    let (mut turns, mut runs, end) = (0, 0, bench.now + Duration::from_secs(60));
    while bench.now < end {
        let next = bench.checks.next_deadline().unwrap();
        bench.pass(next.since(bench.now));
        turns += usize::from(!bench.runs.is_empty());
        for run in std::mem::take(&mut bench.runs) {
            runs += 1;
            assert!(run.is_quick);
            bench.end(&run, Outcome::Said(vec![Said::new(CheckState::Ok, "well")]));
        }
    }
    assert!((600..=610).contains(&runs), "{runs} runs in a minute");
    assert!(turns <= 61, "{turns} turns in a minute");
    assert!(turns >= 50, "{turns} turns: they are spread");
}

#[test]
fn a_plugin_is_quick_when_it_was_the_last_time() {
    let file = "check:\n  if_group: '*'\n  script: [/bin/true]\n";
    let mut bench = Bench::new(&[("monitoring/x.yml", file)]);
    for (took, was_quick) in [(1, false), (11, true), (10, false), (0, true)] {
        let run = bench.until_run();
        assert_eq!(run.is_quick, was_quick);
        let ended = Ended {
            slot: run.slot,
            number: run.number,
            began: bench.now,
            took: Duration::from_millis(took),
            outcome: Outcome::Said(vec![Said::new(CheckState::Ok, "well")]),
        };
        bench.checks.ended(bench.now, bench.wall, ended);
    }
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
