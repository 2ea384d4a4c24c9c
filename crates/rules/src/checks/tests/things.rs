//! Checks with `for_each`.

use super::*;

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
fn a_thing_that_is_known_before_the_others_counts_at_once_and_once() {
    let mut bench = Bench::one(&format!("{EACH}  attempts: 2\n"));
    let run = bench.until_run();
    bench.end(&run, each(&[("a", 'o'), ("b", 'o')]));
    bench.told.clear();
    let part = |name: &str, letter: char| {
        let said = Said::new(state(letter), "said").about(Arc::from(name));
        Outcome::Part(vec![said])
    };
    let told = |bench: &mut Bench| -> Vec<String> {
        let told = std::mem::take(&mut bench.told);
        let told = told.iter().map(|it| format!("{} {}", it.name(), short(it)));
        told.collect()
    };
    let run = bench.until_run();
    bench.end(&run, part("a", 'c'));
    assert_eq!(told(&mut bench), ["a/x[a] O→c"]);
    // A second word about it, and its end, are no second attempt.
    bench.end(&run, part("a", 'c'));
    bench.end(&run, each(&[("a", 'c'), ("b", 'c')]));
    assert_eq!(told(&mut bench), ["a/x[b] O→c"]);
    let late = run;
    let run = bench.until_run();
    bench.end(&late, part("b", 'o'));
    assert!(told(&mut bench).is_empty(), "what comes late is nobody's");
    bench.end(&run, part("b", 'c'));
    assert_eq!(told(&mut bench), ["a/x[b] c→C!"]);
    bench.end(&run, each(&[("b", 'c')]));
    assert_eq!(told(&mut bench), ["a/x[a] gone-instance-vanished"]);
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
