//! Where the data of collectors of packs comes from, one file a source.
//!
//! A [`Request`] says what to ask of whom, as plain texts; [`collect`] asks, within its deadline
//! and [`SOURCE_BYTES_MAX`], and gives the bytes as they came. What they mean is read elsewhere. An
//! answer that is cut is worth less than none, so a larger one is an error. Passwords are
//! [`model::Secret`]s, and no error shows what was sent.

mod command;
mod file;
mod http;
mod sql;
mod stream;
#[cfg(test)]
mod tests;

use model::Value;
use model::limits::SOURCE_BYTES_MAX;

use crate::collectors::Trouble;
use crate::{Deadline, Error, Host};

pub use command::Command;
pub use file::File;
pub use http::Http;
pub use sql::{Engine, Sql};
pub use stream::{Tcp, Unix, Until};

/// What to ask of whom.
#[derive(Clone, Debug)]
pub enum Request {
    /// Run a program.
    Command(Command),
    /// Get a page, or hand something to it.
    Http(Http),
    /// Talk on a TCP connection.
    Tcp(Tcp),
    /// Talk on a unix socket.
    Unix(Unix),
    /// Read files.
    File(File),
    /// Ask a database.
    Sql(Sql),
}

/// What a source gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Bytes, to be read by a format.
    Bytes(Vec<u8>),
    /// Files by their paths, each to be read by a format.
    Files(Vec<(String, Vec<u8>)>),
    /// Values already.
    Values(Value),
}

impl Answer {
    /// Gives how many bytes came; 0 for values, whose wire form nobody wants to know.
    pub fn bytes_len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Files(files) => files.iter().map(|(_, bytes)| bytes.len()).sum(),
            Self::Values(_) => 0,
        }
    }
}

/// Asks a source.
pub fn collect(host: &Host, request: &Request, deadline: Deadline) -> Result<Answer, Trouble> {
    match request {
        Request::Command(command) => command.run(host, deadline).map(Answer::Bytes),
        Request::Http(http) => http.ask(host, deadline).map(Answer::Bytes),
        Request::Tcp(tcp) => tcp.talk(deadline).map(Answer::Bytes),
        Request::Unix(unix) => unix.talk(deadline).map(Answer::Bytes),
        Request::File(file) => file.read(host, deadline),
        Request::Sql(sql) => sql.ask(deadline).map(Answer::Values),
    }
}

impl Trouble {
    /// Makes the trouble of a source that somebody must say more about.
    fn missing_configuration(reason: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::MissingConfiguration {
            reason: reason.into(),
            todo: todo.into(),
        }
    }
}

/// Makes the error of an answer that is too large to be taken.
fn too_large(subject: impl Into<String>) -> Error {
    Error::TooLarge {
        subject: format!("the answer of {}", subject.into()),
        limit: format!("{} MiB", SOURCE_BYTES_MAX >> 20),
        advice: "ask for less of it",
    }
}
