//! `opsbro detectors state`

use api::client::With;
use api::groups::{Group, LIST};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, whole_seconds};
use crate::program::Program;

/// Show the detected groups, which detector gives each, and since when
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct State {
    /// Also the groups that the configuration gave
    #[arg(long)]
    all: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro detectors state
  opsbro detectors state --all
  opsbro detectors state -o json";

impl State {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut groups: Vec<Group> = program.get(&LIST, With::default())?;
        groups.retain(|group| self.all || !group.detected_by.is_empty());
        program.printer.show(&Groups(groups))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Groups(Vec<Group>);

impl Answer for Groups {
    fn text(&self, page: &mut Page) {
        page.title("Groups");
        if self.0.is_empty() {
            page.line(" none yet");
            return;
        }
        let rows: Vec<_> = self.0.iter().map(row).collect();
        page.table(&["   group", "given by", "since"], &rows);
    }
}

fn row(group: &Group) -> Vec<String> {
    let mut from = Vec::new();
    if group.is_static {
        from.push("the configuration".to_owned());
    }
    from.extend(group.detected_by.iter().cloned());
    vec![
        format!(" * {}", group.name.green()),
        from.join(", "),
        group
            .since
            .as_ref()
            .map(|since| whole_seconds(since).dimmed().to_string())
            .unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_group_tells_where_it_came_from() {
        let linux = Group {
            name: "linux".to_owned(),
            is_static: false,
            detected_by: vec!["system/os".to_owned()],
            since: Some("2026-11-25T19:00:00.000Z".to_owned()),
        };
        let web = Group {
            name: "web".to_owned(),
            is_static: true,
            detected_by: Vec::new(),
            since: None,
        };
        let expect = "\
──────────── Groups ────────────────────────────────────────────────────────────
   group  given by           since
 * linux  system/os          2026-11-25T19:00:00Z
 * web    the configuration
";
        assert_eq!(text_of(&Groups(vec![linux, web])), expect);
    }
}
