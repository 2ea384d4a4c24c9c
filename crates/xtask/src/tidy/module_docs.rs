//! Each module says at its top what it is for, and no lint is silenced without a reason.
//!
//! That `pub` items are documented is `missing_docs` of rustc; the lint tables are held by
//! `manifests`.

use super::{Check, Finding};
use crate::house::House;
use crate::source::{CommentKind, Source};

pub(super) const CHECK: Check = Check {
    name: "module_docs",
    doc: "Each Rust file opens with a `//!` sentence, and `#[allow]` gives its reason.",
    run,
};

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in house.rust() {
        findings.extend(undocumented(path, source));
        findings.extend(silenced(path, source));
    }
    findings
}

fn undocumented(path: &str, source: &Source) -> Option<Finding> {
    let first = source.comments.first();
    let opens_with_doc = source.text.starts_with("//!")
        && first.is_some_and(|comment| {
            comment.kind == CommentKind::Module && !comment.text.trim().is_empty()
        });
    let text = "no `//!` at the top: say what it is for, what it leaves out, where to start";
    (!opens_with_doc).then(|| Finding::new(path, 1, text))
}

fn silenced(path: &str, source: &Source) -> Vec<Finding> {
    let text = "a lint is silenced: add `reason = \"…\"`, or do what it asks";
    let opened = ["allow", "expect"]
        .iter()
        .flat_map(|word| {
            [
                source.lines_with(&["#", "[", word, "("]),
                source.lines_with(&["#", "!", "[", word, "("]),
            ]
        })
        .flatten();
    let without_reason = |line: &usize| {
        let rest: Vec<&str> = source.code.lines().skip(line - 1).take(6).collect();
        let attribute = rest.join("\n");
        let end = attribute.find(")]").unwrap_or(attribute.len());
        !attribute[..end].contains("reason")
    };
    opened
        .filter(without_reason)
        .map(|line| Finding::new(path, line, text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[usize]) {
        let found = run(&House::of(&[("src/a.rs", text)]));
        let lines: Vec<_> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expect, "{found:?}");
    }

    #[test]
    fn a_file_opens_with_its_doc() {
        check("//! Says it.\nfn a() {}", &[]);
        check("fn a() {}", &[1]);
        check("//!\nfn a() {}", &[1]);
        check("// Says it.\n//! Late.", &[1]);
        check("", &[1]);
    }

    #[test]
    fn a_silenced_lint_says_why() {
        check(
            "//! A.\n#[allow(dead_code, reason = \"for later\")]\nfn a() {}",
            &[],
        );
        check(
            "//! A.\n#![expect(\n    unused,\n    reason = \"x\"\n)]",
            &[],
        );
        check("//! A.\n#[allow(dead_code)]\nfn a() {}", &[2]);
        check("//! A.\n#![allow(dead_code)]", &[2]);
    }
}
