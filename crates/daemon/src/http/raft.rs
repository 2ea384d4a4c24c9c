//! Requests about agreement itself.

use std::sync::Arc;

use api::raft::{
    ADOPT, Adopted, RECOVER, REJOIN, Recovered, Rejoined, SNAPSHOT, STATE, SURVEY, State as Shown,
    Survey, TRANSFER, Transferred,
};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use model::NodeId;
use raft::Group;
use serde::Deserialize;

use super::parameters::Query;
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::agreement::{self, Keep};
use crate::cluster::find;

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&STATE, state)
        .tie(&SNAPSHOT, snapshot)
        .tie(&REJOIN, rejoin)
        .tie(&TRANSFER, transfer)
        .tie(&SURVEY, survey)
        .tie(&RECOVER, recover)
        .tie(&ADOPT, adopt)
}

async fn state(State(agent): State<Arc<Agent>>) -> Result<Json<Shown>, Failure> {
    let access = agent.agreement.wait_access().await?;
    let mut shown = match access.group() {
        Some(group) => shown(&agent, group),
        None => Shown {
            state: "guest".to_owned(),
            ..Shown::default()
        },
    };
    if shown.voters.is_empty()
        && let Some(told) = access.hearsay().await
    {
        shown.leader = told.leader.map(|leader| leader.to_string());
        shown.term = told.term;
        shown.voters = names(&told.voters);
        shown.learners = names(&told.learners);
        shown.told_by = Some(told.from.to_string());
    }
    Ok(Json(shown))
}

fn names(ids: &[raft::Voter]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

async fn snapshot(State(agent): State<Arc<Agent>>) -> Result<Json<Shown>, Failure> {
    let group = agent.agreement.wait_group().await?;
    let written = group.snapshot().await;
    written.map_err(|trouble| agreement::problem(&trouble))?;
    Ok(Json(shown(&agent, &group)))
}

#[derive(Deserialize)]
struct Rejoining {
    drop: Option<String>,
}

async fn rejoin(
    State(agent): State<Arc<Agent>>,
    Query(rejoining): Query<Rejoining>,
) -> Result<Json<Rejoined>, Failure> {
    let is_sure = rejoining.drop.as_deref() == Some("yes");
    let keys = agent.agreement.rejoin(&agent, is_sure).await?;
    Ok(Json(Rejoined { keys }))
}

#[derive(Deserialize)]
struct Transferring {
    to: Option<String>,
}

async fn transfer(
    State(agent): State<Arc<Agent>>,
    Query(transferring): Query<Transferring>,
) -> Result<Json<Transferred>, Failure> {
    let to = match transferring.to.as_deref() {
        // A voter that gossip does not know is named by its UUID.
        Some(wanted) => Some(match NodeId::parse(wanted) {
            Ok(id) => id,
            Err(_) => find(&agent.members.borrow(), wanted)?.record.id,
        }),
        None => None,
    };
    let leader = agent.agreement.transfer(to).await?;
    Ok(Json(Transferred {
        leader: leader.to_string(),
    }))
}

async fn survey(State(agent): State<Arc<Agent>>) -> Result<Json<Survey>, Failure> {
    Ok(Json(agent.agreement.survey(&agent).await?))
}

#[derive(Deserialize)]
struct Recovering {
    any: Option<String>,
}

async fn recover(
    State(agent): State<Arc<Agent>>,
    Query(recovering): Query<Recovering>,
) -> Result<Json<Recovered>, Failure> {
    let is_sure = recovering.any.as_deref() == Some("yes");
    Ok(Json(agent.agreement.recover(&agent, is_sure).await?))
}

#[derive(Deserialize)]
struct Adopting {
    group: Option<String>,
    keep: Option<String>,
}

async fn adopt(
    State(agent): State<Arc<Agent>>,
    Query(adopting): Query<Adopting>,
) -> Result<Json<Adopted>, Failure> {
    let keep = match adopting.keep.as_deref() {
        None => None,
        Some("ours") => Some(Keep::Ours),
        Some("theirs") => Some(Keep::Theirs),
        Some(other) => {
            let message = format!("keep={other} is not known, only ours and theirs");
            return Err(Problem::new(ErrorCode::BadRequest, message).into());
        }
    };
    let wanted = adopting.group.as_deref();
    Ok(Json(agent.agreement.adopt(&agent, wanted, keep).await?))
}

fn shown(agent: &Agent, group: &Group) -> Shown {
    let standing = group.standing();
    Shown {
        state: standing.role.as_str().to_owned(),
        group: group
            .look(raft::State::group)
            .map(|(group, _)| group.to_string()),
        leader: standing.leader.map(|leader| leader.to_string()),
        term: standing.term,
        voters: names(&standing.voters),
        told_by: None,
        learners: names(&standing.learners),
        last_applied: standing.applied.unwrap_or(0),
        // What is agreed is applied at once, so the one is told by the other.
        commit: standing.applied.unwrap_or(0),
        last_log: standing.last_log.unwrap_or(0),
        snapshot: standing.snapshot.unwrap_or(0),
        revision: standing.revision.0,
        log_bytes: standing.log_bytes,
        snapshot_bytes: standing.snapshot_bytes,
        may_vote: standing.may_vote,
        meets: agent.agreement.meets(agent, group),
    }
}
