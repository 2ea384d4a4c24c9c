//! Replays the fuzz corpora and mutates them: whatever the text, nothing panics or runs for ever.
//!
//! `FUZZ_ROUNDS` sets how many mutations (200 000 with `SLOW_TESTS=1`), `FUZZ_SEED` which. The same
//! corpora feed `cargo fuzz` in `tests/fuzz`.

// The corpora, the seed and the time an input takes are the world of this test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test is steered by its environment"
)]

#[path = "../../../tests/fuzz/mutator.rs"]
mod mutator;
mod world;

use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use expr::{Failure, Outcome, compile, compile_script, compile_template};
use model::{Diagnostic, Place};
use mutator::Mutator;
use world::World;

/// Far above what any input may take even without optimisation on a busy machine: it catches what
/// never ends, and the benchmark measures the rest.
const TIME_MAX: Duration = Duration::from_secs(20);

#[test]
fn corpora_and_their_mutations_neither_panic_nor_run_for_ever() {
    let corpus = corpus();
    assert!(corpus.len() > 100, "the corpora are gone");
    let world = World::new();
    for text in &corpus {
        check(text, &world);
    }
    let seed = number("FUZZ_SEED").unwrap_or(20_261_120);
    let many = if env::var("SLOW_TESTS").is_ok() {
        200_000
    } else {
        5_000
    };
    let rounds = number("FUZZ_ROUNDS").unwrap_or(many);
    println!("seed {seed}, {rounds} mutations");
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    let corpus: Vec<_> = corpus.iter().map(|text| letters(text)).collect();
    let pieces = PIECES.map(letters);
    let mut mutator = Mutator::new(seed);
    for _ in 0..rounds {
        let text = mutator.mutate(&corpus, &pieces, bend, 2_000);
        check(&text.iter().collect::<String>(), &world);
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

fn corpus() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let mut paths: Vec<_> = ["lexer", "translator", "evaluator"]
        .iter()
        .flat_map(|target| fs::read_dir(root.join(target)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// Runs everything that takes text on a text, and tests what must hold for any.
fn check(text: &str, world: &World) {
    let place = Place::new("fuzz", 1, 1);
    let start = Instant::now();
    if let Err(errors) = compile_script(text, &place) {
        check_places(text, &errors);
    }
    match compile_template(text, &place) {
        Ok(template) => drop(template.evaluate(&world.clone())),
        Err(errors) => check_places(text, &errors),
    }
    match compile(text, &place) {
        Ok(program) => {
            let result = program.answer(&world.clone());
            if let Err(Failure::Error(error)) = &result {
                check_places(text, std::slice::from_ref(error));
            }
            let explained = program.explain(&world.clone()).outcome;
            // NaN is not equal to itself, so texts are compared.
            assert_eq!(
                format!("{explained:?}"),
                format!("{:?}", Outcome::from(result)),
                "explained otherwise than evaluated: {text:?}"
            );
        }
        Err(errors) => check_places(text, &errors),
    }
    assert!(
        start.elapsed() < TIME_MAX,
        "{:?} for {text:?}",
        start.elapsed()
    );
}

/// Every mistake has a place inside the text, or just behind it.
fn check_places(text: &str, errors: &[Diagnostic]) {
    assert!(!errors.is_empty(), "refused without a reason: {text:?}");
    for error in errors {
        let line = text.split('\n').nth(error.place.line as usize - 1);
        let length = line.map(|line| line.chars().count());
        assert!(
            length.is_some_and(|length| error.place.column as usize <= length + 1),
            "{} lies outside of {text:?}",
            error.place
        );
        assert!(!error.message.is_empty());
    }
}

/// Pieces of the language, whole and broken.
const PIECES: [&str; 60] = [
    "{{",
    "}}",
    "{{collector.memory.phys_used}}",
    "{{item}}",
    "||",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "`",
    "\\",
    "f'",
    "'''",
    "${",
    "#{",
    ";",
    "=>",
    "let x = 1; ",
    "|x| x",
    " and ",
    " or ",
    " not ",
    " in ",
    " if ",
    " else ",
    " for x in ",
    "range(9)",
    "**",
    "//",
    "%",
    "%s",
    "%(a)s",
    "'%5d' % ",
    "1e308",
    "0x",
    "9",
    "9223372036854775807",
    "-",
    "~",
    ".",
    "..",
    ",",
    ":",
    "::-1",
    "!",
    "=",
    "==",
    "<",
    "é",
    "\n",
    "\u{0}",
    "sorted(",
    "match(",
    ".format(",
    "None",
];

/// Another letter of the language.
fn bend(_: &char, by: u64) -> char {
    let letters = b"09az_.,()[]{}'\"\\<>=!+-*/% \n";
    char::from(letters[(by % letters.len() as u64) as usize])
}
