//! How a command ends: with a yes, a no, or a failure that says what to do next.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use api::{ClientError, ErrorCode};
use model::Diagnostic;
use owo_colors::OwoColorize as _;

use crate::output::visible;

/// What a command gives back.
pub(crate) type Outcome = Result<Exit, Failure>;

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is so, or it is done.
    Yes,
    /// The question was answered, and the answer is no.
    No,
    /// It failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
}

impl Exit {
    /// Answers a question.
    pub(crate) fn when(it_is_so: bool) -> Self {
        if it_is_so { Self::Yes } else { Self::No }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::Failed => 2,
            Exit::Usage => 64,
        })
    }
}

/// Why a command gave no answer, for a person who is tired.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// What failed, on what, why. Empty when there is nothing to tell.
    message: String,
    hint: Option<String>,
    /// What is wrong in files, all of it.
    problems: Vec<Diagnostic>,
}

impl Failure {
    /// Something could not be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
            hint: None,
            problems: Vec::new(),
        }
    }

    /// What was asked for makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(message)
        }
    }

    /// Files are wrong: every problem is shown.
    pub(crate) fn problems(message: impl Into<String>, problems: Vec<Diagnostic>) -> Self {
        Self {
            problems,
            ..Self::usage(message)
        }
    }

    /// Whoever read our output has had enough of it (`opsbro … | head`): nobody failed.
    pub(crate) fn reader_gone() -> Self {
        Self::told(Exit::Yes)
    }

    /// The person has been told already.
    pub(crate) fn told(exit: Exit) -> Self {
        Self {
            exit,
            ..Self::new("")
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on stderr, and gives the exit code.
    pub(crate) fn report(&self) -> Exit {
        if !self.message.is_empty() {
            // Nobody is left to be told when stderr is gone too.
            let _ = anstream::stderr().write_all(self.render().as_bytes());
        }
        self.exit
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            text.push_str(&problem.render());
        }
        let _ = writeln!(text, "{} {}", "error:".red().bold(), self.message);
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "{} {hint}", " hint:".cyan().bold());
        }
        visible(&text)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self {
            exit: exit(&error),
            hint: error.hint(),
            ..Self::new(error.to_string())
        }
    }
}

/// What the agent cannot make sense of was typed wrong, whoever found that out.
fn exit(error: &ClientError) -> Exit {
    match error {
        ClientError::Refused(problem) => match problem.code {
            ErrorCode::BadRequest | ErrorCode::Invalid => Exit::Usage,
            ErrorCode::Unauthorized
            | ErrorCode::Forbidden
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed
            | ErrorCode::Timeout
            | ErrorCode::Conflict
            | ErrorCode::TooLarge
            | ErrorCode::Busy
            | ErrorCode::Internal
            | ErrorCode::Unavailable => Exit::Failed,
        },
        ClientError::NotRunning(_)
        | ClientError::NotAllowed(_)
        | ClientError::TimedOut(_)
        | ClientError::Broken(_) => Exit::Failed,
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_refuse_with_does_not_reach_the_terminal_as_codes() {
        let failure = Failure::new("no \u{1b}[2J").with_hint("\u{1b}]0;x\u{7}");
        let text = anstream::adapter::strip_str(&failure.render()).to_string();
        let expect = "error: no \\u{1b}[2J\n hint: \\u{1b}]0;x\\u{7}\n";
        assert_eq!(text, expect);
    }
}
