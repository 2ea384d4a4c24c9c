//! Bytes of a server, taken with suspicion: bounded reads, and a cursor that cannot run over.

use std::io::{self, Read, Write};

use model::limits::SOURCE_BYTES_MAX;

use super::super::too_large;
use crate::Error;
use crate::network::TimedStream;

/// A connection to a database that counts what comes.
pub(super) struct Wire {
    stream: TimedStream,
    subject: String,
    left: usize,
}

impl Wire {
    pub(super) fn new(stream: TimedStream, subject: String) -> Self {
        Self {
            stream,
            subject,
            left: SOURCE_BYTES_MAX,
        }
    }

    /// Names the server in errors.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream
            .write_all(bytes)
            .map_err(|error| self.failed(error))
    }

    /// Takes exactly so many bytes, which are bounded by what may come in all.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        self.left = self
            .left
            .checked_sub(count)
            .ok_or_else(|| too_large(self.subject.as_str()))?;
        let mut bytes = Vec::new();
        let read = (&mut self.stream)
            .take(count as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| self.failed(error))?;
        if read < count {
            return Err(self.bad("closed the connection in the middle of an answer"));
        }
        Ok(bytes)
    }

    /// Makes the error of an answer that makes no sense.
    pub(super) fn bad(&self, problem: impl Into<String>) -> Error {
        Error::bad_answer(self.subject.as_str(), problem)
    }

    fn failed(&self, error: io::Error) -> Error {
        let deadline = self.stream.deadline();
        if deadline.is_over() {
            return deadline.error("asking", &self.subject);
        }
        Error::system("talk to", self.subject.as_str())(error)
    }
}

/// Reads the parts of a message; none when it ends too early.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Takes a text up to a zero byte, which is taken too.
    pub(super) fn zero_ended(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }

    /// Takes a number of this many bytes, the smallest first.
    pub(super) fn little(&mut self, count: usize) -> Option<u64> {
        let bytes = self.take(count)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    }

    /// Takes a number of this many bytes, the largest first.
    pub(super) fn big(&mut self, count: usize) -> Option<u64> {
        let bytes = self.take(count)?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    }
}
