//! Requests about the keys that seal gossip.

use std::sync::Arc;
use std::time::Duration;

use api::keys::{ADD, AddKey, Behind, Key as ShownKey, LIST, REMOVE, Ring, USE};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use gossip::seal::{Status, Use, shown};
use gossip::{KeyOrder, Refusal};
use model::Zone;
use serde::Deserialize;

use super::parameters::{Path, Query};
use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::keys;
use crate::zone_keys::Key;

/// How long a key that was added waits for all members before it seals.
const SPREAD_TIME: Duration = Duration::from_secs(15);
/// How often it is looked whether they have it.
const SPREAD_LOOK: Duration = Duration::from_millis(200);

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&ADD, add)
        .tie(&USE, use_key)
        .tie(&REMOVE, remove)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    zone: Option<String>,
    #[serde(default)]
    force: bool,
}

async fn list(
    State(agent): State<Arc<Agent>>,
    Query(only): Query<Only>,
) -> Result<Json<Vec<Ring>>, Failure> {
    let all = keys::status(&agent);
    let Some(zone) = only.zone else {
        return Ok(Json(all.iter().map(to_api).collect()));
    };
    let zone = zone_named(&agent, Some(&zone))?;
    Ok(Json(vec![ring_of(&agent, &zone)]))
}

async fn add(
    State(agent): State<Arc<Agent>>,
    body::Json(new): body::Json<AddKey>,
) -> Result<Json<Ring>, Failure> {
    let zone = zone_named(&agent, new.zone.as_deref())?;
    let key = Key::parse(&new.key).map_err(|why| {
        let message = format!("the key is not valid: {why}");
        Problem::new(ErrorCode::Invalid, message).with_hint("make one with: opsbro agent keygen")
    })?;
    let fingerprint = key.fingerprint();
    order(&agent, &zone, &KeyOrder::Add(key), "added")?;
    if new.use_ {
        let use_it = KeyOrder::Use {
            key: fingerprint,
            force: new.force,
        };
        let waited = tokio::time::Instant::now();
        loop {
            match keys::order(&agent, &zone, &use_it) {
                Err(Refusal::KeysBehind(_)) if waited.elapsed() < SPREAD_TIME => {
                    tokio::time::sleep(SPREAD_LOOK).await;
                }
                Err(why) => return Err(refused(&why)),
                Ok(()) => break,
            }
        }
        note(&agent, &zone, "seals", fingerprint);
    }
    on_disk(&agent).await?;
    Ok(Json(ring_of(&agent, &zone)))
}

async fn use_key(
    State(agent): State<Arc<Agent>>,
    Path(fingerprint): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Ring>, Failure> {
    let make = |key, force| KeyOrder::Use { key, force };
    change(&agent, &fingerprint, &which, make, "seals").await
}

async fn remove(
    State(agent): State<Arc<Agent>>,
    Path(fingerprint): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Ring>, Failure> {
    let make = |key, force| KeyOrder::Remove { key, force };
    change(&agent, &fingerprint, &which, make, "removed").await
}

/// Carries out an order about a key that the zone has, and gives the ring that came of it.
async fn change(
    agent: &Arc<Agent>,
    fingerprint: &str,
    which: &Which,
    make: fn([u8; 4], bool) -> KeyOrder,
    done: &str,
) -> Result<Json<Ring>, Failure> {
    let zone = zone_named(agent, which.zone.as_deref())?;
    let key = fingerprint_named(fingerprint)?;
    order(agent, &zone, &make(key, which.force), done)?;
    on_disk(agent).await?;
    Ok(Json(ring_of(agent, &zone)))
}

/// Carries an order out, and notes it in the history of the agent.
fn order(agent: &Arc<Agent>, zone: &Zone, order: &KeyOrder, done: &str) -> Result<(), Failure> {
    keys::order(agent, zone, order).map_err(|why| refused(&why))?;
    let fingerprint = match order {
        KeyOrder::Add(key) => key.fingerprint(),
        KeyOrder::Use { key, .. } | KeyOrder::Remove { key, .. } => *key,
    };
    note(agent, zone, done, fingerprint);
    Ok(())
}

/// Waits until the keys are on disk: what was answered must outlive a restart.
async fn on_disk(agent: &Arc<Agent>) -> Result<(), Failure> {
    let owned = Arc::clone(agent);
    let saved = agent.on_disk("keys", move |keep| owned.save_keys(keep));
    if saved.await? {
        return Ok(());
    }
    let message = "the keys are in force, but a restart would forget them: the disk refuses them";
    let problem = Problem::new(ErrorCode::Unavailable, message);
    let hint = "make room for the agent's data and its folder zone_keys, and try again";
    Err(Failure(problem.with_hint(hint)))
}

fn note(agent: &Agent, zone: &Zone, done: &str, fingerprint: [u8; 4]) {
    let key = shown(fingerprint);
    agent.note("keys", format!("zone {zone}: key {key} {done}"));
}

fn refused(why: &Refusal) -> Failure {
    let (code, hint) = match why {
        Refusal::UnknownKey(..) | Refusal::UnknownZone(_) => (
            ErrorCode::NotFound,
            Some("list them with: opsbro keys list"),
        ),
        Refusal::KeysBehind(_) => (
            ErrorCode::Conflict,
            Some("wait for them (opsbro keys status), forget dead ones, or use --force"),
        ),
        Refusal::KeyNeeded(_) => (
            ErrorCode::Conflict,
            Some("let them come back first, forget dead ones, or use --force"),
        ),
        _ => (ErrorCode::Conflict, None),
    };
    let problem = Problem::new(code, why.to_string());
    Failure(match hint {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    })
}

fn zone_named(agent: &Agent, name: Option<&str>) -> Result<Zone, Failure> {
    let own = keys::own_zone(agent);
    let zone = match name {
        Some(name) => Zone::parse(name).ok(),
        None => own.clone(),
    };
    let configuration = agent.configuration.borrow();
    let declared = |zone: &Zone| configuration.zones.contains_key(zone.as_str());
    let known = zone.filter(|zone| own.as_ref() == Some(zone) || declared(zone));
    known.ok_or_else(|| {
        let message = format!("there is no zone {}", name.unwrap_or_default());
        let problem = Problem::new(ErrorCode::NotFound, message);
        Failure(problem.with_hint("list them with: opsbro gossip zone list"))
    })
}

fn fingerprint_named(text: &str) -> Result<[u8; 4], Failure> {
    let digits = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = digits.then(|| u32::from_str_radix(text, 16).ok()).flatten();
    number.map(u32::to_be_bytes).ok_or_else(|| {
        let message = "a key is named by its fingerprint, 8 hexadecimal digits".to_owned();
        let problem = Problem::new(ErrorCode::BadRequest, message);
        Failure(problem.with_hint("list them with: opsbro keys list"))
    })
}

fn ring_of(agent: &Agent, zone: &Zone) -> Ring {
    let all = keys::status(agent);
    match all.iter().find(|status| status.zone == *zone) {
        Some(status) => to_api(status),
        None => to_api(&gossip::seal::Ring::default().status(zone, [])),
    }
}

fn to_api(status: &Status) -> Ring {
    let key = |(fingerprint, use_): &([u8; 4], Use)| {
        let (use_, until) = match use_ {
            Use::Seals => ("seals", None),
            Use::Accepted => ("accepted", None),
            Use::Retired { until } => ("retired", Some(until.to_string())),
        };
        ShownKey {
            fingerprint: shown(*fingerprint),
            use_: use_.to_owned(),
            until,
        }
    };
    Ring {
        zone: status.zone.to_string(),
        version: status.version,
        is_open: !status.keys.iter().any(|(_, use_)| *use_ == Use::Seals),
        keys: status.keys.iter().map(key).collect(),
        behind: status
            .behind
            .iter()
            .map(|(id, version)| Behind {
                uuid: id.to_string(),
                name: String::new(),
                version: *version,
            })
            .collect(),
    }
}
