//! The known inputs of fuzz tests over bytes. The tests of several crates include this file, as
//! they do `mutator.rs`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Gives a number that the environment sets.
pub(crate) fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Gives the folder of a corpus.
pub(crate) fn root(of: &str) -> PathBuf {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    corpora.join(of)
}

/// Reads a corpus: its files by name, in order.
pub(crate) fn corpus(of: &str) -> Vec<(String, Vec<u8>)> {
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

/// Flips a bit.
pub(crate) fn bend(byte: &u8, by: u64) -> u8 {
    byte ^ 1 << (by % 8)
}
