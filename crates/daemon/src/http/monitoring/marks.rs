//! What the alerts know of checks: who takes care of a problem, its downtime, and who was told.

use std::collections::BTreeMap;

use api::alerts::Problem;
use api::monitoring::Check;
use rules::alerts::Explained;

use crate::agent::Agent;
use crate::alerts::show;
use crate::http::Failure;
use crate::http::alerts::ask;

/// Problems of one check whose handlers are told one by one; the others say where to read that.
const EXPLAINED_MAX: usize = 10;

/// Marks the checks that somebody takes care of, or that are in downtime.
pub(super) async fn mark(
    agent: &Agent,
    mut checks: BTreeMap<String, Check>,
) -> Result<BTreeMap<String, Check>, Failure> {
    for problem in problems(agent).await? {
        if let Some(check) = checks.get_mut(&problem.check) {
            check.is_acknowledged = problem.acknowledged.is_some();
            check.is_in_downtime = problem.downtime.is_some();
        }
    }
    Ok(checks)
}

/// Tells what became of the problems of a check, and for each handler what it was told, or why
/// not.
pub(super) async fn lines(
    agent: &Agent,
    checks: &BTreeMap<String, Check>,
) -> Result<Vec<String>, Failure> {
    let mut problems = problems(agent).await?;
    problems.retain(|problem| checks.contains_key(&problem.check));
    if problems.is_empty() && !checks.is_empty() {
        return Ok(vec!["no problem that counts: nobody is told".to_owned()]);
    }
    let node = agent.node.borrow().id.to_string();
    let told = ask(agent, move |alerts, _, _| {
        let mut lines = Vec::new();
        for (at, problem) in problems.iter().enumerate() {
            let explained = match at < EXPLAINED_MAX {
                true => alerts.explain(&node, &problem.check),
                false => None,
            };
            let handlers = explained.map(|(_, handlers)| handlers);
            lines.extend(tell(problem, handlers.as_deref()));
        }
        lines
    });
    told.await
}

/// Tells of one problem, and of each handler when these are given.
fn tell(problem: &Problem, handlers: Option<&[Explained]>) -> Vec<String> {
    let mut lines = vec![line(problem)];
    match handlers {
        Some([]) => lines.push("no handler is defined: packs have them in handlers/".to_owned()),
        Some(handlers) => {
            let is_quiet = |it: &&Explained| !it.is_on && it.told.is_none();
            let (off, on): (Vec<&Explained>, Vec<&Explained>) = handlers.iter().partition(is_quiet);
            lines.extend(on.into_iter().map(|it| {
                let told = it.told.as_deref().unwrap_or("not told");
                format!("by {}: {told}; now: {}", it.handler, it.verdict)
            }));
            if !off.is_empty() {
                let off: Vec<&str> = off.iter().map(|it| &*it.handler).collect();
                lines.push(format!("off here: {}", off.join(", ")));
            }
        }
        None => {
            let more = format!("; why so, by handler: opsbro alerts show {}", problem.id);
            lines[0].push_str(&more);
        }
    }
    lines
}

/// Gives the open problems of this node.
async fn problems(agent: &Agent) -> Result<Vec<Problem>, Failure> {
    let snapshot = ask(agent, |alerts, _, _| alerts.snapshot()).await?;
    let mut problems = show::alerts(&snapshot).problems;
    let node = agent.node.borrow().name.clone();
    problems.retain(|problem| problem.node == node);
    Ok(problems)
}

fn line(problem: &Problem) -> String {
    let mut line = match &problem.told[..] {
        [] => format!("{}: nobody was told", problem.check),
        told => {
            let told = told.iter().map(|it| match &*it.stage {
                "told" => format!("told {}", it.handler),
                "waiting" => format!("{} waits for its notice", it.handler),
                _ => format!("{} COULD NOT BE TOLD", it.handler),
            });
            let told: Vec<String> = told.collect();
            format!("{}: {}", problem.check, told.join(", "))
        }
    };
    if let Some(acknowledged) = &problem.acknowledged {
        line.push_str(&format!(", acknowledged by {}", acknowledged.by));
    }
    if let Some(downtime) = &problem.downtime {
        line.push_str(&format!(", in the downtime {downtime}"));
    }
    if let Some(cause) = &problem.caused_by {
        line.push_str(&format!(", because of {cause}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use api::alerts::{Acknowledgement, Told};

    use super::*;

    #[test]
    fn a_line_tells_who_knows_and_who_cares() {
        let mut problem = Problem {
            id: 7,
            node: "web-1".to_owned(),
            check: "linux/disks[/]".to_owned(),
            display_name: "disks".to_owned(),
            state: "CRITICAL".to_owned(),
            output: String::new(),
            since: String::new(),
            is_flapping: false,
            acknowledged: None,
            downtime: None,
            caused_by: None,
            told: Vec::new(),
            just_before: Vec::new(),
        };
        let expect = "linux/disks[/]: nobody was told";
        assert_eq!(line(&problem), expect);
        let more = "; why so, by handler: opsbro alerts show 7";
        assert_eq!(tell(&problem, None), [format!("{expect}{more}")]);
        let none = "no handler is defined: packs have them in handlers/";
        assert_eq!(tell(&problem, Some(&[])), [expect, none]);
        let handler = |told: Option<&str>| Explained {
            handler: "mail/mail".to_owned(),
            is_on: false,
            verdict: "it is off".to_owned(),
            told: told.map(str::to_owned),
        };
        let handlers = [handler(None), handler(Some("CRITICAL at noon"))];
        let told = tell(&problem, Some(&handlers));
        assert_eq!(told[1], "by mail/mail: CRITICAL at noon; now: it is off");
        assert_eq!(told[2], "off here: mail/mail");
        let told = |handler: &str, stage: &str| Told {
            handler: handler.to_owned(),
            stage: stage.to_owned(),
            notice: None,
        };
        problem.told = vec![told("mail/mail", "told"), told("mine/hook", "waiting")];
        problem.acknowledged = Some(Acknowledgement {
            by: "ada".to_owned(),
            comment: String::new(),
            at: String::new(),
            until: None,
        });
        problem.downtime = Some("d1".to_owned());
        let expect = "linux/disks[/]: told mail/mail, mine/hook waits for its notice, \
                      acknowledged by ada, in the downtime d1";
        assert_eq!(line(&problem), expect);
    }
}
