//! Names say what is inside: what has no noun of its own has no place of its own.

use super::{Check, Finding};
use crate::house::House;

pub(super) const CHECK: Check = Check {
    name: "names",
    doc: "No module is a drawer (util, common, helpers, misc, types, manager, handlers) or a mod.rs; \
          no test is called test_….",
    run,
};

const DRAWERS: &[&str] = &[
    "util", "utils", "common", "helpers", "misc", "types", "manager", "managers", "handlers",
];

fn run(house: &House) -> Vec<Finding> {
    let ours = |path: &str| path.starts_with("crates/") || path.starts_with("tests/");
    let mut findings = Vec::new();
    for (path, source) in house.rust().filter(|(path, _)| ours(path)) {
        let parts = path.trim_end_matches(".rs").split('/');
        findings.extend(parts.filter_map(|part| drawer(path, 1, part)));
        // Below `tests/` cargo would take `world.rs` for a test of its own.
        if path.ends_with("/mod.rs") && !path.contains("/tests/") {
            let text =
                "every mod.rs is called alike: name the file after its module, beside its folder";
            findings.push(Finding::new(path, 1, text));
        }
        let prefixed = source
            .functions
            .iter()
            .filter(|function| function.name.starts_with("test_"));
        findings.extend(prefixed.map(|function| {
            let text = format!(
                "{}: name the test after the behaviour it shows",
                function.name
            );
            Finding::new(path, function.first, text)
        }));
        let code = source.code.lines().enumerate();
        for (index, line) in code {
            let inner = line.trim().trim_start_matches("pub ").strip_prefix("mod ");
            let name = inner.and_then(|rest| rest.strip_suffix('{'));
            findings.extend(name.and_then(|name| drawer(path, index + 1, name.trim())));
        }
    }
    findings
}

fn drawer(path: &str, line: usize, name: &str) -> Option<Finding> {
    let text = format!("{name:?} is a drawer: name it after the one noun it holds");
    DRAWERS
        .contains(&name)
        .then(|| Finding::new(path, line, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expect: &[usize]) {
        let found = run(&House::of(&[(path, text)]));
        let lines: Vec<_> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expect, "{found:?}");
    }

    #[test]
    fn nouns_are_fine() {
        check("crates/a/src/member.rs", "mod utility {\n}", &[]);
        check("packs/core/common/a.rs", "", &[]);
    }

    #[test]
    fn drawers_are_refused_as_file_folder_and_inner_module() {
        check("crates/a/src/util.rs", "", &[1]);
        check("crates/a/src/handlers/x.rs", "", &[1]);
        check("crates/a/src/x.rs", "\npub mod types {\n}", &[2]);
    }

    #[test]
    fn a_module_has_a_file_of_its_name() {
        check("crates/a/src/x/mod.rs", "", &[1]);
        check("crates/a/tests/world/mod.rs", "", &[]);
    }

    #[test]
    fn a_test_is_named_as_a_sentence() {
        check(
            "crates/a/src/x.rs",
            "fn refuses_zero() {}\nfn test_zero() {}",
            &[2],
        );
    }
}
