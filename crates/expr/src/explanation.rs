//! How a value came about: every part of an expression with its own value.

use model::{Diagnostic, Value};

use crate::{Source, Unknown};

/// One part of an expression and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The part, as it is written.
    pub text: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Where its value came from, for a reference.
    pub source: Option<Source>,
    /// The parts that it is made of, in the order they are written.
    pub parts: Vec<Self>,
}

/// What a part of an expression came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A value, and the same as the language writes it.
    Value(Value, String),
    /// Not known, and why.
    Unknown(Unknown),
    /// It failed; parts that contain it carry the same error.
    Error(Diagnostic),
    /// Nothing asked for it: the left of an `and` or `or` decided, or a condition chose the other.
    NotEvaluated,
}
