//! Pages have one title and no dead links.
//!
//! Links to other sites are not followed: the checks run offline.

use super::{Check, Finding};
use crate::house::House;

pub(super) const CHECK: Check = Check {
    name: "markdown",
    doc: "Each page has one title, on top, and its relative links lead somewhere.",
    run,
};

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in house.written().filter(|(path, _)| path.ends_with(".md")) {
        if !is_fragment(path) {
            findings.extend(titles(path, text));
        }
        findings.extend(links(house, path, text));
    }
    findings
}

/// A fragment of the changelog is put under a heading when it is released, and has none itself.
fn is_fragment(path: &str) -> bool {
    path.starts_with("changelog.d/") && !path.ends_with("README.md")
}

/// Gives the lines that are prose, without the fenced blocks and with code spans blanked.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let plain: String = content
                .split('`')
                .step_by(2)
                .collect::<Vec<_>>()
                .join("` `");
            found.push((line, plain));
        }
    }
    found
}

fn titles(path: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<usize> = prose(text)
        .into_iter()
        .filter(|(_, content)| content.starts_with("# "))
        .map(|(line, _)| line)
        .collect();
    match lines.as_slice() {
        [] => vec![Finding::new(path, 1, "no title: open with `# …`")],
        [_] => vec![],
        [_, rest @ ..] => {
            let second = |line: &usize| Finding::new(path, *line, "a second title: make it `## …`");
            rest.iter().map(second).collect()
        }
    }
}

fn links(house: &House, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, content) in prose(text) {
        for target in content
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next())
        {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                path.to_owned()
            } else {
                resolve(path, file)
            };
            if !exists(house, &file) {
                let text = format!("the link {target} leads nowhere: {file} does not exist");
                findings.push(Finding::new(path, line, text));
            } else if !anchor.is_empty() && !has_heading(house, &file, anchor) {
                let text = format!("the link {target} leads nowhere: no heading makes #{anchor}");
                findings.push(Finding::new(path, line, text));
            }
        }
    }
    findings
}

fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn exists(house: &House, path: &str) -> bool {
    let dir = format!("{path}/");
    path.is_empty()
        || house
            .files
            .iter()
            .any(|file| file.path == path || file.path.starts_with(&dir))
}

fn has_heading(house: &House, path: &str, anchor: &str) -> bool {
    let Some(text) = house.text(path).filter(|_| path.ends_with(".md")) else {
        return true;
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| slug(line.trim_start_matches('#')))
        .any(|slug| slug == anchor)
}

/// Makes the anchor of a heading, as the forges do.
fn slug(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: &str, expect: &[(usize, &str)]) {
        let files = [
            ("docs/a.md", page),
            ("README.md", "# R\n## Two words, here"),
            ("ui/x.js", ""),
        ];
        let found = run(&House::of(&files));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, (line, text)) in found.iter().zip(expect) {
            assert_eq!(found.line, *line, "{found}");
            assert!(found.text.contains(text), "{found}");
        }
    }

    #[test]
    fn a_page_has_one_title() {
        check("# A\n\n```sh\n# a comment\n```\n## B", &[]);
        check("## A", &[(1, "no title")]);
        check("# A\n# B", &[(2, "second title")]);
    }

    #[test]
    fn relative_links_lead_somewhere() {
        check(
            "# A\n[r](../README.md) [u](../ui/) [s](https://x.y/z) `[n](no.md)`",
            &[],
        );
        check(
            "# A\n[r](README.md)",
            &[(2, "docs/README.md does not exist")],
        );
        check("# A b\n[r](#a-b) [r](../README.md#two-words-here)", &[]);
        check("# A\n[r](#b)", &[(2, "no heading makes #b")]);
    }

    #[test]
    fn a_fragment_of_the_changelog_has_no_title() {
        assert_eq!(run(&House::of(&[("changelog.d/a.fix.md", "Text.")])), []);
    }
}
