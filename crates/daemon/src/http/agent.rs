//! Requests about the agent itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::agent::{
    ChecksSummary, CollectorState, GROUP_ADD, GROUP_REMOVE, HISTORY, HistoryEntry, INFO, Info,
    METRICS, NAME, RELOAD, ROOT, ReloadReport, STATE, STOP, STOP_POST, UUID,
};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use model::{AgentState, CheckState, Group, Topic, Value};
use rules::checks::Snapshot;
use rules::facts::Facts;
use serde::Deserialize;

use super::parameters::{Path, Query};
use super::{Failure, Routes, metrics};
use crate::agent::{Agent, VERSION};
use crate::alerts::show;
use crate::cluster::show as show_cluster;
use crate::keep::state_word;
use crate::{clock, process, reload};

/// Longest time that a request may wait for a state.
const WAIT_MAX: Duration = Duration::from_secs(600);

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&ROOT, async || "OK")
        .tie(&STATE, state)
        .tie(&INFO, info)
        .tie(&NAME, name)
        .tie(&UUID, uuid)
        .tie(&RELOAD, take_reload)
        .tie(&GROUP_ADD, add_group)
        .tie(&GROUP_REMOVE, remove_group)
        .tie(&HISTORY, history)
        .tie(&STOP, stop)
        .tie(&STOP_POST, stop)
        .tie(&METRICS, figures)
}

#[derive(Deserialize)]
struct Wait {
    wait: Option<String>,
}

async fn state(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Wait>,
) -> Result<Json<&'static str>, Failure> {
    let mut life = agent.life.clone();
    if let Some(text) = query.wait {
        let wait = model::parse_interval(&text)
            .map_err(|error| Problem::new(ErrorCode::BadRequest, error.to_string()))?;
        let arrived = life.wait_for(|state| *state != AgentState::Initializing);
        drop(tokio::time::timeout(wait.min(WAIT_MAX), arrived).await);
    }
    let state = *life.borrow();
    Ok(Json(state.as_str()))
}

async fn name(State(agent): State<Arc<Agent>>) -> Json<String> {
    Json(agent.node.borrow().name.clone())
}

async fn uuid(State(agent): State<Arc<Agent>>) -> Json<String> {
    Json(agent.node.borrow().id.to_string())
}

async fn info(State(agent): State<Arc<Agent>>) -> Json<Info> {
    Json(describe(&agent))
}

async fn figures(State(agent): State<Arc<Agent>>) -> impl IntoResponse {
    let content_type = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (content_type, metrics::page(&describe(&agent)))
}

async fn take_reload(State(agent): State<Arc<Agent>>) -> Json<ReloadReport> {
    Json(reload::reload(&agent).await)
}

async fn add_group(
    State(agent): State<Arc<Agent>>,
    Path(group): Path<String>,
) -> Result<Json<bool>, Failure> {
    change_group(&agent, &group, true).await
}

async fn remove_group(
    State(agent): State<Arc<Agent>>,
    Path(group): Path<String>,
) -> Result<Json<bool>, Failure> {
    change_group(&agent, &group, false).await
}

async fn change_group(agent: &Arc<Agent>, name: &str, add: bool) -> Result<Json<bool>, Failure> {
    let group = Group::parse(name)
        .map_err(|error| Problem::new(ErrorCode::BadRequest, error.to_string()))?;
    let stopping = || Problem::new(ErrorCode::Unavailable, "the agent is stopping");
    let changed = agent.change_group(group, add).await.ok_or_else(stopping)?;
    if changed {
        let verb = if add { "added" } else { "removed" };
        agent.note("parameter", format!("group {name} {verb}"));
    }
    Ok(Json(changed))
}

#[derive(Deserialize)]
struct Last {
    last: Option<usize>,
}

async fn history(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Last>,
) -> Result<Json<Vec<HistoryEntry>>, Failure> {
    let last = query.last.unwrap_or(100);
    let entries = agent
        .on_disk("reading the history", move |keep| keep.history(last))
        .await??;
    Ok(Json(entries))
}

async fn stop(State(agent): State<Arc<Agent>>) -> &'static str {
    agent.ask_to_stop();
    "OK"
}

/// Puts together everything about the agent.
fn describe(agent: &Agent) -> Info {
    let node = Arc::clone(&agent.node.borrow());
    let configuration = Arc::clone(&agent.configuration.borrow());
    let rules = Arc::clone(&agent.rules.borrow());
    // What is borrowed below would be held to the end, and its loop would wait for that.
    let facts = Arc::clone(&agent.facts.borrow());
    let snapshot = Arc::clone(&agent.checks.borrow());
    let members = Arc::clone(&agent.members.borrow());
    let life = *agent.life.borrow();
    let cpu_percent = agent.cost.borrow().cpu_percent;
    let paths = &configuration.paths;
    let dns = agent.names.dns.borrow().address;
    let shown = |path: &std::path::Path| path.display().to_string();
    let topics = Topic::ALL.into_iter().map(|topic| {
        (
            topic.number().to_string(),
            configuration.topics.contains(&topic),
        )
    });
    let mut problems = agent.configuration_problems.borrow().clone();
    problems.extend(rules.problems.iter().map(ToString::to_string));
    let failing = show::failing(&agent.alerts_shown.borrow());
    let failing = failing.into_iter();
    problems.extend(failing.map(|(id, why)| format!("the handler {id} does not deliver: {why}")));
    Info {
        agent_state: life.to_string(),
        pid: std::process::id(),
        uuid: node.id.to_string(),
        name: node.name.clone(),
        display_name: node.display_name.clone(),
        version: VERSION.to_owned(),
        system: process::system(),
        zone: node.zone.to_string(),
        is_zone_protected: agent.is_zone_protected(),
        cluster: show_cluster::cluster(&members, &node),
        groups: node.groups().map(ToString::to_string).collect(),
        static_groups: node.static_groups.iter().map(ToString::to_string).collect(),
        hosting_driver: hosting_driver(&facts),
        local_addr: node.local_address.to_string(),
        public_addr: node.public_address.to_string(),
        socket: shown(&paths.socket),
        config_dir: shown(&paths.config),
        data_dir: shown(&paths.data),
        log_dir: shown(&paths.log),
        listen: agent
            .listen
            .iter()
            .map(|(name, at)| (name.clone(), at.to_string()))
            .chain(dns.map(|at| ("dns".to_owned(), at.to_string())))
            .collect(),
        topics: topics.collect(),
        started_at: agent.started.1.to_string(),
        uptime_seconds: clock::now().since(agent.started.0).as_secs(),
        incarnation: node.incarnation,
        previous_run: agent.previous_run.clone(),
        memory_bytes: process::memory_bytes(),
        cpu_percent,
        threads: process::threads_count(),
        counters: counters(agent),
        workers: agent.workers.figures(),
        disk: agent.keep.disk(),
        packs: rules.summary(),
        monitoring: monitoring(&snapshot),
        checks: checks(&snapshot),
        collectors: collectors(&facts),
        problems,
        logs: agent.log.recent(),
    }
}

/// Tells where the machine is hosted, as the collector `system` found.
fn hosting_driver(facts: &Facts) -> String {
    let good = facts
        .collectors
        .get("system")
        .and_then(|it| it.good.as_ref());
    match good.and_then(|good| good.value.get("hosting")) {
        Some(Value::Text(name)) => name.to_string(),
        _ => String::new(),
    }
}

/// Tells how each collector does.
fn collectors(facts: &Facts) -> BTreeMap<String, CollectorState> {
    let told = facts.collectors.values().map(|it| {
        let name = it.name.to_string();
        let told = CollectorState {
            name: name.clone(),
            state: it.state.to_string(),
            log: it.reason.to_string(),
        };
        (name, told)
    });
    told.collect()
}

/// Counts the things that checks look at by the state that counts; none are counted too.
fn monitoring(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let mut states = BTreeMap::from(CheckState::ALL.map(|state| (state_word(state), 0)));
    for thing in snapshot.checks.iter().flat_map(|it| &it.things) {
        *states.entry(state_word(thing.hard)).or_default() += 1;
    }
    states
}

/// Gives the checks in figures.
fn checks(snapshot: &Snapshot) -> ChecksSummary {
    let mut states = BTreeMap::new();
    for thing in snapshot.checks.iter().flat_map(|it| &it.things) {
        *states.entry(state_word(thing.hard)).or_default() += 1;
    }
    let late = snapshot.late;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    ChecksSummary {
        checks: snapshot.checks.len() as u64,
        states,
        running: snapshot.running as u64,
        runs: late.runs,
        late: late.late,
        late_p99_ms: millis(late.p99),
        late_longest_ms: millis(late.longest),
    }
}

/// Gives everything that the agent counts, by name.
fn counters(agent: &Agent) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for figures in &agent.loops {
        let figures = figures.read();
        for (kind, count) in figures.events {
            counters.insert(format!("{}.{kind}", figures.name), count);
        }
    }
    for (name, count) in agent.connections.read() {
        counters.insert(name.to_owned(), count);
    }
    counters.insert("log.lines_dropped".to_owned(), agent.log.dropped());
    counters
}
