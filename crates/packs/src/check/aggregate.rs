//! Aggregates: one state out of what several nodes say, "at least 2 of 3 web servers OK".

use std::fmt;
use std::sync::Arc;

use expr::{Env, Fleet};
use model::{CheckState, GroupSet};

use super::judge::Verdict;
use super::timing::{self, as_percent};
use crate::fields::{Fields, UnknownKeys};
use crate::object::Home;

/// How much of a group must be heard of when the check does not say: below half nothing can be
/// told of the rest.
const MIN_COVERAGE_PCT: f64 = 50.0;
/// Nodes that are named in what is said; of more, the first ones.
const NAMED_MAX: usize = 5;

/// One state out of what the nodes of a group say.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The nodes, by their groups.
    pub group: GroupSet,
    /// The check that must be OK on them; `None` asks only whether they are there.
    pub check: Option<Arc<str>>,
    /// With fewer it is critical.
    pub at_least: Least,
    /// With fewer it is a warning.
    pub warning_below: Option<Least>,
    /// When fewer of the nodes are heard of, in percent, it is unknown.
    pub min_coverage_pct: f64,
}

/// How many nodes there must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Least {
    /// As many.
    Count(u32),
    /// As many out of a hundred.
    Percent(f64),
}

impl Least {
    fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            // A little less than the product, so that 60 % of 5 are 3 and not, by rounding, 4.
            Self::Percent(percent) => (percent * total as f64 / 100.0 - 1e-9).ceil() as usize,
        }
    }
}

impl fmt::Display for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Reads `aggregate: {group: web, check: http/http, at_least: 2}`.
pub(super) fn read(fields: &mut Fields<'_>, home: &Arc<Home>) -> Option<Aggregate> {
    let node = fields.node("aggregate")?;
    let mut inner = Fields::new(node, "aggregate", fields.report)?;
    inner.required("group");
    let group = inner.group_set("group", &home.pack);
    let check = inner.text("check");
    inner.required("at_least");
    let at_least = least(&mut inner, "at_least", home);
    let warning_below = least(&mut inner, "warning_below", home);
    let min_coverage = least(&mut inner, "min_coverage", home);
    inner.finish(UnknownKeys::Refuse);
    let min_coverage_pct = match min_coverage {
        None => MIN_COVERAGE_PCT,
        Some(Least::Percent(percent)) => percent,
        Some(Least::Count(_)) => {
            let message = "`min_coverage` wants a percentage";
            fields
                .report
                .error(&node.place, message, "`min_coverage: 80%`");
            return None;
        }
    };
    Some(Aggregate {
        group,
        check: check.map(|check| qualified(&check, home)),
        at_least: at_least?,
        warning_below,
        min_coverage_pct,
    })
}

/// A check of the same pack may be named without it.
fn qualified(check: &Arc<str>, home: &Arc<Home>) -> Arc<str> {
    if check.contains('/') {
        return Arc::clone(check);
    }
    Arc::from(format!("{}/{check}", home.pack))
}

fn least(fields: &mut Fields<'_>, key: &'static str, home: &Arc<Home>) -> Option<Least> {
    const WANTED: &str = "a number of nodes, or a percentage: 2 or 60%";
    let node = fields.node(key)?;
    let text = timing::resolved(node, key, WANTED, home, fields)?;
    let found = if text.trim().ends_with('%') {
        as_percent(&text).map(Least::Percent)
    } else {
        text.trim().parse().ok().map(Least::Count)
    };
    if found.is_none() {
        timing::refuse(fields, node, key, WANTED, &text);
    }
    found
}

impl Aggregate {
    /// Comes to a verdict.
    pub(super) fn judge(&self, env: &dyn Env) -> Verdict {
        match env.fleet(Some(self.group.as_str())) {
            Ok(fleet) => self.weigh(&fleet),
            Err(unknown) => Verdict {
                state: CheckState::Unknown,
                output: format!("UNKNOWN: nodes of the group {}: {unknown}", self.group),
            },
        }
    }

    fn weigh(&self, fleet: &Fleet) -> Verdict {
        let total = fleet.members.len();
        let coverage = fleet.coverage();
        let is_bad = |member: &&expr::Member| !self.is_fine(member);
        let heard = fleet.members.iter().filter(|member| member.age.is_some());
        let bad: Vec<&expr::Member> = heard.clone().filter(is_bad).collect();
        let fine = heard.count() - bad.len();
        let waiting = bad.iter().filter(|member| self.waits(member)).count();
        // One that was not judged yet tells no more than one that nobody heard of.
        let judged = fine + bad.len() - waiting;
        let is_covered = |count: usize| {
            total > 0 && count as f64 * 100.0 / total as f64 >= self.min_coverage_pct
        };
        let state = if !is_covered(judged + waiting) {
            CheckState::Unknown
        } else if waiting > 0 && !is_covered(judged) {
            CheckState::Pending
        } else if fine < self.at_least.of(total) && fine + waiting >= self.at_least.of(total) {
            // Those that were not judged yet may make it: nothing can be said.
            CheckState::Pending
        } else if fine < self.at_least.of(total) {
            CheckState::Critical
        } else if self
            .warning_below
            .is_some_and(|least| fine < least.of(total))
        {
            CheckState::Warning
        } else {
            CheckState::Ok
        };
        let group = &self.group;
        let what = match &self.check {
            Some(check) => format!("OK at {check}"),
            None => "there".to_owned(),
        };
        let mut output = format!("{state}: {fine} of {total} nodes of {group} are {what}");
        output.push_str(&format!(", at least {} wanted", self.at_least));
        if total == 0 {
            output = format!("{state}: no node is in the group {group}");
        }
        if !bad.is_empty() {
            output.push_str(&format!("; not: {}", self.named(&bad)));
        }
        output.push_str(&format!(" ({coverage})"));
        Verdict { state, output }
    }

    fn is_fine(&self, member: &expr::Member) -> bool {
        match &self.check {
            Some(check) => member.state(check) == Some(CheckState::Ok),
            None => true,
        }
    }

    fn waits(&self, member: &expr::Member) -> bool {
        let check = self.check.as_deref().unwrap_or_default();
        member.state(check) == Some(CheckState::Pending)
    }

    fn named(&self, bad: &[&expr::Member]) -> String {
        let one = |member: &&expr::Member| {
            let check = self.check.as_deref().unwrap_or_default();
            match member.state(check) {
                Some(state) => format!("{} {state}", member.name),
                None => format!("{} has no such check", member.name),
            }
        };
        let mut named: Vec<String> = bad.iter().take(NAMED_MAX).map(one).collect();
        if bad.len() > NAMED_MAX {
            named.push(format!("{} more", bad.len() - NAMED_MAX));
        }
        named.join(", ")
    }
}
