//! Requests by HTTP/1.1: bounded in time, size and redirects, one connection each.
//!
//! No cookies, no compression, no proxy, nothing kept. Start with [`http_send`]; what is sent is
//! written by [`request`], and what a server sends back is read by [`response`].

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use model::Value;
use model::limits::{EXPRESSION_TEXT_BYTES_MAX, URL_REDIRECTS_MAX};

use super::timed_stream::TimedStream;
use super::tls;
use super::url::{Scheme, Url};
use crate::{Deadline, Error, Host};
use response::Answer;

pub use request::{Method, Request};

mod request;
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

/// What a server answered to a [`Request`].
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Every header in the order of the server, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body, cut at the limit of the request.
    pub body: Vec<u8>,
    /// Whether the body was cut.
    pub is_cut: bool,
    /// Where the answer came from, after redirects, as it may be shown.
    pub shown: String,
    /// How many redirects led there.
    pub redirects: usize,
    /// The server's certificate (DER), where TLS was spoken.
    pub certificate: Option<Vec<u8>>,
    /// What took how long.
    pub timing: Timing,
}

/// How long the parts of the last request took, each counted from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Until the name was known and the connection stood.
    pub connected: Duration,
    /// Until the other side had proved who it is; equal to `connected` without TLS.
    pub secured: Duration,
    /// Until the head of the answer was there.
    pub answered: Duration,
    /// Until all of it was.
    pub whole: Duration,
}

impl Response {
    /// Gives the first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |(given, _): &&(String, String)| given.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(is_it)
            .map(|(_, value)| value.as_str())
    }

    /// Gives the body as text; what is not UTF-8 becomes `�`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Gets a page and follows redirects. Any status is an answer; an error means that there was none.
pub fn url_get(host: &Host, url: &str, deadline: Deadline) -> Result<Page, Error> {
    let mut request = Request::new(Method::Get, url);
    request.redirects_max = URL_REDIRECTS_MAX;
    request.answer_bytes_max = EXPRESSION_TEXT_BYTES_MAX;
    let response = http_send(host, &request, deadline)?;
    let mut body = response.text();
    // The mark for a wrong byte is longer than the byte.
    let is_longer = body.len() > EXPRESSION_TEXT_BYTES_MAX;
    if is_longer {
        body.truncate(body.floor_char_boundary(EXPRESSION_TEXT_BYTES_MAX));
    }
    Ok(Page {
        status: response.status,
        body,
        is_cut: response.is_cut || is_longer,
    })
}

/// Sends a request, follows redirects as it says, and reads the answer. Any status is an answer; an
/// error means that there was none.
pub fn http_send(
    host: &Host,
    request: &Request<'_>,
    deadline: Deadline,
) -> Result<Response, Error> {
    request.check()?;
    let mut url = Url::parse(request.url, request.is_path_secret)?;
    let first = url.clone();
    let mut request = request.clone();
    for redirects in 0..=request.redirects_max {
        let mut response = send(host, &request, &url, deadline)?;
        let location = response.header("location").map(str::to_owned);
        match (location, request.redirected(response.status)) {
            (Some(location), Some(method)) if request.redirects_max > 0 => {
                let next = url.join(&location)?;
                if method != request.method {
                    request.body = &[];
                    request.headers.retain(|(name, _)| !describes_body(name));
                }
                if !next.is_same_server(&url) {
                    // What was meant for one server is for no other.
                    if !request.body.is_empty() {
                        let problem = format!("has moved to {}: set the new address", next.shown());
                        return Err(Error::bad_answer(url.shown(), problem));
                    }
                    request.headers.clear();
                    request.basic = None;
                }
                request.method = method;
                url = next;
            }
            _ => {
                response.redirects = redirects;
                return Ok(response);
            }
        }
    }
    let problem = format!("redirects more than {} times", request.redirects_max);
    Err(Error::bad_answer(first.shown(), problem))
}

fn describes_body(header: &str) -> bool {
    header
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

fn send(
    host: &Host,
    request: &Request<'_>,
    url: &Url,
    deadline: Deadline,
) -> Result<Response, Error> {
    let start = Instant::now();
    let stream = match request.unix_socket {
        Some(path) => TimedStream::connect_unix(path, deadline)?,
        None => TimedStream::connect(&url.host, url.port, deadline)?,
    };
    let connected = start.elapsed();
    let (answer, certificate, secured) = match url.scheme {
        Scheme::Http => (talk(stream, request, url, deadline)?, None, connected),
        Scheme::Https => {
            let config = tls::config(host, request.trust, deadline)?;
            let stream = tls::connect(config, stream, &url.host, &url.shown())?;
            let secured = start.elapsed();
            let certificate = stream.conn.peer_certificates().and_then(<[_]>::first);
            let certificate = certificate.map(|certificate| certificate.to_vec());
            (talk(stream, request, url, deadline)?, certificate, secured)
        }
    };
    Ok(Response {
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
        is_cut: answer.is_cut,
        shown: url.shown(),
        redirects: 0,
        certificate,
        timing: Timing {
            connected,
            secured,
            answered: answer.answered.duration_since(start),
            whole: start.elapsed(),
        },
    })
}

fn talk(
    mut stream: impl Read + Write,
    request: &Request<'_>,
    url: &Url,
    deadline: Deadline,
) -> Result<Answer, Error> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::TimedOut && deadline.is_over() {
            return deadline.error("reading", &url.shown());
        }
        Error::bad_answer(url.shown(), format!("gave no page: {error}"))
    };
    let sent = stream
        .write_all(request.head(url).as_bytes())
        .and_then(|()| stream.write_all(request.body))
        .and_then(|()| stream.flush());
    // A server may answer and close before it has read everything, so its answer is read anyway.
    let has_body = request.method != Method::Head;
    Answer::read(stream, has_body, request.answer_bytes_max)
        .map_err(|error| failed(sent.err().unwrap_or(error)))
}
