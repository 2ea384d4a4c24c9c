//! Problems compared with how the checks are.
//!
//! Transitions make problems begin and end. One may be missed: after a crash the checks may
//! remember an older state than the alerts do, the journal of the alerts may be lost, or the alerts
//! may have been overwhelmed. So what both know is compared now and then.

use std::sync::Arc;

use model::{CheckState, Moment, NodeId, WallTime, limits};
use packs::check::Method;

use super::Alerts;
use super::problems;
use crate::checks::{Snapshot, Thing, Watched};
use crate::transition::{Change, Origin, Standing, Transition, full_name, is_problem, parts_of};

impl Alerts {
    /// Ends the problems of checks that are well, and begins those that nobody told of.
    pub fn compare(&mut self, now: Moment, wall: WallTime, checks: &Snapshot) {
        self.at(now, wall);
        if self
            .last_transition
            .is_some_and(|number| number != checks.number)
        {
            // Transitions are on their way here.
            return;
        }
        self.end_well(wall, checks);
        self.begin_missed(wall, checks);
        self.settle();
    }

    fn end_well(&mut self, wall: WallTime, checks: &Snapshot) {
        let open = self.problems.iter().filter(|(_, live)| {
            let thing = &live.problem.thing;
            thing.node == self.here.id
                && is_problem(live.problem.state)
                && is_well(checks, &thing.name)
        });
        for key in open.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let Some(live) = self.problems.get_mut(&key) else {
                continue;
            };
            let problem = live.edit();
            problem.old_state = problem.state;
            problem.state = CheckState::Ok;
            problem.changed = wall;
            problem.acknowledged = None;
            let (node, name) = (problem.thing.node.clone(), problem.thing.name.clone());
            live.decide(wall, "", "well again when the agent came back".to_owned());
            self.keep_problem(&key);
            self.consider(&key);
            self.consider_dependants(&node, &name, true);
        }
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

/// Tells whether a check was judged since the start and is well.
fn is_well(checks: &Snapshot, name: &str) -> bool {
    let (id, instance) = parts_of(name);
    let judged = checks.check(id).filter(|watched| watched.runs > 0);
    let mut things = judged.iter().flat_map(|watched| &watched.things);
    let thing = things.find(|thing| thing.instance.as_deref() == instance);
    thing.is_some_and(|thing| thing.hard == CheckState::Ok && thing.state == CheckState::Ok)
}
