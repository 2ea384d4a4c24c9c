//! What went wrong between us and the machine, in words for whoever is on duty.

use std::io;
use std::time::Duration;

use model::format_interval;

/// Why a driver gave no answer. Nothing was changed by any of them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {doing} {subject}: {}", reason(source))]
    System {
        /// The verb.
        doing: &'static str,
        /// On what.
        subject: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading it could block for ever or do harm, so it was not opened.
    #[error("{path} is a {kind}: only plain files are read")]
    NotPlainFile {
        /// The path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// More than may be taken in.
    #[error("{subject} is more than {limit}: {advice}")]
    TooLarge {
        /// What is too large.
        subject: String,
        /// The limit with its unit.
        limit: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The time box is over.
    #[error("{doing} {subject} took longer than {}", format_interval(*time_box))]
    TimedOut {
        /// What was done, in -ing form.
        doing: &'static str,
        /// To what.
        subject: String,
        /// The box.
        time_box: Duration,
    },
    /// What was asked cannot be done anywhere: the asker must change it.
    #[error("{subject:?} {problem}")]
    BadRequest {
        /// The argument.
        subject: String,
        /// Why it makes no sense, and what would.
        problem: String,
    },
    /// An option of a notifier or a probe makes no sense.
    #[error("the option {name} of {of} {problem}")]
    BadOption {
        /// The option.
        name: String,
        /// Whose it is.
        of: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Something that was read or received is not what it should be.
    #[error("{subject} {problem}")]
    BadAnswer {
        /// Who or what answered.
        subject: String,
        /// What is wrong with it.
        problem: String,
    },
    /// This host has not got what it takes.
    #[error("{0}")]
    Missing(String),
}

impl Error {
    /// Makes the closure that `map_err` wants for a refusal of the system.
    pub(crate) fn system(
        doing: &'static str,
        subject: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let subject = subject.into();
        move |source| Self::System {
            doing,
            subject,
            source,
        }
    }

    /// Makes the error of an argument that makes no sense.
    pub(crate) fn bad_request(subject: &str, problem: impl Into<String>) -> Self {
        Self::BadRequest {
            subject: subject.to_owned(),
            problem: problem.into(),
        }
    }

    /// Makes the error of an answer that makes no sense.
    pub(crate) fn bad_answer(subject: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::BadAnswer {
            subject: subject.into(),
            problem: problem.into(),
        }
    }
}

/// Says why the system refused, without its error number, and what may help.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or_default();
    let mut letters = plain.chars();
    let lower = match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    };
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{lower} (the agent runs as a user that may not do this)")
        }
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &Error, expect: &str) {
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn each_error_names_what_failed_on_what_and_why() {
        let refused =
            |code| Error::system("read", "/etc/shadow")(io::Error::from_raw_os_error(code));
        check(
            &refused(13),
            "cannot read /etc/shadow: permission denied (the agent runs as a user that may not do this)",
        );
        check(
            &refused(2),
            "cannot read /etc/shadow: no such file or directory",
        );
        check(
            &Error::NotPlainFile {
                path: "/dev/zero".to_owned(),
                kind: "device",
            },
            "/dev/zero is a device: only plain files are read",
        );
        check(&Error::bad_request("x", "is no path"), "\"x\" is no path");
    }
}
