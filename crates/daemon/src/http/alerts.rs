//! Requests about alerts.

use std::sync::Arc;

use api::alerts::{
    ACKNOWLEDGE, Acknowledged, Alerts, LIST, MUTE, MUTES, Mute, NewAcknowledgement, NewMute,
    Notice, SHOW, Shown, TEST, Test, UNACKNOWLEDGE, UNMUTE,
};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::{Extension, State};
use jiff::civil::DateTime;
use model::WallTime;
use rules::alerts::kept::Scope;
use rules::alerts::{self as core, Refused, Span};

use super::parameters::Path;
use super::{Asker, Failure, Routes, body};
use crate::agent::Agent;
use crate::alerts::{show, time_zone};

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&SHOW, show_one)
        .tie(&TEST, test)
        .tie(&ACKNOWLEDGE, acknowledge)
        .tie(&UNACKNOWLEDGE, unacknowledge)
        .tie(&MUTES, mutes)
        .tie(&MUTE, mute)
        .tie(&UNMUTE, unmute)
}

async fn list(State(agent): State<Arc<Agent>>) -> Result<Json<Alerts>, Failure> {
    let snapshot = ask(&agent, |alerts, _, _| alerts.snapshot()).await?;
    Ok(Json(show::alerts(&snapshot)))
}

async fn show_one(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Failure> {
    let shown = ask(&agent, move |alerts, _, _| show::one(alerts, &id)).await?;
    Ok(Json(shown?))
}

async fn test(
    State(agent): State<Arc<Agent>>,
    Extension(asker): Extension<Asker>,
    body::Json(Test { handler }): body::Json<Test>,
) -> Result<Json<Notice>, Failure> {
    let by = asker.name(&agent).await;
    let sent = ask(&agent, move |alerts, now, wall| {
        let number = alerts.test(now, wall, &handler, &by)?;
        let snapshot = alerts.snapshot();
        let mut deliveries = snapshot.deliveries.iter();
        let found = deliveries.find(|delivery| delivery.number == number);
        found
            .map(|delivery| show::notice(delivery))
            .ok_or_else(|| "the notice is gone already".to_owned())
    });
    match sent.await? {
        Ok(notice) => Ok(Json(notice)),
        Err(why) => {
            let problem = Problem::new(ErrorCode::NotFound, why);
            let hint = "list the handlers with: opsbro alerts list";
            Err(problem.with_hint(hint).into())
        }
    }
}

async fn acknowledge(
    State(agent): State<Arc<Agent>>,
    Extension(asker): Extension<Asker>,
    body::Json(new): body::Json<NewAcknowledgement>,
) -> Result<Json<Acknowledged>, Failure> {
    let order = core::NewAcknowledgement {
        span: span(new.lasts.as_deref(), new.until.as_deref())?,
        checks: some_checks(new.checks)?,
        nodes: new.nodes,
        by: asker.name(&agent).await,
        comment: new.comment,
    };
    let done = ask(&agent, move |alerts, now, wall| {
        alerts.acknowledge(now, wall, &order)
    })
    .await?;
    let problems = done.map_err(refused)?;
    Ok(Json(Acknowledged { problems }))
}

async fn unacknowledge(
    State(agent): State<Arc<Agent>>,
    Extension(asker): Extension<Asker>,
    body::Json(new): body::Json<NewAcknowledgement>,
) -> Result<Json<Acknowledged>, Failure> {
    let (checks, by) = (some_checks(new.checks)?, asker.name(&agent).await);
    let done = ask(&agent, move |alerts, now, wall| {
        alerts.unacknowledge(now, wall, &checks, &new.nodes, &by)
    });
    let problems = done.await?.map_err(refused)?;
    Ok(Json(Acknowledged { problems }))
}

async fn mutes(State(agent): State<Arc<Agent>>) -> Result<Json<Vec<Mute>>, Failure> {
    let snapshot = ask(&agent, |alerts, _, _| alerts.snapshot()).await?;
    let mutes = snapshot.mutes.iter();
    Ok(Json(
        mutes
            .map(|(mute, is_active)| show::mute(mute, *is_active))
            .collect(),
    ))
}

async fn mute(
    State(agent): State<Arc<Agent>>,
    Extension(asker): Extension<Asker>,
    body::Json(new): body::Json<NewMute>,
) -> Result<Json<Mute>, Failure> {
    let is_downtime = match new.kind.as_str() {
        "downtime" => true,
        "silence" => false,
        other => {
            let message = format!("`{other}` is neither `downtime` nor `silence`");
            return Err(Problem::new(ErrorCode::BadRequest, message).into());
        }
    };
    if is_downtime && !new.handlers.is_empty() {
        let problem = Problem::new(ErrorCode::BadRequest, "a downtime is not of handlers");
        let hint = "keep handlers quiet with: opsbro silence add --handler …";
        return Err(problem.with_hint(hint).into());
    }
    let order = core::NewMute {
        is_downtime,
        scope: Scope {
            nodes: new.nodes,
            groups: new.groups,
            checks: new.checks,
            handlers: new.handlers,
        },
        from: new.from.as_deref().map(time).transpose()?,
        span: span(new.lasts.as_deref(), new.until.as_deref())?,
        every: new.every,
        timezone: new.timezone,
        by: asker.name(&agent).await,
        comment: new.comment,
    };
    let made = ask(&agent, move |alerts, now, wall| {
        let made = alerts.mute(now, wall, order)?;
        let snapshot = alerts.snapshot();
        let found = snapshot
            .mutes
            .iter()
            .find(|(mute, _)| mute.number == made.number);
        let is_active = found.is_some_and(|(_, is_active)| *is_active);
        Ok(show::mute(&made, is_active))
    });
    Ok(Json(made.await?.map_err(refused)?))
}

async fn unmute(
    State(agent): State<Arc<Agent>>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Result<Json<Mute>, Failure> {
    let by = asker.name(&agent).await;
    let ended = ask(&agent, move |alerts, now, wall| {
        alerts.unmute(now, wall, &id, &by)
    });
    let ended = ended.await?.map_err(refused)?;
    Ok(Json(show::mute(&ended, false)))
}

pub(super) async fn ask<T: Send + 'static>(
    agent: &Agent,
    work: impl FnOnce(&mut core::Alerts, model::Moment, WallTime) -> T + Send + 'static,
) -> Result<T, Failure> {
    let stopped = || Problem::new(ErrorCode::Unavailable, "the agent stops");
    Ok(agent.alerts.ask(work).await.ok_or_else(stopped)?)
}

fn refused(refused: Refused) -> Failure {
    let (code, why) = match refused {
        Refused::Nothing(why) => (ErrorCode::NotFound, why),
        Refused::Invalid(why) => (ErrorCode::Invalid, why),
        Refused::TooMany(why) => (ErrorCode::Conflict, why),
    };
    let problem = Problem::new(code, why);
    match code {
        ErrorCode::NotFound => problem.with_hint(
            "list them with: opsbro alerts list, opsbro downtime list, opsbro silence list",
        ),
        _ => problem,
    }
    .into()
}

/// Nothing must not mean everything here.
fn some_checks(checks: Vec<String>) -> Result<Vec<String>, Problem> {
    if checks.is_empty() {
        let problem = Problem::new(ErrorCode::BadRequest, "no check is named");
        return Err(problem.with_hint("name checks or numbers of problems; `*` means all"));
    }
    Ok(checks)
}

fn span(lasts: Option<&str>, until: Option<&str>) -> Result<Span, Problem> {
    match (lasts, until) {
        (None, None) => Ok(Span::Endless),
        (Some(lasts), None) => {
            let wrong =
                |error: model::IntervalError| Problem::new(ErrorCode::Invalid, error.to_string());
            model::parse_interval(lasts).map(Span::For).map_err(wrong)
        }
        (None, Some(until)) => Ok(Span::Until(time(until)?)),
        (Some(_), Some(_)) => {
            let message = "`for` and `until` say the same thing twice: give one of both";
            Err(Problem::new(ErrorCode::BadRequest, message))
        }
    }
}

/// Reads a time: with its zone, or as the clock of this machine shows it.
fn time(text: &str) -> Result<WallTime, Problem> {
    let zoned = || {
        let here: DateTime = text.trim().parse().ok()?;
        Some(time_zone().to_zoned(here).ok()?.timestamp())
    };
    let timestamp: Option<jiff::Timestamp> = text.trim().parse().ok().or_else(zoned);
    let millis = timestamp.and_then(|it| u64::try_from(it.as_millisecond()).ok());
    millis.map(WallTime::from_millis).ok_or_else(|| {
        let problem = Problem::new(ErrorCode::Invalid, format!("`{text}` is no time"));
        problem.with_hint("write 2026-11-30T08:00:00Z, or 2026-11-30 08:00 of the node's own clock")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_zone_or_are_those_of_this_machine() {
        let at = |text: &str| time(text).map(WallTime::as_secs).map_err(|it| it.message);
        assert_eq!(at("2026-11-25T12:00:00Z"), Ok(1_795_608_000));
        assert_eq!(at("2026-11-25T13:00:00+01:00"), Ok(1_795_608_000));
        assert!(at("2026-11-25 12:00").is_ok());
        assert_eq!(at("tomorrow"), Err("`tomorrow` is no time".to_owned()));
        assert!(span(Some("1h"), Some("2026-11-25T12:00:00Z")).is_err());
    }
}
