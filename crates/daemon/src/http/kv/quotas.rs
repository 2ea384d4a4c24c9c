//! How much there is, and how much there may be.

use std::sync::Arc;

use api::kv::{Quota, Usage, Written};
use axum::Json;
use axum::extract::State;
use raft::{Command, FoundWhat, Query as Ask};

use super::super::parameters::Path;
use super::super::{Failure, body};
use super::{ask, made, strange};
use crate::agent::Agent;

pub(super) async fn usage(State(agent): State<Arc<Agent>>) -> Result<Json<Vec<Usage>>, Failure> {
    let access = agent.agreement.wait_access().await?;
    let FoundWhat::Usage(usage) = ask(&access, Ask::Usage, None).await?.what else {
        return Err(strange());
    };
    let usage = usage.into_iter().map(|one| Usage {
        prefix: one.prefix,
        keys: one.keys,
        bytes: one.bytes,
        quota: one.quota.map(|quota| Quota {
            keys_max: quota.keys_max,
            bytes_max: quota.bytes_max,
        }),
    });
    Ok(Json(usage.collect()))
}

pub(super) async fn quota(
    State(agent): State<Arc<Agent>>,
    Path(prefix): Path<String>,
    body::Json(quota): body::Json<Quota>,
) -> Result<Json<Written>, Failure> {
    let quota = raft::state::quota::Quota {
        keys_max: quota.keys_max,
        bytes_max: quota.bytes_max,
    };
    let quota = Some(quota);
    made(&agent, Command::Bound { prefix, quota }).await
}

pub(super) async fn unquota(
    State(agent): State<Arc<Agent>>,
    Path(prefix): Path<String>,
) -> Result<Json<Written>, Failure> {
    made(
        &agent,
        Command::Bound {
            prefix,
            quota: None,
        },
    )
    .await
}
