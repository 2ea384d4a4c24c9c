//! Requests about the groups of this node.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::groups::{Candidate, EXPLAIN, Explained, Group, LIST};
use api::{ErrorCode, Problem, Role};
use axum::extract::State;
use axum::{Extension, Json};
use model::GroupSet;
use packs::Scope;
use packs::detector::Detector;
use rules::facts::{Facts, Outcome};

use super::detectors::all;
use super::parameters::Path;
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::evaluation::{World, explanation};
use crate::rules::Rules;

/// Time box of an explanation. One question to the machine has ten seconds.
const TIME_BOX: Duration = Duration::from_secs(20);
/// Objects that are named as switched by a group; more are counted.
const SWITCHES_MAX: usize = 50;
/// Detectors that are explained.
const CANDIDATES_MAX: usize = 20;
/// Groups of a set that are explained.
const PARTS_MAX: usize = 20;

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&LIST, list).tie(&EXPLAIN, explain)
}

async fn list(State(agent): State<Arc<Agent>>) -> Json<Vec<Group>> {
    let facts = Arc::clone(&agent.facts.borrow());
    let groups = facts.groups().map(|group| {
        let detected = facts.detected_groups.get(group);
        Group {
            name: group.to_string(),
            is_static: facts.static_groups.contains(group),
            detected_by: detected
                .map(|it| it.by.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            since: detected.map(|it| it.since.to_string()),
        }
    });
    Json(groups.collect())
}

async fn explain(
    State(agent): State<Arc<Agent>>,
    Extension(role): Extension<Role>,
    Path(name): Path<String>,
) -> Result<Json<Explained>, Failure> {
    let world = match role {
        Role::Admin => World::of(&agent),
        // What a pack asks of the machine may be for its admins only.
        Role::Operate | Role::Read => World::of(&agent).without_machine(),
    };
    let set = match model::Group::parse(&name) {
        Ok(_) => None,
        Err(_) => Some(GroupSet::parse(&name).map_err(|error| no_set(&name, &error))?),
    };
    let owned = Arc::clone(&agent);
    let explain = move || match set {
        None => explained(&owned, &name, &world),
        Some(set) => explained_set(&owned, &set, &world),
    };
    Ok(Json(
        agent
            .workers
            .run("an explanation", TIME_BOX, explain)
            .await?,
    ))
}

fn no_set(name: &str, error: &model::GroupSetError) -> Problem {
    let message = format!("`{name}` is no set of groups: {}", error.message);
    let problem = Problem::new(ErrorCode::BadRequest, message);
    match &error.hint {
        Some(hint) => problem.with_hint(hint),
        None => problem.with_hint("write `linux`, `linux & !docker-container` or `web | db`"),
    }
}

/// Explains a set by each group that it names.
fn explained_set(agent: &Agent, set: &GroupSet, world: &World) -> Explained {
    let here: BTreeSet<model::Group> = agent.facts.borrow().groups().cloned().collect();
    let mut seen = BTreeSet::new();
    let named = set.groups().into_iter().filter(|group| seen.insert(*group));
    let parts = named.take(PARTS_MAX);
    Explained {
        name: set.to_string(),
        is_here: set.matches(&here),
        why_not: set.why_not(&here),
        parts: parts
            .map(|group| explained(agent, group.as_str(), world))
            .collect(),
        ..Explained::default()
    }
}

fn explained(agent: &Agent, name: &str, world: &World) -> Explained {
    let facts = Arc::clone(&agent.facts.borrow());
    let rules = Arc::clone(&agent.rules.borrow());
    let detectors = all(agent);
    let is_named = |group: &model::Group| group.as_str() == name;
    let detected = facts
        .detected_groups
        .iter()
        .find(|(group, _)| is_named(group));
    let is_here = facts.is_in_group(name);
    let mut candidates = candidates(name, &detectors, &facts, Fit::Partly);
    let near = match candidates.is_empty() && !is_here {
        true => near(name, &detectors, &facts),
        false => None,
    };
    if candidates.is_empty() && !is_here && near.is_none() {
        // One that gives whatever a collector says could give anything.
        candidates = self::candidates(name, &detectors, &facts, Fit::Anything);
    }
    Explained {
        name: name.to_owned(),
        is_here,
        is_static: facts.static_groups.iter().any(is_named),
        since: detected.map(|(_, it)| it.since.to_string()),
        near,
        detectors: candidates
            .into_iter()
            .map(|detector| candidate(name, detector, &facts, world))
            .collect(),
        switches: switches(name, &rules),
        parts: Vec::new(),
        why_not: None,
    }
}

/// Finds the detectors that give a group, or whose texts fit it this well.
fn candidates<'a>(
    name: &str,
    detectors: &'a [Arc<Detector>],
    facts: &Facts,
    fit: Fit,
) -> Vec<&'a Arc<Detector>> {
    let could = |it: &&Arc<Detector>| {
        gives(it, name, facts)
            || it
                .add_groups
                .iter()
                .any(|text| fits(text.text(), name) >= fit)
    };
    detectors
        .iter()
        .filter(could)
        .take(CANDIDATES_MAX)
        .collect()
}

fn gives(detector: &Detector, name: &str, facts: &Facts) -> bool {
    let fact = facts.detectors.get(&detector.home.id());
    fact.is_some_and(|fact| fact.groups.iter().any(|group| group.as_str() == name))
}

/// How well the text of a group fits a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It gives other groups.
    Not,
    /// All of it comes from a collector.
    Anything,
    /// What does not come from a collector fits.
    Partly,
    /// It is the name.
    Exactly,
}

fn fits(text: &str, name: &str) -> Fit {
    let parts = || text.split(',').map(str::trim);
    if !text.contains("{{") {
        return if parts().any(|part| part == name) {
            Fit::Exactly
        } else {
            Fit::Not
        };
    }
    let before = text.split("{{").next().unwrap_or_default().trim();
    let behind = text.rsplit("}}").next().unwrap_or_default().trim();
    if before.is_empty() && behind.is_empty() {
        return Fit::Anything;
    }
    let has_room = name.len() > before.len() + behind.len();
    match has_room && name.starts_with(before) && name.ends_with(behind) {
        true => Fit::Partly,
        false => Fit::Not,
    }
}

fn candidate(name: &str, detector: &Detector, facts: &Facts, world: &World) -> Candidate {
    let fact = facts.detectors.get(&detector.home.id());
    let outcome = fact.map_or(&Outcome::Pending, |fact| &fact.outcome);
    let scope = Scope::new(world, Arc::clone(&detector.home.parameters));
    Candidate {
        id: detector.home.id().to_string(),
        file: detector.home.place.to_string(),
        gives: gives(detector, name, facts),
        outcome: outcome.as_str().to_owned(),
        log: outcome.reason().to_owned(),
        apply_if: detector.apply_if.text().to_owned(),
        add_groups: detector
            .add_groups
            .iter()
            .map(|text| text.text().to_owned())
            .collect(),
        explanation: Some(explanation(&detector.apply_if.explain(&scope))),
        last_run: fact
            .and_then(|fact| fact.last_run)
            .map(|run| run.wall.to_string()),
    }
}

/// Names what stands in packs for a group.
fn switches(name: &str, rules: &Rules) -> Vec<String> {
    let names = |set: &GroupSet| set.groups().iter().any(|group| group.as_str() == name);
    let mut found = Vec::new();
    for pack in rules.registry.packs() {
        let checks = pack.checks.iter().filter(|it| names(&it.if_group));
        found.extend(checks.map(|it| format!("check {}", it.id)));
        let services = pack.services.iter().filter(|it| names(&it.if_group));
        found.extend(services.map(|it| format!("service {}", it.name)));
        let collectors = pack.collectors.iter().filter(|it| names(&it.if_group));
        found.extend(collectors.map(|it| format!("collector {}", it.name)));
    }
    if found.len() > SWITCHES_MAX {
        let more = found.len() - SWITCHES_MAX;
        found.truncate(SWITCHES_MAX);
        found.push(format!("{more} more"));
    }
    found
}

/// Finds a group that is known and spelled much like this one.
fn near(name: &str, detectors: &[Arc<Detector>], facts: &Facts) -> Option<String> {
    let texts = detectors.iter().flat_map(|detector| &detector.add_groups);
    let literal = texts
        .map(|text| text.text())
        .filter(|text| !text.contains("{{"));
    let mut known: BTreeSet<&str> = literal
        .flat_map(|text| text.split(',').map(str::trim))
        .collect();
    known.extend(facts.groups().map(model::Group::as_str));
    model::nearest(name, known).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_group_tells_whether_it_could_be_a_name() {
        for (text, name, expect) in [
            ("linux", "linux", Fit::Exactly),
            ("web, linux", "linux", Fit::Exactly),
            ("linux", "linu", Fit::Not),
            ("zone::{{collector.gossip.zone}}", "zone::lan", Fit::Partly),
            ("zone::{{collector.gossip.zone}}", "zone::", Fit::Not),
            ("zone::{{collector.gossip.zone}}", "country::fr", Fit::Not),
            ("{{collector.system.os.name}}", "linux", Fit::Anything),
        ] {
            assert_eq!(fits(text, name), expect, "{text} {name}");
        }
    }
}
