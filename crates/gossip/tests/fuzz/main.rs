//! Replays the fuzz corpus of the cluster's decoders and mutates it: nothing panics, what is read
//! has one form, and the book stays right.
//!
//! `FUZZ_ROUNDS` sets how many mutations, `FUZZ_SEED` which. The same corpus feeds `cargo fuzz` in
//! `tests/fuzz`.

// The corpus and the seed are the world of this test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test is steered by its environment"
)]

mod decoders;
#[path = "../../../../tests/fuzz/inputs.rs"]
mod inputs;
#[path = "../../../../tests/fuzz/mutator.rs"]
mod mutator;
mod sealed;

use std::env;
use std::fs;

use inputs::{bend, corpus, number, root};
use mutator::Mutator;

/// Bytes of one mutation at most: more than any datagram, and than the samples of calls.
const LENGTH_MAX: usize = 16 << 10;

#[test]
fn whatever_another_node_sends_nothing_panics() {
    let corpus = corpus("cluster");
    assert!(corpus.len() > 15, "the corpus is gone");
    for (name, bytes) in &corpus {
        let understood = decoders::check(bytes);
        assert_eq!(understood > 0, !name.starts_with("junk"), "{name}");
    }
    let seed = number("FUZZ_SEED").unwrap_or(20_261_125);
    let many = if env::var("SLOW_TESTS").is_ok() {
        1_000_000
    } else {
        5_000
    };
    let rounds = number("FUZZ_ROUNDS").unwrap_or(many);
    println!("seed {seed}, {rounds} mutations");
    let corpus: Vec<_> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let mut mutator = Mutator::new(seed);
    for _ in 0..rounds {
        decoders::check(&mutator.mutate(&corpus, &[], bend, LENGTH_MAX));
    }
}

#[test]
fn bytes_of_strangers_prove_nothing_and_take_no_room() {
    let mut ends = sealed::Ends::new();
    if env::var("UPDATE_GOLDEN").is_ok() {
        for (name, bytes) in ends.samples() {
            fs::write(root("sealed").join(name), bytes).unwrap();
        }
    }
    let corpus = corpus("sealed");
    for (name, bytes) in &corpus {
        assert_eq!(ends.check(bytes), name.starts_with("datagram"), "{name}");
    }
    let known: Vec<_> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let seed = number("FUZZ_SEED").unwrap_or(20_261_125);
    let many = match env::var("SLOW_TESTS") {
        Ok(_) => 1_000_000,
        Err(_) => 5_000,
    };
    let rounds = number("FUZZ_ROUNDS").unwrap_or(many);
    println!("seed {seed}, {rounds} mutations");
    let mut mutator = Mutator::new(seed);
    for _ in 0..rounds {
        let bytes = mutator.mutate(&known, &[], bend, LENGTH_MAX);
        let is_known = known.contains(&bytes);
        assert!(is_known || !ends.check(&bytes), "{bytes:02x?}");
    }
}
