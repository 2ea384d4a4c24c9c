//! Requests about Docker: what the collector `docker` gave, in the words of these routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::docker::{CONNECTED, CONTAINER, CONTAINERS, IMAGE, IMAGES, STATS, Stats};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::collectors::find;
use super::parameters::Path;
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::clock;
use crate::json::to_json;

/// The collector that looks at Docker.
const COLLECTOR: &str = "docker";
/// Letters of an id that name a thing when no other one begins with them.
const ID_LETTERS_MIN: usize = 4;

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&CONNECTED, connected)
        .tie(&CONTAINERS, containers)
        .tie(&CONTAINER, container)
        .tie(&IMAGES, images)
        .tie(&IMAGE, image)
        .tie(&STATS, stats)
}

async fn connected(State(agent): State<Arc<Agent>>) -> Json<bool> {
    Json(seen(&agent).is_ok())
}

async fn containers(State(agent): State<Arc<Agent>>) -> Result<Json<Vec<Value>>, Failure> {
    Ok(Json(things(&seen(&agent)?, "containers")))
}

async fn container(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(one(
        &things(&seen(&agent)?, "containers"),
        "container",
        &id,
    )?))
}

async fn images(State(agent): State<Arc<Agent>>) -> Result<Json<Vec<Value>>, Failure> {
    Ok(Json(things(&seen(&agent)?, "images")))
}

async fn image(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(one(&things(&seen(&agent)?, "images"), "image", &id)?))
}

async fn stats(State(agent): State<Arc<Agent>>) -> Result<Json<Stats>, Failure> {
    Ok(Json(stats_of(&things(&seen(&agent)?, "containers"))))
}

/// Gives what the collector saw; what nobody sees is told with the reason, not as nothing.
fn seen(agent: &Agent) -> Result<Value, Problem> {
    let facts = Arc::clone(&agent.facts.borrow());
    let collector = find(&facts, COLLECTOR)?;
    match collector.usable(clock::now(), clock::wall()) {
        Some(good) => Ok(to_json(&good.value)),
        None => {
            let problem = Problem::new(ErrorCode::Unavailable, collector.why());
            Err(problem.with_hint("opsbro collectors run docker --explain looks again"))
        }
    }
}

/// Lists things that stand in a map by their name: each with its name.
fn things(value: &Value, kind: &str) -> Vec<Value> {
    let Some(Value::Object(all)) = value.get(kind) else {
        return Vec::new();
    };
    let named = |(name, thing): (&String, &Value)| {
        let mut thing = match thing {
            Value::Object(members) => members.clone(),
            other => serde_json::Map::from_iter([("value".to_owned(), other.clone())]),
        };
        thing.entry("name").or_insert_with(|| json!(name));
        Value::Object(thing)
    };
    all.iter().map(named).collect()
}

/// Finds one by its name, its id or the beginning of that.
fn one(things: &[Value], kind: &str, wanted: &str) -> Result<Value, Problem> {
    let word = |thing: &'_ Value, key: &str| thing[key].as_str().unwrap_or_default().to_owned();
    let short = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
    let is_wanted = |thing: &&Value| word(thing, "name") == wanted || word(thing, "id") == wanted;
    let begins = |thing: &&Value| {
        wanted.len() >= ID_LETTERS_MIN && short(&word(thing, "id")).starts_with(&short(wanted))
    };
    if let Some(thing) = things.iter().find(is_wanted) {
        return Ok(thing.clone());
    }
    let found: Vec<&Value> = things.iter().filter(begins).collect();
    match found[..] {
        [thing] => Ok(thing.clone()),
        [] => {
            let names: Vec<String> = things.iter().map(|thing| word(thing, "name")).collect();
            let problem = Problem::new(
                ErrorCode::NotFound,
                format!("there is no {kind} `{wanted}`"),
            );
            Err(
                match model::nearest(wanted, names.iter().map(String::as_str)) {
                    Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
                    None => problem.with_hint(format!("GET /docker/{kind}s lists them")),
                },
            )
        }
        _ => {
            let message = format!("several {kind}s begin with `{wanted}`");
            Err(Problem::new(ErrorCode::Conflict, message).with_hint("give more letters"))
        }
    }
}

/// Gives the figures of each container that runs, and of the containers of each image together.
fn stats_of(containers: &[Value]) -> Stats {
    let mut stats = Stats::default();
    for container in containers {
        let Value::Object(scopes) = &container["stats"] else {
            continue;
        };
        let mut figures = BTreeMap::new();
        for (scope, value) in scopes {
            figures_of(scope, scope, value, &mut figures);
        }
        let image = container["image"].as_str().unwrap_or("unknown").to_owned();
        let sum = stats.images.entry(image).or_default();
        for (name, figure) in &figures {
            add(sum, name, figure);
        }
        let name = container["name"].as_str().unwrap_or("unknown").to_owned();
        stats.containers.insert(name, figures);
    }
    stats
}

/// Takes the numbers of a tree: `memory.rss` with its value, its kind and its scope.
fn figures_of(scope: &str, path: &str, value: &Value, figures: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                figures_of(scope, &format!("{path}.{name}"), value, figures);
            }
        }
        Value::Number(number) => {
            let key = path.split_once('.').map_or(path, |(_, key)| key);
            // What is counted by the kernel is told per second, whatever its name says.
            let is_rate = scope == "cpu" || key.starts_with("pg") || key.ends_with("/s");
            let kind = if is_rate { "rate" } else { "gauge" };
            let figure = json!({"type": kind, "key": key, "value": number, "scope": scope});
            figures.insert(path.to_owned(), figure);
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
    }
}

fn add(sum: &mut BTreeMap<String, Value>, name: &str, figure: &Value) {
    match sum.get_mut(name) {
        Some(known) => {
            let value = |of: &Value| of["value"].as_f64().unwrap_or_default();
            let total = value(known) + value(figure);
            known["value"] = json!(total);
        }
        None => drop(sum.insert(name.to_owned(), figure.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn containers() -> Vec<Value> {
        let value = json!({"containers": {
            "web-1": {"id": "abcdef01", "image": "nginx:1",
                "stats": {"memory": {"rss": 1024, "pgfault": 2.0}}},
            "web-2": {"id": "abcdff02", "image": "nginx:1",
                "stats": {"memory": {"rss": 2048}, "cpu": {"user": 0.5}}},
            "old": {"id": "ffff0001", "image": "nginx:1", "state": "exited"},
        }});
        things(&value, "containers")
    }

    #[test]
    fn a_container_is_found_by_name_and_by_the_beginning_of_its_id() {
        let all = containers();
        let name = |wanted| one(&all, "container", wanted).map(|it| it["name"].clone());
        assert_eq!(name("web-1"), Ok(json!("web-1")));
        assert_eq!(name("abcdf"), Ok(json!("web-2")));
        assert_eq!(name("abcd").unwrap_err().code, ErrorCode::Conflict);
        assert_eq!(name("abc").unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(
            name("web-3").unwrap_err().hint.unwrap(),
            "did you mean `web-1`?"
        );
    }

    #[test]
    fn the_figures_of_an_image_are_the_sum_of_its_containers() {
        let stats = stats_of(&containers());
        assert_eq!(stats.containers["web-1"]["memory.rss"]["value"], 1024);
        assert_eq!(stats.images["nginx:1"]["memory.rss"]["value"], 3072.0);
        assert_eq!(stats.images["nginx:1"]["cpu.user"]["type"], "rate");
        assert_eq!(stats.containers["web-1"]["memory.pgfault"]["type"], "rate");
        assert!(!stats.containers.contains_key("old"), "it does not run");
        assert!(stats_of(&[]).images.is_empty());
    }
}
