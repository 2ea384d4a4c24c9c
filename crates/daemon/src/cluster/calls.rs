//! Calls to other nodes: a connection, an upgrade, a sealed question, its answer. The stream is
//! kept for a while (`idle`), so that a further call costs no handshake.
//!
//! The upgrade is written by hand: a client of HTTP would cost more bytes in the program than all
//! of this room.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gossip::seal::Rings;
use gossip::stream::Proof;
use gossip::{Call, CallError, Peer};
use model::{Zone, limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Command;
use super::channel::Link;
use super::idle;
use crate::agent::Agent;
use crate::clock;
use crate::tasks::Stop;

/// The path that a connection is upgraded at.
pub(crate) const PATH: &str = "/node/stream";
/// What it is upgraded to.
pub(crate) const PROTOCOL: &str = "opsbro/1";
/// Time that a connection may take to be made: the kernel tries at once, after 1 s and after 3 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Time box of a call of the core, all of it.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// Largest head of the answer to an upgrade.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// What a question is about: the first byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The core asks the core of another node.
    Gossip,
    /// A read of another node's API.
    Read,
    /// Agreement.
    Agree,
}

impl Kind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Gossip => 0,
            Self::Read => 1,
            Self::Agree => 2,
        }
    }

    pub(super) fn of(number: u8) -> Option<Self> {
        [Self::Gossip, Self::Read, Self::Agree]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}

/// A call that the core wants made.
pub(crate) struct Ask {
    /// Which it is.
    pub call: Call,
    /// Whom to ask.
    pub to: SocketAddr,
    /// The zones whose keys to offer.
    pub zones: Vec<Zone>,
    /// What to ask.
    pub request: Vec<u8>,
}

/// Makes the calls that the core wants, several at a time, until the agent stops.
pub(crate) async fn make(agent: Arc<Agent>, mut wanted: mpsc::Receiver<Ask>, mut stop: Stop) {
    let mut under_way = JoinSet::new();
    let mut tidy = tokio::time::interval(idle::IDLE_TIME);
    loop {
        let has_room = under_way.len() < limits::NODE_CALLS_MAX;
        tokio::select! {
            () = stop.wait() => return,
            Some(_) = under_way.join_next() => {}
            _ = tidy.tick() => agent.idle_streams.close_old(),
            Some(ask) = wanted.recv(), if has_room => {
                let agent = Arc::clone(&agent);
                under_way.spawn(async move {
                    let asked = call(&agent, ask.to, &ask.zones, Kind::Gossip, &ask.request);
                    let answer = match tokio::time::timeout(CALL_TIMEOUT, asked).await {
                        Ok(answer) => answer,
                        Err(_) => Err(CallError::TimedOut(CALL_TIMEOUT)),
                    };
                    // The agent stops when nobody takes it.
                    let _ = agent.cluster.send(Command::Answered(ask.call, answer)).await;
                });
            }
        }
    }
}

/// Answers a call that cannot even be begun.
pub(super) fn give_up(agent: &Arc<Agent>, call: Call) {
    let error = CallError::Unreachable("too many calls wait on this node".to_owned());
    // A core whose own queue is full hears nothing of it, and asks again at its next turn.
    let _ = agent.cluster.try_send(Command::Answered(call, Err(error)));
}

/// Asks another node one thing; the caller bounds the time. A stream that is still open from
/// another call is used again; when the other end closed it meanwhile, a new one is opened.
pub(super) async fn call(
    agent: &Agent,
    to: SocketAddr,
    zones: &[Zone],
    kind: Kind,
    request: &[u8],
) -> Result<(Peer, Vec<u8>), CallError> {
    let mut message = Vec::with_capacity(request.len() + 1);
    message.push(kind.number());
    message.extend_from_slice(request);
    let rings = Arc::clone(&agent.rings.borrow());
    if let Some((link, proof)) = agent.idle_streams.take(to, zones, &rings)
        && let Ok(answered) = ask(agent, to, (link, proof), &message, Arc::clone(&rings)).await
    {
        return Ok(answered);
    }
    let opened = open(agent, to, zones, &rings).await?;
    if opened.1.retired && !(kind == Kind::Gossip && gossip::exchanges_keys(request)) {
        return Err(CallError::RetiredKey);
    }
    ask(agent, to, opened, &message, rings).await
}

/// Opens a stream; the caller bounds the time.
pub(crate) async fn open(
    agent: &Agent,
    to: SocketAddr,
    zones: &[Zone],
    rings: &Rings,
) -> Result<(Link<TcpStream>, Proof), CallError> {
    let unreachable = |error: std::io::Error| CallError::Unreachable(told(&error));
    let from = agent.configuration.borrow().listen_address;
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connect(from, to)).await;
    let mut stream = connected
        .map_err(|_| CallError::TimedOut(CONNECT_TIMEOUT))?
        .map_err(unreachable)?;
    // Each message is one write; waiting for more only costs time.
    drop(stream.set_nodelay(true));
    let behind = upgrade(&mut stream, to).await?;
    let own = agent.node.borrow().zone.clone();
    Link::call(stream, &own, rings, zones, behind, clock::wall()).await
}

/// Asks on a stream, and keeps it for the next call when that went well.
async fn ask(
    agent: &Agent,
    to: SocketAddr,
    (mut link, proof): (Link<TcpStream>, Proof),
    message: &[u8],
    rings: Arc<Rings>,
) -> Result<(Peer, Vec<u8>), CallError> {
    link.send(message).await?;
    let none = || CallError::Closed("it has no answer".to_owned());
    let answer = link.receive().await?.ok_or_else(none)?;
    let peer = Peer {
        address: to,
        zone: proof.zone.clone(),
        retired: proof.retired,
    };
    if !proof.retired {
        agent.idle_streams.put(to, link, proof, rings);
    }
    Ok((peer, answer))
}

/// Connects from the address that this node listens on, when it was told one: others know it by
/// that, and where gossip is open they have nothing else to know it by.
async fn connect(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if !from.is_unspecified() && from.is_ipv4() == to.is_ipv4() {
        socket.bind((from, 0).into())?;
    }
    socket.connect(to).await
}

/// Says why a connection failed, in the words of people.
fn told(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there (connection refused)".to_owned()
        }
        _ => format!("cannot connect: {error}"),
    }
}

/// Turns a connection into a stream between nodes; gives what came behind the answer.
async fn upgrade(stream: &mut TcpStream, to: SocketAddr) -> Result<Vec<u8>, CallError> {
    let closed = |error: std::io::Error| CallError::Closed(error.to_string());
    let head = format!(
        "GET {PATH} HTTP/1.1\r\nhost: {to}\r\nconnection: upgrade\r\nupgrade: {PROTOCOL}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.map_err(closed)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1_024];
    loop {
        if let Some(end) = find(&answer, b"\r\n\r\n") {
            let rest = answer.split_off(end + 4);
            check(&String::from_utf8_lossy(&answer))?;
            return Ok(rest);
        }
        if answer.len() > HEAD_BYTES_MAX {
            return Err(CallError::NotOurs("its answer has no end".to_owned()));
        }
        match stream.read(&mut buffer).await.map_err(closed)? {
            0 if answer.is_empty() => {
                let why = "it closed the connection without a word: it may have too many";
                return Err(CallError::Closed(why.to_owned()));
            }
            0 => return Err(CallError::NotOurs("it is no HTTP server".to_owned())),
            bytes => answer.extend_from_slice(&buffer[..bytes]),
        }
    }
}

fn check(head: &str) -> Result<(), CallError> {
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("101") => Ok(()),
        Some("429" | "503") => Err(CallError::Closed(
            "it takes no more streams now, or is about to stop".to_owned(),
        )),
        Some(code) if status.starts_with("HTTP/") && code.len() == 3 => {
            let why = format!("it answered {code} to {PATH}");
            Err(CallError::NotOurs(why))
        }
        Some(_) | None => Err(CallError::NotOurs("it is no HTTP server".to_owned())),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Lets a call meet a server that answers with these bytes.
    async fn met(answer: &'static [u8]) -> CallError {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Reset or not, what was answered is there.
            let _ = stream.write_all(answer).await;
        };
        let agent = Agent::for_tests();
        let (asked, ()) = tokio::join!(call(&agent, to, &[], Kind::Gossip, b"x"), server);
        asked.unwrap_err()
    }

    #[tokio::test]
    async fn who_is_no_agent_is_told_from_who_is_not_there() {
        for answer in [&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], b"SSH-2.0-x\r\n\r\n"] {
            let error = met(answer).await;
            assert!(matches!(error, CallError::NotOurs(_)), "{error:?}");
        }
        let busy = met(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        assert!(matches!(busy, CallError::Closed(_)), "{busy:?}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = listener.local_addr().unwrap();
        drop(listener);
        let agent = Agent::for_tests();
        let error = call(&agent, gone, &[], Kind::Gossip, b"x").await;
        let told = error.unwrap_err().to_string();
        assert!(told.contains("connection refused"), "{told}");
    }
}
