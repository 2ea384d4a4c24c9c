//! How an evaluation ends early, on its way up to where the place is known.

use crate::Unknown;
use crate::origin::Span;

/// What every step of an evaluation gives.
pub(crate) type Step<T> = Result<T, Box<Stop>>;

/// Why an evaluation ended before it had a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// Something is not known.
    Unknown(Unknown),
    /// The expression is wrong for these values.
    Fault(Fault),
}

/// What is wrong, and, once the evaluator has added it, with which part of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) span: Option<Span>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Stop {
    /// Makes a fault whose place is added further up.
    pub(crate) fn fault(message: impl Into<String>) -> Box<Self> {
        Box::new(Self::Fault(Fault {
            span: None,
            message: message.into(),
            hint: None,
        }))
    }

    /// Makes a fault that says what would be right.
    pub(crate) fn fault_with_hint(
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self::Fault(Fault {
            span: None,
            message: message.into(),
            hint: Some(hint.into()),
        }))
    }

    /// Tells whether something is not known that should be.
    pub(crate) fn has_failed(&self) -> bool {
        match self {
            Self::Unknown(unknown) => unknown.has_failed,
            Self::Fault(_) => false,
        }
    }

    /// Puts words in front of the message of a fault.
    pub(crate) fn in_front(mut self: Box<Self>, words: &str) -> Box<Self> {
        if let Self::Fault(fault) = &mut *self {
            fault.message.insert_str(0, words);
        }
        self
    }

    /// Adds the place, unless a part further down has done so.
    pub(crate) fn at(mut self: Box<Self>, span: Span) -> Box<Self> {
        if let Self::Fault(fault) = &mut *self {
            fault.span.get_or_insert(span);
        }
        self
    }
}

impl From<Unknown> for Box<Stop> {
    fn from(unknown: Unknown) -> Self {
        Self::new(Stop::Unknown(unknown))
    }
}

/// Ends the step with a fault.
pub(crate) fn fault<T>(message: impl Into<String>) -> Step<T> {
    Err(Stop::fault(message))
}

/// Ends the step with a fault that says what would be right.
pub(crate) fn fault_with_hint<T>(message: impl Into<String>, hint: impl Into<String>) -> Step<T> {
    Err(Stop::fault_with_hint(message, hint))
}
