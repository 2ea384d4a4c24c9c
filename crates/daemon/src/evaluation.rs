//! Expressions evaluated with what this node knows.
//!
//! [`World`] is the door of an evaluation to everything outside of it. It reads snapshots, so an
//! evaluation sees one state of the agent, and it runs in the worker pool, because functions that
//! look at the machine may block. Without an agent ([`World::alone`]) only the configuration is
//! known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::rules::checks::Snapshot;
use ::rules::facts::Facts;
use api::evaluator::{Evaluate, Evaluated, Explanation, Function};
use api::{ErrorCode, Problem};
use expr::{
    Agreed, Env, Failure, Fleet, MachineCall, Member, Outcome, Reference, Root, Source, Unknown,
};
use model::{
    CheckState, Diagnostic, Group, GroupSet, MemberState, Moment, NodeId, Place, Value, WallTime,
};
use ring::rand::{SecureRandom, SystemRandom};

use crate::agent::Agent;
use crate::agreement;
use crate::clock;
use crate::cluster::{self, Node};
use crate::configuration::{Bootstrap, Configuration};
use crate::json::to_json;
use crate::machine::Machine;

/// The file that an expression of a user is said to stand in.
const FILE: &str = "(expression)";

/// What this node knows, at one moment.
pub struct World {
    configuration: Arc<Configuration>,
    node: Option<Arc<Node>>,
    /// The cluster as this node knows it.
    members: Option<Arc<gossip::Snapshot>>,
    machine: Option<Arc<Machine>>,
    seen: Option<Seen>,
    checks: Option<Arc<Snapshot>>,
    /// What this node and others agreed on.
    agreed: Option<agreement::View>,
    /// The worst state of each check, once somebody asked for it.
    states: OnceLock<Arc<BTreeMap<Arc<str>, CheckState>>>,
}

/// What the collectors and detectors of a running agent gave, and when it is looked at.
struct Seen {
    facts: Arc<Facts>,
    now: Moment,
    wall: WallTime,
}

impl World {
    /// What a running agent knows.
    pub(crate) fn of(agent: &Agent) -> Self {
        Self {
            configuration: Arc::clone(&agent.configuration.borrow()),
            node: Some(Arc::clone(&agent.node.borrow())),
            members: Some(Arc::clone(&agent.members.borrow())),
            machine: Some(Arc::clone(&agent.machine)),
            seen: Some(Seen {
                facts: Arc::clone(&agent.facts.borrow()),
                now: clock::now(),
                wall: clock::wall(),
            }),
            checks: Some(Arc::clone(&agent.checks.borrow())),
            agreed: Some(agent.agreement.view()),
            states: OnceLock::new(),
        }
    }

    /// What is known without an agent.
    pub fn alone(configuration: Configuration) -> Self {
        Self {
            configuration: Arc::new(configuration),
            node: None,
            members: None,
            machine: Some(Arc::new(Machine::real())),
            seen: None,
            checks: None,
            agreed: None,
            states: OnceLock::new(),
        }
    }

    /// Knows nothing of the machine: files, processes and sockets stay out of reach.
    #[must_use]
    pub(crate) fn without_machine(self) -> Self {
        Self {
            machine: None,
            ..self
        }
    }

    /// Evaluates an expression of a user.
    pub fn evaluate(&self, request: &Evaluate) -> Evaluated {
        let mut evaluated = Evaluated::default();
        let program = match expr::compile(&request.expr, &Place::new(FILE, 1, 1)) {
            Ok(program) => program,
            Err(diagnostics) => {
                evaluated.error = diagnostics.first().map(problem);
                return evaluated;
            }
        };
        let outcome = if request.explain {
            // The explanation holds the answer: what is asked of the machine is asked once.
            let explained = program.explain(self);
            evaluated.explanation = Some(explanation(&explained));
            explained.outcome
        } else {
            match program.answer(self) {
                Ok(answer) => Outcome::Value(answer.value, answer.text),
                Err(Failure::Unknown(unknown)) => Outcome::Unknown(unknown),
                Err(Failure::Error(diagnostic)) => Outcome::Error(diagnostic),
            }
        };
        match outcome {
            Outcome::Value(value, text) => {
                evaluated.value = Some(to_json(&value));
                evaluated.text = Some(text);
            }
            Outcome::Unknown(unknown) => evaluated.unknown = Some(unknown.reason),
            Outcome::Error(diagnostic) => evaluated.error = Some(problem(&diagnostic)),
            // Only parts of an expression can be left out.
            Outcome::NotEvaluated => {}
        }
        evaluated
    }

    fn static_groups(&self) -> &BTreeSet<Group> {
        match &self.node {
            Some(node) => &node.static_groups,
            None => &self.configuration.groups,
        }
    }

    fn node(&self) -> Result<&Node, Unknown> {
        self.node
            .as_deref()
            .ok_or_else(|| Unknown::new("no agent is running"))
    }

    fn cluster(&self) -> Result<(&Node, &gossip::Snapshot), Unknown> {
        let known = self.members.as_deref();
        known
            .map(|known| Ok((self.node()?, known)))
            .unwrap_or_else(|| Err(Unknown::new("no agent is running")))
    }

    /// Gives what `{{node.…}}` names.
    fn node_facts(&self) -> Result<Value, Unknown> {
        let node = self.node()?;
        let groups = |groups: &mut dyn Iterator<Item = &Group>| {
            Value::list(groups.map(|group| Value::from(group.as_str())))
        };
        Ok(Value::map([
            ("uuid", Value::text(node.id.to_string())),
            ("name", Value::from(node.name.as_str())),
            ("display_name", Value::from(node.display_name.as_str())),
            ("zone", Value::from(node.zone.as_str())),
            ("addr", Value::text(node.public_address.to_string())),
            ("local_addr", Value::text(node.local_address.to_string())),
            ("groups", groups(&mut node.groups())),
            ("static_groups", groups(&mut node.static_groups.iter())),
            ("is_proxy", Value::from(node.is_proxy)),
        ]))
    }

    /// Gives what a collector gave.
    fn collected(&self, reference: &Reference) -> Result<Value, Unknown> {
        let Some(Seen { facts, now, wall }) = &self.seen else {
            return Err(Unknown::new("no agent is running, so nothing is collected"));
        };
        facts.look_up(reference, *now, *wall)
    }

    /// Tells which collector gave what a reference names, and how old that is.
    fn collected_by(&self, reference: &Reference) -> Option<Source> {
        let Seen { facts, now, wall } = self.seen.as_ref()?;
        let Some(collector) = facts.collector_of(reference) else {
            let all = reference.first().is_none();
            return all.then(|| Source {
                from: "all collectors".to_owned(),
                age: None,
            });
        };
        let good = collector.good.as_ref()?;
        Some(Source {
            from: format!("collector {}", collector.name),
            age: Some(good.taken.age(*now, *wall)),
        })
    }

    /// Gives what `{{configuration.…}}` names: the keys of `agent.yml` that are no secrets.
    fn configuration_facts(&self) -> Value {
        let configuration = &self.configuration;
        let texts = |texts: &mut dyn Iterator<Item = &String>| {
            Value::list(texts.map(|text| Value::from(text.as_str())))
        };
        let path = |path: &std::path::Path| Value::text(path.display().to_string());
        let bootstrap = match configuration.bootstrap {
            Bootstrap::Patient => Value::from(false),
            Bootstrap::AtOnce => Value::from(true),
            Bootstrap::Together(count) => Value::from(count as i64),
        };
        Value::map([
            (
                "display_name",
                Value::from(configuration.display_name.as_str()),
            ),
            ("port", Value::from(i64::from(configuration.port))),
            ("node-zone", Value::from(configuration.zone.as_str())),
            ("proxy-node", Value::from(configuration.is_proxy)),
            ("bootstrap", bootstrap),
            ("seeds", texts(&mut configuration.seeds.iter())),
            ("log_level", Value::from(configuration.log_level.as_str())),
            ("data", path(&configuration.paths.data)),
            ("libexec", path(&configuration.paths.libexec)),
            ("log", path(&configuration.paths.log)),
        ])
    }
}

impl Env for World {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        match reference.root {
            Root::Node => look_up(reference, &self.node_facts()?),
            Root::Configuration => look_up(reference, &self.configuration_facts()),
            Root::Collector => self.collected(reference),
            Root::Parameters => Err(Unknown::new(
                "parameters belong to a pack, and this expression to none: \
                 look at them with `opsbro packs parameters get`",
            )),
            Root::Variables => Err(Unknown::new("variables belong to a check or rule")),
            Root::Item => Err(Unknown::new("an item is known only inside `for_each`")),
        }
    }

    fn source(&self, reference: &Reference) -> Option<Source> {
        let from = match reference.root {
            Root::Node => "this node",
            Root::Configuration => "agent.yml",
            Root::Collector => return self.collected_by(reference),
            Root::Parameters | Root::Variables | Root::Item => return None,
        };
        Some(Source {
            from: from.to_owned(),
            age: None,
        })
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        let is_static = self
            .static_groups()
            .iter()
            .any(|known| known.as_str() == group);
        match &self.node {
            Some(node) => Ok(self
                .seen
                .as_ref()
                .is_some_and(|seen| seen.facts.is_in_group(group))
                || node.groups().any(|known| known.as_str() == group)),
            None if is_static => Ok(true),
            None => Err(Unknown::new(
                "no agent is running, so the detected groups are not known",
            )),
        }
    }

    fn is_in_static_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(self
            .static_groups()
            .iter()
            .any(|known| known.as_str() == group))
    }

    fn zone(&self, node: Option<&str>) -> Result<Arc<str>, Unknown> {
        let Some(wanted) = node else {
            let own = self.node.as_ref().map(|node| node.zone.as_str());
            return Ok(Arc::from(own.unwrap_or(&self.configuration.zone)));
        };
        let known = self.members.as_deref();
        let found = known.and_then(|known| {
            let id = NodeId::parse(wanted).ok()?;
            Some(known.member(id)?.record.body.zone.as_str())
        });
        Ok(Arc::from(found.unwrap_or_default()))
    }

    fn count_nodes(&self, group: Option<&str>, state: Option<&str>) -> Result<u64, Unknown> {
        let (node, known) = self.cluster()?;
        let own = |group: &str| node.groups().any(|known| known.as_str() == group);
        let counts = |member: &&gossip::Member| {
            let is_this = member.record.id == node.id;
            let has_group = group.is_none_or(|group| match is_this {
                true => own(group),
                false => member.record.groups().iter().any(|it| it.as_str() == group),
            });
            has_group && state.is_none_or(|it| it.eq_ignore_ascii_case(member.state.as_str()))
        };
        Ok(known.members.iter().filter(counts).count() as u64)
    }

    fn have_event(&self, event_type: &str) -> Result<bool, Unknown> {
        let (_, known) = self.cluster()?;
        Ok(known.events.iter().any(|event| event.kind == event_type))
    }

    fn fleet(&self, group: Option<&str>) -> Result<Fleet, Unknown> {
        let (node, known) = self.cluster()?;
        let Some(checks) = &self.checks else {
            return Err(Unknown::new("no agent is running"));
        };
        let wanted = match group.map(GroupSet::parse) {
            None => GroupSet::all(),
            Some(Ok(groups)) => groups,
            Some(Err(error)) => return Err(Unknown::new(error.to_string())),
        };
        let groups: BTreeSet<Group> = node.groups().cloned().collect();
        // This one is always known, and best by itself.
        let this = wanted.matches(&groups).then(|| Member {
            name: Arc::from(node.name.as_str()),
            id: Arc::from(node.id.to_string()),
            zone: Arc::from(node.zone.as_str()),
            age: Some(Duration::ZERO),
            checks: Arc::clone(self.states.get_or_init(|| {
                let all = checks.checks.iter();
                let states = all.map(|it| (Arc::clone(&it.check.id), it.worst()));
                Arc::new(states.collect())
            })),
        });
        let now = self.seen.as_ref().map_or_else(clock::now, |seen| seen.now);
        let others = known.members.iter().filter(|member| {
            let groups = || member.record.groups().into_iter().cloned().collect();
            let is_other = member.record.id != node.id && member.state != MemberState::Leave;
            is_other && wanted.matches(&groups())
        });
        let mut members: Vec<Member> = this
            .into_iter()
            .chain(others.map(|member| fleet_member(member, now)))
            .collect();
        members.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(Fleet { members })
    }

    fn agreed(&self, what: &Agreed) -> Result<Value, Unknown> {
        let (Some(agreed), Some(node)) = (&self.agreed, &self.node) else {
            return Err(Unknown::new("no agent is running"));
        };
        agreed.answer(what, node.id)
    }

    fn machine(&self, call: MachineCall) -> Result<Value, Unknown> {
        match &self.machine {
            Some(machine) => machine.answer(call),
            None => Err(Unknown::new(format!(
                "{} looks at the machine, which needs the role {}",
                call.name(),
                api::Role::Admin
            ))),
        }
    }

    fn now(&self) -> Result<WallTime, Unknown> {
        Ok(clock::wall())
    }

    fn random(&self) -> Result<u64, Unknown> {
        let mut bytes = [0; 8];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| Unknown::new("the system gives no random bytes"))?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// Gives another node as expressions see it. Of one that does not live nothing is known.
fn fleet_member(member: &gossip::Member, now: Moment) -> Member {
    let lives = matches!(member.state, MemberState::Alive | MemberState::Suspect);
    let body = &member.record.body;
    Member {
        name: Arc::from(body.name.as_str()),
        id: Arc::from(member.record.id.to_string()),
        zone: Arc::from(body.zone.as_str()),
        age: lives.then(|| now.since(member.heard)),
        checks: Arc::new(cluster::states(&member.record)),
    }
}

/// Finds what a reference names; a wrong name is told with the nearest known one.
fn look_up(reference: &Reference, facts: &Value) -> Result<Value, Unknown> {
    let (Value::Map(known), Some(name)) = (facts, reference.first()) else {
        return reference.walk(facts);
    };
    if known.contains_key(name) {
        return reference.walk(facts);
    }
    let root = reference.root.as_str();
    Err(Unknown::new(
        match model::nearest(name, known.keys().map(|known| &**known)) {
            Some(near) => format!("there is no {root}.{name}: did you mean {root}.{near}?"),
            None => format!("there is no {root}.{name}"),
        },
    ))
}

/// Gives what is wrong with an expression, for the API.
fn problem(diagnostic: &Diagnostic) -> Problem {
    Problem {
        code: ErrorCode::Invalid,
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
        line: Some(diagnostic.place.line),
        column: Some(diagnostic.place.column),
    }
}

/// Writes an explanation for the API.
pub(crate) fn explanation(of: &expr::Explanation) -> Explanation {
    let outcome = match &of.outcome {
        Outcome::Value(_, text) => text.clone(),
        Outcome::Unknown(unknown) => format!("unknown: {unknown}"),
        Outcome::Error(diagnostic) => format!("error: {}", diagnostic.message),
        Outcome::NotEvaluated => "not evaluated".to_owned(),
    };
    Explanation {
        text: of.text.clone(),
        outcome,
        source: of.source.as_ref().map(ToString::to_string),
        parts: of.parts.iter().map(explanation).collect(),
    }
}

/// Describes the functions of the language, for the API.
pub fn functions() -> Vec<Function> {
    let default = |argument: &expr::Argument| match &argument.default {
        Some(default) => default.to_string(),
        None => "__NO_DEFAULT__".to_owned(),
    };
    let described = expr::functions().iter().map(|function| Function {
        name: function.name.to_owned(),
        group: function.group.to_owned(),
        doc: function.doc.to_owned(),
        prototype: function
            .arguments
            .iter()
            .map(|argument| (argument.name.to_owned(), default(argument)))
            .collect(),
        touches_machine: function.touches_machine(),
        examples: function
            .examples
            .iter()
            .map(|(expression, result)| ((*expression).to_owned(), (*result).to_owned()))
            .collect(),
    });
    described.collect()
}
