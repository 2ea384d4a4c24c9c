//! What is read at once fits on a page.
//!
//! Lines of code are lines that have code on them: comments and blank lines are free. Text inside
//! of a literal, and items under `#[rustfmt::skip]`, may be as wide as they must.

use super::{Check, Finding};
use crate::house::House;
use crate::source::{Source, Span};

pub(super) const CHECK: Check = Check {
    name: "sizes",
    doc: "A function fits 70 lines, a file 500 lines of code, tests in it 300 lines, a line 100 columns.",
    run,
};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_CODE_LINES_MAX: usize = 500;
const INNER_TEST_LINES_MAX: usize = 300;
const LINE_COLUMNS_MAX: usize = 100;

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in house.rust() {
        findings.extend(long_functions(path, source));
        findings.extend(long_file(path, source));
        findings.extend(long_tests(path, source));
        findings.extend(long_lines(path, source));
    }
    findings
}

fn long_functions(path: &str, source: &Source) -> Vec<Finding> {
    let too_long =
        |span: &&Span| span.lines() > FUNCTION_LINES_MAX && !source.waives(span.first, "long");
    let text = |span: &Span| {
        format!(
            "function {} has {} lines, {FUNCTION_LINES_MAX} fit: keep the branching, move leaves out \
             (or `// tidy: long, <reason>` above a flat table)",
            span.name,
            span.lines()
        )
    };
    source
        .functions
        .iter()
        .filter(too_long)
        .map(|span| Finding::new(path, span.first, text(span)))
        .collect()
}

fn long_file(path: &str, source: &Source) -> Option<Finding> {
    let only_tests =
        path.ends_with("/tests.rs") || path.contains("/tests/") && path.contains("/src/");
    let count = source
        .code_lines()
        .filter(|(line, code)| !code.trim().is_empty() && !source.in_tests(*line))
        .count();
    (count > FILE_CODE_LINES_MAX && !only_tests).then(|| {
        let text = format!(
            "{count} lines of code, {FILE_CODE_LINES_MAX} fit (aim at 200): split it by noun"
        );
        Finding::new(path, 1, text)
    })
}

fn long_tests(path: &str, source: &Source) -> Option<Finding> {
    let span = source
        .tests
        .iter()
        .find(|span| span.lines() > INNER_TEST_LINES_MAX)?;
    let text = format!(
        "{} lines of tests, {INNER_TEST_LINES_MAX} fit beside the code: move them to {}/tests.rs",
        span.lines(),
        path.trim_end_matches(".rs")
    );
    Some(Finding::new(path, span.first, text))
}

fn long_lines(path: &str, source: &Source) -> Vec<Finding> {
    let may_be_wide = |line: usize, text: &str| {
        source.literal_lines.contains(&line)
            || source.hand_laid.iter().any(|span| span.holds(line))
            || text.contains("://")
    };
    let mut findings = Vec::new();
    for (line, text) in (1..).zip(source.text.lines()) {
        let columns = text.chars().count();
        if columns > LINE_COLUMNS_MAX && !may_be_wide(line, text) {
            let text = format!("{columns} columns, {LINE_COLUMNS_MAX} fit: break the line by hand");
            findings.push(Finding::new(path, line, text));
        }
    }
    findings
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
            assert!(found.text.starts_with(text), "{found}");
        }
    }

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_70_lines_fits_and_one_of_71_does_not() {
        check("src/a.rs", &function(70), &[]);
        check(
            "src/a.rs",
            &function(71),
            &[(1, "function f has 71 lines, 70 fit")],
        );
        check(
            "src/a.rs",
            &format!("// tidy: long, a flat table\n{}", function(71)),
            &[],
        );
        check(
            "src/a.rs",
            &format!("// tidy: long\n{}", function(71)),
            &[(2, "function f")],
        );
    }

    #[test]
    fn a_file_counts_code_without_comments_blanks_and_tests() {
        let code = "use a;\n".repeat(500);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "use b;\n".repeat(290));
        check("src/a.rs", &format!("//! Doc.\n\n{code}{tests}"), &[]);
        check(
            "src/a.rs",
            &format!("{code}use a;\n"),
            &[(1, "501 lines of code")],
        );
        check("src/a/tests.rs", &format!("{code}{code}"), &[]);
    }

    #[test]
    fn tests_of_more_than_300_lines_move_out() {
        let tests = |lines: usize| {
            format!(
                "#[cfg(test)]\nmod tests {{\n{}}}\n",
                "use b;\n".repeat(lines - 3)
            )
        };
        check("src/a.rs", &tests(300), &[]);
        check("src/a.rs", &tests(301), &[(1, "301 lines of tests")]);
    }

    #[test]
    fn a_line_of_100_columns_fits() {
        let line = |columns: usize| format!("// {}\n", "é".repeat(columns - 3));
        check("src/a.rs", &line(100), &[]);
        check("src/a.rs", &line(101), &[(1, "101 columns")]);
    }

    #[test]
    fn data_may_be_wide() {
        let wide = "x".repeat(120);
        check("src/a.rs", &format!("// https://{wide}"), &[]);
        check("src/a.rs", &format!("let a = r#\"\n{wide}\n\"#;"), &[]);
        check(
            "src/a.rs",
            &format!("#[rustfmt::skip]\nconst T: &[u8] = &[\n    {wide},\n];"),
            &[],
        );
        check(
            "src/a.rs",
            &format!("let {wide} = 1;"),
            &[(1, "129 columns")],
        );
    }
}
