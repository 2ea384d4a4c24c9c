//! How checks come and go: restarts, edits, removals, pauses.

use super::*;

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
fn a_check_that_is_removed_and_added_while_its_run_hangs_does_not_run_twice() {
    let file = (
        "monitoring/x.yml",
        &*check_file("  interval: 10s\n  timeout: 20s\n"),
    );
    let edited = check_file("  interval: 10s\n  timeout: 21s\n");
    for change in [
        |bench: &mut Bench, _: &str| bench.define(&[]),
        |bench: &mut Bench, edited: &str| bench.define(&[("monitoring/x.yml", edited)]),
        |bench: &mut Bench, _: &str| bench.checks.pause(),
    ] {
        let mut bench = Bench::new(&[file]);
        let hung = bench.until_run();
        change(&mut bench, &edited);
        bench.define(&[file]);
        bench.pass(Duration::from_secs(15));
        assert!(bench.runs.is_empty(), "it runs beside the one that hangs");
        bench.told.clear();
        bench.end(&hung, Outcome::Said(vec![Said::new(state('c'), "old")]));
        assert!(bench.told.is_empty(), "what the old one says is nobody's");
        bench.pass(Duration::from_millis(200));
        assert_eq!(bench.runs.len(), 1, "it goes on when the old one is back");
    }
}

#[test]
fn a_check_does_not_wait_for_ever_for_a_run_that_never_comes_back() {
    let file = (
        "monitoring/x.yml",
        &*check_file("  interval: 10s\n  timeout: 20s\n"),
    );
    let mut bench = Bench::new(&[file]);
    bench.until_run();
    bench.define(&[]);
    bench.define(&[file]);
    let start = bench.now;
    bench.until_run();
    let waited = bench.now.since(start);
    let most = Duration::from_secs(20) + LOST_AFTER;
    assert!(
        waited > most - TURN && waited < most + Duration::from_secs(1),
        "{waited:?}"
    );
}
