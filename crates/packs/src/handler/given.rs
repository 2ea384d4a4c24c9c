//! The parameters that a handler names, put in where they stand.

use std::sync::Arc;

use expr::{Env, Failure};
use model::Value;

use crate::expression::Setting;
use crate::parameters::Parameters;
use crate::report::Report;
use crate::yaml::{Entry, Kind, Node};

/// Gives the handler with each `{{parameters.name}}` replaced by its value. The options stay as
/// they are: they may hold secrets.
pub(super) fn settle(node: &Node, parameters: &Parameters, report: &mut Report) -> Node {
    let mut settled = node.clone();
    if let Kind::Map(entries) = &mut settled.kind {
        for entry in entries.iter_mut().filter(|entry| &*entry.key != "options") {
            fill_in(&mut entry.value, parameters, report);
        }
    }
    settled
}

fn fill_in(node: &mut Node, parameters: &Parameters, report: &mut Report) {
    match &mut node.kind {
        Kind::List(items) => {
            for item in items {
                fill_in(item, parameters, report);
            }
        }
        Kind::Map(entries) => {
            for Entry { value, .. } in entries {
                fill_in(value, parameters, report);
            }
        }
        Kind::Scalar { text, .. } if text.contains("{{") => {
            let text = Arc::clone(text);
            match lookup(&text, parameters) {
                Ok(value) => node.kind = kind(&value, node),
                Err(problem) => {
                    let hint = "such a key takes a value, or one `{{parameters.name}}`";
                    report.error(&node.place, problem, hint);
                    node.kind = kind(&Value::None, node);
                }
            }
        }
        Kind::Scalar { .. } => {}
    }
}

fn lookup(text: &str, parameters: &Parameters) -> Result<Value, String> {
    let no_parameter = || format!("`{text}` is no parameter of the pack");
    let inside = text
        .trim()
        .strip_prefix("{{")
        .and_then(|it| it.strip_suffix("}}"));
    let path = inside.and_then(|it| it.trim().strip_prefix("parameters."));
    let name = path.ok_or_else(no_parameter)?;
    let Some(parameter) = parameters.get(name) else {
        let known = parameters.iter().map(|(name, _)| &**name);
        return Err(match model::nearest(name, known) {
            Some(near) => format!("the pack has no parameter `{name}`: did you mean `{near}`?"),
            None => format!("the pack has no parameter `{name}`"),
        });
    };
    let declared = parameter.declaration.as_ref();
    match parameter.content.has_secret() || declared.is_some_and(|it| it.secret) {
        true => Err(format!(
            "the parameter `{name}` is a secret, which only `options` may use"
        )),
        false => Ok(parameter.content.shown()),
    }
}

/// An empty text is nothing: that is how a parameter is left open.
fn kind(value: &Value, at: &Node) -> Kind {
    let node = |value: &Value| Node {
        kind: kind(value, at),
        ..at.clone()
    };
    let scalar = |text: Arc<str>, value: Value| Kind::Scalar { text, value };
    match value {
        Value::Text(text) if text.is_empty() => scalar(Arc::from(""), Value::None),
        Value::Text(text) => scalar(Arc::from(&**text), value.clone()),
        Value::None => scalar(Arc::from(""), Value::None),
        Value::Bool(truth) => scalar(Arc::from(truth.to_string()), value.clone()),
        Value::Int(number) => scalar(Arc::from(number.to_string()), value.clone()),
        Value::Float(number) => scalar(Arc::from(number.to_string()), value.clone()),
        Value::List(items) => Kind::List(items.iter().map(node).collect()),
        Value::Map(members) => Kind::Map(
            members
                .iter()
                .map(|(name, value)| Entry {
                    key: Arc::from(&**name),
                    key_place: at.place.clone(),
                    key_span: at.span.clone(),
                    merged: false,
                    value: node(value),
                })
                .collect(),
        ),
    }
}

/// Fills a setting in; a text that is one reference keeps the type of what it names.
pub(super) fn fill(setting: &Setting, env: &dyn Env) -> Result<Value, Failure> {
    match setting {
        Setting::Text(text) => {
            let written = text.text().trim();
            let is_whole = written.starts_with("{{")
                && written
                    .find("}}")
                    .is_some_and(|end| end + 2 == written.len());
            let mut references = text.references();
            match (is_whole, references.next()) {
                (true, Some((reference, _))) if !reference.has_default => {
                    env.reference(reference).map_err(Failure::Unknown)
                }
                (_, _) => text.fill(env).map(Value::text),
            }
        }
        Setting::List(items) => {
            let items: Result<Vec<Value>, Failure> =
                items.iter().map(|item| fill(item, env)).collect();
            items.map(Value::list)
        }
        Setting::Map(members) => {
            let members: Result<Vec<(Arc<str>, Value)>, Failure> = members
                .iter()
                .map(|(name, setting)| Ok((Arc::clone(name), fill(setting, env)?)))
                .collect();
            members.map(Value::map)
        }
        Setting::Plain(value) => Ok(value.clone()),
    }
}
