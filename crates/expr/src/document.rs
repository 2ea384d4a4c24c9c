//! Reading JSON and YAML texts into values, held to sizes that cannot hurt.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Value, limits};
use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::budget::Budget;
use crate::convert;
use crate::datum::Datum;
use crate::stop::{Step, Stop, fault};

/// Reads a text of JSON.
pub(crate) fn json(text: &str, budget: &mut Budget) -> Step<Datum> {
    budget.spend(text.len() as u64 / 4)?;
    let tree: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Stop::fault(format!("the text is no JSON: {error}")))?;
    Ok(from_json(tree, budget)?.into())
}

fn from_json(tree: serde_json::Value, budget: &mut Budget) -> Step<Value> {
    // A node costs about four steps (measured).
    budget.spend(4)?;
    Ok(match tree {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => {
            let values: Step<Vec<Value>> = items
                .into_iter()
                .map(|item| from_json(item, budget))
                .collect();
            Value::list(values?)
        }
        serde_json::Value::Object(entries) => {
            let values: Step<Vec<(String, Value)>> = entries
                .into_iter()
                .map(|(name, value)| Ok((name, from_json(value, budget)?)))
                .collect();
            Value::map(values?)
        }
    })
}

/// Reads a text of YAML: its first document.
pub(crate) fn yaml(text: &str, budget: &mut Budget) -> Step<Datum> {
    budget.spend(text.len() as u64 / 4)?;
    let mut reader = YamlReader {
        events: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        budget,
    };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Datum::None),
            event => return reader.node(event, 0).map(Datum::from),
        }
    }
}

struct YamlReader<'a, 'b> {
    budget: &'b mut Budget,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, (Value, usize)>,
    /// Nodes read so far, those behind aliases counted each time.
    nodes: usize,
}

impl<'a> YamlReader<'a, '_> {
    fn next(&mut self) -> Step<Event<'a>> {
        match self.events.next() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => fault(format!("the text is no YAML: {error}")),
            None => Ok(Event::StreamEnd),
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Step<Value> {
        if depth > limits::YAML_DEPTH_MAX {
            return fault("the YAML is nested too deep");
        }
        let before = self.nodes;
        // A node costs about thirty steps (measured); behind an alias it is only shared.
        self.budget.spend(30)?;
        self.count(1)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => {
                let Some((value, nodes)) = self.anchors.get(&anchor).cloned() else {
                    return fault("the YAML names an anchor that it does not set");
                };
                self.count(nodes)?;
                return Ok(value);
            }
            _ => return fault("the YAML ends too early"),
        };
        if anchor != 0 {
            self.anchors
                .insert(anchor, (value.clone(), self.nodes - before));
        }
        Ok(value)
    }

    fn count(&mut self, nodes: usize) -> Step<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > limits::YAML_NODES_MAX {
            return fault(format!(
                "the YAML has more than {} nodes, those behind anchors counted",
                limits::YAML_NODES_MAX
            ));
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Step<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::list(items)),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Step<Value> {
        let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(Value::Map(Arc::new(entries))),
                event => self.node(event, depth + 1)?,
            };
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            let name = match key {
                Value::Text(name) => name,
                other => crate::repr::str_of(&other.into()).into(),
            };
            entries.insert(name, value);
        }
    }
}

/// Reads a scalar by the core schema of YAML 1.2.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::text(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::None,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let starts_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    if !starts_number || text.contains('_') {
        return Value::text(text);
    }
    if let Some(whole) = convert::integer_of(text, 10) {
        return Value::Int(whole);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Float(number),
        Ok(_) | Err(_) => Value::text(text),
    }
}
