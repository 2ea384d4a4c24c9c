//! Why a check is as it is: its expressions with the value of each part, where thresholds come
//! from, what it depends on, and what happened last.

mod runs;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::rules::checks::Watched;
use api::ErrorCode;
use api::monitoring::{EXPLAIN, Evaluated, Explained, Parent, Threshold};
use axum::Json;
use axum::extract::{Extension, State};
use expr::{Reference, Root};
use model::{GroupSet, format_interval};
use packs::Scope;
use packs::check::{self, Check, Method, Timing};

use super::super::parameters::Path;
use super::super::{Failure, Routes};
use super::{no_such_check, shown, snapshot};
use crate::agent::Agent;
use crate::evaluation::{World, explanation};

/// Time box of evaluating the expressions of one check.
const TIME_BOX: Duration = Duration::from_secs(20);
/// Things of a `for_each` whose expressions are shown; those that are bad come first.
const THINGS_MAX: usize = 3;
/// Transitions that are shown.
const HISTORY_MAX: usize = 10;

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&EXPLAIN, explain)
}

async fn explain(
    State(agent): State<Arc<Agent>>,
    Extension(role): Extension<api::Role>,
    Path(id): Path<String>,
) -> Result<Json<Explained>, Failure> {
    let rules = Arc::clone(&agent.rules.borrow());
    let found = rules.registry.all_checks().find(|check| *check.id == *id);
    let Some(check) = found.cloned() else {
        return Err(no_such_check(&agent, &id).into());
    };
    let at = Arc::clone(&agent);
    let work = move || {
        let world = match role {
            api::Role::Admin => World::of(&at),
            // The agent may read every file of its machine; whoever asks may not by that alone.
            api::Role::Operate | api::Role::Read => World::of(&at).without_machine(),
        };
        explained(&at, &check, &world)
    };
    let mut explained = agent.workers.run("an explanation", TIME_BOX, work).await?;
    let things = explained.things.drain(..).map(|it| (it.id.clone(), it));
    let things = super::marks::mark(&agent, things.collect()).await?;
    explained.alerts = super::marks::lines(&agent, &things).await?;
    explained.things = things.into_values().collect();
    let history = agent.on_disk("reading history", move |keep| {
        keep.check_history(model::limits::CHECK_REPLAY_MAX)
    });
    let mut history = history.await?.map_err(|error| {
        let message = format!("the history cannot be read: {error}");
        api::Problem::new(ErrorCode::Unavailable, message)
    })?;
    history.retain(|transition| transition.check == id);
    let first = history.len().saturating_sub(HISTORY_MAX);
    explained.history = history.split_off(first);
    Ok(Json(explained))
}

fn explained(agent: &Agent, check: &Arc<Check>, world: &World) -> Explained {
    let snapshot = snapshot(agent);
    let watched = snapshot.check(&check.id);
    let place = &check.home.place;
    Explained {
        id: check.id.to_string(),
        things: shown::checks(&snapshot, |it| it.check.id == check.id)
            .into_values()
            .collect(),
        why_not: match watched {
            Some(_) => String::new(),
            None => why_not(agent, &check.if_group),
        },
        from: format!("{}:{}", place.file, place.line),
        level: check.home.level.to_string(),
        timing: timing(&check.timing),
        runs: runs::text(&check.method),
        details: runs::details(check, world),
        expressions: expressions(check, watched.map(|it| &**it), world),
        parameters: parameters(check),
        parents: parents(check, &snapshot),
        history: Vec::new(),
        alerts: Vec::new(),
    }
}

fn why_not(agent: &Agent, if_group: &GroupSet) -> String {
    let topics = &agent.configuration.borrow().topics;
    if !topics.contains(&model::Topic::Monitoring) {
        return "the topic monitoring is switched off in agent.yml".to_owned();
    }
    let groups: BTreeSet<_> = agent.node.borrow().groups().cloned().collect();
    let reason = if_group.why_not(&groups);
    reason.unwrap_or_else(|| "it has not begun yet: the node looks at itself first".to_owned())
}

fn timing(timing: &Timing) -> Vec<String> {
    let mut lines = vec![
        format!("interval: {}", format_interval(timing.interval)),
        format!("timeout: {}", format_interval(timing.timeout)),
        format!("attempts: {}", timing.attempts),
        format!("recovery_attempts: {}", timing.recovery_attempts),
    ];
    if timing.retry_interval != timing.interval {
        let retry = format_interval(timing.retry_interval);
        lines.insert(1, format!("retry_interval: {retry}"));
    }
    lines.push(match timing.flapping {
        Some(it) => format!(
            "flapping: from {} % to below {:.0} %",
            it.begin_pct, it.end_pct
        ),
        None => "flapping: no".to_owned(),
    });
    if timing.needs_first_ok {
        lines.push("needs_first_ok: yes".to_owned());
    }
    lines
}

/// Evaluates the expressions; those of a check with `for_each` for its worst things.
fn expressions(check: &Check, watched: Option<&Watched>, world: &World) -> Vec<Evaluated> {
    let scope = || Scope::new(world, Arc::clone(&check.home.parameters));
    let mut all = Vec::new();
    let mut take = |scope: Scope<'_>, instance: Option<&str>, is_of_item: bool| {
        let scope = match scope.with_variables(&check.variables) {
            Ok(scope) => scope,
            // The variable that fails is among the expressions and tells so itself.
            Err(_) => Scope::new(world, Arc::clone(&check.home.parameters)),
        };
        let named = check.expressions();
        let wanted = named
            .iter()
            .filter(|(key, _)| (*key != "for_each") == is_of_item)
            .filter(|(key, _)| is_said(key, instance, watched));
        all.extend(wanted.map(|(key, expression)| Evaluated {
            key: (*key).to_owned(),
            instance: instance.map(str::to_owned),
            tree: explanation(&expression.explain(&scope)),
        }));
    };
    if check.for_each.is_none() {
        take(scope(), None, true);
        return all;
    }
    take(scope(), None, false);
    let mut instances = check::instances(check, world).unwrap_or_default();
    let is_bad = |name: &str| {
        let things = watched.map(|it| it.things.iter()).into_iter().flatten();
        things
            .filter(|thing| thing.instance.as_deref() == Some(name))
            .any(|thing| ::rules::transition::is_problem(thing.state))
    };
    instances.sort_by_key(|instance| !is_bad(&instance.name));
    for instance in instances.iter().take(THINGS_MAX) {
        take(
            scope().with_item(instance.item.clone()),
            Some(&instance.name),
            true,
        );
    }
    all
}

/// Tells whether an expression has a part in what is said about a thing: of the outputs, that of
/// its state has.
fn is_said(key: &str, instance: Option<&str>, watched: Option<&Watched>) -> bool {
    let Some(state) = key.strip_suffix("_output") else {
        return true;
    };
    let mut things = watched.iter().flat_map(|it| &it.things);
    let thing = things.find(|thing| thing.instance.as_deref() == instance);
    let said = thing.map(|thing| thing.state.as_str().to_lowercase());
    // While nothing is said, all may be.
    said.is_none_or(|said| said == state || !["ok", "warning", "critical"].contains(&&*said))
}

/// Tells of each parameter that a check names what it is and where that is written.
fn parameters(check: &Check) -> Vec<Threshold> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut note = |reference: &Reference| {
        if reference.root == Root::Parameters {
            names.extend(reference.first().map(str::to_owned));
        }
    };
    for (_, expression) in check.expressions() {
        expression
            .references()
            .for_each(|(reference, _)| note(reference));
    }
    match &check.method {
        Method::Script(plugin) => plugin.references().for_each(&mut note),
        Method::Probe(probe) => {
            for text in probe.texts() {
                text.references().for_each(|(reference, _)| note(reference));
            }
        }
        Method::Conditions(_) | Method::Aggregate(_) | Method::Push(_) => {}
    }
    let shown = check.home.parameters.shown();
    let known = |name: String| {
        let parameter = check.home.parameters.get(&name)?;
        let place = parameter.place.as_ref();
        let value = shown.get(&name).map(crate::json::to_json);
        Some(Threshold {
            value: match value {
                Some(serde_json::Value::String(text)) => text,
                Some(value) => value.to_string(),
                None => "not set".to_owned(),
            },
            from: match place {
                Some(place) => format!("{}:{}", place.file, place.line),
                None => "default".to_owned(),
            },
            name,
        })
    };
    names.into_iter().filter_map(known).collect()
}

fn parents(check: &Check, snapshot: &::rules::checks::Snapshot) -> Vec<Parent> {
    let state = |name: &str| {
        let near = format!("{}/{name}", check.home.pack);
        let found = snapshot.check(&near).or_else(|| snapshot.check(name));
        found.map(|watched| watched.worst().to_string())
    };
    let parents = check.depends_on.iter().map(|name| Parent {
        name: name.to_string(),
        state: state(name).unwrap_or_else(|| "not known here".to_owned()),
    });
    parents.collect()
}
