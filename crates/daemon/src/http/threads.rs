//! What works inside the agent.

use std::sync::Arc;

use api::threads::{THREADS, Threads};
use axum::Json;
use axum::extract::State;

use super::Routes;
use crate::agent::Agent;
use crate::{clock, process};

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&THREADS, threads)
}

async fn threads(State(agent): State<Arc<Agent>>) -> Json<Threads> {
    let (user_seconds, system_seconds) = process::cpu_seconds();
    Json(Threads {
        age: clock::now().since(agent.started.0).as_secs(),
        user_seconds,
        system_seconds,
        loops: agent.loops.iter().map(|figures| figures.read()).collect(),
        tasks: agent.tasks.borrow().clone(),
        threads: process::threads(),
    })
}
