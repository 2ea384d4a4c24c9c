//! The tree that is evaluated: every name is looked up, every constant part is a value.

use std::sync::Arc;

use regex::Regex;

use crate::arithmetic::Operator;
use crate::datum::Datum;
use crate::function::Function;
use crate::origin::Span;
use crate::syntax::{Comparison, Makes};

/// A part of a program.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a part does.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Constant(Datum),
    /// Indexes into the references of the program.
    Reference {
        path: u16,
        alternative: Option<u16>,
        default: Option<Box<Node>>,
    },
    /// A variable of a comprehension, counted from the outermost.
    Local(u16),
    Text(Box<[Part]>),
    List(Box<[Node]>),
    Tuple(Box<[Node]>),
    Set(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Comprehension(Box<Comprehension>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Affirm(Box<Node>),
    Every(Box<[Node]>),
    Any(Box<[Node]>),
    Compare(Box<Node>, Box<[(Comparison, Node)]>),
    Chain(Box<Node>, Box<[(Operator, Node)]>),
    Choice(Box<Choice>),
    Index(Box<Node>, Box<Node>),
    Slice(Box<Node>, Box<[Option<Node>; 3]>),
    Call(Box<Call>),
    Method(Box<Method>),
}

/// A part of a string with holes.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(Box<str>),
    Hole {
        value: Node,
        conversion: Option<char>,
        spec: Box<[Part]>,
    },
}

/// `then if test else otherwise`
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) test: Node,
    pub(crate) then: Node,
    pub(crate) otherwise: Node,
}

/// A call of a function; the arguments stand in the order in which it wants them.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Box<[Node]>,
    /// The regular expression among the arguments, when it is constant.
    pub(crate) pattern: Option<Arc<Regex>>,
}

/// A call of a method; which one is decided by the kind of its receiver.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) receiver: Node,
    pub(crate) arguments: Box<[Node]>,
    /// Names of the last arguments, for `format` alone.
    pub(crate) names: Box<[Arc<str>]>,
}

/// `[element for … in …]`
#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) makes: Makes,
    pub(crate) element: Node,
    pub(crate) value: Option<Node>,
    pub(crate) clauses: Box<[Clause]>,
}

/// `for names in source if condition …`
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    /// The first of the variables; the others follow it.
    pub(crate) first_local: u16,
    pub(crate) locals: u16,
    pub(crate) unpacks: bool,
    pub(crate) source: Node,
    pub(crate) conditions: Box<[Node]>,
}

impl Node {
    /// Goes over the parts, in the order they are written.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Constant(_) | Kind::Local(_) => Vec::new(),
            Kind::Reference { default, .. } => default.iter().map(|node| &**node).collect(),
            Kind::Text(parts) => holes(parts),
            Kind::List(items) | Kind::Tuple(items) | Kind::Set(items) => items.iter().collect(),
            Kind::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| [key, value])
                .collect(),
            Kind::Comprehension(comprehension) => comprehension.parts(),
            Kind::Not(node) | Kind::Negate(node) | Kind::Affirm(node) => vec![node],
            Kind::Every(operands) | Kind::Any(operands) => operands.iter().collect(),
            Kind::Compare(first, rest) => with_rest(first, rest.iter().map(|(_, node)| node)),
            Kind::Chain(first, rest) => with_rest(first, rest.iter().map(|(_, node)| node)),
            Kind::Choice(choice) => vec![&choice.then, &choice.test, &choice.otherwise],
            Kind::Index(whole, index) => vec![whole, index],
            Kind::Slice(whole, bounds) => with_rest(whole, bounds.iter().flatten()),
            Kind::Call(call) => call.arguments.iter().collect(),
            Kind::Method(method) => with_rest(&method.receiver, method.arguments.iter()),
        }
    }
}

impl Comprehension {
    fn parts(&self) -> Vec<&Node> {
        let mut parts = vec![&self.element];
        parts.extend(self.value.iter());
        for clause in &self.clauses {
            parts.push(&clause.source);
            parts.extend(clause.conditions.iter());
        }
        parts
    }
}

fn holes(parts: &[Part]) -> Vec<&Node> {
    parts
        .iter()
        .flat_map(|part| match part {
            Part::Text(_) => Vec::new(),
            Part::Hole { value, spec, .. } => with_rest(value, holes(spec).into_iter()),
        })
        .collect()
}

fn with_rest<'a>(first: &'a Node, rest: impl Iterator<Item = &'a Node>) -> Vec<&'a Node> {
    std::iter::once(first).chain(rest).collect()
}
