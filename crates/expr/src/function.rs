//! What a function of the language is: its name, its arguments, everything said about it.
//!
//! The functions themselves are in `functions`, one file each.

use std::fmt;

use crate::call::Call;
use crate::datum::Datum;
use crate::stop::Step;

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
    pub(crate) run: fn(&mut Call<'_>) -> Step<Datum>,
}

/// An argument of a function or method.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// The name it may be given by.
    pub name: &'static str,
    /// The values that it may have.
    pub accepts: Accepts,
    /// What it is when it is not given; `None` when it must be, or may be repeated.
    pub default: Option<Constant>,
    /// Whether any number of values may be given for it. Only the last argument is.
    pub repeated: bool,
}

/// The values that an argument may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A text that is a regular expression.
    Regexp,
    /// A whole number; a boolean counts as 0 or 1.
    Integer,
    /// A number; a boolean counts as 0 or 1.
    Number,
    /// Anything that `for x in …` can go over: list, tuple, set, map (its keys), text.
    Items,
    /// A map.
    Map,
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

/// Gives every function, ordered by group and name.
pub fn functions() -> &'static [Function] {
    crate::functions::ALL
}

impl Function {
    /// Finds a function by name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        functions().iter().find(|function| function.name == name)
    }

    /// Tells whether it looks at the machine, and so needs a time box.
    pub fn touches_machine(&self) -> bool {
        self.reach == Reach::Machine
    }

    /// Gives the line that lists show: `grep_file(string, path, regexp=False)`.
    pub fn signature(&self) -> String {
        let arguments: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        format!("{}({})", self.name, arguments.join(", "))
    }
}

/// Makes an argument that must be given.
pub(crate) const fn required(name: &'static str, accepts: Accepts) -> Argument {
    Argument {
        name,
        accepts,
        default: None,
        repeated: false,
    }
}

/// Makes an argument that may be left away.
pub(crate) const fn optional(name: &'static str, accepts: Accepts, default: Constant) -> Argument {
    Argument {
        name,
        accepts,
        default: Some(default),
        repeated: false,
    }
}

/// Makes an argument that may be given any number of times.
pub(crate) const fn repeated(name: &'static str, accepts: Accepts) -> Argument {
    Argument {
        name,
        accepts,
        default: None,
        repeated: true,
    }
}

impl Accepts {
    /// Tells whether a value will do.
    pub(crate) fn admits(self, value: &Datum) -> bool {
        match self {
            Self::Any => true,
            Self::Text | Self::Regexp => matches!(value, Datum::Text(_)),
            Self::Integer => matches!(value, Datum::Int(_) | Datum::Bool(_)),
            Self::Number => matches!(value, Datum::Int(_) | Datum::Float(_) | Datum::Bool(_)),
            Self::Items => !matches!(
                value,
                Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_)
            ),
            Self::Map => matches!(value, Datum::Map(_)),
        }
    }

    /// Names what is accepted, in the words of an error message.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text => "a text",
            Self::Regexp => "a regular expression",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Items => "a list",
            Self::Map => "a map",
        }
    }
}

impl Constant {
    /// Gives the value.
    pub(crate) fn datum(self) -> Datum {
        match self {
            Self::None => Datum::None,
            Self::Bool(truth) => Datum::Bool(truth),
            Self::Int(number) => Datum::Int(number),
            Self::Text(text) => Datum::text(text),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.repeated {
            return write!(f, "*{}", self.name);
        }
        match self.default {
            Some(default) => write!(f, "{}={default}", self.name),
            None => f.write_str(self.name),
        }
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
