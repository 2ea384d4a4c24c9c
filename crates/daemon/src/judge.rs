//! The hands of the checks: expressions evaluated in batches, plugins run, services probed.
//!
//! Everything here may block and runs in a pool of threads; what comes of it goes back to the core.

mod fan;
mod plugin;
mod probe;

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Env, Root};
use model::CheckState;
use packs::check::{self, Check, Instance, Verdict};
use rules::checks::{Ended, Outcome, Run, Said};
use rules::facts::{Facts, State};

use crate::agent::Agent;
use crate::clock;
use crate::evaluation::World;

pub(crate) use plugin::{plugin, runs_as};
pub(crate) use probe::probe;

/// Judges by expressions, all with one view of the world.
pub(crate) fn judge(agent: &Agent, runs: &[Run]) -> Vec<Ended> {
    let world = World::of(agent);
    let facts = Arc::clone(&agent.facts.borrow());
    runs.iter()
        .map(|run| timed(run, || judge_one(&run.check, &world, &facts)))
        .collect()
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

/// Tells whether a check asks for a collector that has not run yet: what is missing then says
/// nothing about the node.
fn waits(check: &Check, facts: &Facts) -> bool {
    let expressions = check.expressions();
    let mut references = expressions
        .iter()
        .flat_map(|(_, it)| it.program().references());
    references.any(|reference| {
        let collector = (reference.root == Root::Collector)
            .then(|| facts.collectors.get(reference.first()?))
            .flatten();
        collector.is_some_and(|it| it.state == State::Pending && it.good.is_none())
    })
}
