//! Requests about packs.

use std::sync::Arc;

use api::packs::{Finding, LIST, Levels, PROBLEMS};
use axum::Json;
use axum::extract::State;

use super::Routes;
use crate::agent::Agent;

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
