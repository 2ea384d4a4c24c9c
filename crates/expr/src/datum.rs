//! A value while an expression runs: those of [`model::Value`], and tuples, sets and ordered maps.
//!
//! Facts keep the shape they have in the snapshot and are looked into where they lie: wrapping a
//! map of a thousand entries costs one reference count.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;

use crate::compare;
use crate::repr;
use crate::stop::{Step, fault};

/// A value while an expression runs.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(List),
    Tuple(Arc<[Datum]>),
    /// Ordered by [`compare::canonical`], each once.
    Set(Arc<[Datum]>),
    Map(Map),
}

/// A list, of a fact or made by an expression.
#[derive(Clone, Debug)]
pub(crate) enum List {
    Fact(Arc<[Value]>),
    Made(Arc<[Datum]>),
}

/// A map, of a fact (ordered by name) or made by an expression (ordered as it was written).
#[derive(Clone, Debug)]
pub(crate) enum Map {
    Fact(Arc<BTreeMap<Arc<str>, Value>>),
    Made(Arc<Entries>),
}

/// Keys and values in the order in which they were written.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    list: Vec<(Datum, Datum)>,
    /// Places in the list, in the order of the keys; empty while the list is short.
    by_key: Vec<usize>,
}

impl Datum {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(List::Made(items.into()))
    }

    /// Makes a set; fails when an item can be no member of one.
    pub(crate) fn set(mut items: Vec<Self>) -> Step<Self> {
        for item in &items {
            item.check_key()?;
        }
        items.sort_by(compare::canonical);
        items.dedup_by(|left, right| compare::canonical(left, right) == Ordering::Equal);
        Ok(Self::Set(items.into()))
    }

    /// Makes a map; of equal keys the last value counts, at the place of the first.
    pub(crate) fn map(entries: Vec<(Self, Self)>) -> Step<Self> {
        let mut places: BTreeMap<Key, usize> = BTreeMap::new();
        let mut list: Vec<(Self, Self)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            key.check_key()?;
            match places.get(&Key(key.clone())) {
                Some(&place) => list[place].1 = value,
                None => {
                    places.insert(Key(key.clone()), list.len());
                    list.push((key, value));
                }
            }
        }
        let by_key = if list.len() > Entries::SHORT {
            places.into_values().collect()
        } else {
            Vec::new()
        };
        Ok(Self::Map(Map::Made(Arc::new(Entries { list, by_key }))))
    }

    /// Fails when the value may change its inside, and so be no key (Python's rule).
    pub(crate) fn check_key(&self) -> Step<()> {
        match self {
            Self::List(_) | Self::Set(_) | Self::Map(_) => fault(format!(
                "a {} can be neither a key nor a member of a set",
                self.kind()
            )),
            Self::Tuple(items) => items.iter().try_for_each(Self::check_key),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => Ok(()),
        }
    }

    /// Names the kind of value, in the words of an error message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::Map(_) => "map",
        }
    }

    /// Names the value in an error message: its kind, and itself when that is short.
    pub(crate) fn describe(&self) -> String {
        // Longer values would push the sentence out of sight: a guess, for a line of 100 columns.
        const SHOWN_CHARS_MAX: usize = 40;
        if matches!(self, Self::None) {
            return "None".to_owned();
        }
        let shown = repr::preview(self, SHOWN_CHARS_MAX);
        format!("{} {shown}", self.kind())
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Tells whether the value is true in the sense of `if`.
    #[inline]
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => list.len() > 0,
            Self::Tuple(items) | Self::Set(items) => !items.is_empty(),
            Self::Map(map) => map.len() > 0,
        }
    }

    /// Gives what `for x in …` goes over: items, keys or characters; `None` when it cannot be.
    pub(crate) fn elements(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list.to_vec()),
            Self::Tuple(items) | Self::Set(items) => Some(items.to_vec()),
            Self::Map(map) => Some(map.keys()),
            Self::Text(text) => Some(characters(text)),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) => None,
        }
    }

    /// Gives how many elements there are: an upper bound for texts, exact for the others.
    pub(crate) fn elements_max(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Tuple(items) | Self::Set(items) => items.len(),
            Self::Map(map) => map.len(),
            Self::Text(text) => text.len(),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 0,
        }
    }

    /// Gives the steps that taking the elements out costs: characters become texts of their own.
    pub(crate) fn elements_steps(&self) -> u64 {
        let each = if matches!(self, Self::Text(_)) { 4 } else { 1 };
        each * self.elements_max() as u64
    }

    /// Turns it into a value of the model: tuples and sets become lists, keys become text.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::None => Value::None,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Int(number),
            Self::Float(number) => Value::Float(number),
            Self::Text(text) => Value::Text(text),
            Self::List(List::Fact(items)) => Value::List(items),
            Self::List(List::Made(items)) | Self::Tuple(items) | Self::Set(items) => {
                Value::list(items.iter().cloned().map(Self::into_value))
            }
            Self::Map(Map::Fact(map)) => Value::Map(map),
            Self::Map(Map::Made(entries)) => Value::map(entries.list.iter().map(|(key, value)| {
                let name: Arc<str> = match key {
                    Self::Text(name) => name.clone(),
                    other => repr::str_of(other).into(),
                };
                (name, value.clone().into_value())
            })),
        }
    }
}

impl From<Value> for Datum {
    #[inline]
    fn from(value: Value) -> Self {
        match value {
            Value::None => Self::None,
            Value::Bool(truth) => Self::Bool(truth),
            Value::Int(number) => Self::Int(number),
            Value::Float(number) => Self::Float(number),
            Value::Text(text) => Self::Text(text),
            Value::List(items) => Self::List(List::Fact(items)),
            Value::Map(map) => Self::Map(Map::Fact(map)),
        }
    }
}

impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        value.clone().into()
    }
}

impl List {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Fact(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Datum> {
        match self {
            Self::Fact(items) => items.get(index).map(Datum::from),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<Datum> {
        match self {
            Self::Fact(items) => items.iter().map(Datum::from).collect(),
            Self::Made(items) => items.to_vec(),
        }
    }
}

impl Map {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Fact(map) => map.len(),
            Self::Made(entries) => entries.list.len(),
        }
    }

    pub(crate) fn get(&self, key: &Datum) -> Option<Datum> {
        match self {
            Self::Fact(map) => match key {
                Datum::Text(name) => map.get(&**name).map(Datum::from),
                _ => None,
            },
            Self::Made(entries) => entries.get(key).cloned(),
        }
    }

    pub(crate) fn keys(&self) -> Vec<Datum> {
        match self {
            Self::Fact(map) => map.keys().cloned().map(Datum::Text).collect(),
            Self::Made(entries) => entries.list.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    pub(crate) fn values(&self) -> Vec<Datum> {
        match self {
            Self::Fact(map) => map.values().map(Datum::from).collect(),
            Self::Made(entries) => entries
                .list
                .iter()
                .map(|(_, value)| value.clone())
                .collect(),
        }
    }

    pub(crate) fn entries(&self) -> Vec<(Datum, Datum)> {
        self.keys().into_iter().zip(self.values()).collect()
    }
}

impl Entries {
    /// Up to here, going over the list is faster than any index (a guess).
    const SHORT: usize = 8;

    fn get(&self, key: &Datum) -> Option<&Datum> {
        if self.by_key.is_empty() {
            let mut entries = self.list.iter();
            let found = entries.find(|(known, _)| compare::equal(known, key));
            return found.map(|(_, value)| value);
        }
        let place = self
            .by_key
            .binary_search_by(|place| compare::canonical(&self.list[*place].0, key))
            .ok()?;
        Some(&self.list[self.by_key[place]].1)
    }
}

/// A value that is ordered by [`compare::canonical`], to be a key of our own maps.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) Datum);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        compare::canonical(&self.0, &other.0)
    }
}

/// Splits a text into texts of one character each.
pub(crate) fn characters(text: &str) -> Vec<Datum> {
    let mut buffer = [0; 4];
    text.chars()
        .map(|character| Datum::text(&*character.encode_utf8(&mut buffer)))
        .collect()
}
