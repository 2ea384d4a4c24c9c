//! What the alerts know, in the words of the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ErrorCode;
use api::alerts as shown;
use rules::alerts::kept::{Attempt, Delivery, Mute, Problem, Stage, Told};
use rules::alerts::{Alerts, HandlerState, Mark, Reached, Snapshot, text};

/// How many of several problems of one name are named.
const SEVERAL_MAX: usize = 10;

/// Shows everything.
pub(crate) fn alerts(snapshot: &Snapshot) -> shown::Alerts {
    let problems = snapshot.problems.iter().zip(&snapshot.marks);
    shown::Alerts {
        problems: problems.map(|(it, mark)| problem(it, mark)).collect(),
        handlers: snapshot.handlers.iter().map(handler).collect(),
        notices: snapshot.deliveries.iter().map(|it| notice(it)).collect(),
        refused: snapshot.refused,
    }
}

/// Shows a problem by its number or its check, or a notice by `n` and its number.
pub(crate) fn one(alerts: &Alerts, id: &str) -> Result<shown::Shown, api::Problem> {
    let snapshot = alerts.snapshot();
    if let Some(delivery) = delivery(&snapshot, id) {
        let told = &delivery.notice;
        let items = told.items.iter().map(|item| {
            format!(
                "{} {} on {}: {}",
                item.state, item.thing.name, item.thing.node_name, item.output
            )
        });
        return Ok(shown::Shown::Notice {
            notice: notice(delivery),
            items: items.collect(),
            affected: told.affected.clone(),
        });
    }
    let at = position(&snapshot.problems, id)?;
    let (found, mark) = (&snapshot.problems[at], &snapshot.marks[at]);
    let (_, explained) = alerts
        .explain(&found.thing.node, &found.thing.name)
        .ok_or_else(|| nothing(&snapshot.problems, id))?;
    Ok(shown::Shown::Problem {
        problem: problem(found, mark),
        handlers: explained
            .into_iter()
            .map(|it| shown::Explained {
                handler: it.handler,
                is_on: it.is_on,
                told: it.told,
                verdict: it.verdict,
            })
            .collect(),
        decisions: found
            .decisions
            .iter()
            .map(|it| shown::Decision {
                at: it.at.to_string(),
                handler: it.handler.clone(),
                text: it.text.clone(),
            })
            .collect(),
    })
}

fn delivery<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Delivery> {
    let number: u64 = id.strip_prefix('n')?.parse().ok()?;
    let mut deliveries = snapshot.deliveries.iter();
    let found = deliveries.find(|it| it.number == number)?;
    Some(found)
}

/// Finds the one problem that somebody means: by its number, by its name, or by the name of its
/// check, with or without the pack, where that is clear.
fn position(problems: &[Arc<Problem>], id: &str) -> Result<usize, api::Problem> {
    let meant = |means: &dyn Fn(&Problem) -> bool| -> Vec<usize> {
        let all = problems.iter().enumerate();
        all.filter(|(_, it)| means(it)).map(|(at, _)| at).collect()
    };
    let full = |it: &Problem| it.thing.name == id || it.thing.display_name == id;
    let check = |it: &Problem| {
        let check = it.thing.name.split('[').next().unwrap_or_default();
        [&*it.thing.name, check]
            .iter()
            .any(|name| *name == id || name.split_once('/').is_some_and(|(_, name)| name == id))
    };
    let ways: [&dyn Fn(&Problem) -> bool; 3] = [&|it| id.parse() == Ok(it.number), &full, &check];
    let found = ways.iter().map(|means| meant(*means));
    match found.into_iter().find(|found| !found.is_empty()).as_deref() {
        None => Err(nothing(problems, id)),
        Some([one]) => Ok(*one),
        Some(several) => {
            let message = format!("{} problems are called `{id}`", several.len());
            let named = several.iter().take(SEVERAL_MAX).map(|at| &problems[*at]);
            let named = named.map(|it| {
                let thing = &it.thing;
                format!("{} ({} on {})", it.number, thing.name, thing.node_name)
            });
            let named: Vec<String> = named.collect();
            let problem = api::Problem::new(ErrorCode::Conflict, message);
            Err(problem.with_hint(format!("say which by its number: {}", named.join(", "))))
        }
    }
}

fn nothing(problems: &[Arc<Problem>], id: &str) -> api::Problem {
    let problem = api::Problem::new(ErrorCode::NotFound, format!("there is no alert {id}"));
    let names = problems.iter().map(|it| &*it.thing.name);
    problem.with_hint(match model::nearest(id, names) {
        Some(near) => format!("did you mean {near}?"),
        None => {
            "`opsbro alerts list` shows all, `opsbro explain check` a check that is well".to_owned()
        }
    })
}

fn problem(problem: &Problem, mark: &Mark) -> shown::Problem {
    let thing = &problem.thing;
    shown::Problem {
        id: problem.number,
        node: thing.node_name.clone(),
        check: thing.name.clone(),
        display_name: thing.display_name.clone(),
        state: problem.state.to_string(),
        output: problem.output.clone(),
        since: problem.began.to_string(),
        is_flapping: problem.is_flapping,
        acknowledged: problem
            .acknowledged
            .as_ref()
            .map(|it| shown::Acknowledgement {
                by: it.by.clone(),
                comment: it.comment.clone(),
                at: it.at.to_string(),
                until: it.until.map(|until| until.to_string()),
            }),
        downtime: mark.downtime.clone(),
        caused_by: mark.cause.clone(),
        told: problem.told.iter().map(|it| told(it, mark)).collect(),
        just_before: problem.context.clone(),
    }
}

fn told((handler, told): (&String, &Told), mark: &Mark) -> shown::Told {
    let stage = mark.reached.get(handler).copied();
    shown::Told {
        handler: handler.clone(),
        stage: stage.unwrap_or(Reached::Told).as_str().to_owned(),
        notice: (told.notice > 0).then(|| format!("n{}", told.notice)),
    }
}

fn handler(state: &HandlerState) -> shown::Handler {
    shown::Handler {
        id: state.handler.id.to_string(),
        notifier: state.handler.notifier.as_str().to_owned(),
        is_on: state.off.is_none(),
        off: state.off.clone(),
        waiting: state.waiting,
        failed: state.failed,
        is_failing: state.is_failing(),
        last: state
            .last
            .as_ref()
            .map(|(at, is_success, text)| shown::Attempt {
                at: at.to_string(),
                via: state.handler.id.to_string(),
                is_success: *is_success,
                text: text.clone(),
            }),
    }
}

/// Gives the handlers that do not deliver, and why.
pub(crate) fn failing(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let failing = snapshot.handlers.iter().filter(|it| it.is_failing());
    let told = failing.map(|it| {
        let why = it.last.as_ref().map_or("", |(_, _, text)| text);
        (it.handler.id.to_string(), why.to_owned())
    });
    told.collect()
}

/// Shows a notice.
pub(crate) fn notice(delivery: &Delivery) -> shown::Notice {
    let attempt = |it: &Attempt| shown::Attempt {
        at: it.at.to_string(),
        via: it.via.clone(),
        is_success: it.is_success,
        text: it.text.clone(),
    };
    let stage = match delivery.stage {
        Stage::Waiting => "waiting",
        Stage::Sending => "sending",
        Stage::Delivered => "delivered",
        Stage::Failed => "failed",
    };
    let is_waiting = delivery.stage == Stage::Waiting;
    shown::Notice {
        id: format!("n{}", delivery.number),
        key: delivery.id.clone(),
        handler: delivery.handler.clone(),
        occasion: delivery.notice.occasion.as_str().to_owned(),
        summary: text::summary(&delivery.notice),
        stage: stage.to_owned(),
        made: delivery.made.to_string(),
        next_try: is_waiting.then(|| delivery.due.to_string()),
        tries: delivery.log.iter().map(attempt).collect(),
    }
}

/// Shows a downtime or silence.
pub(crate) fn mute(mute: &Mute, is_active: bool) -> shown::Mute {
    shown::Mute {
        id: mute.id(),
        kind: if mute.is_downtime {
            "downtime"
        } else {
            "silence"
        }
        .to_owned(),
        is_active,
        nodes: mute.scope.nodes.clone(),
        groups: mute.scope.groups.clone(),
        checks: mute.scope.checks.clone(),
        handlers: mute.scope.handlers.clone(),
        from: mute.from.to_string(),
        until: mute.until.map(|until| until.to_string()),
        every: mute.every.clone(),
        by: mute.by.clone(),
        comment: mute.comment.clone(),
    }
}

#[cfg(test)]
mod tests {
    use model::{Level, WallTime};
    use packs::Registry;
    use packs::{File, PackFiles};

    use super::*;

    fn a_problem(number: u64, name: &str) -> Arc<Problem> {
        let problem = serde_json::json!({
            "number": number,
            "thing": {
                "node": "7", "node_name": "web-1", "node_display_name": "", "zone": "internet",
                "groups": [], "pack": "linux", "name": name, "display_name": "",
                "depends_on": [], "notes": ""
            },
            "state": "CRITICAL", "old_state": "OK", "gone": null, "output": "full", "began": 1,
            "changed": 1, "held_from": 1, "is_flapping": false, "blocked_by": [],
            "acknowledged": null, "told": {}, "context": [], "decisions": []
        });
        Arc::new(serde_json::from_value(problem).unwrap())
    }

    #[test]
    fn a_problem_is_found_by_its_number_or_any_clear_name() {
        let all = [
            "linux/cpu",
            "linux/disks[/]",
            "linux/disks[/srv]",
            "web/cpu",
            "node:n93",
        ];
        let all: Vec<_> = (1..).zip(all).map(|(at, it)| a_problem(at, it)).collect();
        let find = |id: &str| match position(&all, id) {
            Ok(at) => all[at].thing.name.clone(),
            Err(problem) => format!("{}; {}", problem.message, problem.hint.unwrap()),
        };
        for (id, expect) in [
            ("2", "linux/disks[/]"),
            ("linux/disks[/srv]", "linux/disks[/srv]"),
            ("disks[/]", "linux/disks[/]"),
            ("web/cpu", "web/cpu"),
            ("node:n93", "node:n93"),
            (
                "linux/cpus",
                "there is no alert linux/cpus; did you mean linux/cpu?",
            ),
        ] {
            assert_eq!(find(id), expect);
        }
        let several = find("disks");
        let expect = "say which by its number: 2 (linux/disks[/] on web-1), 3 (linux/disks[/srv]";
        assert!(several.contains(expect), "{several}");
        assert!(find("cpu").starts_with("2 problems are called `cpu`"));
        assert!(find("77").contains("opsbro alerts list"));
    }

    #[test]
    fn only_handlers_that_do_not_deliver_are_failing() {
        let mut files = PackFiles::new();
        let mut add = |path: &str, text: &str| {
            let file = File::new(path, text.as_bytes());
            files.add(Level::Local, path, file);
        };
        add("t/package.yml", "name: t\n");
        add("t/handlers/good.yml", "handler:\n  notifier: syslog\n");
        add("t/handlers/bad.yml", "handler:\n  notifier: syslog\n");
        add("t/handlers/off.yml", "handler:\n  notifier: syslog\n");
        let registry = Registry::load(&files, None);
        let states = registry.handlers().map(|handler| {
            let is_good = &*handler.id == "t/good";
            let said = if is_good {
                "taken"
            } else {
                "connection refused"
            };
            HandlerState {
                handler: handler.clone(),
                off: (&*handler.id == "t/off").then(|| "switched off".to_owned()),
                waiting: 0,
                failed: 0,
                last: Some((WallTime::from_millis(1), is_good, said.to_owned())),
            }
        });
        let snapshot = Snapshot {
            handlers: states.collect(),
            ..Snapshot::default()
        };
        assert_eq!(snapshot.handlers.len(), 3);
        let expect = [("t/bad".to_owned(), "connection refused".to_owned())];
        assert_eq!(failing(&snapshot), expect.into());
    }
}
