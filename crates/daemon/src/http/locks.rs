//! Requests about locks and sessions.

use std::sync::Arc;
use std::time::Duration;

use api::kv::Written;
use api::locks::{
    ACQUIRE, Acquire, Acquired, CLOSE, FORCE, Force, Holder, LIST, Lock, NewSession, OPEN, RELEASE,
    RENEW, Release, Renewed, SESSIONS, Session,
};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use model::limits::{SESSION_TTL_MAX, SESSION_TTL_MIN};
use raft::query::LockFound;
use raft::{Answer, Command, FoundWhat, Query as Ask, Revision, SessionId, Voter};
use serde::Deserialize;
use tokio::time::Instant;

use super::kv::{ask, command_of, duration, made, strange, time};
use super::parameters::{Path, Query};
use super::{Failure, Routes, body};
use crate::agent::Agent;

/// Longest wait for a lock of one request.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often who waits looks when nothing tells it of a change.
const TURN: Duration = Duration::from_millis(500);

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&OPEN, open)
        .tie(&RENEW, renew)
        .tie(&CLOSE, close)
        .tie(&SESSIONS, sessions)
        .tie(&ACQUIRE, acquire)
        .tie(&RELEASE, release)
        .tie(&FORCE, force)
}

#[derive(Deserialize)]
struct Listing {
    prefix: Option<String>,
}

async fn list(
    State(agent): State<Arc<Agent>>,
    Query(listing): Query<Listing>,
) -> Result<Json<Vec<Lock>>, Failure> {
    let access = agent.agreement.wait_access().await?;
    let query = Ask::Locks(listing.prefix.unwrap_or_default());
    let FoundWhat::Locks(locks) = ask(&access, query, None).await?.what else {
        return Err(strange());
    };
    Ok(Json(locks.into_iter().map(shown).collect()))
}

fn shown(lock: LockFound) -> Lock {
    let holders = lock.holders.into_iter().map(|holder| Holder {
        session: holder.session.to_string(),
        node: holder.node.to_string(),
        name: holder.name,
        token: holder.token.0,
        since: time(holder.since),
    });
    Lock {
        name: lock.name.to_string(),
        slots: lock.slots,
        holders: holders.collect(),
        waiters: lock.waiters.iter().map(ToString::to_string).collect(),
    }
}

async fn open(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    body::Json(new): body::Json<NewSession>,
) -> Result<Json<Written>, Failure> {
    let session = session(&id)?;
    let command = Command::Open {
        session,
        ttl_ms: lease(&new.ttl)?.as_millis() as u64,
        node: Voter::from(agent.node.borrow().id),
        name: new.name,
    };
    if new.is_kept {
        agent.agreement.keep_session(session)?;
    }
    made(&agent, command).await
}

/// Reads how long a session lasts without a renewal. One that ends before its renewal can arrive
/// would lose its locks, and one of a month would keep them from all who live.
fn lease(text: &str) -> Result<Duration, Problem> {
    let ttl = duration(text)?;
    if (SESSION_TTL_MIN..=SESSION_TTL_MAX).contains(&ttl) {
        return Ok(ttl);
    }
    let (min, max) = (
        model::format_interval(SESSION_TTL_MIN),
        model::format_interval(SESSION_TTL_MAX),
    );
    let message = format!("a lock may be kept for {min} to {max} without a renewal, not {text}");
    Err(Problem::new(ErrorCode::BadRequest, message))
}

async fn renew(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Renewed>, Failure> {
    let sessions = vec![session(&id)?];
    match command_of(&agent, Command::Renew { sessions }).await? {
        Answer::Renewed(ended) if ended.is_empty() => Ok(Json(Renewed { id })),
        Answer::Renewed(_) => {
            let message = format!("session {id} has ended: what it held is lost, open a new one");
            Err(Problem::new(ErrorCode::NotFound, message).into())
        }
        Answer::Done(_) | Answer::Held(_) | Answer::Waiting(_) | Answer::Refused(_) => {
            Err(strange())
        }
    }
}

async fn close(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Written>, Failure> {
    let session = session(&id)?;
    agent.agreement.let_go(session);
    made(&agent, Command::Close { session }).await
}

async fn sessions(State(agent): State<Arc<Agent>>) -> Result<Json<Vec<Session>>, Failure> {
    let access = agent.agreement.wait_access().await?;
    let FoundWhat::Sessions(sessions) = ask(&access, Ask::Sessions, None).await?.what else {
        return Err(strange());
    };
    let sessions = sessions.into_iter().map(|one| Session {
        id: one.id.to_string(),
        node: one.node.to_string(),
        name: one.name,
        ttl_ms: one.ttl_ms,
        left_ms: one.left_ms,
        locks: one.locks.iter().map(ToString::to_string).collect(),
    });
    Ok(Json(sessions.collect()))
}

async fn acquire(
    State(agent): State<Arc<Agent>>,
    body::Json(wanted): body::Json<Acquire>,
) -> Result<Json<Acquired>, Failure> {
    let wait = wanted.wait.as_deref().map(duration).transpose()?;
    let deadline = Instant::now() + wait.unwrap_or_default().min(WAIT_MAX);
    let command = Command::Acquire {
        lock: wanted.name.as_str().into(),
        session: session(&wanted.session)?,
        slots: wanted.slots,
        wait: wait.is_some(),
    };
    let mut changed = agent.agreement.wait_access().await?.watch();
    loop {
        changed.borrow_and_update();
        // Asked again it keeps its place in line.
        let ahead = match command_of(&agent, command.clone()).await? {
            Answer::Held(token) => {
                return Ok(Json(Acquired {
                    token: Some(token.0),
                    ahead: None,
                }));
            }
            Answer::Waiting(ahead) => ahead,
            Answer::Done(_) | Answer::Renewed(_) | Answer::Refused(_) => return Err(strange()),
        };
        if Instant::now() >= deadline {
            return Ok(Json(Acquired {
                token: None,
                ahead: Some(ahead),
            }));
        }
        wait_for_turn(&agent, &wanted, &mut changed, deadline).await;
    }
}

/// Waits until the session may hold the lock, as far as this node sees.
async fn wait_for_turn(
    agent: &Agent,
    wanted: &Acquire,
    changed: &mut tokio::sync::watch::Receiver<Revision>,
    deadline: Instant,
) {
    let turn = deadline.min(Instant::now() + TURN);
    let Ok(group) = agent.agreement.group() else {
        return tokio::time::sleep_until(turn).await;
    };
    let waits = || {
        group.look(|state| {
            let lock = state.lock(&wanted.name);
            let id = SessionId::parse(&wanted.session);
            lock.is_some_and(|lock| id.is_some_and(|id| lock.waiters.contains(&id)))
        })
    };
    let changes = async { while waits() && changed.changed().await.is_ok() {} };
    if waits() {
        // The line is kept by all members: as long as it is the same nobody has to be asked.
        let _ = tokio::time::timeout_at(deadline, changes).await;
    } else {
        tokio::time::sleep_until(turn).await;
    }
}

async fn release(
    State(agent): State<Arc<Agent>>,
    body::Json(release): body::Json<Release>,
) -> Result<Json<Written>, Failure> {
    let command = Command::Release {
        lock: release.name.as_str().into(),
        session: session(&release.session)?,
    };
    made(&agent, command).await
}

async fn force(
    State(agent): State<Arc<Agent>>,
    body::Json(force): body::Json<Force>,
) -> Result<Json<Written>, Failure> {
    let command = Command::Force {
        lock: force.name.as_str().into(),
        token: force.token.map(Revision),
    };
    made(&agent, command).await
}

fn session(id: &str) -> Result<SessionId, Problem> {
    SessionId::parse(id).ok_or_else(|| {
        let message = format!("{id:?} cannot be the id of a session: use a UUID");
        Problem::new(ErrorCode::BadRequest, message)
    })
}
