//! `opsbro gossip wait-members`

use std::time::Duration;

use api::gossip::Member;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::members;
use crate::failure::{Exit, Failure, Outcome};
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
        let what = format!("{} nodes", self.count);
        let is_enough = |found: &Vec<String>| found.len() >= self.count;
        let found = until(what, self.timeout, is_enough, || self.look(program))?;
        let is_there = is_enough(&found);
        program.printer.show(&Waited {
            is_there,
            wanted: self.count,
            state: self.state,
            found,
        })?;
        Ok(Exit::when(is_there))
    }

    fn look(&self, program: &Program) -> Result<Vec<String>, Failure> {
        let all = members::all(program, &[])?;
        let fitting = all.iter().filter(|member| self.fits(member));
        Ok(fitting.map(|member| member.name.clone()).collect())
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

#[derive(Serialize)]
struct Waited {
    is_there: bool,
    wanted: usize,
    state: String,
    found: Vec<String>,
}

impl Answer for Waited {
    fn text(&self, page: &mut Page) {
        let Self { wanted, state, .. } = self;
        let found = match &self.found[..] {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        if self.is_there {
            page.line(format!(
                "{} {} nodes are {state}: {found}",
                "√".green(),
                self.found.len()
            ));
        } else {
            page.line(format!(
                "{} Of {wanted} nodes that should be {state}, only these were in time: {found}",
                "Х".red()
            ));
            page.more("opsbro members --detail");
        }
    }
}

#[cfg(test)]
mod tests {
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
    }
}
