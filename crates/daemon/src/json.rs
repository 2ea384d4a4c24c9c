//! Values as JSON, as people and the disk get them, and back.

use model::Value;
use serde_json::Value as Json;

/// Writes a value as JSON. What JSON has no number for is a text.
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

/// Reads a value back. A whole number that is too large for ours becomes the nearest one.
pub(crate) fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or_default()),
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
        let text = r#"{"a":[1,-2.5,null,true],"b":{"c":"\u00e9\n"},"max":9223372036854775807}"#;
        let value = from_json(serde_json::from_str(text).unwrap());
        assert_eq!(to_json(&value), serde_json::from_str::<Json>(text).unwrap());
    }

    #[test]
    fn what_json_has_no_number_for_is_a_text_or_the_nearest() {
        assert_eq!(to_json(&Value::Float(f64::INFINITY)), Json::from("inf"));
        let large = serde_json::from_str("18446744073709551615").unwrap();
        assert_eq!(from_json(large), Value::Float(18_446_744_073_709_551_615.0));
    }
}
