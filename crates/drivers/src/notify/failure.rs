//! How a delivery ended.

use std::time::Duration;

use crate::Error;

/// What the other side said when it took a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its answer in one line, with its own name for the message where it gave one.
    pub text: String,
}

/// Why a notice was not taken. Its `Display` is for whoever is on duty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What failed, on what, why, and what to do.
    pub message: String,
    /// Whether another try can help.
    pub retry: Retry,
}

/// Whether another try of the same delivery can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Yes: the other side is away, busy or broken.
    Later,
    /// Yes, and it said how long to wait; at most [`model::limits::NOTIFY_RETRY_AFTER_MAX`].
    After(Duration),
    /// No: somebody must change an option or an account first.
    Never,
}

impl Failure {
    /// Makes a failure that time may heal.
    pub(super) fn later(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry: Retry::Later,
        }
    }

    /// Makes a failure that only a person can heal.
    pub(super) fn never(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry: Retry::Never,
        }
    }
}

impl From<Error> for Failure {
    /// What makes no sense will make none later; everything else may pass.
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::BadRequest { .. }
            | Error::BadOption { .. }
            | Error::NotPlainFile { .. }
            | Error::TooLarge { .. } => Self::never(message),
            Error::System { .. }
            | Error::TimedOut { .. }
            | Error::BadAnswer { .. }
            | Error::Missing(_) => Self::later(message),
        }
    }
}
