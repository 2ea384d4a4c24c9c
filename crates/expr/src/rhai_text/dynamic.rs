//! Values into the engine and out of it.

use model::{Value, limits};
use rhai::{Array, Dynamic, Map};

use crate::datum::Datum;
use crate::stop::{Step, fault};

/// Gives a value to the engine: all of it is copied.
pub(crate) fn from_value(value: &Value) -> Dynamic {
    match value {
        Value::None => Dynamic::UNIT,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.to_string().into(),
        Value::List(items) => items.iter().map(from_value).collect::<Array>().into(),
        Value::Map(map) => map
            .iter()
            .map(|(name, value)| (name.as_ref().into(), from_value(value)))
            .collect::<Map>()
            .into(),
    }
}

/// Gives a value to the engine; tuples and sets become arrays.
pub(super) fn from_datum(datum: Datum) -> Dynamic {
    from_value(&datum.into_value())
}

/// Takes a value from the engine.
pub(crate) fn into_datum(dynamic: Dynamic) -> Step<Datum> {
    into_value(dynamic.flatten(), 0).map(Datum::from)
}

fn into_value(dynamic: Dynamic, depth: usize) -> Step<Value> {
    if depth > limits::RHAI_VALUE_DEPTH_MAX {
        return fault(format!(
            "the value is nested deeper than {} levels",
            limits::RHAI_VALUE_DEPTH_MAX
        ));
    }
    if let Ok(truth) = dynamic.as_bool() {
        return Ok(Value::Bool(truth));
    }
    if let Ok(number) = dynamic.as_int() {
        return Ok(Value::Int(number));
    }
    if let Ok(number) = dynamic.as_float() {
        return Ok(Value::Float(number));
    }
    if let Ok(character) = dynamic.as_char() {
        return Ok(Value::text(character.to_string()));
    }
    if dynamic.is_unit() {
        return Ok(Value::None);
    }
    let kind = dynamic.type_name();
    if dynamic.is_string() {
        return Ok(Value::text(dynamic.into_string().unwrap_or_default()));
    }
    if dynamic.is_array() {
        let items: Step<Vec<Value>> = dynamic
            .cast::<Array>()
            .into_iter()
            .map(|item| into_value(item.flatten(), depth + 1))
            .collect();
        return items.map(Value::list);
    }
    if dynamic.is_map() {
        let entries: Step<Vec<(String, Value)>> = dynamic
            .cast::<Map>()
            .into_iter()
            .map(|(name, value)| Ok((name.to_string(), into_value(value.flatten(), depth + 1)?)))
            .collect();
        return entries.map(Value::map);
    }
    fault(format!("a {kind} is no value of an expression"))
}
