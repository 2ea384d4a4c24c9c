//! A talk on a TCP connection or a unix socket: something is said, and the answer is read.

use std::io::ErrorKind::ConnectionReset;
use std::io::{Read, Write};

use model::limits::SOURCE_BYTES_MAX;

use super::too_large;
use crate::collectors::Trouble;
use crate::network::TimedStream;
use crate::{Deadline, Error};

/// A talk over TCP.
#[derive(Clone, Debug)]
pub struct Tcp {
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// What is said first.
    pub send: String,
    /// When the answer is complete.
    pub until: Until,
}

/// A talk on a unix socket.
#[derive(Clone, Debug)]
pub struct Unix {
    /// The path of the socket.
    pub path: String,
    /// What is said first.
    pub send: String,
    /// When the answer is complete.
    pub until: Until,
}

/// When an answer is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// When the other side closes.
    Close,
    /// When this text was read.
    Text(String),
}

impl Tcp {
    /// Says what is to be said, and gives the answer.
    pub(super) fn talk(&self, deadline: Deadline) -> Result<Vec<u8>, Trouble> {
        let (host, port) = host_and_port(&self.address)?;
        let stream = TimedStream::connect(host, port, deadline)?;
        Ok(talk(stream, &self.send, &self.until, &self.address)?)
    }
}

impl Unix {
    /// Says what is to be said, and gives the answer.
    pub(super) fn talk(&self, deadline: Deadline) -> Result<Vec<u8>, Trouble> {
        let stream = connect_unix(&self.path, deadline)?;
        Ok(talk(stream, &self.send, &self.until, &self.path)?)
    }
}

/// Connects to the socket of a server, and tells what it means when that fails.
pub(super) fn connect_unix(path: &str, deadline: Deadline) -> Result<TimedStream, Trouble> {
    TimedStream::connect_unix(path, deadline).map_err(|error| match error {
        Error::System { ref source, .. } => match source.kind() {
            std::io::ErrorKind::NotFound => {
                let problem = "is no socket: the server does not run, or has its socket elsewhere";
                Error::bad_answer(path, problem).into()
            }
            std::io::ErrorKind::PermissionDenied => Trouble::missing_configuration(
                format!("the agent's user may not use the socket {path}"),
                "put that user into the group of the socket, or run the agent as root",
            ),
            _ => error.into(),
        },
        _ => error.into(),
    })
}

/// Takes `host:port` apart.
pub(super) fn host_and_port(address: &str) -> Result<(&str, u16), Error> {
    let refuse = || {
        let problem = "is no address: write host:port, an IPv6 address in brackets";
        Error::bad_request(address, problem)
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(refuse)?;
    let port = port.parse().map_err(|_| refuse())?;
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_broken = host.is_empty() || (bare.is_none() && host.contains(':')) || port == 0;
    if is_broken {
        return Err(refuse());
    }
    Ok((bare.unwrap_or(host), port))
}

fn talk(
    mut stream: TimedStream,
    send: &str,
    until: &Until,
    subject: &str,
) -> Result<Vec<u8>, Error> {
    let deadline = stream.deadline();
    let sent = stream.write_all(send.as_bytes());
    // A server may answer and close before it has read everything, so its answer is read anyway.
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) if deadline.is_over() => return Err(deadline.error("reading from", subject)),
            // One that refuses hangs up on what it was told: what it said before counts.
            Err(error) if error.kind() == ConnectionReset && !bytes.is_empty() => break,
            Err(error) => {
                let error = sent.err().unwrap_or(error);
                return Err(Error::system("talk to", subject)(error));
            }
        };
        if count == 0 {
            break;
        }
        if bytes.len() + count > SOURCE_BYTES_MAX {
            return Err(too_large(subject));
        }
        // The text may have begun in what came before.
        let sought = match until {
            Until::Close => None,
            Until::Text(text) => Some(text.as_bytes()).filter(|text| !text.is_empty()),
        };
        let from = bytes
            .len()
            .saturating_sub(sought.map_or(0, |text| text.len() - 1));
        bytes.extend_from_slice(&buffer[..count]);
        let is_whole = sought.is_some_and(|text| contains(&bytes[from..], text));
        if is_whole {
            return Ok(bytes);
        }
    }
    match until {
        Until::Text(text) => Err(Error::bad_answer(
            subject,
            format!(
                "closed after {} bytes, before it said {text:?}",
                bytes.len()
            ),
        )),
        Until::Close if bytes.is_empty() => {
            Err(Error::bad_answer(subject, "closed without an answer"))
        }
        Until::Close => Ok(bytes),
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
