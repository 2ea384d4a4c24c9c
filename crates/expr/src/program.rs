//! A compiled expression.

use std::sync::Arc;

use model::{Diagnostic, Value};

use crate::{Env, Explanation, Failure, Function, Origin, Outcome, Reference, Unknown};

/// A compiled expression: checked, shared by reference count, evaluated as often as needed.
#[derive(Clone, Debug)]
pub struct Program {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: Box<str>,
    references: Box<[Reference]>,
}

/// A value, and the same as the language writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value as JSON and YAML know it: tuples and sets are lists.
    pub value: Value,
    /// The value as Python's `print` shows it: `True`, `[1, 2]`, `('a', 1)`.
    pub text: String,
}

/// Compiles an expression. All that is wrong with it is told at once.
pub fn compile(text: &str, origin: impl Into<Origin>) -> Result<Program, Vec<Diagnostic>> {
    let _origin = origin.into();
    Ok(Program {
        inner: Arc::new(Inner {
            text: text.into(),
            references: Box::new([]),
        }),
    })
}

impl Program {
    /// Evaluates it.
    pub fn evaluate(&self, _env: &dyn Env) -> Result<Value, Failure> {
        Err(Unknown::new("nothing is evaluated yet").into())
    }

    /// Evaluates it, and gives the text of the value too.
    pub fn answer(&self, env: &dyn Env) -> Result<Answer, Failure> {
        self.evaluate(env).map(|value| Answer {
            value,
            text: String::new(),
        })
    }

    /// Tells whether it holds: whether its value is true in the sense of `if`.
    pub fn holds(&self, env: &dyn Env) -> Result<bool, Failure> {
        self.evaluate(env).map(|value| value == Value::Bool(true))
    }

    /// Evaluates it and tells the value of every part.
    pub fn explain(&self, _env: &dyn Env) -> Explanation {
        Explanation {
            text: self.text().to_owned(),
            outcome: Outcome::NotEvaluated,
            source: None,
            parts: Vec::new(),
        }
    }

    /// Gives every `{{reference}}`, in the order they are written.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// Gives the functions that it may call, each once.
    pub fn calls(&self) -> impl Iterator<Item = &'static Function> {
        std::iter::empty()
    }

    /// Gives what works and is probably not meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &[]
    }

    /// Gives the text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.inner.text
    }
}
