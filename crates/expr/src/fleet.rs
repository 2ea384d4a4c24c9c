//! What a node knows of others: the members of a group, how long ago each was heard of, and the
//! states of their checks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{CheckState, Value};

/// The nodes of a group, or all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// Every node that should be there, heard of or not, ordered by name.
    pub members: Vec<Member>,
}

/// A node as another one knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: Arc<str>,
    /// Its UUID.
    pub id: Arc<str>,
    /// Its zone.
    pub zone: Arc<str>,
    /// How old what is known is; `None` when nothing is.
    pub age: Option<Duration>,
    /// The state of each of its checks, by the name that is unique on the node; of a check with
    /// `for_each` the worst.
    pub checks: Arc<BTreeMap<Arc<str>, CheckState>>,
}

/// How much of a fleet is known, and how old the oldest of that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Nodes that were heard of.
    pub known: usize,
    /// All nodes.
    pub total: usize,
    /// The age of what is known longest.
    pub oldest: Option<Duration>,
}

impl Fleet {
    /// Tells how much is known.
    pub fn coverage(&self) -> Coverage {
        let ages = || self.members.iter().filter_map(|member| member.age);
        Coverage {
            known: ages().count(),
            total: self.members.len(),
            oldest: ages().max(),
        }
    }

    /// Tells how much is known, in percent; nothing of nothing is nothing.
    pub fn coverage_pct(&self) -> f64 {
        let Coverage { known, total, .. } = self.coverage();
        if total == 0 {
            return 0.0;
        }
        known as f64 * 100.0 / total as f64
    }

    /// Gives the nodes that were heard of, as expressions see them.
    pub fn to_value(&self) -> Value {
        let known = self.members.iter().filter(|member| member.age.is_some());
        Value::list(known.map(Member::to_value))
    }
}

impl Member {
    /// Gives the state of a check, named with its pack or, where that is clear, without.
    pub fn state(&self, check: &str) -> Option<CheckState> {
        match self.checks.get(check) {
            Some(state) => Some(*state),
            None => short(self.checks.iter().map(|(id, state)| (&**id, *state)), check),
        }
    }

    fn to_value(&self) -> Value {
        let age = self.age.map_or(0, |age| age.as_secs());
        let checks = self
            .checks
            .iter()
            .map(|(id, state)| (Arc::clone(id), Value::from(state.as_str())));
        Value::map([
            ("name", Value::text(Arc::clone(&self.name))),
            ("uuid", Value::text(Arc::clone(&self.id))),
            ("zone", Value::text(Arc::clone(&self.zone))),
            ("age", Value::Int(i64::try_from(age).unwrap_or(i64::MAX))),
            ("checks", Value::map(checks)),
        ])
    }
}

/// Finds `http` among `web/http` and others; none when two packs have one of the name.
pub(crate) fn short<'a, T>(
    mut checks: impl Iterator<Item = (&'a str, T)>,
    name: &str,
) -> Option<T> {
    let is_it = |(id, _): &(&str, T)| {
        id.strip_suffix(name)
            .is_some_and(|pack| pack.ends_with('/') && pack.matches('/').count() == 1)
    };
    let (_, found) = checks.find(is_it)?;
    match checks.any(|it| is_it(&it)) {
        true => None,
        false => Some(found),
    }
}

impl fmt::Display for Coverage {
    /// Writes `14 of 15 nodes, oldest 8 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} nodes", self.known, self.total)?;
        match self.oldest {
            Some(oldest) => write!(f, ", oldest {} s", oldest.as_secs()),
            None => Ok(()),
        }
    }
}
