//! Requests as bytes: the tests must be able to send what no proper client would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::wait::DEADLINE;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status; 0 when the connection was closed without an answer.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Reads the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn read(mut stream: impl Read) -> Self {
        let mut bytes = Vec::new();
        // A connection that is reset has told what it will: what came before counts.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
        let head = String::from_utf8_lossy(head);
        let body = body.get(4..).unwrap_or_default();
        let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
            true => joined(body),
            false => body.to_vec(),
        };
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .unwrap_or(0);
        Self {
            status,
            head: head.to_lowercase(),
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

/// Joins the chunks of a body, as far as they came.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|it| it == b"\r\n") {
        let length = std::str::from_utf8(&body[..end]).ok();
        let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let chunk = length.and_then(|length| body.get(end + 2..end + 2 + length));
        let Some(chunk) = chunk else {
            break;
        };
        whole.extend_from_slice(chunk);
        body = body.get(end + 4 + chunk.len()..).unwrap_or_default();
    }
    whole
}

/// Sends a request over TCP; `Host` is the address unless a header says otherwise.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Reply {
    let mut stream = TcpStream::connect(address).expect("the agent listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a timeout is set");
    // The agent may close before it has read everything; its answer is what counts.
    let _ = stream.write_all(&bytes(&address.to_string(), method, path, headers, body));
    Reply::read(stream)
}

/// Sends a request over a unix socket when somebody listens there; the status is 0 when there was
/// no answer.
pub fn try_request_over(
    socket: &Path,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Option<Reply> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let _ = stream.write_all(&bytes("opsbro", method, path, headers, body));
    Some(Reply::read(stream))
}

/// Sends a request over a unix socket.
pub fn request_over(
    socket: &Path,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Reply {
    let mut stream = UnixStream::connect(socket).expect("the agent listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a timeout is set");
    let _ = stream.write_all(&bytes("opsbro", method, path, headers, body));
    Reply::read(stream)
}

fn bytes(host: &str, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers
        .iter()
        .any(|header| header.to_lowercase().starts_with("host:"))
    {
        head.push_str(&format!("host: {host}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// Reads one request of a client: its head and its body.
pub fn take_request(stream: &mut TcpStream) -> Option<(String, String)> {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout is set");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lower = head.to_ascii_lowercase();
        let length = lower.split("content-length:").nth(1)?.lines().next()?;
        if body.len() >= length.trim().parse().ok()? {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
