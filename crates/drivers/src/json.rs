//! Values as JSON and back, at the doors of this room.

use model::Value;
use serde_json::Value as Json;

/// Writes a value as JSON; a number that JSON has not becomes null.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) => Json::from(&**text),
        Value::List(list) => list.iter().map(to_json).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(name, value)| (name.to_string(), to_json(value)))
            .collect(),
    }
}

/// Makes a value of a document. Numbers that do not fit (ids of 64 bits) become texts.
pub(crate) fn from_json(document: Json) -> Value {
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
        Json::Object(map) => {
            Value::map(map.into_iter().map(|(name, item)| (name, from_json(item))))
        }
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
    fn numbers_that_do_not_fit_are_not_bent() {
        let id = serde_json::from_str("18446744073709551615").unwrap();
        assert_eq!(from_json(id), Value::from("18446744073709551615"));
        assert_eq!(to_json(&Value::Float(f64::NAN)), Json::Null);
    }
}
