//! Random expressions, evaluated here and by CPython: values, kinds and text must be the same.
//!
//! `PYTHON_EXPRESSIONS` sets how many (100 000 with `SLOW_TESTS=1`), `PYTHON_SEED` which.

// The seed and the other interpreter are the world of this test.
#![allow(
    clippy::disallowed_methods,
    reason = "the test is steered by its environment"
)]

mod generator;
mod world;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use generator::Generator;

/// Expressions that are on their way at one time: few enough for the pipes to hold their answers.
const BATCH: usize = 200;

#[test]
fn random_expressions_have_the_value_that_python_gives_them() {
    let seed = number("PYTHON_SEED").unwrap_or(20_261_120);
    let many = if env::var("SLOW_TESTS").is_ok() {
        100_000
    } else {
        2_000
    };
    let count = number("PYTHON_EXPRESSIONS").unwrap_or(many);
    println!("seed {seed}, {count} expressions");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/evaluate.py");
    let child = Command::new("python3")
        .arg("-W")
        .arg("ignore")
        .arg(script)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        assert!(
            env::var("CI").is_err(),
            "python3 is not there, and CI must compare with it"
        );
        println!("python3 is not there: nothing was compared");
        return;
    };
    let mut to = child.stdin.take().unwrap();
    let mut from = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut generator = Generator::new(seed);
    let mut differences = Vec::new();
    let mut errors = 0;
    let mut refused = 0;
    for _ in 0..count.div_ceil(BATCH as u64) {
        let expressions: Vec<String> = (0..BATCH).map(|_| generator.expression()).collect();
        // The answers of a batch wait in python's own buffer and the pipe while we write.
        for expression in &expressions {
            writeln!(to, "{expression}").unwrap();
        }
        writeln!(to, "'END'").unwrap();
        to.flush().unwrap();
        for expression in &expressions {
            let theirs = from.next().unwrap().unwrap();
            let Some(ours) = evaluate(expression) else {
                refused += 1;
                continue;
            };
            errors += usize::from(theirs.starts_with("error"));
            let same = ours == theirs || (ours.starts_with("error") && theirs.starts_with("error"));
            if !same {
                differences.push(format!("{expression}\n  python {theirs}\n  here   {ours}"));
            }
        }
        assert_eq!(from.next().unwrap().unwrap(), "'END'");
    }
    drop(to);
    child.wait().unwrap();
    println!("{errors} of them are errors in both, {refused} are refused at load");
    assert!(refused * 10 < count, "too many are not compared: {refused}");
    assert!(
        errors < usize::try_from(count).unwrap() / 2,
        "most expressions are errors: {errors}"
    );
    let shown: Vec<_> = differences.iter().take(20).cloned().collect();
    assert!(
        differences.is_empty(),
        "seed {seed}: {} differ\n{}",
        differences.len(),
        shown.join("\n")
    );
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Gives the value as `repr` writes it: that of a list with the value in it, without the brackets.
///
/// An argument of the wrong kind is refused at load, even where Python would never come to it: such
/// an expression is not compared.
fn evaluate(expression: &str) -> Option<String> {
    let found = world::evaluate(&format!("[{expression}]"), &world::Nothing);
    if found.starts_with("error: ") && found.contains(" wants a") {
        return None;
    }
    Some(inside(found))
}

fn inside(found: String) -> String {
    match found
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inside) => inside.to_owned(),
        None => found,
    }
}
