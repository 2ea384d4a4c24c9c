//! DNS as a client here speaks it: one name, one type, one server (RFC 1035), by UDP, and by TCP
//! when the answer is cut.
//!
//! Whatever comes may be junk: it is read in bounds, and what is not the answer is passed over.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};

use super::timed_stream::TimedStream;
use crate::{Deadline, Error};

mod packet;
#[cfg(test)]
mod tests;

pub(crate) use packet::{Packet, Record, RecordType, question, read};

/// What a server said about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Records {
    /// The word for its code: `NOERROR`, `NXDOMAIN`, `SERVFAIL` …
    pub(crate) code: &'static str,
    /// The answers of the type that was asked for, as people write them.
    pub(crate) answers: Vec<String>,
    /// The shortest time, in seconds, that an answer may be kept.
    pub(crate) time_to_live: Option<u32>,
    /// Whether the server answers for the name itself.
    pub(crate) is_authoritative: bool,
}

/// What we take by UDP: what arrives whole anywhere (RFC 9715).
const UDP_BYTES_MAX: u16 = 1_232;
/// Questions by UDP before it is given up: a packet may be lost.
const TRIES: usize = 3;

/// Asks a server for the records of a name.
pub(crate) fn dns_ask(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    deadline: Deadline,
) -> Result<Records, Error> {
    let subject = format!("the name server {}", server.ip());
    let id = new_id().map_err(Error::system("make a number for", "DNS"))?;
    let packet = question(id, name, kind, Some(UDP_BYTES_MAX)).ok_or_else(|| {
        let problem = "is no name that DNS has: labels of 1 to 63 letters, 253 in all";
        Error::bad_request(name, problem)
    })?;
    let is_answer = |bytes: &[u8]| read(bytes, id, name, kind);
    for turn in 0..TRIES {
        let share = deadline.share(TRIES - turn);
        match by_udp(server, &packet, share, is_answer) {
            Ok(Some(answer)) if answer.is_cut => {
                let answer = by_tcp(server, &packet, deadline, is_answer)?;
                return Ok(Records::new(&answer, kind));
            }
            Ok(Some(answer)) => return Ok(Records::new(&answer, kind)),
            Ok(None) => {}
            Err(error) => return Err(Error::system("ask", subject)(error)),
        }
    }
    Err(deadline.error("waiting for an answer of", &subject))
}

impl Records {
    fn new(answer: &Packet, kind: RecordType) -> Self {
        let of_kind = || answer.records.iter().filter(|record| record.kind == kind);
        Self {
            code: code(answer.code),
            answers: of_kind().map(|record| record.text.clone()).collect(),
            time_to_live: of_kind().map(|record| record.time_to_live).min(),
            is_authoritative: answer.is_authoritative,
        }
    }
}

fn code(number: u16) -> &'static str {
    match number {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "another failure",
    }
}

/// Makes the number of a question, which nobody can guess.
pub(crate) fn new_id() -> io::Result<u16> {
    let mut id = [0; 2];
    getrandom(&mut id, GetRandomFlags::empty())?;
    Ok(u16::from_ne_bytes(id))
}

/// Asks once by UDP; none when no answer came in time. The port of our socket is random too, and
/// the kernel takes packets of this server only; what does not fit is not the answer.
pub(crate) fn by_udp(
    server: SocketAddr,
    question: &[u8],
    deadline: Deadline,
    is_answer: impl Fn(&[u8]) -> Option<Packet>,
) -> io::Result<Option<Packet>> {
    let ours: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((ours, 0))?;
    socket.connect(server)?;
    socket.send(question)?;
    let mut buffer = [0; UDP_BYTES_MAX as usize];
    while !deadline.is_over() {
        let remaining = deadline.remaining().max(Duration::from_millis(1));
        socket.set_read_timeout(Some(remaining))?;
        match socket.recv(&mut buffer) {
            Ok(length) => {
                if let Some(answer) = is_answer(&buffer[..length]) {
                    return Ok(Some(answer));
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
    Ok(None)
}

/// Asks by TCP, where a packet has its length in front.
fn by_tcp(
    server: SocketAddr,
    question: &[u8],
    deadline: Deadline,
    is_answer: impl Fn(&[u8]) -> Option<Packet>,
) -> Result<Packet, Error> {
    let host = server.ip().to_string();
    let mut stream = TimedStream::connect(&host, server.port(), deadline)?;
    let mut exchange = || -> io::Result<Vec<u8>> {
        let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes(), question].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut packet)?;
        Ok(packet)
    };
    let subject = format!("the name server {host}");
    let packet = exchange().map_err(Error::system("ask by TCP", subject.as_str()))?;
    let stranger = || Error::bad_answer(subject, "gives an answer to no question of ours");
    is_answer(&packet).ok_or_else(stranger)
}
