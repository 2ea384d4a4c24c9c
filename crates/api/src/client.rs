//! A small client for the unix socket.
//!
//! Blocking and without a framework, so that one call of the program costs a few milliseconds: one
//! connection, one request, one answer. Streams ([`Client::lines`]) are read as they come.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::limits::HTTP_HEAD_BYTES_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ErrorBody, ErrorCode, Problem};
use crate::route::{Route, percent_encode};

/// Largest answer that is taken into memory. Guess: ten times the largest that exists.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Longest path with its query: the agent refuses longer heads, and other headers go beside it.
const TARGET_BYTES_MAX: usize = HTTP_HEAD_BYTES_MAX - 512;

/// Speaks to the agent behind a unix socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    timeout: Duration,
}

/// Tells why a call gave no answer.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens on the socket.
    NotRunning(PathBuf),
    /// The socket is there, and not for us.
    NotAllowed(PathBuf),
    /// The agent did not answer in time.
    TimedOut(Duration),
    /// The agent answered that it could not.
    Refused(Problem),
    /// The connection broke, or what came is no answer.
    Broken(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(socket) => {
                write!(
                    f,
                    "no agent is running (nothing listens on {})",
                    socket.display()
                )
            }
            Self::NotAllowed(socket) => {
                write!(
                    f,
                    "not allowed to use the agent's socket {}",
                    socket.display()
                )
            }
            Self::TimedOut(timeout) => {
                write!(f, "the agent did not answer within {} s", timeout.as_secs())
            }
            Self::Refused(problem) => write!(f, "{problem}"),
            Self::Broken(what) => write!(f, "the connection to the agent broke: {what}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl ClientError {
    /// Tells what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotRunning(_) => Some("start it with: opsbro agent start".to_owned()),
            Self::NotAllowed(_) => {
                Some("run the command as the agent's user, or with sudo".to_owned())
            }
            Self::TimedOut(_) => Some("look at its log: opsbro agent log follow".to_owned()),
            Self::Refused(problem) => problem.hint.clone(),
            Self::Broken(_) => None,
        }
    }
}

/// What goes with a call, besides its route.
#[derive(Clone, Copy, Debug, Default)]
pub struct With<'a> {
    /// Values for the `{name}` places of the path, in order.
    pub path: &'a [&'a str],
    /// Names and values of the query.
    pub query: &'a [(&'a str, &'a str)],
}

impl Client {
    /// Makes a client; nothing is opened before the first call.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Gives the socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sets how long one read or write may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Calls a route that answers JSON.
    pub fn get<A: DeserializeOwned>(
        &self,
        route: &Route,
        with: With<'_>,
    ) -> Result<A, ClientError> {
        parse(&self.text(route, with)?)
    }

    /// Calls a route that takes a JSON body and answers JSON.
    pub fn send<B: Serialize, A: DeserializeOwned>(
        &self,
        route: &Route,
        with: With<'_>,
        body: &B,
    ) -> Result<A, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Broken(error.to_string()))?;
        parse(&self.read_all(self.request(route, with, &body)?)?)
    }

    /// Calls a route that takes bytes as they are and answers JSON.
    pub fn send_bytes<A: DeserializeOwned>(
        &self,
        route: &Route,
        with: With<'_>,
        body: &[u8],
    ) -> Result<A, ClientError> {
        parse(&self.read_all(self.request(route, with, body)?)?)
    }

    /// Calls a route and gives its answer as text.
    pub fn text(&self, route: &Route, with: With<'_>) -> Result<String, ClientError> {
        self.read_all(self.request(route, with, &[])?)
    }

    /// Calls a route that streams, and gives its lines as they come, without a limit in time.
    pub fn lines(
        &self,
        route: &Route,
        with: With<'_>,
    ) -> Result<impl Iterator<Item = Result<String, ClientError>> + use<>, ClientError> {
        let body = self.request(route, with, &[])?;
        body.get_ref().set_read_timeout(None).map_err(broken)?;
        let lines = BufReader::new(Body::new(body)).lines();
        Ok(lines.map(|line| line.map_err(broken)))
    }

    /// Sends a request and reads the head of its answer; what is left to read is the body.
    fn request(&self, route: &Route, with: With<'_>, body: &[u8]) -> Result<Response, ClientError> {
        let mut target = target_of(route, with.path)?;
        for (at, (name, value)) in with.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(&format!("{name}={}", percent_encode(value)));
        }
        if target.len() > TARGET_BYTES_MAX {
            let message = format!("what was given is too long: {} bytes", target.len());
            let problem = Problem::new(ErrorCode::BadRequest, message);
            return Err(ClientError::Refused(problem));
        }
        let mut stream = self.connect()?;
        let head = format!(
            "{} {target} HTTP/1.1\r\nhost: opsbro\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            route.method,
            body.len()
        );
        match stream.write_all(&[head.as_bytes(), body].concat()) {
            // The agent may answer from the head alone and hang up: what it said is still there.
            Err(error) if !is_hung_up(&error) => return Err(self.failed(&error)),
            Ok(()) | Err(_) => {}
        }
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader).map_err(|error| self.failed(&error))?;
        let response = Response {
            reader,
            length: head.length,
        };
        if head.status < 400 {
            return Ok(response);
        }
        let text = self.read_all(response)?;
        Err(ClientError::Refused(
            match serde_json::from_str::<ErrorBody>(&text) {
                Ok(body) => body.error,
                Err(_) => Problem::new(
                    ErrorCode::Internal,
                    format!("answered {}: {text}", head.status),
                ),
            },
        ))
    }

    fn connect(&self) -> Result<UnixStream, ClientError> {
        let stream = UnixStream::connect(&self.socket).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ClientError::NotRunning(self.socket.clone())
            }
            ErrorKind::PermissionDenied => ClientError::NotAllowed(self.socket.clone()),
            _ => broken(error),
        })?;
        stream
            .set_read_timeout(Some(self.timeout))
            .map_err(broken)?;
        stream
            .set_write_timeout(Some(self.timeout))
            .map_err(broken)?;
        Ok(stream)
    }

    fn read_all(&self, response: Response) -> Result<String, ClientError> {
        let mut text = String::new();
        Body::new(response)
            .take(ANSWER_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| self.failed(&error))?;
        Ok(text)
    }

    fn failed(&self, error: &std::io::Error) -> ClientError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ClientError::TimedOut(self.timeout),
            _ => ClientError::Broken(error.to_string()),
        }
    }
}

/// Makes the path of a route. A value that is empty would make it the path of another.
fn target_of(route: &Route, values: &[&str]) -> Result<String, ClientError> {
    let mut named = route.path_parameters().zip(values);
    if let Some((name, _)) = named.find(|(_, value)| value.is_empty()) {
        let problem = Problem::new(ErrorCode::BadRequest, format!("the {name} is empty"));
        return Err(ClientError::Refused(problem));
    }
    Ok(route.fill(values))
}

fn is_hung_up(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}

fn broken(error: std::io::Error) -> ClientError {
    ClientError::Broken(error.to_string())
}

fn parse<A: DeserializeOwned>(text: &str) -> Result<A, ClientError> {
    serde_json::from_str(text)
        .map_err(|error| ClientError::Broken(format!("{error} in {text:.200}")))
}

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Bytes(u64),
    Chunked,
    UntilClosed,
}

struct Head {
    status: u16,
    length: Length,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> std::io::Result<Self> {
        let junk = || std::io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP");
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .ok_or_else(junk)?;
        let mut length = Length::UntilClosed;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err(junk());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                return Ok(Self { status, length });
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Bytes(value.parse().map_err(|_| junk())?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked" {
                length = Length::Chunked;
            }
        }
    }
}

struct Response {
    reader: BufReader<UnixStream>,
    length: Length,
}

impl Response {
    fn get_ref(&self) -> &UnixStream {
        self.reader.get_ref()
    }
}

/// Reads a body, whatever its length is told by.
struct Body {
    response: Response,
    /// Bytes left in the body, or in the current chunk.
    left: u64,
    ended: bool,
}

impl Body {
    fn new(response: Response) -> Self {
        let left = match response.length {
            Length::Bytes(bytes) => bytes,
            Length::Chunked => 0,
            Length::UntilClosed => u64::MAX,
        };
        Self {
            response,
            left,
            ended: false,
        }
    }

    /// Reads the size line of the next chunk.
    fn next_chunk(&mut self) -> std::io::Result<()> {
        let mut line = String::new();
        self.response.reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            // The line end behind the chunk before.
            line.clear();
            self.response.reader.read_line(&mut line)?;
        }
        self.left = u64::from_str_radix(line.trim(), 16).map_err(|_| cut_off())?;
        Ok(())
    }
}

fn cut_off() -> std::io::Error {
    std::io::Error::new(ErrorKind::UnexpectedEof, "the answer was cut off")
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.left == 0 && self.response.length == Length::Chunked {
            self.next_chunk()?;
        }
        if self.left == 0 {
            self.ended = true;
            return Ok(0);
        }
        let most = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.response.reader.read(&mut buffer[..most])?;
        self.left -= count as u64;
        self.ended = count == 0;
        if self.ended && self.response.length != Length::UntilClosed {
            return Err(cut_off());
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one request with these bytes, and gives what the client made of them.
    fn check(answer: &'static str) -> Result<String, ClientError> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(answer.as_bytes()).unwrap();
        drop(theirs);
        read(ours)
    }

    fn read(stream: UnixStream) -> Result<String, ClientError> {
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader).map_err(broken)?;
        Client::new("unused").read_all(Response {
            reader,
            length: head.length,
        })
    }

    #[test]
    fn bodies_are_read_by_length_by_chunks_and_until_closed() {
        assert_eq!(
            check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokXX").unwrap(),
            "ok"
        );
        assert_eq!(
            check("HTTP/1.1 200 OK\r\n\r\nall of it").unwrap(),
            "all of it"
        );
        let chunks =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
        assert_eq!(check(chunks).unwrap(), "abcde");
    }

    #[test]
    fn junk_is_told_and_never_panics() {
        for answer in [
            "",
            "junk\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: no\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\nhalf",
        ] {
            assert!(
                matches!(check(answer), Err(ClientError::Broken(_))),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn an_answer_that_stops_in_the_middle_is_waited_for_until_the_timeout() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let patience = Some(Duration::from_millis(20));
        ours.set_read_timeout(patience).unwrap();
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
        theirs.write_all(half).unwrap();
        assert!(matches!(read(ours), Err(ClientError::TimedOut(_))));
    }

    #[test]
    fn an_answer_before_the_body_was_read_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 4]).unwrap();
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nnever";
            stream.write_all(answer.as_bytes()).unwrap();
        });
        // More than the buffers of a socket hold, so that the client writes when nobody reads.
        let body = "x".repeat(4 << 20);
        let answer: Result<String, _> =
            Client::new(&socket).send(&crate::evaluator::EVAL, With::default(), &body);
        agent.join().unwrap();
        let told = answer.unwrap_err().to_string();
        assert!(told.contains("answered 404: never"), "{told}");
    }

    #[test]
    fn what_names_nothing_or_too_much_is_refused_before_it_is_sent() {
        let ask = |node: &str| {
            let path = [node];
            let with = With {
                path: &path,
                ..With::default()
            };
            let asked = Client::new("/nowhere/opsbro.sock").text(&crate::gossip::PING, with);
            asked.unwrap_err().to_string()
        };
        assert_eq!(ask(""), "the node is empty");
        assert!(ask(&"a".repeat(20_000)).contains("too long"));
        assert!(ask("web-1").contains("no agent is running"));
    }

    #[test]
    fn a_missing_socket_says_that_no_agent_runs() {
        let error = Client::new("/nowhere/opsbro.sock").text(&crate::agent::NAME, With::default());
        let error = error.unwrap_err();
        assert!(error.to_string().contains("/nowhere/opsbro.sock"));
        assert!(error.hint().unwrap().contains("opsbro agent start"));
    }
}
