//! What was observed or configured: a tree of plain values, cheap to clone and to share.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A value as JSON and YAML know it. Trees are shared by reference count, never copied.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Present and empty (`null`, `None`). Absence is not a value.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// Values in order.
    List(Arc<[Value]>),
    /// Values by name, ordered by name.
    Map(Arc<BTreeMap<Arc<str>, Value>>),
}

impl Value {
    /// Makes a text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a list.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Makes a map.
    pub fn map<Name: Into<Arc<str>>>(entries: impl IntoIterator<Item = (Name, Self)>) -> Self {
        Self::Map(Arc::new(
            entries
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        ))
    }

    /// Makes a whole number of a count; one beyond the largest is the largest.
    pub fn count(count: impl TryInto<i64>) -> Self {
        Self::Int(count.try_into().unwrap_or(i64::MAX))
    }

    /// Names the kind of value, in the words of an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// Finds a member of a map by name, or of a list by its index written as a number.
    pub fn get(&self, segment: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(segment),
            Self::List(list) => list.get(segment.parse::<usize>().ok()?),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name_and_by_index() {
        let tree = Value::map([(
            "disks",
            Value::list([Value::from("sda"), Value::from("sdb")]),
        )]);
        assert_eq!(
            tree.get("disks").and_then(|disks| disks.get("1")),
            Some(&Value::from("sdb"))
        );
        assert_eq!(tree.get("disks").and_then(|disks| disks.get("2")), None);
        assert_eq!(tree.get("nothing"), None);
    }
}
