//! What an evaluation can end with instead of a value.

use std::fmt;

use model::Diagnostic;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Something that the value needs is not known (yet, or here).
    Unknown(Unknown),
    /// The expression is wrong for the values that it met.
    Error(Diagnostic),
}

/// A value that is not known, and why. Not an error: data may be missing on a healthy node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What is missing and why, for people: "collector.redis.x: collector redis is NOT-ELIGIBLE".
    pub reason: String,
    /// Whether it should be known, and what tells it has failed: then no default takes its place.
    pub has_failed: bool,
}

impl Unknown {
    /// Says why something is not known.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            has_failed: false,
        }
    }

    /// Says why something is not known that should be.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            has_failed: true,
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(unknown) => write!(f, "unknown: {unknown}"),
            Self::Error(diagnostic) => diagnostic.fmt(f),
        }
    }
}

impl std::error::Error for Unknown {}

impl std::error::Error for Failure {}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}
