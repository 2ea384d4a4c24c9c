//! What a problem is a consequence of: the open problems of what it depends on, and of what these
//! depend on.
//!
//! A problem is silent because of another one only where its handler hears of that one, or where
//! somebody knows of it, and only when that one is at least as bad: else nobody would be told.

use model::{WallTime, limits};
use packs::handler::Handler;

use super::Alerts;
use super::judge::{Verdict, silent, told_of, weight};
use super::kept::Problem;
use super::problems;
use crate::transition::{full_name, is_problem, parts_of};

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
            parents.extend(self.named(problem, on));
            if on.contains(':') {
                parents.extend(self.node_parent(on));
            }
        }
        parents
    }

    /// Finds the open problems of a check of the same node: of the same pack, or by its full name.
    fn named(&self, problem: &Problem, on: &str) -> Vec<&Problem> {
        let own = format!("{}/{on}", problem.thing.pack);
        let keys = [&*own, on].map(|name| problems::key(&problem.thing.node, name));
        let mut named = keys.iter().map(|key| self.of_check(problem, on, key));
        named.find(|it| !it.is_empty()).unwrap_or_default()
    }

    /// Finds the open problems of a check: its own, and those of what its `for_each` gives. A child
    /// that is one of many itself depends on the one of its own name; on others only where the
    /// checks said so, as only they know whether there is one of its name that is well.
    fn of_check(&self, problem: &Problem, on: &str, key: &str) -> Vec<&Problem> {
        let mut found: Vec<&Problem> = self.open(key).into_iter().collect();
        let (_, instance) = parts_of(&problem.thing.name);
        let same = instance.and_then(|it| self.open(&full_name(key, Some(it))));
        let is_any = instance.is_none() || problem.blocked_by.iter().any(|by| by == on);
        found.extend(same);
        if same.is_none() && is_any {
            let first = format!("{key}[");
            let all = self.problems.range(first.clone()..);
            let all = all.take_while(|(key, _)| key.starts_with(&first));
            let open = all.filter_map(|(key, _)| self.open(key));
            found.extend(open.take(limits::ALERT_PARENT_THINGS_MAX));
        }
        found
    }

    fn open(&self, key: &str) -> Option<&Problem> {
        let problem = &self.problems.get(key)?.problem;
        is_problem(problem.state).then_some(&**problem)
    }
}
