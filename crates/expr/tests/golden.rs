//! Expressions with their results, as text: `tests/golden/*.txt`.
//!
//! A line is `expression ⇒ result`; the result is the text of the value, `unknown: reason` or
//! `error: message`. `⏎` stands for a line break in either. Lines with `#` in front are headings.

// A golden file is what is tested, not an input of the language.
#![allow(
    clippy::disallowed_methods,
    reason = "tests read their cases from disk"
)]

mod world;

use std::path::Path;

use world::World;

#[test]
fn every_line_of_the_golden_files_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut failures = Vec::new();
    let mut lines = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let cases = text.lines().enumerate();
        for (index, line) in cases.filter(|(_, line)| !line.starts_with('#') && !line.is_empty()) {
            let (expression, expect) = line
                .split_once(" ⇒ ")
                .unwrap_or_else(|| panic!("{}:{}: no ⇒", path.display(), index + 1));
            let result = world::evaluate(&expression.replace('⏎', "\n"), &World::new());
            let found = result.replace('\n', "⏎").replace('\u{1b}', "␛");
            lines += 1;
            if found != expect {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                failures.push(format!(
                    "{name}:{}: {expression}\n  expect {expect}\n  found  {found}",
                    index + 1
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(lines > 300, "the golden files are gone: {lines} lines");
}
