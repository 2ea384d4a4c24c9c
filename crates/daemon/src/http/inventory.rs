//! Requests about the inventory.

use std::sync::Arc;
use std::time::Duration;

use api::inventory::{Change, DIFF, Difference, Inventory, SHOW};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use model::WallTime;
use rules::inventory::words;
use serde::Deserialize;

use super::parameters::Query;
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::clock;
use crate::inventory::{LOOK, TIME_BOX, whole};

/// How far back a difference looks when nobody says.
const SINCE_DEFAULT: Duration = Duration::from_secs(3_600);
/// Requests that may look at a time, besides the look that comes by itself.
const LOOKS_MAX: usize = 4;

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&SHOW, show).tie(&DIFF, diff)
}

async fn show(State(agent): State<Arc<Agent>>) -> Result<Json<Inventory>, Failure> {
    let owned = Arc::clone(&agent);
    let (wall, inventory) = look(&agent, move || whole(&owned)).await?;
    Ok(Json(Inventory {
        taken_at: wall.to_string(),
        sections: inventory.sections,
        missing: inventory.missing,
    }))
}

#[derive(Deserialize)]
struct Since {
    since: Option<String>,
    steps: Option<bool>,
}

async fn diff(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Since>,
) -> Result<Json<Difference>, Failure> {
    let since = match &query.since {
        Some(text) => model::parse_interval(text)
            .map_err(|error| Problem::new(ErrorCode::BadRequest, format!("`since`: {error}")))?,
        None => SINCE_DEFAULT,
    };
    let steps = query.steps.unwrap_or(false);
    let back = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let since = WallTime::from_millis(clock::wall().as_millis().saturating_sub(back));
    let owned = Arc::clone(&agent);
    let changes = look(&agent, move || owned.ledger.changes(&owned, since, steps)).await??;
    let told = changes.all.into_iter().map(|(at, change)| Change {
        at: at.to_string(),
        text: words(&change),
        section: change.section,
        name: change.name,
        old: change.old,
        new: change.new,
    });
    Ok(Json(Difference {
        since: since.to_string(),
        until: clock::wall().to_string(),
        known_since: (changes.began > since).then(|| changes.began.to_string()),
        changes: told.collect(),
    }))
}

async fn look<T: Send + 'static>(
    agent: &Agent,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    if agent.workers.count(LOOK) >= LOOKS_MAX {
        let problem = Problem::new(ErrorCode::Busy, "others look at the inventory already");
        return Err(problem.with_hint("try again soon").into());
    }
    Ok(agent.workers.run(LOOK, TIME_BOX, work).await?)
}
