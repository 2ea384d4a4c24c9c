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
    let failed = FAILED_ONCE.lines().filter_map(|line| {
        let (seed, words) = line.split_once(' ')?;
        let seed = seed.parse().ok()?;
        words.starts_with(scenario).then_some(seed)
    });
    failed
        .chain(1..=number("SIM_SEEDS").unwrap_or(usual))
        .collect()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
