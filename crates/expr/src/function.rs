//! The functions of the language: what one is, and the list of all.

use std::fmt;

/// A function that expressions can call. It carries everything that is said about it anywhere.
#[derive(Debug)]
pub struct Function {
    /// The name it is called by.
    pub name: &'static str,
    /// The heading it is listed under.
    pub group: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// Its arguments in order.
    pub arguments: &'static [Argument],
    /// What it gives back, in a few words.
    pub returns: &'static str,
    /// What it looks at.
    pub reach: Reach,
    /// Expressions with the text of their result; tests evaluate them.
    pub examples: &'static [(&'static str, &'static str)],
}

/// An argument of a function.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// The name it may be given by.
    pub name: &'static str,
    /// The values that it may have.
    pub accepts: Accepts,
    /// What it is when it is not given; `None` when it must be.
    pub default: Option<Constant>,
}

/// The values that an argument may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Anything.
    Any,
}

/// A default of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(&'static str),
}

/// What a function looks at besides its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Arguments,
    /// The clock or randomness: no two calls need agree.
    Chance,
    /// What the agent knows of itself and its neighbours.
    Agent,
    /// The machine: files, sockets, packages. It runs in a time box.
    Machine,
}

impl Function {
    /// Tells whether it looks at the machine, and so needs a time box.
    pub fn touches_machine(&self) -> bool {
        self.reach == Reach::Machine
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

/// Gives every function, ordered by name.
pub fn functions() -> &'static [Function] {
    &[]
}
