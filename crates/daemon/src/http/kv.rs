//! Requests about keys.

mod batch;
mod changed;
mod quotas;

use std::sync::Arc;
use std::time::Duration;

use api::kv::{
    BACKUP, CHANGED, DELETE, EVENTS, Event, Events, GET, HISTORY, KEYS, Key, LIST, Listed, PUT,
    Page, Past, QUOTA, TRANSACT, UNDO, UNQUOTA, USAGE, WATCH, Written,
};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::WallTime;
use model::limits::KV_PAGE_MAX;
use raft::query::{EventFound, KeyFound};
use raft::{
    Answer, Check, Command, Found, FoundWhat, Query as Ask, Refusal, Revision, Value, Write,
};
use serde::Deserialize;

use super::parameters::{Path, Query};
use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::agreement::{self, Access};

/// How long a request waits for a change unless it says so, and at most.
const WAIT: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(600);
/// Tells the revision of a key whose bytes are the answer.
const REVISION: HeaderName = HeaderName::from_static("x-opsbro-revision");
/// Tells how old such an answer may be, in milliseconds.
const AGE: HeaderName = HeaderName::from_static("x-opsbro-age-ms");

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&GET, get)
        .tie(&PUT, put)
        .tie(&DELETE, delete)
        .tie(&LIST, list)
        .tie(&KEYS, keys)
        .tie(&CHANGED, changed::changed)
        .tie(&HISTORY, history)
        .tie(&UNDO, undo)
        .tie(&EVENTS, events)
        .tie(&USAGE, quotas::usage)
        .tie(&QUOTA, quotas::quota)
        .tie(&UNQUOTA, quotas::unquota)
        .tie(&TRANSACT, batch::transact)
        .tie(&WATCH, batch::watch)
        .tie(&BACKUP, batch::whole)
}

/// What stands behind the question mark of a read.
#[derive(Deserialize)]
struct Reading {
    format: Option<String>,
    stale: Option<String>,
    index: Option<u64>,
    wait: Option<String>,
}

async fn get(
    State(agent): State<Arc<Agent>>,
    Path(key): Path<String>,
    Query(reading): Query<Reading>,
) -> Result<Response, Failure> {
    let access = agent.agreement.wait_access().await?;
    if let Some(index) = reading.index {
        wait_for_key(&access, &key, index, wait(reading.wait.as_deref())?).await?;
    }
    let found = ask(
        &access,
        Ask::Get(key.as_str().into()),
        reading.stale.as_deref(),
    )
    .await?;
    let (revision, age_ms) = (found.revision, found.age_ms);
    let FoundWhat::Key(Some(found)) = found.what else {
        let message = format!("the key {key} does not exist (as of revision {revision})");
        return Err(Problem::new(ErrorCode::NotFound, message).into());
    };
    if reading.format.as_deref() == Some("json") {
        return Ok(Json(key_of(&found, age_ms)).into_response());
    }
    let kind = match std::str::from_utf8(&found.value) {
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (REVISION, HeaderValue::from(found.revision.0)),
        (AGE, HeaderValue::from(age_ms)),
    ];
    Ok((headers, found.value.to_vec()).into_response())
}

/// Waits until a key has changed after a revision, or the time is over.
async fn wait_for_key(
    access: &Access,
    key: &str,
    index: u64,
    time: Duration,
) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + time;
    let mut after = Revision(index);
    loop {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let found = access.events(key, after, left).await;
        let found = found.map_err(|trouble| agreement::problem(&trouble))?;
        // Events may be of other keys that begin so.
        after = found.follow_after(after);
        match found.what {
            FoundWhat::Events(events) => {
                let is_over = left.is_zero() || events.iter().any(|event| *event.key == *key);
                if is_over {
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
    }
}

/// What stands behind the question mark of a write. A word that is not known is refused: one that
/// was meant to be `cas` would let the write happen in any case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Writing {
    cas: Option<u64>,
    ttl: Option<String>,
    lock: Option<String>,
    token: Option<u64>,
}

impl Writing {
    fn checks(&self, key: &str) -> Result<Vec<Check>, Problem> {
        let mut checks = Vec::new();
        if let Some(revision) = self.cas {
            checks.push(Check::Revision(key.into(), Revision(revision)));
        }
        match (&self.lock, self.token) {
            (Some(lock), Some(token)) => {
                checks.push(Check::Held(lock.as_str().into(), Revision(token)));
            }
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                let message = "a lock is named with its token: ?lock=NAME&token=N";
                return Err(Problem::new(ErrorCode::BadRequest, message));
            }
        }
        Ok(checks)
    }
}

async fn put(
    State(agent): State<Arc<Agent>>,
    Path(key): Path<String>,
    Query(writing): Query<Writing>,
    body::Bytes(value): body::Bytes,
) -> Result<Json<Written>, Failure> {
    let ttl = writing.ttl.as_deref().map(lifetime).transpose()?;
    let checks = writing.checks(&key)?;
    let writes = vec![Write::Put {
        key: key.into(),
        value: Value::new(&value),
        ttl_ms: ttl.map(|ttl| ttl.as_millis() as u64),
    }];
    made(&agent, Command::Transact { checks, writes }).await
}

async fn delete(
    State(agent): State<Arc<Agent>>,
    Path(key): Path<String>,
    Query(writing): Query<Writing>,
) -> Result<Json<Written>, Failure> {
    let checks = writing.checks(&key)?;
    let writes = vec![Write::Delete { key: key.into() }];
    made(&agent, Command::Transact { checks, writes }).await
}

/// What stands behind the question mark of a list.
#[derive(Deserialize)]
struct Listing {
    prefix: Option<String>,
    behind: Option<String>,
    limit: Option<usize>,
    values: Option<String>,
    stale: Option<String>,
}

async fn list(
    State(agent): State<Arc<Agent>>,
    Query(listing): Query<Listing>,
) -> Result<Json<Vec<String>>, Failure> {
    let page = page(&agent, listing).await?;
    Ok(Json(page.keys.into_iter().map(|one| one.key).collect()))
}

async fn keys(
    State(agent): State<Arc<Agent>>,
    Query(listing): Query<Listing>,
) -> Result<Json<Page>, Failure> {
    Ok(Json(page(&agent, listing).await?))
}

async fn page(agent: &Agent, listing: Listing) -> Result<Page, Failure> {
    let access = agent.agreement.wait_access().await?;
    let with_values = listing.values.as_deref() == Some("yes");
    let query = Ask::List {
        prefix: listing.prefix.unwrap_or_default(),
        behind: listing.behind,
        limit: listing.limit.unwrap_or(KV_PAGE_MAX),
        with_values,
        since: 0,
    };
    let found = ask(&access, query, listing.stale.as_deref()).await?;
    let FoundWhat::Keys(keys, has_more) = found.what else {
        return Err(strange());
    };
    let listed = keys.into_iter().map(|one| {
        let value = match with_values {
            true => shown(&one.value),
            false => (None, None),
        };
        Listed {
            key: one.key.to_string(),
            bytes: one.bytes,
            revision: one.revision.0,
            modified: time(one.wall),
            ttl_ms: one.ttl_ms,
            value: value.0,
            value_hex: value.1,
        }
    });
    Ok(Page {
        keys: listed.collect(),
        has_more,
        revision: found.revision.0,
    })
}

async fn history(
    State(agent): State<Arc<Agent>>,
    Path(key): Path<String>,
) -> Result<Json<Vec<Past>>, Failure> {
    let access = agent.agreement.wait_access().await?;
    let found = ask(&access, Ask::History(key.into()), None).await?;
    let FoundWhat::History(history) = found.what else {
        return Err(strange());
    };
    let pasts = history.into_iter().map(|past| {
        let (value, value_hex) = past.value.as_deref().map(shown).unwrap_or_default();
        Past {
            revision: past.revision.0,
            at: time(past.wall),
            is_deleted: past.value.is_none(),
            value,
            value_hex,
        }
    });
    Ok(Json(pasts.collect()))
}

#[derive(Deserialize)]
struct Undoing {
    to: Option<u64>,
}

async fn undo(
    State(agent): State<Arc<Agent>>,
    Path(key): Path<String>,
    Query(undoing): Query<Undoing>,
) -> Result<Json<Written>, Failure> {
    let command = Command::Undo {
        key: key.into(),
        to: undoing.to.map(Revision),
    };
    made(&agent, command).await
}

#[derive(Deserialize)]
struct Watching {
    prefix: Option<String>,
    index: Option<u64>,
    wait: Option<String>,
}

async fn events(
    State(agent): State<Arc<Agent>>,
    Query(watching): Query<Watching>,
) -> Result<Json<Events>, Failure> {
    let access = agent.agreement.wait_access().await?;
    let prefix = watching.prefix.unwrap_or_default();
    let after = match watching.index {
        Some(index) => Revision(index),
        None => ask(&access, Ask::Usage, None).await?.revision,
    };
    let found = access
        .events(&prefix, after, wait(watching.wait.as_deref())?)
        .await;
    let found = found.map_err(|trouble| agreement::problem(&trouble))?;
    let index = found.follow_after(after).0;
    let (events, is_cut) = match found.what {
        FoundWhat::Events(events) => (events.iter().map(event).collect(), false),
        _ => (Vec::new(), true),
    };
    Ok(Json(Events {
        events,
        index,
        is_cut,
    }))
}

fn event(found: &EventFound) -> Event {
    let (value, value_hex) = found.value.as_deref().map(shown).unwrap_or_default();
    let what = match (&found.value, found.is_expired) {
        (Some(_), _) => "put",
        (None, false) => "deleted",
        (None, true) => "expired",
    };
    Event {
        revision: found.revision.0,
        what: what.to_owned(),
        key: found.key.to_string(),
        value,
        value_hex,
    }
}

/// Has a command made that answers with a revision.
pub(super) async fn made(agent: &Agent, command: Command) -> Result<Json<Written>, Failure> {
    match command_of(agent, command).await? {
        Answer::Done(revision) | Answer::Held(revision) => Ok(Json(Written {
            revision: revision.0,
        })),
        Answer::Waiting(_) | Answer::Renewed(_) | Answer::Refused(_) => Err(strange()),
    }
}

/// Has a command made; what is refused is a failure.
pub(super) async fn command_of(agent: &Agent, command: Command) -> Result<Answer, Failure> {
    let access = agent.agreement.wait_access().await?;
    match access.command(command).await {
        Ok(Answer::Refused(refusal)) => Err(refused(&refusal).into()),
        Ok(answer) => Ok(answer),
        Err(trouble) => Err(agreement::problem(&trouble).into()),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::Changed { .. }
        | Refusal::Fenced { .. }
        | Refusal::Taken { .. }
        | Refusal::NotHeld { .. }
        | Refusal::Slots { .. } => ErrorCode::Conflict,
        Refusal::NoSession(_) | Refusal::Forgotten { .. } => ErrorCode::NotFound,
        Refusal::Twice(_) | Refusal::Name(_) => ErrorCode::BadRequest,
        Refusal::Keys { .. } | Refusal::Bytes { .. } | Refusal::TooMany { .. } => {
            ErrorCode::TooLarge
        }
    };
    Problem::new(code, refusal.to_string())
}

/// Asks, for the newest state unless an older one will do.
pub(super) async fn ask(
    access: &Access,
    query: Ask,
    stale: Option<&str>,
) -> Result<Found, Failure> {
    let found = match stale {
        None => access.ask(query).await,
        Some("ok") => access.ask_stale(query).await,
        Some(other) => {
            let message = format!("stale={other} is not known, only stale=ok");
            return Err(Problem::new(ErrorCode::BadRequest, message).into());
        }
    };
    found.map_err(|trouble| agreement::problem(&trouble).into())
}

fn key_of(found: &KeyFound, age_ms: u64) -> Key {
    let (value, value_hex) = shown(&found.value);
    Key {
        key: found.key.to_string(),
        value,
        value_hex,
        revision: found.revision.0,
        age_ms,
        modified: time(found.wall),
        ttl_ms: found.ttl_ms,
    }
}

/// Gives bytes as text, or as digits when they are none.
pub(crate) fn shown(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(model::to_hex(bytes))),
    }
}

pub(super) fn time(millis: u64) -> String {
    WallTime::from_millis(millis).to_string()
}

pub(super) fn duration(text: &str) -> Result<Duration, Problem> {
    let wrong =
        |error: model::IntervalError| Problem::new(ErrorCode::BadRequest, error.to_string());
    model::parse_interval(text).map_err(wrong)
}

/// Reads how long a key stays.
fn lifetime(text: &str) -> Result<Duration, Problem> {
    let time = duration(text)?;
    if time.is_zero() {
        let message = format!("a key that stays for {text} would be gone at once");
        let hint = "leave the ttl out for one that stays, or delete the key";
        return Err(Problem::new(ErrorCode::BadRequest, message).with_hint(hint));
    }
    Ok(time)
}

fn wait(text: Option<&str>) -> Result<Duration, Problem> {
    let time = text.map(duration).transpose()?;
    Ok(time.unwrap_or(WAIT).min(WAIT_MAX))
}

pub(super) fn strange() -> Failure {
    let message = "the leader answered another question: is it of another version?";
    Problem::new(ErrorCode::Internal, message).into()
}
