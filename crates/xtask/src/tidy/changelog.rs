//! What a user can see is told in a fragment, whose name says its topic and its kind.

use super::{Check, Finding};
use crate::house::House;

pub(super) const CHECK: Check = Check {
    name: "changelog",
    doc: "Fragments are called changelog.d/<topic>.<feature|fix|breaking|security>.md and say something.",
    run,
};

const KINDS: &[&str] = &["feature", "fix", "breaking", "security"];

fn run(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &house.files {
        let Some(name) = file.path.strip_prefix("changelog.d/") else {
            continue;
        };
        if name == "README.md" {
            continue;
        }
        if !is_well_named(name) {
            let text = format!(
                "{name} is no fragment: call it <topic>.<{}>.md",
                KINDS.join("|")
            );
            findings.push(Finding::new(&file.path, 1, text));
        }
        let content = file.text.as_deref().unwrap_or_default();
        if content.trim().is_empty() || content.starts_with('#') {
            let text = "say in one to three sentences what a user sees, without a heading";
            findings.push(Finding::new(&file.path, 1, text));
        }
    }
    findings
}

fn is_well_named(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let topic = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|sign| sign.is_ascii_lowercase() || sign == '-')
    };
    matches!(parts.as_slice(), [name, kind, "md"] if topic(name) && KINDS.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expect: usize) {
        let found = run(&House::of(&[(&format!("changelog.d/{name}"), text)]));
        assert_eq!(found.len(), expect, "{found:?}");
    }

    #[test]
    fn fragments_have_a_topic_and_a_kind() {
        check("agent-info.feature.md", "Shows it.", 0);
        check("README.md", "# Fragments", 0);
        check("agent.new.md", "Shows it.", 1);
        check("Agent Info.fix.md", "Shows it.", 1);
        check("agent.md", "Shows it.", 1);
    }

    #[test]
    fn fragments_say_something() {
        check("agent.fix.md", "\n", 1);
        check("agent.fix.md", "# A heading\nText.", 1);
    }
}
