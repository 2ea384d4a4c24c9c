//! The world of a case: what is given, and nothing else.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use expr::{Agreed, Env, Failure, MachineCall, Reference, Root, Unknown};
use model::{Diagnostic, Group, Place, Value, WallTime};

use super::text::Fact;
use crate::parameters::Parameters;
use crate::scope::Scope;

/// What is given.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) groups: BTreeSet<String>,
    static_groups: BTreeSet<String>,
    /// The trees of collectors, node and configuration, by their root.
    trees: BTreeMap<Root, Value>,
    answers: BTreeMap<Question, Value>,
    /// Collectors that fail, and why.
    failures: BTreeMap<String, String>,
    pub(super) raw: BTreeMap<String, Value>,
    pub(super) previous: BTreeMap<String, Value>,
    pub(super) elapsed: Duration,
    pub(super) parameters: Arc<Parameters>,
}

/// Something that an expression asks of the world besides references.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Machine(MachineCall),
    StaticGroup(String),
    Zone(Option<String>),
    Nodes(Option<String>, Option<String>),
    Event(String),
    Rule(String),
    Agreed(Agreed),
    Now,
    Random,
}

impl Facts {
    /// Takes the facts of a case; what cannot be used is told.
    pub(super) fn new(
        facts: &[(Place, Fact)],
        parameters: &Arc<Parameters>,
    ) -> (Self, Vec<Diagnostic>) {
        let mut given = Self {
            elapsed: Duration::from_secs(10),
            parameters: Arc::clone(parameters),
            ..Self::default()
        };
        let mut problems = Vec::new();
        for (_, fact) in facts {
            match fact {
                Fact::Reference(path, value) => given.set(path, value),
                Fact::Groups(names) => given.groups.extend(names.iter().cloned()),
                Fact::StaticGroups(names) => {
                    given.groups.extend(names.iter().cloned());
                    given.static_groups.extend(names.iter().cloned());
                }
                Fact::Failure(name, why) => {
                    given.failures.insert(name.clone(), why.clone());
                }
                Fact::Raw(name, value) => {
                    given.raw.insert(name.clone(), value.clone());
                }
                Fact::Previous(name, value) => {
                    given.previous.insert(name.clone(), value.clone());
                }
                Fact::Elapsed(elapsed) => given.elapsed = *elapsed,
                Fact::Call(..) => {}
            }
        }
        // Calls may have parameters and collected values among their arguments.
        for (place, fact) in facts {
            if let Fact::Call(text, value) = fact
                && let Err(problem) = given.answer(text, value, place)
            {
                problems.push(problem);
            }
        }
        (given, problems)
    }

    /// Gives the groups of the node; those that are no names of groups are left out.
    pub(super) fn groups(&self) -> Vec<Group> {
        let groups = self
            .groups
            .iter()
            .filter_map(|name| Group::parse(name).ok());
        groups.collect()
    }

    /// Gives a text that is known of the node; empty when it is not given.
    pub(super) fn node(&self, key: &str) -> Arc<str> {
        let node = self.trees.get(&Root::Node);
        match node {
            Some(Value::Map(members)) => match members.get(key) {
                Some(Value::Text(text)) => Arc::from(&**text),
                Some(_) | None => Arc::from(""),
            },
            Some(_) | None => Arc::from(""),
        }
    }

    fn set(&mut self, path: &[String], value: &Value) {
        match Root::parse(&path[0]) {
            Some(Root::Parameters) => {
                self.parameters = Arc::new(self.parameters.with(&path[1..], value.clone()));
            }
            Some(root) => {
                let tree = self.trees.remove(&root).unwrap_or(Value::None);
                self.trees.insert(root, planted(&tree, &path[1..], value));
            }
            None => {}
        }
    }

    /// Finds what a call asks by making it, and keeps the answer.
    fn answer(&mut self, text: &str, value: &Value, place: &Place) -> Result<(), Diagnostic> {
        let refuse = |message: String| Diagnostic::error(place.clone(), message);
        let program = expr::compile(text, place).map_err(|problems| {
            let first = problems.into_iter().next();
            refuse(first.map_or_else(String::new, |problem| problem.message))
        })?;
        let recorder = Recorder {
            facts: self,
            asked: RefCell::new(None),
        };
        let outcome = program.evaluate(&Scope::new(&recorder, Arc::clone(&self.parameters)));
        let asked = recorder.asked.into_inner();
        match (asked, outcome) {
            (Some(question), _) => {
                let answer = fitted(&question, value);
                self.answers.insert(question, answer);
                Ok(())
            }
            (None, Err(Failure::Error(diagnostic))) => Err(refuse(diagnostic.message)),
            (None, Err(Failure::Unknown(unknown))) => Err(refuse(unknown.reason)),
            (None, Ok(_)) => Err(refuse(format!(
                "`{text}` asks nothing of the machine, so nothing can be given for it"
            ))),
        }
    }

    fn answered(&self, question: &Question, name: &str) -> Result<Value, Unknown> {
        self.answers
            .get(question)
            .cloned()
            .ok_or_else(|| Unknown::new(format!("the case does not say what {name} gives")))
    }
}

/// Puts a value at a path of a tree, making maps on the way.
fn planted(tree: &Value, path: &[String], value: &Value) -> Value {
    let Some((first, rest)) = path.split_first() else {
        return value.clone();
    };
    let mut entries: BTreeMap<Arc<str>, Value> = match tree {
        Value::Map(map) => BTreeMap::clone(map),
        Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_) => BTreeMap::new(),
    };
    let below = entries.remove(first.as_str()).unwrap_or(Value::None);
    entries.insert(Arc::from(first.as_str()), planted(&below, rest, value));
    Value::Map(Arc::new(entries))
}

/// People give what a function returns; the machine answers with what it is made from.
fn fitted(question: &Question, value: &Value) -> Value {
    let Question::Machine(call) = question else {
        return value.clone();
    };
    match (call, value) {
        (MachineCall::CountLines { .. }, Value::Bool(found)) => Value::Int(i64::from(*found)),
        (MachineCall::ReadFile { .. }, Value::Map(_) | Value::List(_)) => Value::text(json(value)),
        (MachineCall::FindUser { .. } | MachineCall::FindUserGroup { .. }, Value::Bool(false)) => {
            Value::None
        }
        (MachineCall::FindUser { .. } | MachineCall::FindUserGroup { .. }, Value::Bool(true)) => {
            Value::map([
                ("name", Value::from("name")),
                ("uid", Value::Int(1000)),
                ("gid", Value::Int(1000)),
            ])
        }
        (_, value) => value.clone(),
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::None => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => json_text(text),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}:{}", json_text(name), json(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn json_text(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if c.is_control() => written.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

impl Env for Facts {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        let failure = match (reference.root, reference.first()) {
            (Root::Collector, Some(name)) => self.failures.get_key_value(name),
            _ => None,
        };
        if let Some((name, why)) = failure {
            let reason = format!("{reference} is missing ({name}: ERROR, {why})");
            return Err(Unknown::failed(reason));
        }
        match self.trees.get(&reference.root) {
            Some(tree) => reference.walk(tree),
            None => Err(Unknown::new(format!("{reference} is missing"))),
        }
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(self.groups.contains(group))
    }

    fn is_in_static_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(self.static_groups.contains(group))
    }

    fn zone(&self, node: Option<&str>) -> Result<Arc<str>, Unknown> {
        let question = Question::Zone(node.map(str::to_owned));
        as_text(self.answered(&question, "gossip_get_zone")?)
    }

    fn count_nodes(&self, group: Option<&str>, state: Option<&str>) -> Result<u64, Unknown> {
        let question = Question::Nodes(group.map(str::to_owned), state.map(str::to_owned));
        match self.answered(&question, "gossip_count_nodes")? {
            Value::Int(count) => Ok(u64::try_from(count).unwrap_or(0)),
            other => Err(Unknown::new(format!(
                "one {} is given, not a count",
                other.kind()
            ))),
        }
    }

    fn have_event(&self, event_type: &str) -> Result<bool, Unknown> {
        let question = Question::Event(event_type.to_owned());
        Ok(self.answered(&question, "gossip_have_event_type")? == Value::Bool(true))
    }

    fn rule_state(&self, rule: &str) -> Result<Option<Arc<str>>, Unknown> {
        let question = Question::Rule(rule.to_owned());
        as_text(self.answered(&question, "compliance_get_state_of_rule")?).map(Some)
    }

    fn agreed(&self, what: &Agreed) -> Result<Value, Unknown> {
        self.answered(&Question::Agreed(what.clone()), what.name())
    }

    fn machine(&self, call: MachineCall) -> Result<Value, Unknown> {
        let name = call.name();
        self.answered(&Question::Machine(call), name)
    }

    fn now(&self) -> Result<WallTime, Unknown> {
        match self.answered(&Question::Now, "now")? {
            Value::Int(seconds) => Ok(WallTime::from_millis(
                u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000),
            )),
            other => Err(Unknown::new(format!(
                "one {} is given, not seconds",
                other.kind()
            ))),
        }
    }

    fn random(&self) -> Result<u64, Unknown> {
        Err(Unknown::new("a case has no randomness"))
    }
}

fn as_text(value: Value) -> Result<Arc<str>, Unknown> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(Unknown::new(format!(
            "one {} is given, not a text",
            other.kind()
        ))),
    }
}

/// Notes the first question that a call asks.
struct Recorder<'facts> {
    facts: &'facts Facts,
    asked: RefCell<Option<Question>>,
}

impl Recorder<'_> {
    fn note<T>(&self, question: Question) -> Result<T, Unknown> {
        self.asked.borrow_mut().get_or_insert(question);
        Err(Unknown::new("noted"))
    }
}

impl Env for Recorder<'_> {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        self.facts.reference(reference)
    }

    fn is_in_static_group(&self, group: &str) -> Result<bool, Unknown> {
        self.note(Question::StaticGroup(group.to_owned()))
    }

    fn zone(&self, node: Option<&str>) -> Result<Arc<str>, Unknown> {
        self.note(Question::Zone(node.map(str::to_owned)))
    }

    fn count_nodes(&self, group: Option<&str>, state: Option<&str>) -> Result<u64, Unknown> {
        self.note(Question::Nodes(
            group.map(str::to_owned),
            state.map(str::to_owned),
        ))
    }

    fn have_event(&self, event_type: &str) -> Result<bool, Unknown> {
        self.note(Question::Event(event_type.to_owned()))
    }

    fn rule_state(&self, rule: &str) -> Result<Option<Arc<str>>, Unknown> {
        self.note(Question::Rule(rule.to_owned()))
    }

    fn agreed(&self, what: &Agreed) -> Result<Value, Unknown> {
        self.note(Question::Agreed(what.clone()))
    }

    fn machine(&self, call: MachineCall) -> Result<Value, Unknown> {
        self.note(Question::Machine(call))
    }

    fn now(&self) -> Result<WallTime, Unknown> {
        self.note(Question::Now)
    }

    fn random(&self) -> Result<u64, Unknown> {
        self.note(Question::Random)
    }
}
