//! `opsbro explain group`

use api::client::With;
use api::groups::{Candidate, EXPLAIN, Explained};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::commands::detectors::list::outcome;
use crate::commands::evaluator::eval::tree;
use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Explain why this node has a group, or why not
///
/// The exit code is 0 when it has the group, and 1 when it has not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Group {
    /// The group, or a set of groups as packs write it: 'linux & !docker-container'
    #[arg(add = complete::groups())]
    name: String,
}

const EXAMPLES: &str = "Examples:
  opsbro explain group linux
  opsbro explain group 'linux & !docker-container'
  opsbro explain group zone::internet -o json";

impl Group {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let with = With {
            path: &[&self.name],
            ..With::default()
        };
        let explained: Explained = program.get(&EXPLAIN, with)?;
        let exit = Exit::when(explained.is_here);
        program.printer.show(&Shown(explained))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Explained);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(explained) = self;
        if explained.parts.is_empty() {
            return one(page, explained);
        }
        page.title(&format!("Set of groups {}", explained.name));
        page.line(match &explained.why_not {
            None => format!(" {} This node is in it", "√".green()),
            Some(why) => format!(" {} This node is not in it: {why}", "Х".red()),
        });
        for part in &explained.parts {
            one(page, part);
        }
    }
}

fn one(page: &mut Page, explained: &Explained) {
    page.title(&format!("Group {}", explained.name));
    page.line(match explained.is_here {
        true => format!(
            " {} This node has the group {}",
            "√".green(),
            explained.name
        ),
        false => format!(
            " {} This node has not the group {}",
            "Х".red(),
            explained.name
        ),
    });
    if explained.is_static {
        page.field(
            "Given by",
            "the configuration (opsbro agent parameters get groups)",
        );
    }
    if let Some(since) = &explained.since {
        page.field("Detected since", since);
    }
    if !explained.switches.is_empty() {
        page.field("Switches", explained.switches.join(", "));
    }
    for candidate in &explained.detectors {
        show(page, candidate);
    }
    if explained.detectors.is_empty() && !explained.is_static {
        page.line("   No detector gives this group.");
        match &explained.near {
            Some(near) => page.line(format!("   Did you mean {}?", near.bold())),
            None => page.more(&format!(
                "opsbro agent parameters add groups {}",
                explained.name
            )),
        }
    }
}

fn show(page: &mut Page, candidate: &Candidate) {
    page.blank();
    let gives = match candidate.gives {
        true => "gives it".green().to_string(),
        false => "does not give it".yellow().to_string(),
    };
    page.line(format!(
        " {} {gives}  {}",
        candidate.id.bold(),
        candidate.file.dimmed()
    ));
    page.line(format!("   if:         {}", candidate.apply_if.trim()));
    page.line(format!(
        "   add groups: {}",
        candidate.add_groups.join(", ")
    ));
    let run = match &candidate.last_run {
        Some(when) => format!("({when})").dimmed().to_string(),
        None => String::new(),
    };
    page.line(format!(
        "   last run:   {} {run}",
        outcome(&candidate.outcome)
    ));
    if !candidate.log.is_empty() {
        page.line(format!("   because:    {}", candidate.log));
    }
    if let Some(explanation) = &candidate.explanation {
        let mut rows = Vec::new();
        tree(explanation, "   ", "   ", &mut rows);
        page.table(&[], &rows);
    }
}

#[cfg(test)]
mod tests {
    use api::evaluator::Explanation;

    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_group_that_is_missing_tells_which_condition_fails() {
        let part = |text: &str, outcome: &str, source: Option<&str>| Explanation {
            text: text.to_owned(),
            outcome: outcome.to_owned(),
            source: source.map(str::to_owned),
            parts: Vec::new(),
        };
        let explained = Explained {
            name: "kvm".to_owned(),
            switches: vec!["check kvm/kvm".to_owned()],
            detectors: vec![Candidate {
                id: "kvm/kvm".to_owned(),
                file: "kvm/detectors/kvm.yml:2".to_owned(),
                outcome: "DIFFERS".to_owned(),
                apply_if: "{{collector.hypervisor.hypervisor}} == 'KVM'".to_owned(),
                add_groups: vec!["kvm".to_owned()],
                explanation: Some(Explanation {
                    parts: vec![
                        part(
                            "{{collector.hypervisor.hypervisor}}",
                            "Xen",
                            Some("hypervisor, 4s"),
                        ),
                        part("'KVM'", "KVM", None),
                    ],
                    ..part(
                        "{{collector.hypervisor.hypervisor}} == 'KVM'",
                        "False",
                        None,
                    )
                }),
                last_run: Some("2026-11-25T19:00:00.000Z".to_owned()),
                ..Candidate::default()
            }],
            ..Explained::default()
        };
        let expect = "\
──────────── Group kvm ─────────────────────────────────────────────────────────
 Х This node has not the group kvm
 Switches:           check kvm/kvm

 kvm/kvm does not give it  kvm/detectors/kvm.yml:2
   if:         {{collector.hypervisor.hypervisor}} == 'KVM'
   add groups: kvm
   last run:   DIFFERS (2026-11-25T19:00:00.000Z)
   {{collector.hypervisor.hypervisor}} == 'KVM'  → False
   ├ {{collector.hypervisor.hypervisor}}         → Xen    (hypervisor, 4s)
   └ 'KVM'                                       → KVM
";
        assert_eq!(text_of(&Shown(explained)), expect);
    }

    #[test]
    fn a_group_that_nothing_gives_says_how_to_give_it() {
        let unknown = |near: Option<&str>| {
            text_of(&Shown(Explained {
                name: "lnux".to_owned(),
                near: near.map(str::to_owned),
                ..Explained::default()
            }))
        };
        assert!(unknown(Some("linux")).contains("Did you mean linux?"));
        assert!(unknown(None).contains("opsbro agent parameters add groups lnux"));
    }
}
