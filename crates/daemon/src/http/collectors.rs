//! Requests about collectors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::collectors::{Change, Collector, Cost, HISTORY, Key, LIST, RUN, Run, SHOW, Step};
use api::{ErrorCode, HistoryEntry, Problem, Role};
use axum::extract::State;
use axum::{Extension, Json};
use model::{Moment, Value, WallTime};
use rules::facts::{self, Facts};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::history::{Last, by_second};
use super::parameters::{Path, Query};
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::clock;
use crate::collect::{Done, Gave, Own, Steps, Task};
use crate::json::to_json;
use crate::rules::Command;

/// Time between the two looks of a run by hand of what gives rates.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// Time that a run may take above the time box of its collector: what it waits for a thread.
const GRACE: Duration = Duration::from_secs(2);

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&LIST, list)
        .tie(&SHOW, show)
        .tie(&RUN, run)
        .tie(&HISTORY, history)
}

#[derive(Deserialize)]
struct Results {
    results: Option<bool>,
}

async fn list(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Results>,
) -> Json<BTreeMap<String, Collector>> {
    let facts = Arc::clone(&agent.facts.borrow());
    let describe = Describe::new(&agent, query.results.unwrap_or(true));
    let all = facts.collectors.values();
    Json(
        all.map(|it| (it.name.to_string(), describe.collector(it)))
            .collect(),
    )
}

async fn show(
    State(agent): State<Arc<Agent>>,
    Path(name): Path<String>,
) -> Result<Json<Collector>, Failure> {
    let facts = Arc::clone(&agent.facts.borrow());
    let fact = find(&facts, &name)?;
    let mut collector = Describe::new(&agent, true).collector(fact);
    collector.recent = agent.recent_numbers(fact).await;
    Ok(Json(collector))
}

#[derive(Deserialize)]
struct Explain {
    explain: Option<bool>,
}

/// Runs a collector by hand, beside its schedule. What comes of it stays here; when that is another
/// state than the schedule knows, its next run comes at once.
async fn run(
    State(agent): State<Arc<Agent>>,
    Extension(role): Extension<Role>,
    Path(name): Path<String>,
    Query(query): Query<Explain>,
) -> Result<Json<Run>, Failure> {
    let explain = query.explain.unwrap_or(false);
    if explain && role < Role::Admin {
        let message = format!(
            "raw input may hold secrets: it needs the role {}",
            Role::Admin
        );
        return Err(Problem::new(ErrorCode::Forbidden, message).into());
    }
    let facts = Arc::clone(&agent.facts.borrow());
    let fact = find(&facts, &name)?;
    let job = format!("collector {name} by hand");
    if agent.workers.count(&job) > 0 {
        let message = format!("somebody else runs the collector {name} at this moment");
        return Err(Problem::new(ErrorCode::Busy, message)
            .with_hint("try again soon")
            .into());
    }
    let task = Arc::new(task(&agent, &fact.name).await?);
    let has_rates = drivers::collectors::find(&name).is_some_and(|native| native.has_rates);
    if has_rates {
        // The first look only tells where the counters stand.
        take(&agent, &job, fact, &task, false).await?;
        tokio::time::sleep(SECOND_LOOK).await;
    }
    let (done, steps) = take(&agent, &job, fact, &task, explain).await?;
    let state = done
        .result
        .as_ref()
        .map_or_else(|it| it.state, |_| facts::State::Ok);
    if state != fact.state {
        // What was mended, or broke, shall not have to wait for its turn to be known.
        let command = Command::RunCollector(Arc::clone(&fact.name));
        let _ = agent.rules_commands.try_send(command);
    }
    let (_, keys) = task.described();
    Ok(Json(told(&name, done, steps, keys)))
}

async fn take(
    agent: &Arc<Agent>,
    job: &str,
    fact: &facts::Collector,
    task: &Arc<Task>,
    explain: bool,
) -> Result<(Done, Steps), Failure> {
    let (owned, task) = (Arc::clone(agent), Arc::clone(task));
    let work = move || {
        let mut steps = if explain { Steps::all() } else { Steps::none() };
        let done = task.run(&owned, &mut steps);
        (done, steps)
    };
    Ok(agent.workers.run(job, fact.timeout + GRACE, work).await?)
}

/// Asks the rules for what a collector runs.
async fn task(agent: &Agent, name: &Arc<str>) -> Result<Task, Failure> {
    let (tx, rx) = oneshot::channel();
    let stopping = || Problem::new(ErrorCode::Unavailable, "the agent is stopping");
    let command = Command::FindTask(Arc::clone(name), tx);
    agent
        .rules_commands
        .send(command)
        .await
        .map_err(|_| stopping())?;
    let found = rx.await.map_err(|_| stopping())?;
    found.ok_or_else(|| {
        let message = format!("the collector {name} cannot run on this node");
        let hint = format!("opsbro collectors show {name} says why");
        Problem::new(ErrorCode::Conflict, message)
            .with_hint(hint)
            .into()
    })
}

fn told(name: &str, done: Done, steps: Steps, keys: &[drivers::collectors::Key]) -> Run {
    let cost = cost(&done.cost);
    let steps = steps.into_noted().into_iter().map(|step| {
        let (text, value, cut, error) = match step.gave {
            Gave::Text(text, cut) => (Some(text), None, cut, None),
            Gave::Value(value) => (None, Some(to_json(&value)), 0, None),
            Gave::Error(error) => (None, None, 0, Some(error)),
        };
        Step {
            name: step.name.to_owned(),
            what: step.what,
            text,
            value,
            cut_bytes: cut as u64,
            error,
            cost: self::cost(&step.cost),
        }
    });
    let mut run = Run {
        name: name.to_owned(),
        state: facts::State::Ok.to_string(),
        keys: keys.iter().map(key).collect(),
        cost,
        steps: steps.collect(),
        ..Run::default()
    };
    match done.result {
        Ok(value) => run.results = to_json(&value),
        Err(trouble) => {
            run.state = trouble.state.to_string();
            run.log = trouble.reason.to_string();
            run.todo = trouble.todo.to_string();
        }
    }
    run
}

async fn history(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<Last>,
) -> Result<Json<Vec<HistoryEntry<Change>>>, Failure> {
    let last = query.count();
    let changes = agent
        .on_disk("reading the history", move |keep| {
            keep.collector_history(last)
        })
        .await??;
    Ok(Json(by_second(changes)))
}

/// Finds a collector; a name that is wrong is told with the nearest known one.
pub(super) fn find<'a>(facts: &'a Facts, name: &str) -> Result<&'a Arc<facts::Collector>, Problem> {
    facts.collectors.get(name).ok_or_else(|| {
        let problem = Problem::new(
            ErrorCode::NotFound,
            format!("there is no collector `{name}`"),
        );
        let known = facts.collectors.keys().map(|known| &**known);
        match model::nearest(name, known) {
            Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
            None => problem.with_hint("opsbro collectors state names them all"),
        }
    })
}

/// Writes collectors for the API, all of one moment.
struct Describe<'a> {
    agent: &'a Agent,
    with_results: bool,
    now: Moment,
    wall: WallTime,
}

impl<'a> Describe<'a> {
    fn new(agent: &'a Agent, with_results: bool) -> Self {
        Self {
            agent,
            with_results,
            now: clock::now(),
            wall: clock::wall(),
        }
    }

    fn collector(&self, fact: &facts::Collector) -> Collector {
        let good = fact.good.as_ref();
        let shown = good.filter(|_| self.with_results);
        let (doc, keys) = self.described(&fact.name);
        let next = fact.next_due.map(|due| {
            let wait = due.since(self.now);
            (self.wall.as_secs()).saturating_add(wait.as_secs())
        });
        Collector {
            name: fact.name.to_string(),
            state: fact.state.to_string(),
            active: fact.state.is_believed(),
            log: fact.reason.to_string(),
            todo: fact.todo.to_string(),
            since: fact.since.to_string(),
            last_check: fact.last_run.map_or(0, |run| run.wall.as_secs()),
            next_check: next.unwrap_or(0),
            results: shown.map(|good| to_json(&good.value)).unwrap_or_default(),
            age_seconds: good.map(|good| good.taken.age(self.now, self.wall).as_secs()),
            is_current: fact.usable(self.now, self.wall).is_some(),
            metrics: shown.map(|good| metrics(&good.value)).unwrap_or_default(),
            interval_seconds: fact.interval.as_secs_f64(),
            timeout_seconds: fact.timeout.as_secs_f64(),
            cost: fact.last_run.map(|run| cost(&run.cost)),
            hangs_since: fact.hangs_since.map(|since| since.to_string()),
            defined_at: fact.defined_at.as_ref().map(ToString::to_string),
            doc,
            keys: match self.with_results {
                true => keys.iter().map(key).collect(),
                false => Vec::new(),
            },
            recent: BTreeMap::new(),
        }
    }

    /// Tells what a collector is for and which keys it gives.
    fn described(&self, name: &str) -> (String, &'static [drivers::collectors::Key]) {
        if let Some(native) = drivers::collectors::find(name) {
            return (native.doc.to_owned(), native.keys);
        }
        if let Some(own) = Own::find(name) {
            return (own.doc.to_owned(), own.keys);
        }
        let rules = self.agent.rules.borrow();
        let found = rules.registry.collectors().find(|it| &*it.name == name);
        let Some(collector) = found else {
            return (String::new(), &[]);
        };
        let pack = || rules.registry.pack(&collector.home.pack);
        let about = collector.notes.as_deref();
        let about = about.or_else(|| pack()?.package.description.as_deref());
        (about.unwrap_or_default().to_owned(), &[])
    }
}

fn key(key: &drivers::collectors::Key) -> Key {
    Key {
        path: key.path.to_owned(),
        unit: key.unit.to_owned(),
        doc: key.doc.to_owned(),
    }
}

/// Writes what a run cost.
pub(super) fn cost(cost: &facts::Cost) -> Cost {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Cost {
        wall_us: micros(cost.wall),
        cpu_us: micros(cost.cpu),
        bytes: cost.bytes,
    }
}

/// Gives the numbers of a tree by their path in lower case; true and false count as 1 and 0.
fn metrics(value: &Value) -> Vec<(String, f64)> {
    fn walk(value: &Value, path: &str, found: &mut Vec<(String, f64)>) {
        let number = match value {
            Value::Map(members) => {
                for (name, value) in members.iter() {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, &format!("{path}{dot}{}", name.to_lowercase()), found);
                }
                return;
            }
            Value::Bool(truth) => f64::from(u8::from(*truth)),
            Value::Int(number) => *number as f64,
            Value::Float(number) => *number,
            Value::None | Value::Text(_) | Value::List(_) => return,
        };
        found.push((path.to_owned(), number));
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_named_as_metrics_are() {
        let value = Value::map([
            ("Up", Value::Bool(true)),
            ("disks", Value::map([("/", Value::Float(0.5))])),
            ("name", Value::from("x")),
        ]);
        let expect = [("up".to_owned(), 1.0), ("disks./".to_owned(), 0.5)];
        assert_eq!(metrics(&value), expect);
    }

    #[test]
    fn a_wrong_name_is_told_the_nearest() {
        let problem = find(&Facts::default(), "memroy").unwrap_err();
        assert_eq!(problem.code, ErrorCode::NotFound);
        assert!(problem.hint.unwrap().contains("collectors state"));
    }
}
