//! Which seeds a run tries, and how a failure tells its seed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Seeds that are tried when nobody asks for more.
const USUAL: u64 = 20;

/// Seeds that failed once, each with its scenario and what it found.
const FAILED_ONCE: &str = include_str!("seeds.txt");

/// Runs a scenario with each seed; the first that fails is told.
pub fn each(scenario: &str, run: impl FnMut(u64)) {
    each_of(USUAL, scenario, run);
}

/// Runs a scenario with so many seeds when nobody asks for more: it is a large one.
pub fn each_of(usual: u64, scenario: &str, mut run: impl FnMut(u64)) {
    for seed in seeds(scenario, usual) {
        let result = catch_unwind(AssertUnwindSafe(|| run(seed)));
        if let Err(panic) = result {
            eprintln!("{scenario}: failed with the seed {seed}: SIM_SEED={seed} repeats it");
            resume_unwind(panic);
        }
    }
}

/// Gives the seed that is asked for, or this one: of what is too long to be run with many.
pub fn seed_or(usual: u64) -> u64 {
    number("SIM_SEED").unwrap_or(usual)
}

/// Tells whether the sizes that take minutes are wanted.
pub fn large() -> bool {
    std::env::var_os("SIM_LARGE").is_some()
}

fn seeds(scenario: &str, usual: u64) -> Vec<u64> {
    if let Some(one) = number("SIM_SEED") {
        return vec![one];
    }
    failed_once(FAILED_ONCE, scenario)
        .chain(1..=number("SIM_SEEDS").unwrap_or(usual))
        .collect()
}

/// Gives the seeds with which a scenario of exactly this name failed.
fn failed_once(kept: &str, scenario: &str) -> impl Iterator<Item = u64> {
    let lines = kept.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| {
        let kept = line.split_once(' ').and_then(|(seed, rest)| {
            let (name, _) = rest.split_once(": ")?;
            Some((seed.parse().ok()?, name))
        });
        let (seed, name) = kept.unwrap_or_else(|| panic!("no seed with its scenario: {line}"));
        (name == scenario).then_some(seed)
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_tried_by_the_scenario_of_its_name_alone() {
        let kept = "# SEED SCENARIO: FINDING\n48 loss of refutations: one: two\n7 loss: none\n";
        let seeds = |name| failed_once(kept, name).collect::<Vec<_>>();
        assert_eq!(seeds("loss"), [7]);
        assert_eq!(seeds("loss of refutations"), [48]);
        assert_eq!(seeds("loss of"), [0; 0]);
        assert_eq!(seeds("loss of refutations: one"), [0; 0]);
    }

    #[test]
    fn a_line_that_holds_no_seed_is_told() {
        let told = catch_unwind(|| failed_once("x loss: none", "loss").count());
        assert!(told.is_err());
    }
}
