//! Requests about the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::gossip::{
    AddEvent, ClusterState, DETECT, Done as WasDone, EVENT, EVENT_ADD, EVENTS, Event, FORGET,
    Found, GUESS, HISTORY, JOIN, Joined, LEAVE, Left, MEMBERS, Member, NodeChange, PING, Pong,
    STATE, ZONE_CHANGE, ZONES, Zone, ZoneChanged,
};
use api::{ErrorCode, HistoryEntry, Problem, Route};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use gossip::{Done, Order, Snapshot};
use model::{MemberState, limits};
use serde::Deserialize;

use super::history::{Last, by_second};
use super::parameters::{Path, Query};
use super::{Failure, Peer, Routes, body};
use crate::agent::Agent;
use crate::clock;
use crate::cluster::{NoAddress, calls, find, forward, refused, resolve_all, show, shown_name};

/// Longest time that a request may wait for an event, or a detection may take.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// Longest time that answers to a detection are waited for.
const DETECT_MAX: Duration = Duration::from_secs(60);

/// Letters of what shall be joined that an error repeats.
const SEED_SHOWN_MAX: usize = 80;

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&MEMBERS, members)
        .tie(&HISTORY, history)
        .tie(&JOIN, join)
        .tie(&LEAVE, leave)
        .tie(&FORGET, forget)
        .tie(&DETECT, detect)
        .tie(&PING, ping)
        .tie(&GUESS, guess)
        .tie(&STATE, state)
        .tie(&ZONES, zones)
        .tie(&ZONE_CHANGE, change_zone)
        .tie(&EVENTS, events)
        .tie(&EVENT, event)
        .tie(&EVENT_ADD, add_event)
}

/// Turns a connection into a stream between nodes. Who has no key of the zone learns nothing there.
pub(super) async fn open_stream(State(agent): State<Arc<Agent>>, mut request: Request) -> Response {
    let refuse = |code, text: &str| Failure(Problem::new(code, text)).into_response();
    let is_ours = |headers: &HeaderMap| {
        let wanted = headers.get(header::UPGRADE);
        wanted.is_some_and(|it| {
            it.as_bytes()
                .eq_ignore_ascii_case(calls::PROTOCOL.as_bytes())
        })
    };
    if !is_ours(request.headers()) || request.headers().contains_key(header::ORIGIN) {
        return refuse(ErrorCode::BadRequest, "nodes of the cluster speak here");
    }
    let from = match request.extensions().get::<Peer>() {
        Some(Peer::Tcp(address)) if agent.listen.contains_key("gossip") => *address,
        Some(_) | None => return refuse(ErrorCode::Forbidden, "no node is spoken with here"),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    match agent.streams.take(upgrade, from) {
        Ok(()) => {
            let protocol = HeaderValue::from_static(calls::PROTOCOL);
            let upgrade = HeaderValue::from_static("upgrade");
            let headers = [(header::UPGRADE, protocol), (header::CONNECTION, upgrade)];
            (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
        }
        Err(problem) => Failure(problem).into_response(),
    }
}

/// Answers a read with that of another node, when the query has `node=` and it is not this one.
pub(super) async fn of_other_node(
    agent: &Agent,
    route: &Route,
    peer: Option<Peer>,
    uri: Uri,
) -> Option<Response> {
    if !forward::may_ask(route) || peer == Some(Peer::Node) {
        return None;
    }
    let query = uri.query()?;
    let wanted = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("node="))?;
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("node="))
        .collect();
    let mut target = uri.path().to_owned();
    if !rest.is_empty() {
        target.push('?');
        target.push_str(&rest.join("&"));
    }
    let known = Arc::clone(&agent.members.borrow());
    let member = match find(&known, &decoded(wanted)) {
        Ok(member) if member.record.id == known.own => return None,
        Ok(member) => member,
        Err(problem) => return Some(Failure(problem).into_response()),
    };
    let answer = forward::read(agent, member, &target).await;
    Some(answer.unwrap_or_else(|problem| Failure(problem).into_response()))
}

/// Reads a value of a query.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match (first, behind.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn known(agent: &Agent) -> Arc<Snapshot> {
    Arc::clone(&agent.members.borrow())
}

#[derive(Deserialize)]
struct Wanted {
    detail: Option<bool>,
    zone: Option<String>,
}

async fn members(
    State(agent): State<Arc<Agent>>,
    Query(wanted): Query<Wanted>,
) -> Json<BTreeMap<String, Member>> {
    let (known, now) = (known(&agent), clock::now());
    let detail = wanted.detail.unwrap_or_default();
    let of_zone = known.members.iter().filter(|member| {
        let zone = wanted.zone.as_deref();
        zone.is_none_or(|zone| member.record.body.zone.as_str() == zone)
    });
    let shown = of_zone.map(|member| {
        let shown = show::member(&known, member, now, detail);
        (shown.uuid.clone(), shown)
    });
    Json(shown.collect())
}

async fn guess(
    State(agent): State<Arc<Agent>>,
    Path(wanted): Path<String>,
) -> Result<Json<Member>, Failure> {
    let known = known(&agent);
    let member = find(&known, &wanted)?;
    Ok(Json(show::member(&known, member, clock::now(), true)))
}

async fn state(State(agent): State<Arc<Agent>>) -> Json<ClusterState> {
    Json(show::state(&known(&agent), clock::now()))
}

async fn history(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Last>,
) -> Result<Json<Vec<HistoryEntry<NodeChange>>>, Failure> {
    let last = query.count();
    let read = agent.on_disk("reading history", move |keep| {
        let nodes = keep.node_history(last)?;
        let groups = keep.group_history(last)?;
        Ok::<_, store::Error>((nodes, groups))
    });
    let (mut all, groups) = read.await?.map_err(|error| {
        let message = format!("the history cannot be read: {error}");
        Problem::new(ErrorCode::Unavailable, message)
    })?;
    all.extend(groups.into_iter().map(|(at, it)| {
        let change = NodeChange {
            kind: it.kind,
            name: it.name,
            display_name: it.display_name,
            uuid: it.uuid,
            group: Some(it.group),
            ..NodeChange::default()
        };
        (at, change)
    }));
    // The order of what happened at one time stays.
    all.sort_by_key(|(at, _)| *at);
    let first = all.len().saturating_sub(last);
    Ok(Json(by_second(all.split_off(first))))
}

async fn ordered(agent: &Agent, order: Order) -> Result<Done, Failure> {
    has_cluster(agent)?;
    match agent.order(order).await {
        Some(Ok(done)) => Ok(done),
        Some(Err(refusal)) => Err(refused(&known(agent), &refusal).into()),
        None => Err(Problem::new(ErrorCode::Unavailable, "the agent is stopping").into()),
    }
}

fn has_cluster(agent: &Agent) -> Result<(), Failure> {
    if agent.listen.contains_key("gossip") {
        return Ok(());
    }
    let message = "this agent takes part in no cluster: service discovery is off";
    let hint = "opsbro agent parameters set service_discovery_topic_enabled true, and restart";
    Err(Problem::new(ErrorCode::Unavailable, message)
        .with_hint(hint)
        .into())
}

async fn join(
    State(agent): State<Arc<Agent>>,
    Path(seed): Path<String>,
) -> Result<Json<Joined>, Failure> {
    has_cluster(&agent)?;
    let shown: String = seed.chars().take(SEED_SHOWN_MAX).collect();
    let addresses = resolve_all(&agent, &seed).await.map_err(|error| {
        let code = match error {
            NoAddress::Wrong(_) => ErrorCode::BadRequest,
            NoAddress::Nowhere(_) => ErrorCode::Conflict,
        };
        let problem = Problem::new(code, format!("cannot join `{shown}`: {error}"));
        problem.with_hint("write a host name or address, and :PORT when it is another than usual")
    })?;
    let joined = agent.join(&addresses).await.map_err(|problem| {
        // An address that was typed is in the reason already.
        let of_it = format!("{shown}: ");
        let why = problem.message.strip_prefix(&of_it);
        Problem {
            message: format!("cannot join {shown}: {}", why.unwrap_or(&problem.message)),
            ..problem
        }
    })?;
    agent.note("join", format!("joined {} by {seed}", joined.name));
    Ok(Json(joined))
}

async fn leave(
    State(agent): State<Arc<Agent>>,
    Path(wanted): Path<String>,
) -> Result<Json<Left>, Failure> {
    let known = known(&agent);
    let member = find(&known, &wanted)?;
    let (id, name) = (member.record.id, member.record.shown_name().to_owned());
    let is_this = id == known.own;
    if is_this {
        // Whoever leaves says so while it stops.
        has_cluster(&agent)?;
        agent.agreement.leave(&agent).await;
        agent.ask_to_stop();
    } else {
        ordered(&agent, Order::Leave(id)).await?;
        if member.state == MemberState::Dead {
            agent.agreement.dismiss(id).await;
        }
    }
    agent.note("leave", format!("{name} was told to leave"));
    Ok(Json(Left {
        uuid: id.to_string(),
        name,
        is_this,
    }))
}

async fn forget(
    State(agent): State<Arc<Agent>>,
    Path(wanted): Path<String>,
) -> Result<Json<WasDone>, Failure> {
    let known = known(&agent);
    let member = find(&known, &wanted)?;
    let (id, name) = (member.record.id, member.record.shown_name().to_owned());
    ordered(&agent, Order::Forget(id)).await?;
    agent.note("forget", format!("{name} ({id}) was forgotten"));
    Ok(Json(WasDone {
        uuid: id.to_string(),
        name,
    }))
}

#[derive(Deserialize)]
struct Timeout {
    timeout: Option<String>,
}

async fn detect(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Timeout>,
) -> Result<Json<Vec<Found>>, Failure> {
    has_cluster(&agent)?;
    let wait = interval(query.timeout.as_deref().unwrap_or("5s"))?.min(DETECT_MAX);
    let found = agent.detect(wait).await?.into_iter().map(|it| Found {
        uuid: it.id.to_string(),
        name: it.name,
        zone: it.zone.to_string(),
        addr: it.address.ip().to_string(),
        port: it.address.port(),
        is_proxy: it.is_proxy,
        groups: it.groups,
    });
    Ok(Json(found.collect()))
}

fn interval(text: &str) -> Result<Duration, Failure> {
    // Users of the original write plain seconds.
    let seconds = text.parse().ok().map(Duration::from_secs);
    let parsed = seconds.map_or_else(|| model::parse_interval(text), Ok);
    Ok(parsed.map_err(|error| Problem::new(ErrorCode::BadRequest, error.to_string()))?)
}

async fn ping(
    State(agent): State<Arc<Agent>>,
    Path(wanted): Path<String>,
) -> Result<Json<Pong>, Failure> {
    has_cluster(&agent)?;
    let id = find(&known(&agent), &wanted)?.record.id;
    let outcome = agent.order(Order::Ping(id)).await;
    let known = known(&agent);
    let member = known.member(id);
    let mut pong = Pong {
        uuid: id.to_string(),
        name: shown_name(&known, id).unwrap_or(wanted),
        state: member.map_or("unknown", |it| it.state.as_str()).to_owned(),
        ..Pong::default()
    };
    match outcome {
        Some(Ok(Done::Pong { took, relay })) => {
            pong.answered = true;
            pong.took_us = u64::try_from(took.as_micros()).ok();
            pong.relay = relay.map(|id| shown_name(&known, id).unwrap_or_else(|| id.to_string()));
        }
        Some(Ok(_)) => pong.answered = true,
        Some(Err(refusal)) => pong.error = Some(refused(&known, &refusal).message),
        None => return Err(Problem::new(ErrorCode::Unavailable, "the agent is stopping").into()),
    }
    Ok(Json(pong))
}

async fn zones(State(agent): State<Arc<Agent>>) -> Json<BTreeMap<String, Zone>> {
    let node = Arc::clone(&agent.node.borrow());
    Json(show::zones(&known(&agent), &node))
}

async fn change_zone(
    State(agent): State<Arc<Agent>>,
    body::Text(body): body::Text,
) -> Result<Json<ZoneChanged>, Failure> {
    // The original takes it bare, programs write JSON.
    let name = body.trim().trim_matches('"');
    let known = known(&agent);
    let zone = known.zones.iter().find(|(zone, _)| zone.as_str() == name);
    let Some((zone, _)) = zone else {
        return Err(no_such_zone(&known, name).into());
    };
    match ordered(&agent, Order::ChangeZone(zone.clone())).await? {
        Done::ZoneChanged(zone) => Ok(Json(ZoneChanged {
            zone: zone.to_string(),
        })),
        other => {
            let message = format!("the zone was not changed: {other:?}");
            Err(Problem::new(ErrorCode::Internal, message).into())
        }
    }
}

fn no_such_zone(known: &Snapshot, name: &str) -> Problem {
    if model::Zone::parse(name).is_err() {
        let message = format!("`{name:.80}` can be the name of no zone");
        return Problem::new(ErrorCode::BadRequest, message);
    }
    let problem = Problem::new(ErrorCode::NotFound, format!("there is no zone `{name}`"));
    let names = || known.zones.iter().map(|(zone, _)| zone.as_str());
    problem.with_hint(match model::nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "this node knows {}; declare others in zones/{name}.yml, then: opsbro agent reload",
            names().collect::<Vec<_>>().join(", ")
        ),
    })
}

async fn events(State(agent): State<Arc<Agent>>) -> Json<Vec<Event>> {
    let known = known(&agent);
    let shown = known.events.iter().map(|event| show::event(&known, event));
    Json(shown.collect())
}

#[derive(Deserialize)]
struct Wait {
    wait: Option<String>,
}

async fn event(
    State(agent): State<Arc<Agent>>,
    Path(kind): Path<String>,
    Query(query): Query<Wait>,
) -> Result<Json<Option<Event>>, Failure> {
    let wait = query.wait.as_deref().map(interval).transpose()?;
    let mut members = agent.members.clone();
    let found = |known: &Snapshot| {
        let last = known.events.iter().rev().find(|event| event.kind == kind);
        last.map(|event| show::event(known, event))
    };
    if let Some(wait) = wait {
        let arrived = members.wait_for(|known| found(known).is_some());
        drop(tokio::time::timeout(wait.min(WAIT_MAX), arrived).await);
    }
    let shown = found(&members.borrow());
    Ok(Json(shown))
}

async fn add_event(
    State(agent): State<Arc<Agent>>,
    body::Json(add): body::Json<AddEvent>,
) -> Result<Json<Event>, Failure> {
    let most = limits::CLUSTER_EVENT_KIND_BYTES_MAX;
    if add.kind.is_empty() || add.kind.len() > most || add.kind.contains(char::is_control) {
        let message = format!("the name of an event has 1 to {most} bytes, and no control letters");
        return Err(Problem::new(ErrorCode::BadRequest, message).into());
    }
    let order = Order::AddEvent {
        kind: add.kind,
        payload: add.payload.into_bytes(),
    };
    let Done::EventAdded(id) = ordered(&agent, order).await? else {
        return Err(Problem::new(ErrorCode::Internal, "the event was not added").into());
    };
    let known = known(&agent);
    let event = known.events.iter().find(|event| event.id == id);
    let gone = || Problem::new(ErrorCode::Busy, "there are too many events already");
    Ok(Json(show::event(&known, event.ok_or_else(gone)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_query_is_read_whatever_it_is() {
        for (value, expect) in [
            ("web-1", "web-1"),
            ("a%20b+c", "a b c"),
            ("%C3%A9", "é"),
            ("%", "%"),
            ("%zz%4", "%zz%4"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decoded(value), expect);
        }
    }

    #[tokio::test]
    async fn only_what_is_marked_is_read_from_other_nodes() {
        let agent = Agent::for_tests();
        let asked = async |route: &Route, target: &str| {
            let answer = of_other_node(&agent, route, None, target.parse().unwrap()).await;
            answer.map(|answer| answer.status().as_u16())
        };
        let info = &api::agent::INFO;
        assert_eq!(asked(info, "/agent/info").await, None);
        assert_eq!(
            asked(info, "/agent/info?node=web-1").await,
            None,
            "this node"
        );
        assert_eq!(asked(info, "/agent/info?a=b&node=web-2").await, Some(404));
        assert_eq!(asked(&api::agent::STOP, "/stop?node=web-2").await, None);
    }
}
