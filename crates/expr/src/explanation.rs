//! How a value came about: every part of an expression with its own value.

use std::collections::BTreeMap;

use model::{Diagnostic, Value};

use crate::datum::Datum;
use crate::origin::Span;
use crate::program::{answer, failure};
use crate::repr::repr_of;
use crate::stop::Step;
use crate::tree::{Kind, Node};
use crate::{Answer, Env, Failure, Origin, Reference, Source, Unknown};

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

impl From<Result<Answer, Failure>> for Outcome {
    fn from(result: Result<Answer, Failure>) -> Self {
        match result {
            Ok(answer) => Self::Value(answer.value, answer.text),
            Err(Failure::Unknown(unknown)) => Self::Unknown(unknown),
            Err(Failure::Error(diagnostic)) => Self::Error(diagnostic),
        }
    }
}

/// What every part came to in one evaluation: a part of a comprehension, the last time.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// By the address of the part, which lives as long as its program.
    results: BTreeMap<usize, Step<Datum>>,
}

impl Notes {
    pub(crate) fn add(&mut self, node: &Node, result: &Step<Datum>) {
        self.results.insert(address(node), result.clone());
    }
}

fn address(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

/// What an explanation is made from.
pub(crate) struct Explainer<'a> {
    pub(crate) text: &'a str,
    pub(crate) origin: &'a Origin,
    pub(crate) references: &'a [Reference],
    pub(crate) env: &'a dyn Env,
    pub(crate) notes: Notes,
}

impl Explainer<'_> {
    fn explains_itself(&self, part: &Node) -> bool {
        let Kind::Constant(constant) = &part.kind else {
            return false;
        };
        let text = part.span.of(self.text);
        text.starts_with(['\'', '"']) || text == repr_of(constant)
    }

    /// Explains a part and all that it is made of. A constant that is written as one explains
    /// itself; one that was computed at load (`2 * 3`) is told.
    pub(crate) fn explain(&self, node: &Node) -> Explanation {
        let parts = node
            .parts()
            .into_iter()
            .filter(|part| part.span != Span::default())
            .filter(|part| !self.explains_itself(part))
            .map(|part| self.explain(part))
            .collect();
        Explanation {
            text: node.span.of(self.text).to_owned(),
            outcome: self.outcome(node),
            source: self.source(node),
            parts,
        }
    }

    fn outcome(&self, node: &Node) -> Outcome {
        match self.notes.results.get(&address(node)) {
            None => Outcome::NotEvaluated,
            Some(Ok(datum)) => Outcome::from(Ok(answer(datum.clone()))),
            Some(Err(stop)) => Outcome::from(Err(failure(stop.clone(), self.text, self.origin))),
        }
    }

    fn source(&self, node: &Node) -> Option<Source> {
        let Kind::Reference { path, .. } = &node.kind else {
            return None;
        };
        self.env.source(&self.references[usize::from(*path)])
    }
}
