//! Does an expression fail whatever the world is like?

use std::sync::Arc;

use expr::{Env, Failure, Reference, Unknown};
use model::{Diagnostic, Value};

use crate::expression::Expression;
use crate::parameters::Parameters;
use crate::scope::Scope;

/// Evaluates an expression where nothing is known but the parameters. What is not known ends an
/// evaluation as unknown, so one that fails has failed on what the pack itself holds.
pub(super) fn failure(expression: &Expression, parameters: &Arc<Parameters>) -> Option<Diagnostic> {
    match expression.evaluate(&Scope::new(&Unseen, Arc::clone(parameters))) {
        Err(Failure::Error(diagnostic)) => Some(diagnostic),
        Ok(_) | Err(Failure::Unknown(_)) => None,
    }
}

/// A world in which nothing is known.
struct Unseen;

impl Env for Unseen {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        Err(Unknown::new(format!("{reference} is not known here")))
    }
}
