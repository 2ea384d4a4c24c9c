//! What `opsbro` alone shows: where to start, by topic.

use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::cli;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// The commands to begin with. What each does comes from its own help.
const TOPICS: &[(&str, &[&str])] = &[
    (
        "Run the agent",
        &[
            "agent start",
            "agent info",
            "agent log follow",
            "agent stop",
        ],
    ),
    (
        "Tell it what it is",
        &[
            "agent parameters show",
            "agent parameters set",
            "agent reload",
        ],
    ),
    (
        "See what a machine is and does",
        &[
            "collectors state",
            "collectors show",
            "detectors state",
            "inventory diff",
        ],
    ),
    (
        "Teach it what to look at",
        &["packs list", "packs show", "packs lint", "evaluator eval"],
    ),
    ("Let others in", &["keygen", "token create"]),
    ("Make it yours", &["completion", "agent service install"]),
];

/// Shows the overview.
pub(crate) fn show(program: &Program) -> Outcome {
    let command = cli::command();
    let all = cli::walk(&command);
    let about = |name: &str| {
        let found = all.iter().find(|(path, _)| path.join(" ") == name);
        found
            .and_then(|(_, command)| command.get_about())
            .map(ToString::to_string)
    };
    let topics = TOPICS.iter().map(|(title, names)| Topic {
        topic: title,
        commands: names
            .iter()
            .map(|name| Entry {
                command: format!("opsbro {name}"),
                does: about(name).unwrap_or_default(),
            })
            .collect(),
    });
    program.printer.show(&Overview {
        version: env!("CARGO_PKG_VERSION"),
        about: command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default(),
        topics: topics.collect(),
    })?;
    Ok(Exit::Yes)
}

#[derive(Serialize)]
struct Overview {
    version: &'static str,
    about: String,
    topics: Vec<Topic>,
}

#[derive(Serialize)]
struct Topic {
    topic: &'static str,
    commands: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    command: String,
    does: String,
}

impl Answer for Overview {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} {}", "OpsBro".bold(), self.version.dimmed()));
        page.line(&self.about);
        let all = self.topics.iter().flat_map(|topic| &topic.commands);
        let longest = all.map(|entry| entry.command.len()).max().unwrap_or(0);
        for topic in &self.topics {
            page.blank();
            page.line(topic.topic.yellow().bold());
            let rows: Vec<Vec<String>> = topic
                .commands
                .iter()
                .map(|entry| {
                    let pad = " ".repeat(longest - entry.command.len());
                    vec![
                        format!("  {}{pad}", entry.command.green()),
                        entry.does.clone(),
                    ]
                })
                .collect();
            page.table(&[], &rows);
        }
        page.blank();
        page.line(format!(
            "{} lists everything, {} shows examples of one command.",
            "opsbro --help".green(),
            "opsbro agent info --help".green()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_overview_exists() {
        let command = cli::command();
        let all: Vec<String> = cli::walk(&command)
            .iter()
            .map(|(path, _)| path.join(" "))
            .collect();
        for name in TOPICS.iter().flat_map(|(_, names)| *names) {
            assert!(all.iter().any(|known| known == name), "{name}");
        }
    }
}
