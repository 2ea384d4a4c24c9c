//! What is committed is done.
//!
//! A known gap is a test that asserts today's behaviour with its reason, not a mark. `unwrap`
//! outside of tests is clippy's, and so are `dbg!` and its like in Rust; they are repeated here
//! because tests and benches are no different.

use super::{Check, Finding};
use crate::house::House;
use crate::source::{CommentKind, Source};

pub(super) const CHECK: Check = Check {
    name: "marks",
    doc: "No unfinished marks, no commented-out code, no ignored tests, no sleeping tests, and \
          unsafe code in its one room.",
    run,
};

/// Words of an unfinished thought, put together here so that this file has none.
const WORDS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
];

/// Runs of tokens, and what to do instead.
const TOKENS: &[(&[&str], &str)] = &[
    (&["todo", "!", "("], "write it, or leave the path out"),
    (
        &["unimplemented", "!", "("],
        "write it, or leave the path out",
    ),
    (&["dbg", "!", "("], "take it out, or log it"),
    (
        &["#", "[", "ignore"],
        "make it pass, or put it behind SLOW_TESTS",
    ),
    (&["#", "[", "should_panic"], "assert on the error instead"),
];

const SLEEPS: &[&[&str]] = &[&["thread", ":", ":", "sleep"], &["time", ":", ":", "sleep"]];

/// The one room that may lift the lint against unsafe code.
const UNSAFE_ROOM: &str = "crates/drivers/src/host/";

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in house.written().filter(|(path, _)| may_have_marks(path)) {
        findings.extend(words(path, text));
    }
    for (path, source) in house.rust() {
        findings.extend(tokens(path, source));
        findings.extend(sleeps(path, source));
        findings.extend(lifted_lints(path, source));
        findings.extend(dead_code(path, source));
    }
    findings
}

fn may_have_marks(path: &str) -> bool {
    !path.ends_with(".md") && !path.starts_with("tests/golden/")
}

fn words(path: &str, text: &str) -> Vec<Finding> {
    let whole_word = |line: &str, word: &str| {
        line.split(|sign: char| !sign.is_alphanumeric() && sign != '_')
            .any(|part| part == word)
    };
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in WORDS.iter().filter(|word| whole_word(line, word)) {
            let text = format!("{word}: do it, or write a test that shows the gap and says why");
            findings.push(Finding::new(path, index + 1, text));
        }
    }
    findings
}

fn tokens(path: &str, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (wanted, instead) in TOKENS {
        for line in source.lines_with(wanted) {
            findings.push(Finding::new(
                path,
                line,
                format!("`{}`: {instead}", wanted.concat()),
            ));
        }
    }
    findings
}

fn sleeps(path: &str, source: &Source) -> Vec<Finding> {
    let is_test_file = path.contains("tests/") || path.ends_with("/tests.rs");
    let text = "a test sleeps: wait on a condition with a deadline \
                (or `// tidy: sleep, <reason>` above)";
    SLEEPS
        .iter()
        .flat_map(|sleep| source.lines_with(sleep))
        .filter(|line| is_test_file || source.in_tests(*line))
        .filter(|line| !source.waives(*line, "sleep"))
        .map(|line| Finding::new(path, line, text))
        .collect()
}

fn lifted_lints(path: &str, source: &Source) -> Vec<Finding> {
    let text = format!("unsafe code: only {UNSAFE_ROOM} may have it, with `// SAFETY:`");
    let lines = source.lines_with(&["unsafe_code"]).into_iter();
    lines
        .filter(|_| !path.starts_with(UNSAFE_ROOM))
        .map(|line| Finding::new(path, line, text.clone()))
        .collect()
}

fn dead_code(path: &str, source: &Source) -> Vec<Finding> {
    let text = "commented-out code: take it out, git remembers it";
    source
        .comments
        .iter()
        .filter(|comment| comment.kind == CommentKind::Plain && looks_like_code(&comment.text))
        .map(|comment| Finding::new(path, comment.line, text))
        .collect()
}

/// Guesses: a statement ends with `;`, a block begins with a keyword and ends with `{`, or is `}`
/// alone.
fn looks_like_code(comment: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "if ", "for ", "while ", "match ", "fn ", "pub ", "impl ", "struct ", "else",
    ];
    let text = comment.trim();
    let statement = text.ends_with(';') && text.contains(['=', '(', ':']);
    let block = text.ends_with('{') && KEYWORDS.iter().any(|keyword| text.starts_with(keyword));
    statement || block || ["}", "});", "},"].contains(&text) || text.starts_with("#[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expect: &[(usize, &str)]) {
        let found = run(&House::of(&[(path, text)]));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, (line, text)) in found.iter().zip(expect) {
            assert_eq!(found.line, *line, "{found}");
            assert!(found.text.contains(text), "{found}");
        }
    }

    #[test]
    fn unfinished_thoughts_are_refused_in_every_text() {
        let mark = WORDS[0];
        check(
            "crates/a/src/a.rs",
            &format!("// {mark}: later"),
            &[(1, mark)],
        );
        check("tests/run", &format!("\n# {mark}"), &[(2, mark)]);
        check("CONTRIBUTING.md", &format!("write no {mark}"), &[]);
        check(
            "tests/run",
            &format!("mktemp /x.{}{}", WORDS[1], WORDS[1]),
            &[],
        );
    }

    #[test]
    fn macros_and_attributes_of_unfinished_work_are_refused() {
        check("src/a.rs", "fn a() { todo!() }", &[(1, "todo!")]);
        check("src/a.rs", "let a = dbg!(b);", &[(1, "dbg!")]);
        check(
            "src/a.rs",
            "#[ignore = \"slow\"]\nfn a() {}",
            &[(1, "SLOW_TESTS")],
        );
        check("src/a.rs", "#[should_panic]\nfn a() {}", &[(1, "assert")]);
        check("src/a.rs", "let a = \"todo!\"; // no dbg!() here", &[]);
    }

    #[test]
    fn unsafe_code_has_one_room() {
        let lifted = "#![expect(unsafe_code, reason = \"why\")]";
        check("crates/a/src/a.rs", lifted, &[(1, "SAFETY")]);
        check("crates/drivers/src/host/a.rs", lifted, &[]);
    }

    #[test]
    fn a_test_does_not_sleep_unless_it_says_why() {
        let sleep = "std::thread::sleep(pause)";
        check("src/a.rs", &format!("fn a() {{ {sleep}; }}"), &[]);
        check(
            "src/a.rs",
            &format!("#[cfg(test)]\nfn a() {{ {sleep}; }}"),
            &[(2, "sleeps")],
        );
        check(
            "tests/e2e/a.rs",
            &format!("fn a() {{ {sleep}; }}"),
            &[(1, "sleeps")],
        );
        check(
            "tests/e2e/a.rs",
            "fn a() { tokio::time::sleep(pause).await; }",
            &[(1, "sleeps")],
        );
        let waived =
            format!("fn a() {{\n    // tidy: sleep, the deadline loop itself\n    {sleep};\n}}");
        check("tests/e2e/a.rs", &waived, &[]);
    }

    #[test]
    fn commented_out_code_is_refused_and_prose_is_not() {
        check(
            "src/a.rs",
            "// let x = y(1);\n// if x {\n// }",
            &[(1, "git"), (2, "git"), (3, "git")],
        );
        check(
            "src/a.rs",
            "// A sentence; and another one.\n// Like `x = 1`.\n/// let x = 1;",
            &[],
        );
    }
}
