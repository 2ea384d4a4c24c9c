//! Problems compared with how the checks are.
//!
//! Transitions make problems begin and end. One may be missed: at a stop or a crash some are still
//! on their way, and after it the checks may remember an older state than the alerts do, or have
//! forgotten what is gone; the journal of the alerts may be lost, or the alerts may have been
//! overwhelmed. So what both know is compared now and then.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{CheckState, Moment, NodeId, WallTime, limits};
use packs::check::Method;

use super::Alerts;
use super::problems::{self, Live};
use crate::checks::{Snapshot, Thing, Watched};
use crate::transition::{Change, Origin, Standing, Transition, full_name, is_problem, parts_of};

impl Alerts {
    /// Ends the problems of checks that are well or gone, and begins those that nobody told of.
    pub fn compare(&mut self, now: Moment, wall: WallTime, checks: &Snapshot) {
        self.at(now, wall);
        if self
            .last_transition
            .is_some_and(|number| number != checks.number)
        {
            // Transitions are on their way here.
            return;
        }
        self.end_over(wall, checks);
        self.begin_missed(wall, checks);
        self.settle();
    }

    fn end_over(&mut self, wall: WallTime, checks: &Snapshot) {
        let is_open =
            |live: &Live| live.problem.thing.node == self.here.id && is_problem(live.problem.state);
        if !self.problems.values().any(is_open) {
            return;
        }
        let by_id = checks.checks.iter().map(|it| (&*it.check.id, &**it));
        let by_id: BTreeMap<&str, &Watched> = by_id.collect();
        let open = self.problems.iter().filter(|(_, live)| is_open(live));
        let over = open.filter_map(|(key, live)| {
            let over = over(checks, &by_id, &live.problem.thing.name)?;
            Some((key.clone(), over))
        });
        for (key, over) in over.collect::<Vec<_>>() {
            self.end(&key, over, wall);
        }
    }

    fn end(&mut self, key: &str, over: Over, wall: WallTime) {
        let Some(live) = self.problems.get_mut(key) else {
            return;
        };
        let problem = live.edit();
        problem.old_state = problem.state;
        problem.state = CheckState::Ok;
        problem.changed = wall;
        problem.acknowledged = None;
        let text = match over {
            Over::Well => "well again when the agent came back".to_owned(),
            Over::Gone(why) => {
                problem.gone = Some(why.to_owned());
                format!("{} → gone: {why}", problem.old_state)
            }
        };
        let (node, name) = (problem.thing.node.clone(), problem.thing.name.clone());
        live.decide(wall, "", text);
        self.keep_problem(key);
        self.consider(key);
        self.consider_dependants(&node, &name, true);
    }

    fn begin_missed(&mut self, wall: WallTime, checks: &Snapshot) {
        let Ok(node) = NodeId::parse(&self.here.id) else {
            return;
        };
        let mut keys = Vec::new();
        for watched in checks.checks.iter().filter(|it| is_judged(it)) {
            for thing in watched.things.iter().filter(|it| is_bad(it)) {
                let name = full_name(&watched.check.id, thing.instance.as_deref());
                let key = problems::key(&self.here.id, &name);
                let known = self.problems.get(&key).map(|live| live.problem.state);
                let is_full = self.problems.len() >= limits::ALERT_PROBLEMS_MAX;
                if known == Some(thing.hard) || (known.is_none() && is_full) {
                    continue;
                }
                let missed = self.missed(node, watched, thing, known);
                keys.extend(self.take(&missed, wall));
            }
        }
        // All of them are known before somebody asks which is the cause of which.
        for key in keys {
            self.consider(&key);
        }
    }

    /// Makes the transition that nobody told of.
    fn missed(
        &self,
        node: NodeId,
        watched: &Watched,
        thing: &Thing,
        known: Option<CheckState>,
    ) -> Transition {
        let old_hard = known.unwrap_or(CheckState::Pending);
        let origin = Origin {
            number: self.last_transition.unwrap_or_default(),
            node,
            node_name: Arc::from(&*self.here.name),
            groups: self.here.groups.iter().cloned().collect(),
        };
        let at = thing.last_hard_change;
        Transition {
            old: Standing::hard(old_hard),
            old_hard,
            ..Transition::of(origin, &watched.subject, thing, Change::State, at)
        }
    }
}

/// Tells whether a check was judged since the start. What is told its state was judged whenever
/// that was.
fn is_judged(watched: &Watched) -> bool {
    watched.runs > 0 || matches!(watched.check.method, Method::Push(_))
}

fn is_bad(thing: &Thing) -> bool {
    thing.is_hard && is_problem(thing.hard)
}

/// How a problem is over without a transition that told so.
#[derive(Clone, Copy)]
enum Over {
    Well,
    Gone(&'static str),
}

/// Tells how the problem of a thing is over, if it is. Whose check is not judged yet may be bad.
fn over(checks: &Snapshot, by_id: &BTreeMap<&str, &Watched>, name: &str) -> Option<Over> {
    let (id, instance) = parts_of(name);
    let Some(watched) = by_id.get(id) else {
        let is_gone = checks.is_settled;
        return is_gone.then_some(Over::Gone("its check is no longer on this node"));
    };
    if watched.runs == 0 {
        return None;
    }
    let by_instance = |it: &Thing| it.instance.as_deref().cmp(&instance);
    match watched.things.binary_search_by(by_instance) {
        Ok(at) => {
            let thing = &watched.things[at];
            let is_well = thing.hard == CheckState::Ok && thing.state == CheckState::Ok;
            is_well.then_some(Over::Well)
        }
        // While the check as a whole has trouble, its things may only be unknown.
        Err(_) => (!watched.has_trouble()).then_some(Over::Gone("it vanished")),
    }
}
