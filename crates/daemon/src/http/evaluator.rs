//! Requests about expressions.

use std::sync::Arc;
use std::time::Duration;

use api::Role;
use api::evaluator::{EVAL, Evaluate, Function, LIST};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::evaluation::World;

/// Time box of one evaluation. An expression alone ends within milliseconds; what it asks of the
/// machine (a connection, a large file) takes the rest.
const TIME_BOX: Duration = Duration::from_secs(20);

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&LIST, list).tie(&EVAL, eval)
}

async fn list() -> Json<Vec<Function>> {
    Json(crate::evaluation::functions())
}

async fn eval(
    State(agent): State<Arc<Agent>>,
    Extension(role): Extension<Role>,
    body::Json(request): body::Json<Evaluate>,
) -> Result<Response, Failure> {
    let world = match role {
        Role::Admin => World::of(&agent),
        // The agent may read every file of its machine; whoever asks may not by that alone.
        Role::Operate | Role::Read => World::of(&agent).without_machine(),
    };
    let evaluate = move || world.evaluate(&request);
    let evaluated = agent
        .workers
        .run("an evaluation", TIME_BOX, evaluate)
        .await?;
    let status = match &evaluated.error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    Ok((status, Json(evaluated)).into_response())
}
