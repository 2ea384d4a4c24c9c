//! A small HTTP client on a unix socket, cheap enough to measure a server with.
//!
//! Keeps its connection and reads answers that state their length; nothing else of HTTP.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection.
#[derive(Debug)]
pub struct Socket {
    stream: UnixStream,
    buffer: Vec<u8>,
}

/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);

impl Socket {
    /// Connects.
    pub fn connect(path: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Gets a route and gives the body of the answer.
    pub fn get_body(&mut self, route: &str) -> std::io::Result<Vec<u8>> {
        let status = self.get(route)?;
        if status != 200 {
            return Err(std::io::Error::other(format!("status {status}")));
        }
        let head = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
        Ok(self.buffer.split_off(head.map_or(0, |end| end + 4)))
    }

    /// Gets a route and gives the status.
    pub fn get(&mut self, route: &str) -> std::io::Result<u16> {
        write!(self.stream, "GET {route} HTTP/1.1\r\nhost: opsbro\r\n\r\n")?;
        self.answer()
    }

    /// Posts JSON to a route and gives the status.
    pub fn post(&mut self, route: &str, body: &str) -> std::io::Result<u16> {
        let request = format!(
            "POST {route} HTTP/1.1\r\nhost: opsbro\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<u16> {
        self.buffer.clear();
        let mut chunk = [0; 4096];
        loop {
            if let Some(status) = complete(&self.buffer) {
                return Ok(status);
            }
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }
}

/// Gives the status of an answer once all of it is there.
fn complete(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end])
        .ok()?
        .to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(Some(0), |text| text.trim().parse().ok())?;
    (answer.len() >= end + 4 + length).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_its_body_is_there() {
        assert_eq!(
            complete(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"),
            None
        );
        assert_eq!(
            complete(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
            Some(200)
        );
        assert_eq!(complete(b"HTTP/1.1 404 Not Found\r\n\r\n"), Some(404));
        assert_eq!(complete(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
