//! Requests about the keys that seal gossip.

use std::sync::Arc;

use api::keys::{ADD, AddKey, Behind, Holder, Key as ShownKey, LIST, REMOVE, Ring, USE};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use gossip::seal::{Status, Use, shown};
use gossip::{KeyOrder, Refusal};
use model::{MemberState, Zone};
use serde::Deserialize;
use tokio::time::Instant;

use super::parameters::{Path, Query};
use super::{Failure, Routes, body};
use crate::agent::Agent;
use crate::keys;
use crate::zone_keys::Key;

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
        return Ok(Json(all.iter().map(|it| to_api(&agent, it)).collect()));
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
    let until = Instant::now() + keys::SPREAD_TIME;
    order(&agent, &zone, &KeyOrder::Add(key), "added", until).await?;
    if new.use_ {
        let use_it = KeyOrder::Use {
            key: fingerprint,
            force: new.force,
        };
        order(&agent, &zone, &use_it, "seals", until).await?;
    }
    ended(&agent, &zone, new.force, until).await
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
    let until = Instant::now() + keys::SPREAD_TIME;
    order(agent, &zone, &make(key, which.force), done, until).await?;
    ended(agent, &zone, which.force, until).await
}

/// Waits until a change is on disk and known to all living members, unless it is not to wait for
/// them; gives the ring, which names those who did not acknowledge it in time.
async fn ended(
    agent: &Arc<Agent>,
    zone: &Zone,
    is_forced: bool,
    until: Instant,
) -> Result<Json<Ring>, Failure> {
    on_disk(agent).await?;
    if !is_forced {
        keys::acknowledged(agent, zone, until).await;
    }
    Ok(Json(ring_of(agent, zone)))
}

/// Carries an order out, and notes it in the history of the agent.
async fn order(
    agent: &Arc<Agent>,
    zone: &Zone,
    order: &KeyOrder,
    done: &str,
    until: Instant,
) -> Result<(), Failure> {
    match keys::order(agent, zone, order, until).await {
        Some(Ok(_)) => {}
        Some(Err(why)) => return Err(refused(&why)),
        None => {
            let problem = Problem::new(ErrorCode::Unavailable, "the agent is stopping");
            return Err(Failure(problem));
        }
    }
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
            Some(
                "see who lags with `opsbro keys status`, and try again; --force cuts them off until \
                 they learn the key on a stream",
            ),
        ),
        Refusal::KeyNeeded(_) => (
            ErrorCode::Conflict,
            Some(
                "let them come back first, or say that they never will: opsbro members forget NODE; \
                 --force drops the key at once",
            ),
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
        Some(status) => to_api(agent, status),
        None => to_api(agent, &gossip::seal::Ring::default().status(zone, [])),
    }
}

fn to_api(agent: &Agent, status: &Status) -> Ring {
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
    let members = holders(agent, status);
    let lags = |member: &&Holder| {
        let behind = status.behind.iter();
        behind
            .map(|(id, _)| id.to_string())
            .any(|id| id == member.uuid)
    };
    let behind = members.iter().filter(lags).map(|member| Behind {
        uuid: member.uuid.clone(),
        name: member.name.clone(),
        version: member.version,
    });
    Ring {
        zone: status.zone.to_string(),
        version: status.version,
        is_open: !status.keys.iter().any(|(_, use_)| *use_ == Use::Seals),
        keys: status.keys.iter().map(key).collect(),
        behind: behind.collect(),
        members,
    }
}

/// Tells what each known node of a zone holds; those that left need no key.
fn holders(agent: &Agent, status: &Status) -> Vec<Holder> {
    let known = agent.members.borrow();
    let of_zone = known
        .members
        .iter()
        .filter(|it| it.record.body.zone == status.zone && it.state != MemberState::Leave);
    let seals = status.keys.iter().find(|(_, use_)| *use_ == Use::Seals);
    let holder = |it: &gossip::Member| {
        // What this node holds itself is known at once, what it tells of that a moment later.
        let (version, seals) = match it.record.id == known.own {
            true => (status.version, seals.map(|(print, _)| *print)),
            false => it.record.body.keys,
        };
        Holder {
            uuid: it.record.id.to_string(),
            name: it.record.shown_name().to_owned(),
            state: it.state.to_string(),
            version,
            seals: seals.map(shown),
        }
    };
    of_zone.map(holder).collect()
}
