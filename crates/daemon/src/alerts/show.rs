//! What the alerts know, in the words of the API.

use std::collections::BTreeMap;

use api::alerts as shown;
use rules::alerts::kept::{Attempt, Delivery, Mute, Problem, Stage, Told};
use rules::alerts::{Alerts, HandlerState, Mark, Reached, Snapshot, text};

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

/// Shows a problem by its number, or a notice by `n` and its number.
pub(crate) fn one(alerts: &Alerts, id: &str) -> Option<shown::Shown> {
    let snapshot = alerts.snapshot();
    if let Some(number) = id.strip_prefix('n') {
        let number: u64 = number.parse().ok()?;
        let delivery = snapshot.deliveries.iter().find(|it| it.number == number)?;
        let told = &delivery.notice;
        let items = told.items.iter().map(|item| {
            format!(
                "{} {} on {}: {}",
                item.state, item.thing.name, item.thing.node_name, item.output
            )
        });
        return Some(shown::Shown::Notice {
            notice: notice(delivery),
            items: items.collect(),
            affected: told.affected.clone(),
        });
    }
    let number: u64 = id.parse().ok()?;
    let at = snapshot
        .problems
        .iter()
        .position(|it| it.number == number)?;
    let (found, mark) = (&snapshot.problems[at], &snapshot.marks[at]);
    let (_, explained) = alerts.explain(&found.thing.node, &found.thing.name)?;
    Some(shown::Shown::Problem {
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
                off: None,
                waiting: 0,
                failed: 0,
                last: Some((WallTime::from_millis(1), is_good, said.to_owned())),
            }
        });
        let snapshot = Snapshot {
            handlers: states.collect(),
            ..Snapshot::default()
        };
        assert_eq!(snapshot.handlers.len(), 2);
        let expect = [("t/bad".to_owned(), "connection refused".to_owned())];
        assert_eq!(failing(&snapshot), expect.into());
    }
}
