//! `cargo xtask <chore>`: reads the arguments, runs the chore, prints what it found.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Chores of this repository.

Usage: cargo xtask <chore>

Chores:
  tidy    checks the tree: arrows, sizes, docs, names, licences …
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => tidy(),
        [] | ["help" | "--help" | "-h"] => {
            say(HELP);
            ExitCode::SUCCESS
        }
        [unknown, ..] => {
            say(&format!("error: there is no chore {unknown:?}\n\n{HELP}"));
            ExitCode::from(64)
        }
    }
}

fn tidy() -> ExitCode {
    let checked = match xtask::tidy::tidy(&root()) {
        Ok(checked) => checked,
        Err(error) => {
            say(&format!("error: {error}\n"));
            return ExitCode::from(2);
        }
    };
    let mut count = 0;
    for (check, findings) in &checked {
        for finding in findings {
            say(&format!("{finding} [{}]\n", check.name));
        }
        count += findings.len();
    }
    say(&format!(
        "tidy: {} checks, {count} findings\n",
        checked.len()
    ));
    if count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The root of the workspace: this crate knows where it lies.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Prints; a closed pipe is the reader's wish, not an error.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
