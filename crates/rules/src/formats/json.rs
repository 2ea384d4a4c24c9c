//! A JSON document.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::Value;
use model::limits::FORMAT_DEPTH_MAX;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Error, Room, malformed};

/// Reads a document. It is counted while it is read, so a large one is never held as a whole.
pub(super) fn parse(bytes: &[u8], room: &mut Room) -> Result<Value, Error> {
    let mut is_full = false;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let node = Node {
        room,
        is_full: &mut is_full,
        depth: 0,
    };
    let read = node.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    read.map_err(|error| {
        if is_full {
            return Error::TooMany;
        }
        malformed("JSON", error.to_string(), &String::from_utf8_lossy(bytes))
    })
}

/// Reads one node of the tree.
struct Node<'a> {
    room: &'a mut Room,
    is_full: &'a mut bool,
    depth: usize,
}

impl Node<'_> {
    fn below(&mut self) -> Node<'_> {
        Node {
            room: self.room,
            is_full: self.is_full,
            depth: self.depth + 1,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        if self.depth >= FORMAT_DEPTH_MAX {
            return Err(D::Error::custom(format!(
                "it is nested deeper than {FORMAT_DEPTH_MAX}"
            )));
        }
        if self.room.take().is_err() {
            *self.is_full = true;
            return Err(D::Error::custom("it holds too much"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(if number.is_finite() {
            Value::Float(number)
        } else {
            Value::None
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = items.next_element_seed(self.below())? {
            list.push(value);
        }
        Ok(Value::list(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(name) = entries.next_key::<Arc<str>>()? {
            map.insert(name, entries.next_value_seed(self.below())?);
        }
        Ok(Value::Map(Arc::new(map)))
    }
}
