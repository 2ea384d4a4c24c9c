//! What the alerts know of checks: who takes care of a problem, its downtime, and who was told.

use std::collections::BTreeMap;

use api::alerts::Problem;
use api::monitoring::Check;

use crate::agent::Agent;
use crate::alerts::show;
use crate::http::Failure;
use crate::http::alerts::ask;

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

/// Tells what became of the problems of a check, one line for each.
pub(super) async fn lines(
    agent: &Agent,
    checks: &BTreeMap<String, Check>,
) -> Result<Vec<String>, Failure> {
    let problems = problems(agent).await?;
    let of_these = problems
        .iter()
        .filter(|problem| checks.contains_key(&problem.check));
    Ok(of_these.map(line).collect())
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
        told => format!("{}: told {}", problem.check, told.join(", ")),
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
    line.push_str(&format!(
        "; why so, by handler: opsbro alerts show {}",
        problem.id
    ));
    line
}

#[cfg(test)]
mod tests {
    use api::alerts::Acknowledgement;

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
        let end = "; why so, by handler: opsbro alerts show 7";
        let expect = format!("linux/disks[/]: nobody was told{end}");
        assert_eq!(line(&problem), expect);
        problem.told = vec!["mail/mail".to_owned(), "mine/hook".to_owned()];
        problem.acknowledged = Some(Acknowledgement {
            by: "ada".to_owned(),
            comment: String::new(),
            at: String::new(),
            until: None,
        });
        problem.downtime = Some("d1".to_owned());
        let expect = format!(
            "linux/disks[/]: told mail/mail, mine/hook, acknowledged by ada, in the downtime d1{end}"
        );
        assert_eq!(line(&problem), expect);
    }
}
