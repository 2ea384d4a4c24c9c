//! Probes a service, or each of several.

use std::sync::Arc;

use drivers::Deadline;
use drivers::probes::{self, Context};
use expr::Env;
use model::CheckState;
use packs::Scope;
use packs::check::{Check, Instance, Method};
use rules::checks::{Ended, Outcome, Run, Said};

use super::{Ears, each, things, timed};
use crate::agent::Agent;
use crate::clock;
use crate::collect;
use crate::evaluation::World;

/// Probes what a check names; several things at the same time, all within the time of the check.
pub(crate) fn probe(agent: &Arc<Agent>, run: &Run, ears: &Ears) -> Ended {
    timed(run, || {
        let world = World::of(agent);
        let check = &run.check;
        let deadline = Deadline::after(check.timing.timeout);
        if check.for_each.is_none() {
            let scope = Scope::new(&world, Arc::clone(&check.home.parameters));
            return Outcome::Said(vec![ask(agent, check, scope, deadline)]);
        }
        let things = match things(check, &world) {
            Ok(things) => things,
            Err(outcome) => return outcome,
        };
        let (own, of) = (Arc::clone(agent), Arc::clone(check));
        let one = move |thing: &Instance| {
            let world = World::of(&own);
            let scope = Scope::new(&world, Arc::clone(&of.home.parameters));
            ask(&own, &of, scope.with_item(thing.item.clone()), deadline)
        };
        Outcome::Said(each(agent, run, ears, things, one))
    })
}

fn ask(agent: &Agent, check: &Check, scope: Scope<'_>, deadline: Deadline) -> Said {
    let Method::Probe(probe) = &check.method else {
        return unknown("it is no probe");
    };
    let opened = check
        .home
        .parameters
        .open(&|source| collect::resolve(agent, source));
    let scope = scope.with_secrets(opened.values);
    let options = match probe.fill(&scope as &dyn Env) {
        Ok(options) => options,
        Err(failure) => return unknown(&failure.to_string()),
    };
    let context = Context {
        host: agent.machine.host(),
        wall: clock::wall(),
        deadline,
    };
    match probes::run(probe.kind.name, &options, &context) {
        Ok(outcome) => {
            let figures: Vec<String> = outcome.figures.iter().map(written).collect();
            let state = outcome.state;
            let text = format!("{state}: {}", outcome.message);
            Said::new(state, &text).with_perfdata(&figures.join(" "))
        }
        Err(error) => unknown(&error.to_string()),
    }
}

fn unknown(problem: &str) -> Said {
    Said::new(CheckState::Unknown, &format!("UNKNOWN: {problem}"))
}

fn written(figure: &probes::Figure) -> String {
    let number = |it: Option<f64>| it.map(|it| it.to_string()).unwrap_or_default();
    let text = format!(
        "'{}'={}{};{};{}",
        figure.name,
        figure.value,
        figure.unit,
        number(figure.warning),
        number(figure.critical)
    );
    text.trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    use packs::check::PROBES;

    use super::*;

    #[test]
    fn what_packs_may_say_of_a_probe_is_what_it_understands() {
        for kind in PROBES {
            let Some(driver) = probes::find(kind.name) else {
                panic!("nobody does the probe {}", kind.name);
            };
            for key in kind.keys {
                let is_known = driver.options.iter().any(|option| option.name == key.name);
                assert!(is_known, "{} does not know {}", kind.name, key.name);
            }
            for option in driver.options {
                let is_known = kind.keys.iter().any(|key| key.name == option.name);
                assert!(
                    is_known,
                    "packs cannot say {} of {}",
                    option.name, kind.name
                );
            }
        }
    }
}
