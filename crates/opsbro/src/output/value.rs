//! A value of any shape on one line, for people.

use serde_json::Value;

/// Writes a value as a person would into a file.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(written).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}: {}", written(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_stand_on_one_line() {
        let value = json!({"a": [1, "x", ""], "b": null, "c": {}});
        assert_eq!(written(&value), "{a: [1, x, \"\"], b: null, c: {}}");
    }
}
