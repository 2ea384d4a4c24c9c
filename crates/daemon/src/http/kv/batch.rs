//! Several keys at once: transactions, streams of changes, and backups.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::kv::{self, Transaction, Written};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::AgentState;
use raft::{Check, Command, FoundWhat, Query as Ask, Revision, Value, Write};
use serde::Deserialize;

use super::super::parameters::Query;
use super::super::{Failure, body};
use super::{ask, event, made};
use crate::agent::Agent;
use crate::agreement::{self, Access};

/// How long a stream is silent before a line that says nothing keeps it open.
const SILENCE: Duration = Duration::from_secs(20);
/// Time in which this node must have what the leader has.
const BACKUP_TIME: Duration = Duration::from_secs(10);

pub(super) async fn transact(
    State(agent): State<Arc<Agent>>,
    body::Json(transaction): body::Json<Transaction>,
) -> Result<Json<Written>, Failure> {
    let checks = transaction.checks.into_iter().map(check);
    let writes = transaction.writes.into_iter().map(write);
    let command = Command::Transact {
        checks: checks.collect::<Result<_, Problem>>()?,
        writes: writes.collect::<Result<_, Problem>>()?,
    };
    made(&agent, command).await
}

fn check(check: kv::Check) -> Result<Check, Problem> {
    match check {
        kv::Check {
            key: Some(key),
            revision: Some(revision),
            value: None,
            lock: None,
            token: None,
        } => Ok(Check::Revision(key.into(), Revision(revision))),
        kv::Check {
            key: Some(key),
            revision: None,
            value: Some(value),
            lock: None,
            token: None,
        } => Ok(Check::Value(key.into(), Value::new(value.as_bytes()))),
        kv::Check {
            key: None,
            revision: None,
            value: None,
            lock: Some(lock),
            token: Some(token),
        } => Ok(Check::Held(lock.into(), Revision(token))),
        kv::Check { .. } => {
            let message = "a check has key and revision, key and value, or lock and token";
            Err(Problem::new(ErrorCode::BadRequest, message))
        }
    }
}

fn write(write: kv::Write) -> Result<Write, Problem> {
    let key = write.key.as_str().into();
    let value = match (write.value, write.value_hex) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(digits)) => model::from_hex(&digits).ok_or_else(|| {
            let message = format!("value_hex of the key {key} is no row of hexadecimal digits");
            Problem::new(ErrorCode::BadRequest, message)
        })?,
        (None, None) => return Ok(Write::Delete { key }),
        (Some(_), Some(_)) => {
            let message = format!("the key {key} has both value and value_hex");
            return Err(Problem::new(ErrorCode::BadRequest, message));
        }
    };
    Ok(Write::Put {
        key,
        value: Value::new(&value),
        ttl_ms: write.ttl_ms,
    })
}

#[derive(Deserialize)]
pub(super) struct Watching {
    prefix: Option<String>,
    index: Option<u64>,
}

pub(super) async fn watch(
    State(agent): State<Arc<Agent>>,
    Query(watching): Query<Watching>,
) -> Result<Response, Failure> {
    let access = agent.agreement.wait_access().await?;
    let after = match watching.index {
        Some(index) => Revision(index),
        None => ask(&access, Ask::Usage, None).await?.revision,
    };
    let state = Stream {
        access,
        prefix: watching.prefix.unwrap_or_default(),
        after,
        is_over: false,
    };
    // The stream ends when the agent stops, so that the connection can be closed politely.
    let stop = agent.life.clone();
    let events = futures_util::stream::unfold((state, stop), async |(mut state, mut stop)| {
        let text = tokio::select! {
            text = state.next() => text?,
            _ = stop.wait_for(|state| *state == AgentState::Stopped) => return None,
        };
        Some((Ok::<_, Infallible>(text), (state, stop)))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((kind, Body::from_stream(events)).into_response())
}

/// What is streamed, and how far.
struct Stream {
    access: Access,
    prefix: String,
    after: Revision,
    is_over: bool,
}

impl Stream {
    /// Gives the next events; none when the stream has ended.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        let found = self.access.events(&self.prefix, self.after, SILENCE).await;
        let Ok(found) = found else {
            // The caller resumes elsewhere, from the last id.
            return None;
        };
        self.after = found.follow_after(self.after);
        let FoundWhat::Events(events) = found.what else {
            self.is_over = true;
            return Some(format!("event: cut\nid: {}\ndata: {{}}\n\n", self.after));
        };
        let mut text = String::new();
        for one in &events {
            let data = serde_json::to_string(&event(one)).unwrap_or_default();
            text.push_str(&format!("id: {}\ndata: {data}\n\n", one.revision));
        }
        if text.is_empty() {
            // Nothing is dispatched for an id alone, but who comes back resumes from it.
            text = format!(": nothing happened\nid: {}\n\n", self.after);
        }
        Some(text)
    }
}

pub(super) async fn whole(State(agent): State<Arc<Agent>>) -> Result<Response, Failure> {
    let group = agent.agreement.wait_group().await?;
    let access = Access::Member(group.clone());
    let newest = ask(&access, Ask::Usage, None).await?.revision;
    let mut changed = group.watch();
    let has_it = changed.wait_for(|revision| *revision >= newest);
    if tokio::time::timeout(BACKUP_TIME, has_it).await.is_err() {
        let message = "this node has no copy of the keys, or is late";
        let hint = "run it on one of the voters: opsbro raft voters";
        return Err(Problem::new(ErrorCode::Unavailable, message)
            .with_hint(hint)
            .into());
    }
    let made = tokio::task::spawn_blocking(move || agreement::backup_of(&group)).await;
    let text = made.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    Ok((kind, text).into_response())
}
