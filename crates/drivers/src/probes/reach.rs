//! The way to a service: `host:port`, with TLS or without, and bytes that are read with a limit.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use model::limits::PROBE_ANSWER_BYTES_MAX;

use super::Call;
use crate::network::{Connection, TimedStream, Trust, tls_config, tls_connect};
use crate::{Deadline, Error};

/// `host:port` as it was written.
pub(super) struct Address<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
}

impl Address<'_> {
    /// Gives it as it is shown.
    pub(super) fn shown(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl<'a> Call<'a> {
    /// Reads the option `address`; without a port it is the usual one, if there is such.
    pub(super) fn address(&self, port: Option<u16>) -> Result<Address<'a>, Error> {
        let text = self.options.required("address")?;
        let wrong = |problem: &str| self.options.refuse("address", problem);
        let (host, given) = match text.rsplit_once(':') {
            _ if text.parse::<std::net::Ipv6Addr>().is_ok() => (text, None),
            Some((host, given)) if !given.ends_with(']') => (host, Some(given)),
            Some(_) | None => (text, None),
        };
        let port = match (given, port) {
            (Some(given), _) => given.parse().ok().filter(|port| *port > 0),
            (None, port) => port,
        };
        let port = port.ok_or_else(|| wrong("has no port from 1 to 65535: write host:port"))?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Ok(Address {
            host: bare.unwrap_or(host),
            port,
        })
    }

    /// Tells whose certificates are good enough, by the option `insecure`.
    pub(super) fn trust(&self) -> Result<Trust<'a>, Error> {
        Ok(
            match (
                self.options.flag("insecure")?,
                self.options.text("ca_file")?,
            ) {
                (true, _) => Trust::Anybody,
                (false, Some(path)) => Trust::File(path),
                (false, None) => Trust::Machine,
            },
        )
    }

    /// Connects without TLS; gives how long it took too.
    pub(super) fn connect(&self, address: &Address<'_>) -> Result<(TimedStream, Duration), Error> {
        let start = Instant::now();
        let stream = TimedStream::connect(address.host, address.port, self.deadline)?;
        Ok((stream, start.elapsed()))
    }

    /// Speaks TLS on a connection.
    pub(super) fn secure(
        &self,
        stream: TimedStream,
        address: &Address<'_>,
    ) -> Result<Connection, Error> {
        let config = tls_config(self.host, self.trust()?, self.deadline)?;
        let stream = tls_connect(config, stream, address.host, &address.shown())?;
        Ok(Connection::Secured(Box::new(stream)))
    }
}

/// Reads until enough is there, the other side ends, the limit is full, or the deadline is over.
/// What came before the deadline counts.
pub(super) fn read_until(
    stream: &mut impl Read,
    deadline: Deadline,
    mut is_enough: impl FnMut(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while answer.len() < PROBE_ANSWER_BYTES_MAX && !is_enough(&answer) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Many end TLS without a farewell.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(_) if deadline.is_over() => break,
            Err(error) => return Err(error),
        }
    }
    answer.truncate(PROBE_ANSWER_BYTES_MAX);
    Ok(answer)
}

/// Shows the beginning of what a service said, in one line.
pub(super) fn excerpt(text: &str) -> String {
    crate::text::one_line(text, 120)
}
