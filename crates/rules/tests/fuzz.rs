//! Replays the fuzz corpus of formats and mutates it: whatever a source sends, nothing panics, and
//! what comes out is bounded.
//!
//! `FUZZ_ROUNDS` sets how many mutations, `FUZZ_SEED` which. The same corpus feeds `cargo fuzz` in
//! `tests/fuzz`.

// The corpus and the seed are the world of this test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test is steered by its environment"
)]

#[path = "../../../tests/fuzz/mutator.rs"]
mod mutator;

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use model::Value;
use model::limits::{FORMAT_DEPTH_MAX, FORMAT_VALUES_MAX};
use mutator::Mutator;
use packs::collector::Format;
use rules::formats::Parser;

#[test]
fn whatever_a_source_sends_nothing_panics_or_grows() {
    let parsers = parsers();
    let corpus = corpus();
    assert!(corpus.len() > 10, "the corpus is gone");
    let mut understood = 0;
    for bytes in &corpus {
        understood += check(&parsers, bytes);
    }
    assert!(understood > corpus.len(), "the corpus is not understood");
    let seed = number("FUZZ_SEED").unwrap_or(20_261_125);
    let many = if env::var("SLOW_TESTS").is_ok() {
        100_000
    } else {
        2_000
    };
    let rounds = number("FUZZ_ROUNDS").unwrap_or(many);
    println!("seed {seed}, {rounds} mutations");
    let pieces = PIECES.map(<[u8]>::to_vec);
    let mut mutator = Mutator::new(seed);
    for _ in 0..rounds {
        check(&parsers, &mutator.mutate(&corpus, &pieces, bend, 4_000));
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/formats");
    let mut paths: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn parsers() -> Vec<Parser> {
    let formats = [
        Format::Json,
        Format::Nagios,
        Format::Prometheus,
        Format::Text,
        Format::KeyValue {
            separator: ":".into(),
        },
        Format::KeyValue {
            separator: " ".into(),
        },
        Format::Table {
            separator: None,
            columns: Vec::new(),
            key: Vec::new(),
            only: Vec::new(),
        },
        Format::Table {
            separator: Some(",".into()),
            columns: vec!["a".into(), "b".into(), "c".into()],
            key: vec!["a".into(), "b".into()],
            only: Vec::new(),
        },
        Format::Regexp {
            pattern: r"(?<name>\w+)\W+(?<value>[\d.]+)".into(),
            lines: true,
            key: Some("name".into()),
        },
    ];
    formats
        .iter()
        .map(|format| Parser::new(format).unwrap())
        .collect()
}

/// Reads bytes in each form; gives in how many they were understood.
fn check(parsers: &[Parser], bytes: &[u8]) -> usize {
    let mut understood = 0;
    for parser in parsers {
        match parser.parse(bytes) {
            Ok(value) => {
                understood += 1;
                check_value(&value, 0, &mut 0);
                let again = parser.parse(bytes).unwrap();
                assert_eq!(format!("{again:?}"), format!("{value:?}"));
            }
            Err(error) => {
                let told = error.to_string();
                assert!(!told.is_empty() && told.len() < 2_000, "{told}");
            }
        }
    }
    understood
}

fn check_value(value: &Value, depth: usize, count: &mut usize) {
    *count += 1;
    // A map around values is one more than the values that were counted.
    assert!(*count <= 4 * FORMAT_VALUES_MAX && depth <= FORMAT_DEPTH_MAX + 1);
    match value {
        Value::Float(number) => assert!(number.is_finite()),
        Value::List(items) => {
            for item in items.iter() {
                check_value(item, depth + 1, count);
            }
        }
        Value::Map(map) => {
            for item in Arc::clone(map).values() {
                check_value(item, depth + 1, count);
            }
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) => {}
    }
}

/// Pieces of the forms, whole and broken.
const PIECES: [&[u8]; 36] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"\\",
    b"\\u00e9",
    b":",
    b";",
    b",",
    b"|",
    b"=",
    b" ",
    b"\t",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xc3",
    b"#",
    b"# ",
    b"NaN",
    b"+Inf",
    b"1e999",
    b"-",
    b".",
    b"9223372036854775808",
    b"U",
    b"null",
    b"le=\"0.5\"",
    b"a=1;2;3;4;5;6",
    b"''",
    b"\xe2\x80\xa8",
    b"OK - ",
    b"%",
];

/// Flips a bit.
fn bend(byte: &u8, by: u64) -> u8 {
    byte ^ 1 << (by % 8)
}
