//! Lines with a name and a value: `used_memory:1024`, `Total Accesses: 30`.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;

use super::scalar::scalar;
use super::{Error, Room, malformed};

/// Reads lines; those without the separator are headings or prose, and are passed over. A name
/// that comes twice keeps its last value.
pub(super) fn parse(text: &str, separator: &str, room: &mut Room) -> Result<Value, Error> {
    let mut map = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim();
        let pair = if separator.trim().is_empty() {
            // Columns are often filled up with more than one space.
            line.split_once(char::is_whitespace)
        } else {
            line.split_once(separator)
        };
        let Some((name, value)) = pair else { continue };
        let name = name.trim();
        if name.is_empty() {
            continue;
        }
        room.take()?;
        map.insert(Arc::from(name), scalar(value));
    }
    if map.is_empty() {
        let problem = format!("no line has a name, {separator:?} and a value");
        return Err(malformed("names with values", problem, text));
    }
    Ok(Value::Map(Arc::new(map)))
}
