//! Requests about the log.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use api::log::{FOLLOW, LEVEL_SET, LEVELS, PARTS};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::limits;
use serde::Deserialize;

use super::parameters::{Path, Query};
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::clock;
use crate::log::{FollowError, Following, Log, LogLevel};

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&PARTS, parts)
        .tie(&LEVELS, levels)
        .tie(&LEVEL_SET, set_level)
        .tie(&FOLLOW, follow)
}

async fn parts() -> Json<Vec<String>> {
    Json(Log::parts())
}

async fn levels(State(agent): State<Arc<Agent>>) -> Json<BTreeMap<String, String>> {
    Json(agent.log.levels())
}

#[derive(Deserialize)]
struct Wanted {
    part: Option<String>,
    level: Option<String>,
}

async fn set_level(
    State(agent): State<Arc<Agent>>,
    Path(part): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<BTreeMap<String, String>>, Failure> {
    let level = parse_level(wanted.level.as_deref().unwrap_or_default())?;
    if !agent.log.set_level(&part, level) {
        return Err(no_such_part(&part).into());
    }
    Ok(Json(agent.log.levels()))
}

async fn follow(
    State(agent): State<Arc<Agent>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let level = parse_level(wanted.level.as_deref().unwrap_or("DEBUG"))?;
    let part = wanted.part.as_deref();
    let following = agent.log.follow(part, level).map_err(|error| match error {
        FollowError::NoSuchPart => no_such_part(part.unwrap_or_default()),
        FollowError::TooMany => {
            let message = format!("{} follow the log already", limits::LOG_FOLLOWERS_MAX);
            Problem::new(ErrorCode::Busy, message)
        }
    })?;
    // The stream ends when the agent stops, so that the connection can be closed politely.
    let stop = agent.life.clone();
    let lines =
        futures_util::stream::unfold((following, stop), async |(mut following, mut stop)| {
            let line = tokio::select! {
                line = next_line(&mut following) => line?,
                _ = stop.wait_for(|state| *state == model::AgentState::Stopped) => return None,
            };
            Some((Ok::<_, Infallible>(line), (following, stop)))
        });
    let content_type = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((content_type, Body::from_stream(lines)).into_response())
}

/// Gives the next line, with a word about those that were missed before it.
async fn next_line(following: &mut Following) -> Option<Bytes> {
    let line = following.next().await?;
    let mut text = String::new();
    let missed = following.take_missed();
    if missed > 0 {
        let notice = api::log::Line {
            date: clock::wall().to_string(),
            level: LogLevel::Warning.as_str().to_owned(),
            part: line.part().to_owned(),
            message: format!("{missed} lines were missed: they came faster than they were read"),
            fields: BTreeMap::new(),
        };
        push_json(&mut text, &notice);
    }
    push_json(&mut text, &line.to_api());
    Some(Bytes::from(text))
}

fn push_json(text: &mut String, line: &api::log::Line) {
    text.push_str(&serde_json::to_string(line).expect("a map of strings is always JSON"));
    text.push('\n');
}

fn parse_level(text: &str) -> Result<LogLevel, Problem> {
    let unknown = || {
        Problem::new(ErrorCode::BadRequest, format!("`{text}` is no log level"))
            .with_hint("use ERROR, WARNING, INFO, DEBUG or TRACE")
    };
    LogLevel::parse(text).ok_or_else(unknown)
}

fn no_such_part(part: &str) -> Problem {
    let parts = Log::parts();
    let near = model::nearest(part, parts.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the parts are: {}", parts.join(", ")),
    };
    Problem::new(ErrorCode::NotFound, format!("the log has no part `{part}`")).with_hint(hint)
}
