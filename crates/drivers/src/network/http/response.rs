//! What a server sends back (RFC 9112), read with suspicion.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Instant;

use model::limits::URL_HEAD_BYTES_MAX;

/// A response, its body cut to what is kept.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// When the head was there.
    pub(super) answered: Instant,
    pub(super) body: Vec<u8>,
    pub(super) is_cut: bool,
}

/// How the end of a body is known.
#[derive(Clone, Copy)]
enum Framing {
    Empty,
    Length(u64),
    Chunks,
    Close,
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    framing: Framing,
}

impl Answer {
    /// Reads one response; an error says in which way it is none.
    pub(super) fn read(
        stream: impl Read,
        has_body: bool,
        body_bytes_max: usize,
    ) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader)?;
        let answered = Instant::now();
        let mut body = Body {
            bytes: Vec::new(),
            bytes_max: body_bytes_max,
            is_cut: false,
        };
        match head.framing {
            _ if !has_body => {}
            Framing::Empty => {}
            Framing::Length(length) => body.take(&mut reader, length)?,
            Framing::Chunks => body.take_chunks(&mut reader)?,
            Framing::Close => body.take_all(&mut reader)?,
        }
        let Body { bytes, is_cut, .. } = body;
        Ok(Self {
            status: head.status,
            headers: head.headers,
            answered,
            body: bytes,
            is_cut,
        })
    }
}

impl Head {
    /// Reads the head; those of preliminary answers (100, 103) are passed over.
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut bounded = reader.take(URL_HEAD_BYTES_MAX as u64);
        loop {
            let head = Self::read_one(&mut bounded)?;
            if !(100..200).contains(&head.status) {
                return Ok(head);
            }
        }
    }

    fn read_one(reader: &mut io::Take<&mut impl BufRead>) -> io::Result<Self> {
        let status = status_of(&line(reader)?).ok_or_else(|| wrong("this is not HTTP"))?;
        let mut headers = Vec::new();
        let mut length = None;
        let mut is_chunked = false;
        loop {
            let line = line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| wrong("a header is broken"))?;
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "transfer-encoding" => {
                    is_chunked = true;
                    if !value.trim().eq_ignore_ascii_case("chunked") {
                        return Err(wrong("its transfer encoding was not asked for"));
                    }
                }
                "content-length" => {
                    let value = value
                        .trim()
                        .parse()
                        .map_err(|_| wrong("its length is no number"))?;
                    if length.replace(value).is_some_and(|other| other != value) {
                        return Err(wrong("it has two lengths"));
                    }
                }
                _ => {}
            }
            headers.push((name, value.trim().to_owned()));
        }
        let framing = match length {
            _ if matches!(status, 100..200 | 204 | 304) => Framing::Empty,
            _ if is_chunked => Framing::Chunks,
            Some(length) => Framing::Length(length),
            None => Framing::Close,
        };
        Ok(Self {
            status,
            headers,
            framing,
        })
    }
}

/// Reads the status of `HTTP/1.1 200 OK`.
fn status_of(line: &str) -> Option<u16> {
    let mut words = line.strip_prefix("HTTP/1.")?.split(' ').skip(1);
    let code = words.next().filter(|code| code.len() == 3)?;
    code.parse().ok().filter(|code| (100..1000).contains(code))
}

/// Reads a line of a head, within what is left of its limit.
fn line(reader: &mut io::Take<&mut impl BufRead>) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        let is_full = reader.limit() == 0;
        return Err(wrong(if is_full {
            "its head does not end"
        } else {
            "the connection ended before the answer did"
        }));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn wrong(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

struct Body {
    bytes: Vec<u8>,
    /// How much is kept.
    bytes_max: usize,
    is_cut: bool,
}

impl Body {
    /// How much is still kept.
    fn room(&self) -> u64 {
        self.bytes_max.saturating_sub(self.bytes.len()) as u64
    }

    /// Takes so many bytes, or as many as are kept; the rest stays unread.
    fn take(&mut self, reader: &mut impl Read, length: u64) -> io::Result<()> {
        let wanted = length.min(self.room());
        let read = reader.take(wanted).read_to_end(&mut self.bytes)? as u64;
        if read < wanted {
            return Err(wrong("the connection ended before the answer did"));
        }
        self.is_cut |= wanted < length;
        Ok(())
    }

    fn take_all(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        reader.take(self.room()).read_to_end(&mut self.bytes)?;
        self.is_cut = self.room() == 0 && !reader.fill_buf()?.is_empty();
        Ok(())
    }

    fn take_chunks(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        loop {
            let size = chunk_size(&chunk_line(reader)?)?;
            if size == 0 {
                return Ok(());
            }
            self.take(reader, size)?;
            if self.is_cut {
                return Ok(());
            }
            if !chunk_line(reader)?.is_empty() {
                return Err(wrong("a chunk is longer than it says"));
            }
        }
    }
}

/// The line around a chunk is short; a long one is somebody's joke.
const CHUNK_LINE_BYTES_MAX: u64 = 4_096;

fn chunk_line(reader: &mut impl BufRead) -> io::Result<String> {
    line(&mut reader.take(CHUNK_LINE_BYTES_MAX))
}

/// Reads the size of a chunk; what follows a semicolon is nobody's business.
fn chunk_size(line: &str) -> io::Result<u64> {
    let digits = line.split(';').next().unwrap_or_default().trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = u64::from_str_radix(digits, 16).ok().filter(|_| is_number);
    size.ok_or_else(|| wrong("a chunk has no size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[&[u8]] = &[
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\nServer: x\n\nhello",
    ];

    #[test]
    fn no_answer_that_was_cut_or_bent_does_harm() {
        for good in GOOD {
            let whole = Answer::read(*good, true, 100).unwrap();
            assert!(whole.body.starts_with(b"hello"));
            for length in 0..good.len() {
                // A body that ends with the connection is whole at any length.
                if let Ok(part) = Answer::read(&good[..length], true, 100) {
                    assert!(whole.body.starts_with(&part.body));
                }
            }
            for index in 0..good.len() {
                for bit in 0..8 {
                    let mut bent = good.to_vec();
                    bent[index] ^= 1 << bit;
                    // Any outcome will do, but one there must be, and it must be small.
                    if let Ok(response) = Answer::read(&bent[..], true, 100) {
                        assert!(response.body.len() <= bent.len());
                    }
                }
            }
        }
    }
}
