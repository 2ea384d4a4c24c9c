//! What a problem is a consequence of: the open problems of what it depends on, and of what these
//! depend on.
//!
//! A problem is silent because of another one only where its handler hears of that one, or where
//! somebody knows of it, and only when that one is at least as bad: else nobody would be told.

use model::{WallTime, limits};
use packs::handler::Handler;

use super::Alerts;
use super::judge::{Verdict, silent, told_of, weight};
use super::kept::{Problem, Thing};
use super::problems;
use crate::transition::is_problem;

impl Alerts {
    /// Names the topmost problem that a problem is a consequence of, whoever hears of it.
    pub(super) fn cause(&self, problem: &Problem) -> Option<String> {
        let top = self.causes(problem).pop();
        top.map(|cause| cause.thing.name.clone())
    }

    /// Finds the topmost problem that a handler need hear of alone, and says why.
    pub(super) fn cause_for(
        &self,
        problem: &Problem,
        handler: &Handler,
        wall: WallTime,
    ) -> Option<(&Problem, Verdict)> {
        let causes = self.causes(problem).into_iter().rev();
        let mut known =
            causes.filter_map(|cause| Some((cause, self.instead(cause, handler, wall)?)));
        known.next()
    }

    /// Why a handler need not hear of what a problem brings with it; none when it is told of
    /// neither.
    fn instead(&self, cause: &Problem, handler: &Handler, wall: WallTime) -> Option<Verdict> {
        let name = &cause.thing.name;
        let told = told_of(cause, handler);
        let reason = self.reason(cause, handler, told, wall);
        if told.is_some() || !matches!(reason, Err(Verdict::Silent(_))) {
            let why = format!("it depends on {name}, which is told instead");
            return Some(silent(why));
        }
        let (why, until) = self.known(cause, handler, wall)?;
        let why = format!("it depends on {name}: {why}");
        Some(Verdict::until(until, why))
    }

    /// Finds the open problems that a problem is a consequence of, the nearest first. Those that
    /// depend on it in their turn explain nothing.
    fn causes(&self, problem: &Problem) -> Vec<&Problem> {
        let mut causes = self.above(problem);
        let is_it = |it: &&Problem| it.number == problem.number;
        if causes.iter().any(is_it) {
            causes.retain(|cause| !self.above(cause).iter().any(is_it));
        }
        causes.retain(|cause| weight(cause.state) >= weight(problem.state));
        causes
    }

    /// Finds the open problems of all that a problem depends on, the nearest first; none when they
    /// are too many to go through.
    fn above(&self, problem: &Problem) -> Vec<&Problem> {
        let mut above = Vec::new();
        let mut next = self.parents(problem);
        let mut at = 0;
        loop {
            for parent in next {
                let is_known = |it: &&Problem| it.number == parent.number;
                if !above.iter().any(is_known) {
                    above.push(parent);
                }
            }
            if above.len() > limits::ALERT_CAUSES_MAX {
                return Vec::new();
            }
            let Some(parent) = above.get(at) else {
                return above;
            };
            next = self.parents(parent);
            at += 1;
        }
    }

    /// Finds the open problems of what a problem names in `depends_on`.
    fn parents(&self, problem: &Problem) -> Vec<&Problem> {
        let mut parents = Vec::new();
        for on in &problem.thing.depends_on {
            parents.extend(self.named(&problem.thing, on));
            if on.contains(':') {
                parents.extend(self.node_parent(on));
            }
        }
        parents
    }

    /// Finds the open problem of a check of the same node: of the same pack, or by its full name.
    fn named(&self, thing: &Thing, on: &str) -> Option<&Problem> {
        let own = format!("{}/{on}", thing.pack);
        let keys = [&*own, on].map(|name| problems::key(&thing.node, name));
        keys.iter().find_map(|key| self.open(key))
    }

    fn open(&self, key: &str) -> Option<&Problem> {
        let problem = &self.problems.get(key)?.problem;
        is_problem(problem.state).then_some(&**problem)
    }
}
