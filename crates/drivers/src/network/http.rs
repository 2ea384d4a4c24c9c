//! One page by HTTP/1.1 GET: bounded in time, size and redirects, one connection each.
//!
//! No cookies, no compression, no proxy, nothing kept. Start with [`url_get`]; what a server sends
//! is read by [`response`].

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use model::Value;
use model::limits::URL_REDIRECTS_MAX;

use super::tcp::connect;
use super::tls;
use super::url::{Scheme, Url};
use crate::{Deadline, Error, Host};
use response::Response;

mod response;
#[cfg(test)]
mod tests;

/// A page, or the server's explanation why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The body as text, cut at [`model::limits::EXPRESSION_TEXT_BYTES_MAX`]; what is not UTF-8
    /// becomes `�`.
    pub body: String,
    /// Whether the body was cut.
    pub is_cut: bool,
}

impl Page {
    /// Gives the page as a map.
    pub fn to_value(&self) -> Value {
        Value::map([
            ("status", Value::Int(self.status.into())),
            ("body", Value::from(self.body.as_str())),
            ("is_cut", Value::Bool(self.is_cut)),
        ])
    }
}

/// Gets a page and follows redirects. Any status is an answer; an error means that there was none.
pub fn url_get(host: &Host, url: &str, deadline: Deadline) -> Result<Page, Error> {
    let first = Url::parse(url)?;
    let mut url = first.clone();
    for _ in 0..=URL_REDIRECTS_MAX {
        let response = get(host, &url, deadline)?;
        match response.location {
            Some(location) if matches!(response.status, 301..=303 | 307 | 308) => {
                url = url.join(&location)?;
            }
            Some(_) | None => return Ok(response.into_page()),
        }
    }
    let problem = format!("redirects more than {URL_REDIRECTS_MAX} times");
    Err(Error::bad_answer(first.shown(), problem))
}

fn get(host: &Host, url: &Url, deadline: Deadline) -> Result<Response, Error> {
    let stream = TimedStream {
        tcp: connect(&url.host, url.port, deadline)?,
        deadline,
    };
    match url.scheme {
        Scheme::Http => talk(stream, url, deadline),
        Scheme::Https => talk(tls::connect(host, stream, url)?, url, deadline),
    }
}

fn talk(mut stream: impl Read + Write, url: &Url, deadline: Deadline) -> Result<Response, Error> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::TimedOut && deadline.is_over() {
            return deadline.error("reading", &url.shown());
        }
        Error::bad_answer(url.shown(), format!("gave no page: {error}"))
    };
    let request = request(url);
    let sent = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush());
    // A server may answer and close before it has read everything, so its answer is read anyway.
    let response = Response::read(stream).map_err(|error| failed(sent.err().unwrap_or(error)))?;
    Ok(response)
}

fn request(url: &Url) -> String {
    let mut request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: opsbro/{}\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n",
        url.target,
        url.authority(),
        env!("CARGO_PKG_VERSION"),
    );
    if let Some(credentials) = &url.credentials {
        request.push_str(&format!("Authorization: Basic {}\r\n", base64(credentials)));
    }
    request + "\r\n"
}

/// Base64 as RFC 4648 has it, with padding.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() {
                char::from(sign)
            } else {
                '='
            });
        }
    }
    text
}

/// A connection that fails when the deadline is over, whatever the other side does.
pub(super) struct TimedStream {
    tcp: TcpStream,
    deadline: Deadline,
}

impl TimedStream {
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    fn remaining(&self) -> io::Result<Option<Duration>> {
        let remaining = self.deadline.remaining();
        if remaining.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(Some(remaining))
        }
    }
}

/// A time-out of a socket is told as "would block".
fn as_time_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(self.remaining()?)?;
        self.tcp.read(buffer).map_err(as_time_out)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(self.remaining()?)?;
        self.tcp.write(bytes).map_err(as_time_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}
