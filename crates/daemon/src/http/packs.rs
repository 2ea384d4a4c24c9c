//! Requests about packs.

use std::sync::Arc;

use api::packs::{Finding, LIST, Levels, PROBLEMS};
use axum::Json;
use axum::extract::State;

use super::Routes;
use crate::agent::Agent;
use crate::rules::Rules;

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&LIST, list).tie(&PROBLEMS, problems)
}

async fn list(State(agent): State<Arc<Agent>>) -> Json<Levels> {
    Json(crate::rules::listing::levels(
        &agent.rules.borrow().registry,
    ))
}

async fn problems(State(agent): State<Arc<Agent>>) -> Json<Vec<Finding>> {
    Json(
        agent
            .rules
            .borrow()
            .problems
            .iter()
            .map(Finding::from)
            .collect(),
    )
}

/// Says what is wrong in the file of an object, as `redis/monitoring/redis`, if that is broken.
pub(super) fn error_in(rules: &Rules, object: &str) -> Option<String> {
    let file = format!("/{object}.yml");
    let mut errors = rules.problems.iter().filter(|it| it.is_error());
    let error = errors.find(|it| it.place.file.ends_with(&file))?;
    let (place, why) = (&error.place, &error.message);
    Some(format!(
        "its file is broken: {}:{}: {why}",
        place.file, place.line
    ))
}
