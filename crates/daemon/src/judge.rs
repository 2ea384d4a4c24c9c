//! The hands of the checks: expressions evaluated in batches, plugins run, services probed.
//!
//! Everything here may block and runs in a pool of threads; what comes of it goes back to the core.
//! Of several things that are asked outside, each tells as soon as it has answered.

mod fan;
mod plugin;
mod probe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Env, Root};
use model::{CheckState, limits};
use packs::check::{self, Check, Instance, Verdict};
use rules::Input;
use rules::checks::{Ended, Outcome, Run, Said};
use rules::facts::{Facts, State};
use tokio::sync::mpsc;

use crate::agent::Agent;
use crate::clock;
use crate::evaluation::World;

pub(crate) use plugin::{plugin, runs_as};
pub(crate) use probe::probe;

/// Time that a thing has to say that its deadline passed.
const MARGIN: Duration = Duration::from_secs(2);

/// Where a run tells what it knows before it ends.
pub(crate) type Ears = mpsc::Sender<Vec<Input>>;

/// Judges by expressions, all with one view of the world.
pub(crate) fn judge(agent: &Arc<Agent>, runs: &[Run], ears: &Ears) -> Vec<Ended> {
    let world = World::of(agent);
    let facts = Arc::clone(&agent.facts.borrow());
    let judge = |run| {
        timed(run, || {
            let check = &run.check;
            if check.for_each.is_some() && check.touches_machine() && !waits(check, &facts) {
                return judge_each(agent, run, &world, ears);
            }
            judge_one(check, &world, &facts)
        })
    };
    runs.iter().map(judge).collect()
}

/// Does a run and tells how long it took.
fn timed(run: &Run, work: impl FnOnce() -> Outcome) -> Ended {
    let began = clock::now();
    let outcome = work();
    Ended {
        slot: run.slot,
        number: run.number,
        began,
        took: clock::now().since(began),
        outcome,
    }
}

fn judge_one(check: &Check, world: &World, facts: &Facts) -> Outcome {
    if waits(check, facts) {
        let nothing = Said::new(CheckState::Pending, "");
        return match check.for_each {
            Some(_) => Outcome::NoThings(nothing),
            None => Outcome::Said(vec![nothing]),
        };
    }
    if check.for_each.is_none() {
        return Outcome::Said(vec![said(&check::judge(check, world))]);
    }
    for_each(check, world, |instance| {
        said(&check::judge_item(check, instance, world))
    })
}

/// Judges things by what the machine answers, which may take its time.
fn judge_each(agent: &Arc<Agent>, run: &Run, world: &World, ears: &Ears) -> Outcome {
    let (own, check) = (Arc::clone(agent), Arc::clone(&run.check));
    let one = move |thing: &Instance| said(&check::judge_item(&check, thing, &World::of(&own)));
    match things(&run.check, world) {
        Ok(things) => Outcome::Said(each(agent, run, ears, things, one)),
        Err(outcome) => outcome,
    }
}

/// Asks things at the same time, all within the time of the check; each tells as soon as it has
/// answered.
fn each(
    agent: &Agent,
    run: &Run,
    ears: &Ears,
    things: Vec<Instance>,
    ask: impl Fn(&Instance) -> Said + Send + Sync + 'static,
) -> Vec<Said> {
    let names: Vec<Arc<str>> = things.iter().map(|it| Arc::clone(&it.name)).collect();
    let early = (names.len() > 1).then(|| ears.clone());
    let (slot, number, began) = (run.slot, run.number, clock::now());
    let ask = move |(at, thing): &(usize, Instance)| {
        let said = ask(thing).about(Arc::clone(&thing.name));
        // Further ones are not looked at.
        if let Some(ears) = early.as_ref().filter(|_| *at < limits::CHECK_THINGS_MAX) {
            let ended = Ended {
                slot,
                number,
                began,
                took: clock::now().since(began),
                outcome: Outcome::Part(vec![said.clone()]),
            };
            // Nobody listens any more when the agent stops.
            let _ = ears.blocking_send(vec![Input::Judged(vec![ended])]);
        }
        said
    };
    let name = format!("one of several things of {}", run.check.id);
    let things = things.into_iter().enumerate().collect();
    // One that knows its deadline says itself that it passed; what comes later is not waited for.
    let time_box = run.check.timing.timeout + MARGIN;
    let said = fan::ask_all(&agent.outside_workers, &name, time_box, things, ask);
    let late = "UNKNOWN: there was no time left: `timeout` is that of all things together";
    let late = |name| Said::new(CheckState::Unknown, late).about(name);
    let named = said.into_iter().zip(names);
    named
        .map(|(said, name)| said.unwrap_or_else(|| late(name)))
        .collect()
}

/// Does something about each thing of a check; or says why they are not known.
fn for_each(check: &Check, world: &dyn Env, one: impl Fn(&Instance) -> Said) -> Outcome {
    match things(check, world) {
        Ok(instances) => Outcome::Said(
            instances
                .iter()
                .map(|instance| one(instance).about(Arc::clone(&instance.name)))
                .collect(),
        ),
        Err(outcome) => outcome,
    }
}

/// Gives the things of a check; or says why they are not known.
fn things(check: &Check, world: &dyn Env) -> Result<Vec<Instance>, Outcome> {
    match check::instances(check, world) {
        Ok(instances) => Ok(with_own_names(instances)),
        Err(verdict) => Err(Outcome::NoThings(said(&verdict))),
    }
}

/// Two things of one name are told apart.
fn with_own_names(mut instances: Vec<Instance>) -> Vec<Instance> {
    let mut seen: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for instance in &mut instances {
        let count = seen.entry(Arc::clone(&instance.name)).or_default();
        *count += 1;
        if *count > 1 {
            instance.name = Arc::from(format!("{}#{count}", instance.name));
        }
    }
    instances
}

fn said(verdict: &Verdict) -> Said {
    Said::new(verdict.state, &verdict.output)
}

/// Tells whether a check asks for a collector that has not run yet, or not often enough for its
/// rates: what is missing then says nothing about the node.
fn waits(check: &Check, facts: &Facts) -> bool {
    let expressions = check.expressions();
    let mut references = expressions
        .iter()
        .flat_map(|(_, it)| it.program().references());
    references.any(|reference| {
        let collector = (reference.root == Root::Collector)
            .then(|| facts.collectors.get(reference.first()?))
            .flatten();
        collector.is_some_and(|it| {
            let has_not_run = it.state == State::Pending && it.good.is_none();
            has_not_run || (it.state == State::Ok && it.awaits_rates)
        })
    })
}
