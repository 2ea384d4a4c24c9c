//! The tree of an expression as it is written: names are not looked up yet.

use crate::arithmetic::Operator;
use crate::datum::Datum;
use crate::origin::Span;
use crate::path::Path;

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) span: Span,
    pub(crate) form: Form,
}

/// What a part is.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Constant(Datum),
    /// A bare name; its text is that of the span.
    Name,
    Reference {
        path: Path,
        alternative: Option<Path>,
        default: Option<Box<Tree>>,
        /// Whether the default stands behind a single `|`.
        single_pipe: bool,
    },
    /// A string with holes.
    Text(Vec<Part>),
    List(Vec<Tree>),
    Tuple(Vec<Tree>),
    Set(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Comprehension(Box<Comprehension>),
    Not(Box<Tree>),
    Negate(Box<Tree>),
    Affirm(Box<Tree>),
    /// `a and b and c`
    Every(Vec<Tree>),
    /// `a or b or c`
    Any(Vec<Tree>),
    /// `a < b <= c`
    Compare(Box<Tree>, Vec<(Comparison, Tree)>),
    /// `a + b - c`: operators of one rank, from left to right.
    Chain(Box<Tree>, Vec<(Operator, Tree)>),
    /// `then if test else otherwise`
    Choice {
        test: Box<Tree>,
        then: Box<Tree>,
        otherwise: Box<Tree>,
    },
    Index(Box<Tree>, Box<Tree>),
    /// `whole[start:stop:step]`
    Slice(Box<Tree>, [Option<Box<Tree>>; 3]),
    Call {
        name: Span,
        arguments: Vec<Given>,
    },
    Method {
        receiver: Box<Tree>,
        name: Span,
        arguments: Vec<Given>,
    },
}

/// A part of a string with holes.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    Hole {
        value: Tree,
        conversion: Option<char>,
        spec: Vec<Part>,
    },
}

/// An argument as it is given: by place, or by name.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) name: Option<Span>,
    pub(crate) value: Tree,
}

/// `[element for names in source if condition …]`
#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) makes: Makes,
    /// The element; for a map, the key.
    pub(crate) element: Tree,
    /// For a map, the value.
    pub(crate) value: Option<Tree>,
    pub(crate) clauses: Vec<Clause>,
}

/// What a comprehension makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Makes {
    List,
    Set,
    Map,
}

/// `for names in source if condition if condition`
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) names: Vec<Span>,
    /// Whether the names were written as a tuple, which each item must then be taken apart for.
    pub(crate) unpacks: bool,
    pub(crate) source: Tree,
    pub(crate) conditions: Vec<Tree>,
}

/// A comparison between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Is,
    IsNot,
}
