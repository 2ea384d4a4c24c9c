//! `{{collector.memory.phys_used}}`: what an expression names of the world.
//!
//! A path is split once, at load. Walking it through a tree of values is here too, so that every
//! [`crate::Env`] follows the same rules.

use std::fmt;
use std::sync::Arc;

use model::{Place, Value};

use crate::Unknown;

/// The first word of a reference: whose data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// Last results of the collectors.
    Collector,
    /// Parameters of the pack that the expression belongs to.
    Parameters,
    /// Variables of the check or rule.
    Variables,
    /// The agent's configuration.
    Configuration,
    /// This node: name, zone, groups …
    Node,
    /// The element at hand, inside `for_each`.
    Item,
}

impl Root {
    /// All of them, in the order of the manual.
    pub const ALL: [Self; 6] = [
        Self::Collector,
        Self::Parameters,
        Self::Variables,
        Self::Configuration,
        Self::Node,
        Self::Item,
    ];

    /// Gives the word as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Parameters => "parameters",
            Self::Variables => "variables",
            Self::Configuration => "configuration",
            Self::Node => "node",
            Self::Item => "item",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.as_str() == word)
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A member of a map by name, or of a list by index.
    Name(Arc<str>),
    /// Such a name written in quotes: its dots are its own.
    Quoted(Arc<str>),
    /// `*`: every member; what follows is looked up in each of them, and the result is a list.
    All,
}

/// A path that an expression names, with the place where it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Whose data.
    pub root: Root,
    /// The steps behind the root.
    pub segments: Box<[Segment]>,
    /// Where the reference begins in its file.
    pub place: Place,
    /// Whether the expression says what to take when the value is missing (`||default`).
    pub has_default: bool,
}

impl Reference {
    /// Follows the path through the tree of its root. The reason of a miss names the first step
    /// that leads nowhere.
    pub fn walk(&self, tree: &Value) -> Result<Value, Unknown> {
        walk(tree, &self.segments).ok_or_else(|| Unknown::new(format!("{self} is missing")))
    }

    /// Follows the path behind its first step through a tree: what `collector.memory.phys_used`
    /// names in the data of `memory`. `None` when it leads nowhere.
    pub fn walk_behind_first(&self, tree: &Value) -> Option<Value> {
        walk(tree, self.segments.get(1..)?)
    }

    /// Gives the name of the first step, as the collector in `collector.memory.phys_used`.
    pub fn first(&self) -> Option<&str> {
        match self.segments.first()? {
            Segment::Name(name) | Segment::Quoted(name) => Some(name),
            Segment::All => None,
        }
    }
}

fn walk(tree: &Value, segments: &[Segment]) -> Option<Value> {
    let mut at = tree;
    for (index, segment) in segments.iter().enumerate() {
        let rest = &segments[index + 1..];
        match segment {
            Segment::Name(name) => match at.get(name) {
                Some(member) => at = member,
                None => return walk_joined(at, name, rest),
            },
            Segment::Quoted(name) => at = at.get(name)?,
            Segment::All => return walk_all(at, rest),
        }
    }
    Some(at.clone())
}

/// Tries a key that itself holds dots (`queue.deferred`): the shortest such key wins.
fn walk_joined(tree: &Value, name: &str, rest: &[Segment]) -> Option<Value> {
    let mut joined = name.to_owned();
    for (index, segment) in rest.iter().enumerate() {
        let Segment::Name(more) = segment else {
            return None;
        };
        joined.push('.');
        joined.push_str(more);
        if let Some(member) = tree.get(&joined) {
            return walk(member, &rest[index + 1..]);
        }
    }
    None
}

/// Looks the rest of the path up in every member; members without it are left out.
fn walk_all(tree: &Value, rest: &[Segment]) -> Option<Value> {
    let nested = rest.contains(&Segment::All);
    let mut found = Vec::new();
    let mut take = |member: &Value| match walk(member, rest) {
        Some(Value::List(items)) if nested => found.extend(items.iter().cloned()),
        Some(value) => found.push(value),
        None => {}
    };
    match tree {
        Value::List(items) => items.iter().for_each(&mut take),
        Value::Map(map) => map.values().for_each(&mut take),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {
            return None;
        }
    }
    Some(Value::list(found))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str())?;
        for segment in &self.segments {
            match segment {
                Segment::Name(name) => write!(f, ".{name}")?,
                Segment::Quoted(name) => write!(f, ".\"{name}\"")?,
                Segment::All => write!(f, ".*")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks() -> Value {
        let used = |percent: i64| Value::map([("pct_used", Value::Int(percent))]);
        Value::map([
            ("/", used(10)),
            ("/srv/a.b", used(20)),
            ("list", Value::list([used(1), used(2), Value::None])),
        ])
    }

    fn check(segments: &[Segment], expect: Option<Value>) {
        let reference = Reference {
            root: Root::Item,
            segments: segments.into(),
            place: Place::new("test", 1, 1),
            has_default: false,
        };
        assert_eq!(reference.walk(&disks()).ok(), expect, "{reference}");
    }

    fn name(text: &str) -> Segment {
        Segment::Name(Arc::from(text))
    }

    #[test]
    fn paths_lead_through_maps_and_lists() {
        check(&[name("/"), name("pct_used")], Some(Value::Int(10)));
        check(
            &[name("list"), name("1"), name("pct_used")],
            Some(Value::Int(2)),
        );
        check(&[name("list"), name("9")], None);
        check(&[name("/"), name("nothing")], None);
    }

    #[test]
    fn keys_with_dots_are_found_quoted_and_unquoted() {
        let quoted = Segment::Quoted(Arc::from("/srv/a.b"));
        check(&[quoted, name("pct_used")], Some(Value::Int(20)));
        let parts = [name("/srv/a"), name("b"), name("pct_used")];
        check(&parts, Some(Value::Int(20)));
    }

    #[test]
    fn a_star_gives_every_member_that_has_the_rest() {
        let all = [Value::Int(10), Value::Int(20)];
        check(&[Segment::All, name("pct_used")], Some(Value::list(all)));
        let listed = [Value::Int(1), Value::Int(2)];
        check(
            &[name("list"), Segment::All, name("pct_used")],
            Some(Value::list(listed)),
        );
        check(&[name("/"), name("pct_used"), Segment::All], None);
    }
}
