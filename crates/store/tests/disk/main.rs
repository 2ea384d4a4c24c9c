//! The store against a hostile world: killed writers, lost power, a full disk.
//!
//! Each module is one kind of bad luck. A writer process (this binary again, see `writer`) prints
//! what the store has acknowledged; the test then breaks something and compares. The default runs
//! are short, `SLOW_TESTS=1` makes them long; every run prints its seed, and `SEED=n` repeats it.
//! Power loss and full disks need root and mounts: where that cannot be had the tests say so and
//! are skipped, except under `CI=true`, where that is a failure.

#![cfg(test)]

mod full;
mod kill;
mod mount;
mod power;
mod writer;

use std::io::Write as _;

/// A small generator: a failing seed repeats its choices exactly.
struct Random(u64);

impl Random {
    /// Takes the seed from the environment, or makes one, and prints it.
    fn from_environment() -> Self {
        let given = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
        say(&format!("seed {seed}"));
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Gives the rounds of a run: few by default, all of them under `SLOW_TESTS=1`.
fn rounds(quick: u32, slow: u32) -> u32 {
    if std::env::var_os("SLOW_TESTS").is_some() {
        slow
    } else {
        quick
    }
}

/// Prints past the capture of the test harness: a skipped test must be seen.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
