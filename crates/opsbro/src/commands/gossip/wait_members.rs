//! `opsbro gossip wait-members`

use std::time::Duration;

use api::gossip::Member;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::members;
use crate::failure::{Exit, Failure, Outcome};
use crate::nodes::shown_name;
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};
use crate::waiting::until;

/// Wait until so many nodes are there that fit all that is said
///
/// The exit code is 1 when they were not there in time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WaitMembers {
    /// Nodes of this host name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Nodes of this name for people
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Nodes that have this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Nodes of this zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Nodes in this state: alive, suspect, dead or leave
    #[arg(long, value_name = "STATE", default_value = "alive", value_parser = state)]
    state: String,
    /// How many there must be at the least
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    count: usize,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip wait-members --name web-1
  opsbro gossip wait-members --group web --count 3 --timeout 1m
  opsbro gossip wait-members --display-name front --state dead";

fn state(text: &str) -> Result<String, String> {
    match model::MemberState::parse(text) {
        Some(state) => Ok(state.to_string()),
        None => Err("states are alive, suspect, dead and leave".to_owned()),
    }
}

impl WaitMembers {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let what = self.what();
        let is_enough = |found: &Vec<String>| found.len() >= self.count;
        let found = until(what.clone(), self.timeout, is_enough, || self.look(program))?;
        let is_there = is_enough(&found);
        program.printer.show(&Waited {
            is_there,
            wanted: self.count,
            what,
            state: self.state,
            found,
        })?;
        Ok(Exit::when(is_there))
    }

    fn look(&self, program: &Program) -> Result<Vec<String>, Failure> {
        let all = members::all(program, &[])?;
        let fitting = all.iter().filter(|member| self.fits(member));
        Ok(fitting.map(|it| shown_name(it).to_owned()).collect())
    }

    /// Says which nodes are waited for.
    fn what(&self) -> String {
        let mut what = counted(self.count);
        let said = [
            ("named", &self.name),
            ("called", &self.display_name),
            ("of the group", &self.group),
            ("of the zone", &self.zone),
        ];
        for (how, wanted) in said {
            what.extend(wanted.iter().map(|wanted| format!(" {how} {wanted}")));
        }
        what
    }

    fn fits(&self, member: &Member) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        let has_group = |group: &String| member.groups.contains(group);
        is(&self.name, &member.name)
            && is(&self.display_name, &member.display_name)
            && is(&self.zone, &member.zone)
            && self.group.as_ref().is_none_or(has_group)
            && self.state == member.state
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 node".to_owned(),
        count => format!("{count} nodes"),
    }
}

#[derive(Serialize)]
struct Waited {
    is_there: bool,
    wanted: usize,
    #[serde(skip)]
    what: String,
    state: String,
    found: Vec<String>,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        let Self { what, state, .. } = self;
        let names = self.found.join(", ");
        if self.is_there {
            let found = counted(self.found.len());
            let are = if self.found.len() == 1 { "is" } else { "are" };
            page.line(format!("{} {found} {are} {state}: {names}", "√".green()));
        } else {
            let only = match names.as_str() {
                "" => "none was".to_owned(),
                names => format!("only these were: {names}"),
            };
            page.line(format!(
                "{} Waited for {what} to be {state}; in time {only}",
                "Х".red()
            ));
            page.more("opsbro members --detail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text_of;
    use super::*;

    #[test]
    fn all_that_is_said_must_fit() {
        let wait = |name: Option<&str>, group: Option<&str>, state: &str| WaitMembers {
            name: name.map(str::to_owned),
            display_name: None,
            group: group.map(str::to_owned),
            zone: None,
            state: state.to_owned(),
            count: 1,
            timeout: Duration::ZERO,
        };
        let member = Member {
            name: "web-1".to_owned(),
            state: "alive".to_owned(),
            groups: vec!["web".to_owned()],
            ..Member::default()
        };
        assert!(wait(None, None, "alive").fits(&member));
        assert!(wait(Some("web-1"), Some("web"), "alive").fits(&member));
        assert!(!wait(Some("web-1"), Some("db"), "alive").fits(&member));
        assert!(!wait(Some("web-2"), None, "alive").fits(&member));
        assert!(!wait(None, None, "dead").fits(&member));
        assert!(state("gone").is_err());
        assert_eq!(
            wait(Some("a"), Some("b"), "dead").what(),
            "1 node named a of the group b"
        );
    }

    #[test]
    fn who_came_and_who_did_not_is_told() {
        let waited = |is_there, found: &[&str]| Waited {
            is_there,
            wanted: 2,
            what: "2 nodes of the group web".to_owned(),
            state: "alive".to_owned(),
            found: found.iter().map(|it| (*it).to_owned()).collect(),
        };
        let text = text_of(&waited(true, &["a", "b"]));
        assert_eq!(text, "√ 2 nodes are alive: a, b\n");
        let text = text_of(&waited(false, &["a"]));
        assert!(text.contains("2 nodes of the group web to be alive; in time only these were: a"));
        assert!(text_of(&waited(false, &[])).contains("in time none was"));
    }
}
