//! Values as JSON and back: the one rule for what services, people and the disk get.
//!
//! No number is bent. What JSON has no number for (infinity) is written as a text, and what we have
//! no number for (an id of 64 bits) is read as one.

use model::Value;
use serde_json::Value as Json;

/// Writes a value as JSON.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => number.into(),
            None => number.to_string().into(),
        },
        Value::Text(text) => (**text).into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(members) => members
            .iter()
            .map(|(name, value)| (name.to_string(), to_json(value)))
            .collect(),
    }
}

/// Makes a value of a document.
pub fn from_json(document: Json) -> Value {
    match document {
        Json::Null => Value::None,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(float)) if !number.is_u64() => Value::Float(float),
            _ => Value::text(number.to_string()),
        },
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::list(items.into_iter().map(from_json)),
        Json::Object(members) => Value::map(
            members
                .into_iter()
                .map(|(name, member)| (name, from_json(member))),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let text = r#"{"a":[1,-2.5,null,true],"b":{"c":"\u00e9\n"},"max":9223372036854775807,
            "large":1.8446744073709552e19}"#;
        let value = from_json(serde_json::from_str(text).unwrap());
        assert_eq!(to_json(&value), serde_json::from_str::<Json>(text).unwrap());
    }

    #[test]
    fn numbers_that_do_not_fit_are_not_bent() {
        let id = serde_json::from_str("18446744073709551615").unwrap();
        assert_eq!(from_json(id), Value::from("18446744073709551615"));
        assert_eq!(to_json(&Value::Float(f64::INFINITY)), Json::from("inf"));
        assert_eq!(to_json(&Value::Float(f64::NAN)), Json::from("NaN"));
    }
}
