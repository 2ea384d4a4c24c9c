//! Expressions: the functions there are, and evaluating one.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::route::{Answer, Method, Role, Route};

/// Lists the functions of the expression language.
pub const LIST: Route = Route {
    method: Method::Get,
    path: "/agent/evaluator/list",
    role: Role::Read,
    summary: "Lists the functions of the expression language",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Function>)),
};

/// Evaluates an expression.
pub const EVAL: Route = Route {
    method: Method::Post,
    path: "/agent/evaluator/eval",
    role: Role::Operate,
    summary: "Evaluates an expression on this node",
    query: &[],
    body: Some(|| schema_for!(Evaluate)),
    answer: Answer::Json(|| schema_for!(Evaluated)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[&LIST, &EVAL];

/// A function of the expression language.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The group that it is listed under.
    pub group: String,
    /// What it does.
    pub doc: String,
    /// Its arguments with their defaults; `__NO_DEFAULT__` where there is none.
    pub prototype: Vec<(String, String)>,
    /// Whether it looks at the machine, and so runs in a time box.
    pub touches_machine: bool,
    /// Examples with their results.
    pub examples: Vec<(String, String)>,
}

/// A request to evaluate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The expression.
    pub expr: String,
    /// Whether to tell how the value came about.
    #[serde(default)]
    pub explain: bool,
}

/// What an evaluation gave: exactly one of value, unknown and error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Evaluated {
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<serde_json::Value>,
    /// The value as the expression language writes it (`True`, `[1, 2]`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What is wrong with the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// How the value came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// Keeps a value of `null` apart from no value: `null` is an answer.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Value>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Value>, D::Error> {
        Value::deserialize(from).map(Some)
    }
}

/// One part of an expression with its value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The text of the part.
    pub text: String,
    /// Its value, or why it has none.
    pub outcome: String,
    /// Where the value came from, for a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The parts that it is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_value_is_an_answer_and_survives_the_wire() {
        let evaluated = Evaluated {
            value: Some(serde_json::Value::Null),
            ..Evaluated::default()
        };
        let text = serde_json::to_string(&evaluated).unwrap();
        assert_eq!(text, r#"{"value":null}"#);
        let back: Evaluated = serde_json::from_str(&text).unwrap();
        assert_eq!(back.value, Some(serde_json::Value::Null));
        let none: Evaluated = serde_json::from_str(r#"{"unknown":"x"}"#).unwrap();
        assert_eq!(none.value, None);
    }
}
