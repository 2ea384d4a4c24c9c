//! A connection with TLS on it or without, for protocols that go from one to the other.

use std::io::{self, Read, Write};

use super::timed_stream::TimedStream;
use super::tls;
use crate::Deadline;

/// A connection, encrypted or not.
pub(crate) enum Connection {
    Plain(TimedStream),
    Secured(Box<tls::TlsStream>),
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secured(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Secured(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Secured(stream) => stream.flush(),
        }
    }
}

impl Connection {
    /// Gives the deadline that holds for it.
    pub(crate) fn deadline(&self) -> Deadline {
        match self {
            Self::Plain(stream) => stream.deadline(),
            Self::Secured(stream) => stream.sock.deadline(),
        }
    }
}
