//! How much a collector may give: whatever a server or a script answers, the snapshot stays small.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Value, limits};

use super::Trouble;

/// Checks what a run gave. Numbers that are none (NaN, infinite) are left out, as what is not known
/// is missing; in a list they are none. What is too large or too deep is refused as a whole: half
/// of it would look like all.
pub fn bounded(value: Value) -> Result<Value, Trouble> {
    if !matches!(value, Value::Map(_)) {
        return Err(Trouble::failed(format!(
            "it gave one {} instead of names with values",
            value.kind()
        )));
    }
    let mut size = Size::default();
    size.add(&value, 0)?;
    if size.has_odd_numbers {
        return Ok(without_odd(&value));
    }
    Ok(value)
}

#[derive(Default)]
struct Size {
    leaves: usize,
    bytes: usize,
    has_odd_numbers: bool,
}

impl Size {
    fn add(&mut self, value: &Value, depth: usize) -> Result<(), Trouble> {
        if depth > limits::COLLECTOR_DEPTH_MAX {
            return Err(Trouble::failed(format!(
                "its data is nested deeper than {} levels",
                limits::COLLECTOR_DEPTH_MAX
            )));
        }
        self.leaves += 1;
        match value {
            Value::None | Value::Bool(_) | Value::Int(_) => {}
            Value::Float(number) => self.has_odd_numbers |= !number.is_finite(),
            Value::Text(text) => self.bytes += text.len(),
            Value::List(items) => {
                self.fits(items.len())?;
                for item in items.iter() {
                    self.add(item, depth + 1)?;
                }
            }
            Value::Map(members) => {
                self.fits(members.len())?;
                for (name, member) in members.iter() {
                    self.bytes += name.len();
                    self.add(member, depth + 1)?;
                }
            }
        }
        self.fits(0)
    }

    /// Tells whether that many more would fit, so that a huge list is not walked to its end.
    fn fits(&self, more: usize) -> Result<(), Trouble> {
        if self.leaves + more > limits::COLLECTOR_VALUES_MAX {
            return Err(Trouble::failed(format!(
                "it gave more than {} values",
                limits::COLLECTOR_VALUES_MAX
            )));
        }
        if self.bytes > limits::COLLECTOR_TEXT_BYTES_MAX {
            return Err(Trouble::failed(format!(
                "its names and texts are longer than {} bytes",
                limits::COLLECTOR_TEXT_BYTES_MAX
            )));
        }
        Ok(())
    }
}

fn is_odd(value: &Value) -> bool {
    matches!(value, Value::Float(number) if !number.is_finite())
}

fn without_odd(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::list(items.iter().map(without_odd)),
        Value::Map(members) => {
            let kept: BTreeMap<Arc<str>, Value> = members
                .iter()
                .filter(|(_, member)| !is_odd(member))
                .map(|(name, member)| (Arc::clone(name), without_odd(member)))
                .collect();
            Value::Map(Arc::new(kept))
        }
        odd if is_odd(odd) => Value::None,
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(value: Value, expect: &str) {
        let trouble = bounded(value).unwrap_err();
        assert!(trouble.reason.contains(expect), "{}", trouble.reason);
    }

    #[test]
    fn data_in_bounds_stays_as_it_is() {
        let value = Value::map([
            ("load1", Value::Float(0.5)),
            ("disks", Value::list([Value::from("sda"), Value::None])),
        ]);
        assert_eq!(bounded(value.clone()), Ok(value));
    }

    #[test]
    fn what_is_no_number_is_missing() {
        let value = Value::map([
            ("nan", Value::Float(f64::NAN)),
            ("infinite", Value::Float(f64::INFINITY)),
            ("list", Value::list([Value::Float(f64::NAN), Value::Int(1)])),
            ("good", Value::Float(1.5)),
        ]);
        let kept = Value::map([
            ("list", Value::list([Value::None, Value::Int(1)])),
            ("good", Value::Float(1.5)),
        ]);
        assert_eq!(bounded(value), Ok(kept));
    }

    #[test]
    fn a_million_keys_are_refused() {
        let keys = (0..1_000_000).map(|number| (format!("key{number}"), Value::Int(number)));
        refused(Value::map(keys), "more than 20000 values");
        let many = (0..100).map(|row| {
            let cells = (0..1_000).map(Value::Int);
            (row.to_string(), Value::list(cells))
        });
        refused(Value::map(many), "more than 20000 values");
    }

    #[test]
    fn a_huge_text_is_refused() {
        let text = "x".repeat(100 << 20);
        refused(Value::map([("raw", Value::text(text))]), "names and texts");
        let name = "x".repeat(5 << 20);
        refused(Value::map([(name, Value::Int(1))]), "names and texts");
    }

    #[test]
    fn data_that_is_nested_too_deep_is_refused() {
        let mut value = Value::Int(1);
        for _ in 0..1_000 {
            value = Value::map([("a", value)]);
        }
        refused(value, "nested deeper than");
    }

    #[test]
    fn a_single_value_is_refused() {
        refused(Value::from("text"), "one text instead of names");
    }
}
