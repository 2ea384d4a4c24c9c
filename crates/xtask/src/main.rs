//! `cargo xtask <chore>`: reads the arguments, runs the chore, prints what it found.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use xtask::bench::Size;
use xtask::cargo_deny::{self, Outcome};

const HELP: &str = "\
Chores of this repository.

Usage: cargo xtask <chore>

Chores:
  tidy                       checks the tree: arrows, sizes, docs, names, licences …
  tidy --list                says what each check asks for
  docs                       rewrites what is made from the program: manual, agent.yml, openapi.json
  bench [NAME] [--small]     measures and prints `name value unit`; NAME is a crate, agent or all
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => tidy(),
        ["tidy", "--list"] => list(),
        ["docs"] => docs(),
        ["bench"] => bench("all", Size::Full),
        ["bench", "--small"] => bench("all", Size::Small),
        ["bench", name] => bench(name, Size::Full),
        ["bench", name, "--small"] | ["bench", "--small", name] => bench(name, Size::Small),
        [] | ["help" | "--help" | "-h"] => {
            say(HELP);
            ExitCode::SUCCESS
        }
        unknown => {
            say(&format!(
                "error: there is no chore {:?}\n\n{HELP}",
                unknown.join(" ")
            ));
            ExitCode::from(64)
        }
    }
}

fn tidy() -> ExitCode {
    let checked = match xtask::tidy::tidy(&root()) {
        Ok(checked) => checked,
        Err(error) => return failed(&error),
    };
    let mut count = 0;
    for (check, findings) in &checked {
        for finding in findings {
            say(&format!("{finding} [{}]\n", check.name));
        }
        count += findings.len();
    }
    let deny = match cargo_deny::run(&root()) {
        Outcome::Absent => "cargo deny is not installed, so nobody asked for advisories".to_owned(),
        Outcome::NoDatabase => {
            "cargo deny could not fetch its advisories, the rest passed".to_owned()
        }
        Outcome::Passed => "cargo deny passed".to_owned(),
        Outcome::Failed(words) => {
            count += 1;
            format!("cargo deny failed:\n{words}")
        }
    };
    say(&format!(
        "tidy: {} checks, {count} findings; {deny}\n",
        checked.len()
    ));
    if count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn list() -> ExitCode {
    for check in xtask::tidy::ALL {
        say(&format!("{:14}{}\n", check.name, check.doc));
    }
    ExitCode::SUCCESS
}

fn docs() -> ExitCode {
    match xtask::docs::rewrite(&root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn bench(name: &str, size: Size) -> ExitCode {
    match xtask::bench::run(&root(), name, size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &str) -> ExitCode {
    say(&format!("error: {error}\n"));
    ExitCode::from(2)
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
