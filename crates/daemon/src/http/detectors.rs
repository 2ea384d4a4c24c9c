//! Requests about detectors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::detectors::{Change, Detector, HISTORY, LIST, RUN, RUN_ONE, STATE, Trial};
use api::{ErrorCode, HistoryEntry, Problem};
use axum::Json;
use axum::extract::State;
use model::format_interval;
use rules::detectors::look;
use rules::facts::{Facts, Outcome};

use super::collectors::cost;
use super::history::{Last, by_second};
use super::parameters::{Path, Query};
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::evaluation::World;

/// Time box of a trial. One question to the machine has ten seconds.
const TIME_BOX: Duration = Duration::from_secs(30);
/// The job of a trial; some may run at a time, not one for each who asks.
const TRIAL: &str = "a trial of detectors";
/// Trials at a time.
const TRIALS_MAX: usize = 4;

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&STATE, state)
        .tie(&HISTORY, history)
        .tie(&RUN, run)
        .tie(&RUN_ONE, run_one)
}

async fn list(State(agent): State<Arc<Agent>>) -> Json<Vec<Detector>> {
    let facts = Arc::clone(&agent.facts.borrow());
    Json(all(&agent).iter().map(|it| describe(it, &facts)).collect())
}

async fn state(State(agent): State<Arc<Agent>>) -> Json<Vec<String>> {
    let facts = Arc::clone(&agent.facts.borrow());
    Json(
        facts
            .detected_groups
            .keys()
            .map(ToString::to_string)
            .collect(),
    )
}

async fn history(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Last>,
) -> Result<Json<Vec<HistoryEntry<Change>>>, Failure> {
    let last = query.count();
    let changes = agent
        .on_disk("reading the history", move |keep| keep.group_history(last))
        .await??;
    Ok(Json(by_second(changes)))
}

async fn run(State(agent): State<Arc<Agent>>) -> Result<Json<BTreeMap<String, Trial>>, Failure> {
    let detectors = all(&agent);
    try_all(&agent, detectors).await
}

async fn run_one(
    State(agent): State<Arc<Agent>>,
    Path(name): Path<String>,
) -> Result<Json<BTreeMap<String, Trial>>, Failure> {
    let mut detectors = all(&agent);
    let is_named =
        |it: &Arc<packs::detector::Detector>| *it.name == *name || *it.home.id() == *name;
    if !detectors.iter().any(is_named) {
        let problem = Problem::new(
            ErrorCode::NotFound,
            format!("there is no detector `{name}`"),
        );
        let file = match name.split_once('/') {
            Some((pack, name)) => format!("{pack}/detectors/{name}"),
            None => format!("detectors/{name}"),
        };
        let rules = Arc::clone(&agent.rules.borrow());
        if let Some(error) = super::packs::error_in(&rules, &file) {
            return Err(problem.with_hint(error).into());
        }
        let known: Vec<Arc<str>> = detectors.iter().map(|it| Arc::clone(&it.name)).collect();
        return Err(match model::nearest(&name, known.iter().map(|it| &**it)) {
            Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
            None => problem.with_hint("opsbro detectors list names them all"),
        }
        .into());
    }
    detectors.retain(is_named);
    try_all(&agent, detectors).await
}

/// Looks with detectors without telling anybody what came of it.
async fn try_all(
    agent: &Arc<Agent>,
    detectors: Vec<Arc<packs::detector::Detector>>,
) -> Result<Json<BTreeMap<String, Trial>>, Failure> {
    if agent.workers.count(TRIAL) >= TRIALS_MAX {
        let problem = Problem::new(ErrorCode::Busy, "detectors are being tried already");
        return Err(problem.with_hint("try again soon").into());
    }
    let owned = Arc::clone(agent);
    let trials = move || {
        let world = World::of(&owned);
        let facts = Arc::clone(&owned.facts.borrow());
        let mut trials = BTreeMap::new();
        for detector in detectors {
            let look = look(&detector, &world);
            let is_new = |group: &&model::Group| !facts.is_in_group(group.as_str());
            let mut log = vec![look.outcome.reason().to_owned()];
            log.extend(look.refused.iter().map(ToString::to_string));
            log.retain(|line| !line.is_empty());
            let trial = Trial {
                matched: look.outcome == Outcome::Matches,
                new_groups: look
                    .groups
                    .iter()
                    .filter(is_new)
                    .map(ToString::to_string)
                    .collect(),
                groups: look.groups.iter().map(ToString::to_string).collect(),
                log: log.join("; "),
            };
            trials.insert(detector.home.id().to_string(), trial);
        }
        trials
    };
    Ok(Json(agent.workers.run(TRIAL, TIME_BOX, trials).await?))
}

/// Gives the detectors of all packs in force, ordered by id.
pub(super) fn all(agent: &Agent) -> Vec<Arc<packs::detector::Detector>> {
    let rules = Arc::clone(&agent.rules.borrow());
    let packs = rules.registry.packs();
    let mut all: Vec<_> = packs
        .flat_map(|pack| pack.detectors.iter().cloned())
        .collect();
    all.sort_by_key(|detector| detector.home.id());
    all
}

fn describe(detector: &packs::detector::Detector, facts: &Facts) -> Detector {
    let id = detector.home.id();
    let fact = facts.detectors.get(&id);
    let outcome = fact.map_or(&Outcome::Pending, |fact| &fact.outcome);
    let last_run = fact.and_then(|fact| fact.last_run);
    Detector {
        name: detector.name.to_string(),
        pack_name: detector.home.pack.to_string(),
        pack_level: detector.home.level.to_string(),
        file: detector.home.place.to_string(),
        apply_if: detector.apply_if.text().to_owned(),
        add_groups: detector
            .add_groups
            .iter()
            .map(|text| text.text().to_owned())
            .collect(),
        interval: format_interval(detector.interval),
        outcome: outcome.as_str().to_owned(),
        log: outcome.reason().to_owned(),
        groups: fact
            .map(|fact| fact.groups.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        refused: fact
            .map(|fact| fact.refused.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        last_check: last_run.map_or(0, |run| run.wall.as_secs()),
        cost: last_run.map(|run| cost(&run.cost)),
        hangs_since: fact
            .and_then(|fact| fact.hangs_since)
            .map(|since| since.to_string()),
        id: id.to_string(),
    }
}
