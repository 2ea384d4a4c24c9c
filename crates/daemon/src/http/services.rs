//! Requests about what this node offers.

use std::sync::Arc;

use api::services::{DEREGISTER, Done, LIST, Offered, REGISTER, Register};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use dns::{Protocol, Service};
use tokio::sync::oneshot;

use super::parameters::Path;
use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::dns::settings::Settings;
use crate::keep::Keep;
use crate::services::Command;
use crate::services::registered::Registration;

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&REGISTER, register)
        .tie(&DEREGISTER, deregister)
}

async fn list(State(agent): State<Arc<Agent>>) -> Json<Vec<Offered>> {
    let offered = Arc::clone(&agent.names.services.borrow());
    Json(offered.iter().map(shown).collect())
}

/// Shows a service.
fn shown(service: &Service) -> Offered {
    Offered {
        name: service.name.clone(),
        port: service.port,
        protocol: service.protocol.as_str().to_owned(),
        tags: service.tags.clone(),
        weight: service.weight,
        priority: service.priority,
        state: service.state.as_str().to_ascii_lowercase(),
        since: service.since.to_string(),
        output: service.output.clone(),
        in_downtime: service.is_withdrawn,
    }
}

async fn register(
    State(agent): State<Arc<Agent>>,
    Path(name): Path<String>,
    body::Json(asked): body::Json<Register>,
) -> Result<Json<Done>, Failure> {
    let word = asked.protocol.as_deref().unwrap_or("tcp");
    let Some(protocol) = Protocol::parse(word) else {
        let message = format!("`{word}` is no protocol: tcp or udp");
        return Err(Failure(Problem::new(ErrorCode::BadRequest, message)));
    };
    let registration = Registration {
        name: name.clone(),
        port: asked.port,
        is_udp: protocol == Protocol::Udp,
        tags: asked.tags,
        weight: asked.weight.unwrap_or(1),
        priority: asked.priority,
        ttl_s: asked.ttl,
        state: asked.state.unwrap_or_else(|| "ok".to_owned()),
        output: asked.output,
    };
    let (tx, rx) = oneshot::channel();
    let command = Command::Register(registration, tx);
    if agent.names.commands.send(command).await.is_err() {
        return Err(stopping());
    }
    let taken = rx.await.map_err(|_| stopping())?;
    let changed = taken.map_err(|why| Failure(Problem::new(ErrorCode::BadRequest, why)))?;
    kept(&agent, changed).await?;
    let domain = &Settings::of(&agent).names.domain;
    let dns = Some(format!("{}.service.{domain}", dns::label(&name)));
    Ok(Json(Done { name, changed, dns }))
}

async fn deregister(
    State(agent): State<Arc<Agent>>,
    Path(name): Path<String>,
) -> Result<Json<Done>, Failure> {
    let (tx, rx) = oneshot::channel();
    let command = Command::Deregister(name.clone(), tx);
    if agent.names.commands.send(command).await.is_err() {
        return Err(stopping());
    }
    if !rx.await.map_err(|_| stopping())? {
        let message = format!("no application registered a service `{name}`");
        let problem = Problem::new(ErrorCode::NotFound, message);
        let hint = "`opsbro services list` tells what this node offers; what a pack defines goes \
                    with the pack";
        return Err(Failure(problem.with_hint(hint)));
    }
    kept(&agent, true).await?;
    Ok(Json(Done {
        name,
        changed: true,
        dns: None,
    }))
}

/// Waits until what was acknowledged is on disk.
async fn kept(agent: &Agent, changed: bool) -> Result<(), Failure> {
    if !changed || agent.on_disk("services", Keep::save_services).await? {
        return Ok(());
    }
    let message = "it is in force, but the disk does not take it: a restart would forget it";
    let problem = Problem::new(ErrorCode::Unavailable, message);
    Err(Failure(problem.with_hint(
        "`opsbro agent info` tells what is wrong with the disk",
    )))
}

fn stopping() -> Failure {
    Failure(Problem::new(
        ErrorCode::Unavailable,
        "the agent is stopping",
    ))
}
