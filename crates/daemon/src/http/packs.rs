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

async fn list(State(_agent): State<Arc<Agent>>) -> Json<Levels> {
    Json(Levels::new())
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
