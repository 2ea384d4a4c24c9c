//! Requests about expressions.

use std::sync::Arc;

use api::evaluator::{EVAL, Function, LIST};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;

use super::{Failure, Routes};
use crate::agent::Agent;

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&LIST, list).tie(&EVAL, eval)
}

async fn list(State(_agent): State<Arc<Agent>>) -> Json<Vec<Function>> {
    Json(Vec::new())
}

async fn eval() -> Failure {
    Problem::new(
        ErrorCode::Unavailable,
        "expressions are not part of this version",
    )
    .into()
}
