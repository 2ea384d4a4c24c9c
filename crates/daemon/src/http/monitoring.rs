//! Requests about checks: how they are, what happened, and results that others report.

mod events;
mod explain;
mod marks;
mod offered;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::rules::checks::{PushError, Said, Snapshot};
use ::rules::formats::nagios;
use api::monitoring::{
    CHECK, CHECKS, Check, HISTORY, PUSH, Push, RUN, SERVICE, SERVICES, STATE, STATE_OF, STATUS,
    State as AllState, Status, Transition,
};
use api::{ErrorCode, HistoryEntry, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::{AgentState, CheckState, WallTime};
use packs::check::Method;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::history::{LAST_DEFAULT, by_second};
use super::parameters::{Path, Query};
use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::alerts::show;
use crate::cluster::{self, forward};
use crate::keep::state_word;
use crate::rules::Command;
use shown::{checks, services};

/// Time beyond that of the check for which a run that was asked for is waited for.
const RUN_GRACE: Duration = Duration::from_secs(5);

pub(super) fn tie(routes: Routes) -> Routes {
    let routes = routes
        .tie(&STATE, state)
        .tie(&STATE_OF, state_of)
        .tie(&CHECKS, all_checks)
        .tie(&CHECK, one_check)
        .tie(&SERVICES, all_services)
        .tie(&SERVICE, one_service)
        .tie(&HISTORY, history)
        .tie(&RUN, run)
        .tie(&PUSH, push)
        .tie(&STATUS, status);
    explain::tie(events::tie(offered::tie(routes)))
}

fn snapshot(agent: &Agent) -> Arc<Snapshot> {
    Arc::clone(&agent.checks.borrow())
}

async fn state(State(agent): State<Arc<Agent>>) -> Result<Json<AllState>, Failure> {
    all_state(&agent).await
}

async fn all_state(agent: &Agent) -> Result<Json<AllState>, Failure> {
    let snapshot = snapshot(agent);
    let checks = marks::mark(agent, checks(&snapshot, |_| true)).await?;
    Ok(Json(AllState {
        node: agent.node.borrow().name.clone(),
        checks,
        services: services(&snapshot),
        pack_errors: {
            let rules = agent.rules.borrow();
            rules.problems.iter().filter(|it| it.is_error()).count()
        },
    }))
}

async fn state_of(
    State(agent): State<Arc<Agent>>,
    Path(wanted): Path<String>,
) -> Result<Response, Failure> {
    let known = Arc::clone(&agent.members.borrow());
    let member = cluster::find(&known, &wanted)?;
    if member.record.id == known.own {
        return Ok(all_state(&agent).await?.into_response());
    }
    Ok(forward::read(&agent, member, STATE.path).await?)
}

async fn all_checks(
    State(agent): State<Arc<Agent>>,
) -> Result<Json<BTreeMap<String, Check>>, Failure> {
    let checks = checks(&snapshot(&agent), |_| true);
    Ok(Json(marks::mark(&agent, checks).await?))
}

async fn all_services(State(agent): State<Arc<Agent>>) -> Json<BTreeMap<String, Check>> {
    Json(services(&snapshot(&agent)))
}

async fn one_service(
    State(agent): State<Arc<Agent>>,
    Path(name): Path<String>,
) -> Result<Json<Check>, Failure> {
    let found = services(&snapshot(&agent)).remove(&name);
    let problem = || {
        let message = format!("this node has no service `{name}` with a check");
        let hint = "`opsbro services list` tells which there are";
        Problem::new(ErrorCode::NotFound, message).with_hint(hint)
    };
    Ok(Json(found.ok_or_else(problem)?))
}

async fn one_check(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<BTreeMap<String, Check>>, Failure> {
    let checks = one(&agent, &id)?;
    Ok(Json(marks::mark(&agent, checks).await?))
}

/// Gives a check and its things.
fn one(agent: &Agent, id: &str) -> Result<BTreeMap<String, Check>, Failure> {
    let snapshot = snapshot(agent);
    if snapshot.check(id).is_none() {
        return Err(no_such_check(agent, id).into());
    }
    Ok(checks(&snapshot, |watched| *watched.check.id == *id))
}

/// Says why there is no such check: a wrong name, or one that is for other nodes.
fn no_such_check(agent: &Agent, id: &str) -> Problem {
    let rules = Arc::clone(&agent.rules.borrow());
    let message = match rules.registry.all_checks().find(|check| *check.id == *id) {
        Some(check) => format!(
            "the check `{id}` does not run here: it is for the group `{}`",
            check.if_group
        ),
        None => format!("there is no check `{id}`"),
    };
    let problem = Problem::new(ErrorCode::NotFound, message);
    let file = id.replacen('/', "/monitoring/", 1);
    if let Some(error) = super::packs::error_in(&rules, &file) {
        return problem.with_hint(error);
    }
    match model::nearest(id, rules.registry.all_checks().map(|check| &*check.id)) {
        Some(near) if near != id => problem.with_hint(format!("did you mean `{near}`?")),
        Some(_) | None => problem.with_hint("`opsbro state` lists the checks of this node"),
    }
}

#[derive(Deserialize)]
struct Wanted {
    last: Option<usize>,
    check: Option<String>,
}

async fn history(
    State(agent): State<Arc<Agent>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<HistoryEntry<Transition>>>, Failure> {
    let last = wanted.last.unwrap_or(LAST_DEFAULT);
    let read = agent.on_disk("reading history", move |keep| {
        keep.check_history(match wanted.check {
            Some(_) => model::limits::CHECK_REPLAY_MAX,
            None => last,
        })
        .map(|mut all| {
            if let Some(check) = &wanted.check {
                all.retain(|it| it.check == *check || it.name == *check);
            }
            let first = all.len().saturating_sub(last);
            all.split_off(first)
        })
    });
    let all = read.await?.map_err(|error| {
        Problem::new(
            ErrorCode::Unavailable,
            format!("the history cannot be read: {error}"),
        )
    })?;
    let dated = all
        .into_iter()
        .map(|it| (WallTime::from_millis(it.at_ms), it));
    Ok(Json(by_second(dated)))
}

async fn run(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<BTreeMap<String, Check>>, Failure> {
    one(&agent, &id)?;
    if is_pushed(&agent, &id) {
        let message = format!("the check `{id}` has nothing to run: it is told its state");
        let hint = format!("report one with: opsbro monitoring push {id} ok");
        return Err(Problem::new(ErrorCode::Conflict, message)
            .with_hint(hint)
            .into());
    }
    let mut shown = agent.checks.clone();
    let (runs, timeout) = {
        let snapshot = shown.borrow_and_update();
        let watched = snapshot.check(&id);
        let timing = watched.map(|it| (it.runs, it.check.timing.timeout));
        timing.unwrap_or_default()
    };
    ask(&agent, Command::RunCheck(Arc::from(id.as_str()))).await?;
    let has_run = shown.wait_for(|it| it.check(&id).is_none_or(|watched| watched.runs > runs));
    let in_time = tokio::time::timeout(timeout + RUN_GRACE, has_run)
        .await
        .is_ok();
    if !in_time {
        let message = format!("the check `{id}` has not run in time");
        let problem = Problem::new(ErrorCode::Unavailable, message);
        return Err(problem
            .with_hint("`opsbro agent info` names what hangs")
            .into());
    }
    one(&agent, &id).map(Json)
}

/// Tells whether others report how a check is.
fn is_pushed(agent: &Agent, id: &str) -> bool {
    let snapshot = snapshot(agent);
    let watched = snapshot.check(id);
    watched.is_some_and(|it| matches!(it.check.method, Method::Push(_)))
}

async fn ask(agent: &Agent, command: Command) -> Result<(), Failure> {
    let stopping = |_| Problem::new(ErrorCode::Unavailable, "the agent is stopping");
    Ok(agent.rules_commands.send(command).await.map_err(stopping)?)
}

async fn push(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    body::Json(push): body::Json<Push>,
) -> Result<Json<BTreeMap<String, Check>>, Failure> {
    let said = said(&push)?;
    let (tx, rx) = oneshot::channel();
    ask(&agent, Command::Push(Arc::from(id.as_str()), said, tx)).await?;
    match rx.await {
        Ok(Ok(())) => one(&agent, &id).map(Json),
        Ok(Err(PushError::NoSuchCheck)) => Err(no_such_check(&agent, &id).into()),
        Ok(Err(PushError::NotPushed)) => {
            let message = format!("the check `{id}` judges by itself");
            let problem = Problem::new(ErrorCode::Conflict, message);
            let hint = "only a check with `push:` takes results; see docs/packs.md";
            Err(problem.with_hint(hint).into())
        }
        Err(_) => Err(Problem::new(ErrorCode::Unavailable, "the agent is stopping").into()),
    }
}

fn said(push: &Push) -> Result<Said, Failure> {
    let mut states = CheckState::ALL.into_iter();
    let state = states.find(|it| {
        let number = it.number().to_string();
        *it != CheckState::Pending
            && (CheckState::parse(&push.state) == Some(*it) || push.state == number)
    });
    let Some(state) = state else {
        let message = format!("`{}` is no state", push.state);
        let problem = Problem::new(ErrorCode::BadRequest, message);
        return Err(problem
            .with_hint("one of: ok, warning, critical, unknown, or 0 to 3 as a plugin says it")
            .into());
    };
    let output = nagios::parse(&push.output);
    let figures = push
        .output
        .split_once('|')
        .map_or("", |(_, figures)| figures);
    let text = format!("{}\n{}", output.text, output.long_text);
    Ok(Said::new(state, &text).with_perfdata(figures))
}

async fn status(State(agent): State<Arc<Agent>>) -> (StatusCode, Json<Status>) {
    let life = *agent.life.borrow();
    let snapshot = snapshot(&agent);
    let mut status = Status {
        failing_handlers: show::failing(&agent.alerts_shown.borrow()),
        ..Status::default()
    };
    for state in CheckState::ALL {
        status.counts.insert(state_word(state), 0);
    }
    let mut worst = CheckState::Ok;
    for watched in &snapshot.checks {
        worst = shown::worse(worst, watched.worst());
        for thing in &watched.things {
            *status.counts.entry(state_word(thing.hard)).or_default() += 1;
            if thing.hard == CheckState::Critical {
                status.critical.push(shown::name(watched, thing));
            }
        }
    }
    status.critical.sort_unstable();
    let is_well = life == AgentState::Ok && status.critical.is_empty();
    status.status = match life {
        AgentState::Ok => state_word(worst),
        AgentState::Initializing | AgentState::Stopped => life.to_string(),
    };
    let code = match is_well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pushed_result_has_a_state_and_figures() {
        let push = |state: &str| Push {
            state: state.to_owned(),
            output: "12 GiB | size=12GB;20".to_owned(),
        };
        let taken = said(&push("Warning")).ok().unwrap();
        assert_eq!(taken.state, CheckState::Warning);
        assert_eq!(
            (&*taken.output, &*taken.perfdata),
            ("12 GiB", "size=12GB;20")
        );
        assert_eq!(said(&push("2")).ok().unwrap().state, CheckState::Critical);
        assert_eq!(said(&push("3")).ok().unwrap().state, CheckState::Unknown);
        assert!(said(&push("4")).is_err());
        assert!(said(&push("pending")).is_err());
        assert!(said(&push("fine")).is_err());
    }
}
