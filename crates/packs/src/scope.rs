//! The world as an object of a pack sees it: parameters, variables and the item at hand before
//! everything that the caller knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Agreed, Env, Failure, Fleet, MachineCall, Reference, Root, Source, Unknown};
use model::{Value, WallTime};

use crate::expression::Variable;
use crate::parameters::Parameters;

/// An [`Env`] that answers for parameters, variables and the item, and passes all else on.
pub struct Scope<'world> {
    world: &'world dyn Env,
    parameters: Arc<Parameters>,
    /// All parameters with their secrets, where they may be used.
    opened: Option<Value>,
    variables: BTreeMap<Arc<str>, Result<Value, Unknown>>,
    item: Option<Value>,
}

impl<'world> Scope<'world> {
    /// Puts the parameters of a pack before the world. Secrets are not told.
    pub fn new(world: &'world dyn Env, parameters: Arc<Parameters>) -> Self {
        Self {
            world,
            parameters,
            opened: None,
            variables: BTreeMap::new(),
            item: None,
        }
    }

    /// Tells the secrets too, given as [`Parameters::open`] resolved them: for the sources of
    /// collectors and for handlers, whose texts go to a server and to nobody else.
    #[must_use]
    pub fn with_secrets(mut self, opened: Value) -> Self {
        self.opened = Some(opened);
        self
    }

    /// Sets what `{{item}}` is.
    #[must_use]
    pub fn with_item(mut self, item: Value) -> Self {
        self.item = Some(item);
        self
    }

    /// Evaluates variables in order; each sees those before it. One that is not known is so for
    /// whoever uses it; one that is wrong ends it all, and its name is given.
    pub fn with_variables(mut self, variables: &[Variable]) -> Result<Self, (Arc<str>, Failure)> {
        for variable in variables {
            let value = match variable.expression.evaluate(&self) {
                Ok(value) => Ok(value),
                Err(Failure::Unknown(unknown)) => Err(unknown),
                Err(failure @ Failure::Error(_)) => {
                    return Err((Arc::clone(&variable.name), failure));
                }
            };
            self.variables.insert(Arc::clone(&variable.name), value);
        }
        Ok(self)
    }

    fn variable(&self, reference: &Reference) -> Result<Value, Unknown> {
        let name = reference.first().unwrap_or_default();
        let Some(value) = self.variables.get(name) else {
            return Err(Unknown::new(format!("there is no variable {name}")));
        };
        let value = value.clone()?;
        if reference.segments.len() == 1 {
            return Ok(value);
        }
        reference.walk(&Value::map([(name, value)]))
    }
}

impl Env for Scope<'_> {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        match reference.root {
            Root::Parameters => match &self.opened {
                Some(opened) => reference.walk(opened),
                None => self.parameters.lookup(reference),
            },
            Root::Variables => self.variable(reference),
            Root::Item => match &self.item {
                Some(item) => reference.walk(item),
                None => self.world.reference(reference),
            },
            Root::Collector | Root::Configuration | Root::Node => self.world.reference(reference),
        }
    }

    fn source(&self, reference: &Reference) -> Option<Source> {
        let from = match reference.root {
            Root::Parameters => "parameters of the pack",
            Root::Variables => "variables",
            Root::Item => "item of for_each",
            Root::Collector | Root::Configuration | Root::Node => {
                return self.world.source(reference);
            }
        };
        Some(Source {
            from: from.to_owned(),
            age: None,
        })
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        self.world.is_in_group(group)
    }

    fn is_in_static_group(&self, group: &str) -> Result<bool, Unknown> {
        self.world.is_in_static_group(group)
    }

    fn zone(&self, node: Option<&str>) -> Result<Arc<str>, Unknown> {
        self.world.zone(node)
    }

    fn count_nodes(&self, group: Option<&str>, state: Option<&str>) -> Result<u64, Unknown> {
        self.world.count_nodes(group, state)
    }

    fn fleet(&self, group: Option<&str>) -> Result<Fleet, Unknown> {
        self.world.fleet(group)
    }

    fn have_event(&self, event_type: &str) -> Result<bool, Unknown> {
        self.world.have_event(event_type)
    }

    fn agreed(&self, what: &Agreed) -> Result<Value, Unknown> {
        self.world.agreed(what)
    }

    fn rule_state(&self, rule: &str) -> Result<Option<Arc<str>>, Unknown> {
        self.world.rule_state(rule)
    }

    fn machine(&self, call: MachineCall) -> Result<Value, Unknown> {
        self.world.machine(call)
    }

    fn now(&self) -> Result<WallTime, Unknown> {
        self.world.now()
    }

    fn random(&self) -> Result<u64, Unknown> {
        self.world.random()
    }
}
