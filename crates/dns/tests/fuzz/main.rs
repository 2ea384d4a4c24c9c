//! Replays the fuzz corpus of DNS packets and mutates it: nothing panics, nothing is answered that
//! should not be, and no answer is larger than the asker takes.
//!
//! `FUZZ_ROUNDS` sets how many mutations, `FUZZ_SEED` which. The same corpus feeds `cargo fuzz` in
//! `tests/fuzz`.

// The corpus and the seed are the world of this test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test is steered by its environment"
)]

#[path = "../../../../tests/fuzz/inputs.rs"]
mod inputs;
#[path = "../../../../tests/fuzz/mutator.rs"]
mod mutator;
mod packets;

use std::env;
use std::fs;

use inputs::{bend, corpus, number, root};
use mutator::Mutator;

#[test]
fn a_million_junk_packets_do_no_harm() {
    let mut target = packets::Target::new();
    if env::var("UPDATE_GOLDEN").is_ok() {
        for (name, bytes) in target.samples() {
            fs::write(root("dns").join(name), bytes).unwrap();
        }
    }
    let corpus = corpus("dns");
    assert!(corpus.len() > 12, "the corpus is gone");
    for (name, bytes) in &corpus {
        assert_eq!(target.check(bytes), name.starts_with("query"), "{name}");
    }
    let seed = number("FUZZ_SEED").unwrap_or(20_261_126);
    let many = match env::var("SLOW_TESTS") {
        Ok(_) => 1_000_000,
        Err(_) => 20_000,
    };
    let rounds = number("FUZZ_ROUNDS").unwrap_or(many);
    println!("seed {seed}, {rounds} mutations");
    let corpus: Vec<_> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let mut mutator = Mutator::new(seed);
    for _ in 0..rounds {
        target.check(&mutator.mutate(&corpus, &[], bend, 4_096));
    }
    target.is_well();
}
