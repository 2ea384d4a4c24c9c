//! Named groups of a regular expression, over the whole text or line by line.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;
use model::limits::REGEXP_BYTES_MAX;
use regex::{Captures, Regex, RegexBuilder};

use super::scalar::scalar;
use super::{Error, Room, malformed};

/// A pattern, compiled.
#[derive(Clone, Debug)]
pub(super) struct Regexp {
    pattern: Regex,
    /// Whether each line is tried by itself.
    lines: bool,
    /// The group that names a line; none gives a list of lines.
    key: Option<Arc<str>>,
}

impl Regexp {
    /// Compiles a pattern.
    pub(super) fn new(pattern: &str, lines: bool, key: Option<Arc<str>>) -> Result<Self, Error> {
        let pattern = RegexBuilder::new(pattern)
            .size_limit(REGEXP_BYTES_MAX)
            .build()
            .map_err(|error| Error::BadPattern(error.to_string()))?;
        Ok(Self {
            pattern,
            lines,
            key,
        })
    }

    /// Reads a text. That no line matches is an empty answer; that the text as a whole does not is
    /// an error.
    pub(super) fn parse(&self, text: &str, room: &mut Room) -> Result<Value, Error> {
        if !self.lines {
            let found = self
                .pattern
                .captures(text)
                .ok_or_else(|| malformed("what was expected", "the pattern is not in it", text))?;
            return self.groups(&found, room).map(map);
        }
        let mut list = Vec::new();
        let mut by_name = BTreeMap::new();
        for line in text.lines() {
            let Some(found) = self.pattern.captures(line) else {
                continue;
            };
            room.take()?;
            let groups = self.groups(&found, room)?;
            match &self.key {
                Some(key) => {
                    if let Some(name) = found.name(key) {
                        by_name.insert(Arc::from(name.as_str()), map(groups));
                    }
                }
                None => list.push(map(groups)),
            }
        }
        Ok(if self.key.is_some() {
            map(by_name)
        } else {
            Value::list(list)
        })
    }

    fn groups(
        &self,
        found: &Captures<'_>,
        room: &mut Room,
    ) -> Result<BTreeMap<Arc<str>, Value>, Error> {
        let mut groups = BTreeMap::new();
        for name in self.pattern.capture_names().flatten() {
            if let Some(part) = found.name(name) {
                room.take()?;
                groups.insert(Arc::from(name), scalar(part.as_str()));
            }
        }
        Ok(groups)
    }
}

fn map(entries: BTreeMap<Arc<str>, Value>) -> Value {
    Value::Map(Arc::new(entries))
}
