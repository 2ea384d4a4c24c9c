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

mod packets;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

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
    let mut mutator = Mutator { state: seed };
    for _ in 0..rounds {
        target.check(&mutator.mutate(&corpus));
    }
    target.is_well();
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

fn root(of: &str) -> PathBuf {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    corpora.join(of)
}

fn corpus(of: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(root(of)).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

struct Mutator {
    state: u64,
}

impl Mutator {
    /// splitmix64
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Flips, cuts, doubles and joins pieces of what is well formed.
    fn mutate(&mut self, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].1.clone();
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(16)).min(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.insert(at, self.next() as u8),
                3 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                4 => {
                    let other = &corpus[self.below(corpus.len())].1;
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
        bytes
    }
}
